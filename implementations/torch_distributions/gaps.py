"""The kernels that torch.distributions does not offer, each with the reason. A name may be a glob."""

GAPS: dict[str, str] = {
    "categorical.cdf": "torch.distributions.OneHotCategorical and Categorical have no cdf",
    "bernoulli.cdf": "torch.distributions.Bernoulli has no cdf",
    "bernoulli.hard_sample": "torch.distributions.Bernoulli samples from uniform, not from logistic noise",
    "bernoulli.straight_through_sample": "torch has no straight-through Bernoulli",
    "annealing.*": "torch has schedules for learning rates, none for temperatures",
    "article.*": "the source article's formulas are no library's",
}

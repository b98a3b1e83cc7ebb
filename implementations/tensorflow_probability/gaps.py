"""The kernels that TensorFlow Probability does not offer, each with the reason. A name may be a glob."""

GAPS: dict[str, str] = {
    "gumbel.hard_sample": "tfp.distributions.OneHotCategorical samples by tf.random.categorical, not from Gumbel noise",
    "gumbel.straight_through_gumbel_softmax": "TensorFlow Probability has no straight-through categorical",
    "bernoulli.hard_sample": "tfp.distributions.Bernoulli samples from uniform, not from logistic noise",
    "bernoulli.straight_through_sample": "TensorFlow Probability has no straight-through Bernoulli",
    "annealing.*": "TensorFlow has schedules for learning rates, none for temperatures",
    "article.*": "the source article's formulas are no library's",
}

"""The kernels that NumPyro and JAX do not offer, each with the reason. A name may be a glob."""

GAPS: dict[str, str] = {
    "gumbel.straight_through_gumbel_softmax": "JAX and NumPyro have no straight-through categorical",
    "categorical.cdf": "numpyro.distributions.Categorical has no cdf, and jax.scipy.stats no categorical",
    "bernoulli.hard_sample": "JAX and NumPyro sample the Bernoulli from uniform, not from logistic noise",
    "bernoulli.straight_through_sample": "JAX and NumPyro have no straight-through Bernoulli",
    "relaxed_categorical.log_prob": "NumPyro has no relaxed categorical distribution",
    "relaxed_categorical.prob": "NumPyro has no relaxed categorical distribution",
    "relaxed_categorical.simplex_log_prob": "NumPyro has no relaxed categorical distribution",
    "divergences.kl_bernoulli": "numpyro.distributions.kl_divergence has no rule for two Bernoullis",
    "annealing.*": "JAX and NumPyro have no schedules for temperatures",
    "article.*": "the source article's formulas are no library's",
}

"""The distributions as estimators see them: one `Distribution` of pure functions for each."""

from __future__ import annotations

from implementations.interface.contract import Distribution
from implementations.tensorflow import bernoulli, categorical, gaussian, gumbel

__all__ = ["BERNOULLI", "CATEGORICAL", "NORMAL"]

NORMAL = Distribution(
    noise="normal",
    sample=lambda parameters, noise: gaussian.reparameterize(parameters["loc"], parameters["scale"], noise),
    log_prob=lambda value, parameters: gaussian.log_prob(value, parameters["loc"], parameters["scale"]),
    relaxed_sample=None,
)

BERNOULLI = Distribution(
    noise="logistic",
    sample=lambda parameters, noise: bernoulli.hard_sample(parameters["logits"], noise),
    log_prob=lambda value, parameters: bernoulli.log_prob(value, parameters["logits"]),
    relaxed_sample=lambda parameters, noise, temperature: bernoulli.relaxed_sample(
        parameters["logits"], noise, temperature
    ),
)

CATEGORICAL = Distribution(
    noise="gumbel",
    sample=lambda parameters, noise: gumbel.hard_sample(parameters["logits"], noise),
    log_prob=lambda value, parameters: categorical.log_prob(value, parameters["logits"]),
    relaxed_sample=lambda parameters, noise, temperature: gumbel.gumbel_softmax(
        parameters["logits"], noise, temperature
    ),
)

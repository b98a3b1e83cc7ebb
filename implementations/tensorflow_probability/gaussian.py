"""The normal distribution by `tfp.distributions.Normal`, and the transforms of `tfp.bijectors`.

A bijector returns its result from a cache when it is called again with the same eager tensor. A gradient tape that
was opened in between does not see how that result came about: the gradient is then 0. Compiled code is not affected.
"""

from __future__ import annotations

import tensorflow as tf
import tensorflow_probability as tfp

__all__ = [
    "cdf",
    "entropy",
    "icdf",
    "log_cdf",
    "log_prob",
    "prob",
    "reparameterize",
    "scale_from_exp",
    "scale_from_softplus",
    "scale_from_square",
    "softplus_inverse",
]

tfb = tfp.bijectors
tfd = tfp.distributions


def reparameterize(loc: tf.Tensor, scale: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Transform standard normal noise into a sample: loc + scale * noise.

    By `tfp.bijectors.Shift` of `tfp.bijectors.Scale`.
    """
    return tfb.Shift(loc)(tfb.Scale(scale)(noise))


def scale_from_softplus(unconstrained: tf.Tensor) -> tf.Tensor:
    """Map a real number to a positive scale by softplus: log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).

    By `tfp.bijectors.Softplus`.
    """
    return tfb.Softplus()(unconstrained)


def scale_from_square(unconstrained: tf.Tensor) -> tf.Tensor:
    """Map a real number to a non-negative scale by its square: x^2.

    By `tfp.bijectors.Square`, whose stated domain is the non-negative numbers.
    """
    return tfb.Square()(unconstrained)


def scale_from_exp(unconstrained: tf.Tensor) -> tf.Tensor:
    """Map a log scale to a scale: exp(x).

    By `tfp.bijectors.Exp`.
    """
    return tfb.Exp()(unconstrained)


def softplus_inverse(scale: tf.Tensor) -> tf.Tensor:
    """Map a positive scale to the real number whose softplus it is: y + log(-expm1(-y)).

    By `tfp.math.softplus_inverse`.
    """
    return tfp.math.softplus_inverse(scale)


def log_prob(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Log density of the normal: -(value - loc)^2 / (2 scale^2) - log(scale) - log(2 pi) / 2.

    By `tfp.distributions.Normal.log_prob`.
    """
    return tfd.Normal(loc, scale).log_prob(value)


def prob(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Density of the normal: exp(-(value - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi)).

    By `tfp.distributions.Normal.prob`.
    """
    return tfd.Normal(loc, scale).prob(value)


def cdf(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Cumulative distribution of the normal: erfc(-z / sqrt 2) / 2 with z = (value - loc) / scale.

    By `tfp.distributions.Normal.cdf`.
    """
    return tfd.Normal(loc, scale).cdf(value)


def log_cdf(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Log of the cumulative distribution of the normal: log Phi(z) with z = (value - loc) / scale.

    By `tfp.distributions.Normal.log_cdf`.
    """
    return tfd.Normal(loc, scale).log_cdf(value)


def icdf(probability: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Quantile of the normal: loc + scale * Phi^-1(probability).

    By `tfp.distributions.Normal.quantile`.
    """
    return tfd.Normal(loc, scale).quantile(probability)


def entropy(loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Differential entropy of the normal: log(scale) + (1 + log(2 pi)) / 2; it does not depend on loc.

    By `tfp.distributions.Normal.entropy`.
    """
    return tfd.Normal(loc, scale).entropy()

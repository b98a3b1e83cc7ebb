"""The normal distribution N(loc, scale^2): reparameterization, scale transforms, and the four members."""

from __future__ import annotations

from implementations.interface.contract import Array, kernel

__all__ = [
    "cdf",
    "entropy",
    "icdf",
    "log_cdf",
    "log_prob",
    "prob",
    "reparameterize",
    "sample",
    "scale_from_exp",
    "scale_from_softplus",
    "scale_from_square",
    "softplus_inverse",
]


@kernel("(),(),()->()", "loc scale noise", scale="non_negative")
def reparameterize(loc: Array, scale: Array, noise: Array) -> Array:
    """Transform standard normal noise into a sample: loc + scale * noise.

    The gradient by loc is 1 and by scale is the noise, bit for bit.

    Args:
        loc: mean, any batch shape.
        scale: standard deviation, at least 0, broadcast with loc.
        noise: standard normal noise, broadcast with both; leading axes are sample axes.

    Returns:
        The sample, in the units of loc, of the broadcast shape.

    Reference:
        Kingma and Welling, Auto-Encoding Variational Bayes, 2014, section 2.4.
    """
    raise NotImplementedError


@kernel("()->()", "unconstrained")
def scale_from_softplus(unconstrained: Array) -> Array:
    """Map a real number to a positive scale by softplus: log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).

    Gradient sigmoid(x), in both tails to full relative precision (torch's own softplus switches to the identity
    above 20: pitfall P1).

    Args:
        unconstrained: any real number.

    Returns:
        The scale, of the same shape.

    Reference:
        The source article, section 2; Dugas et al., Incorporating Second-Order Functional Knowledge, 2001.
    """
    raise NotImplementedError


@kernel("()->()", "unconstrained")
def scale_from_square(unconstrained: Array) -> Array:
    """Map a real number to a non-negative scale by its square: x^2.

    The article offers it. It reaches 0, is not one-to-one, and its gradient 2 x vanishes at 0, where a training
    run can stay for good. Kept for comparison; use softplus or exp.

    Args:
        unconstrained: any real number.

    Returns:
        The scale, of the same shape.

    Reference:
        The source article, section 2.
    """
    raise NotImplementedError


@kernel("()->()", "unconstrained")
def scale_from_exp(unconstrained: Array) -> Array:
    """Map a log scale to a scale: exp(x).

    Args:
        unconstrained: the natural logarithm of the scale.

    Returns:
        The scale, of the same shape.

    Reference:
        Kingma and Welling, 2014, appendix C.
    """
    raise NotImplementedError


@kernel("()->()", "scale", scale="positive")
def softplus_inverse(scale: Array) -> Array:
    """Map a positive scale to the real number whose softplus it is: y + log(-expm1(-y)).

    Args:
        scale: above 0.

    Returns:
        The unconstrained value, of the same shape.

    Reference:
        Pitfall P6: log(expm1(y)) overflows from y = 89 in float32.
    """
    raise NotImplementedError


@kernel("(),(),()->()", "value loc scale", scale="positive")
def log_prob(value: Array, loc: Array, scale: Array) -> Array:
    """Log density of the normal: -(value - loc)^2 / (2 scale^2) - log(scale) - log(2 pi) / 2.

    Args:
        value: where, broadcast with the rest.
        loc: mean.
        scale: standard deviation, above 0.

    Returns:
        Nats per unit of value, of the broadcast shape.

    Reference:
        Bishop, Pattern Recognition and Machine Learning, 2006, equation 1.46.
    """
    raise NotImplementedError


@kernel("(),(),()->()", "value loc scale", scale="positive")
def prob(value: Array, loc: Array, scale: Array) -> Array:
    """Density of the normal: exp(-(value - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi)).

    Args, shapes and source as in `log_prob`.

    Returns:
        Density per unit of value, of the broadcast shape.
    """
    raise NotImplementedError


@kernel("(),(),()->()", "value loc scale", scale="positive")
def cdf(value: Array, loc: Array, scale: Array) -> Array:
    """Cumulative distribution of the normal: erfc(-z / sqrt 2) / 2 with z = (value - loc) / scale.

    By erfc and not by 1 + erf, which is 0 below z = -8.3 in float64 (pitfall N1).

    Args, shapes as in `log_prob`.

    Returns:
        Probability in [0, 1], of the broadcast shape.

    Reference:
        Abramowitz and Stegun, 1964, 26.2.29.
    """
    raise NotImplementedError


@kernel("(),(),()->()", "value loc scale", scale="positive")
def log_cdf(value: Array, loc: Array, scale: Array) -> Array:
    """Log of the cumulative distribution of the normal: log Phi(z) with z = (value - loc) / scale.

    Not the logarithm of `cdf`, which is 0 below z = -38 in float64 and below -14 in float32.

    Args, shapes as in `log_prob`.

    Returns:
        Nats, at most 0, of the broadcast shape.

    Reference:
        Abramowitz and Stegun, 1964, 26.2.12 for the lower tail.
    """
    raise NotImplementedError


@kernel("(),(),()->()", "probability loc scale", probability="open_unit_interval", scale="positive")
def icdf(probability: Array, loc: Array, scale: Array) -> Array:
    """Quantile of the normal: loc + scale * Phi^-1(probability).

    By a quantile function with full relative precision in the lower tail, where 2 p - 1 has lost p (pitfalls N1, N2).

    Args:
        probability: above 0 and below 1, broadcast with the rest.
        loc: mean.
        scale: standard deviation, above 0.

    Returns:
        Values, of the broadcast shape.

    Reference:
        Wichura, Algorithm AS 241: the percentage points of the normal distribution, 1988.
    """
    raise NotImplementedError


@kernel("(),()->()", "loc scale", scale="positive")
def entropy(loc: Array, scale: Array) -> Array:
    """Differential entropy of the normal: log(scale) + (1 + log(2 pi)) / 2; it does not depend on loc.

    Args:
        loc: mean; gives the result its shape only.
        scale: standard deviation, above 0, broadcast with loc.

    Returns:
        Nats, of the broadcast shape.

    Reference:
        Cover and Thomas, Elements of Information Theory, 2006, example 8.1.2.
    """
    raise NotImplementedError


def sample(seed: int, sample_shape: tuple[int, ...], loc: Array, scale: Array) -> Array:
    """Draw normal samples with the framework's own generator.

    Args:
        seed: an integer in [0, 2^31).
        sample_shape: leading axes of independent draws.
        loc: mean.
        scale: standard deviation, above 0, broadcast with loc.

    Returns:
        Samples [*sample_shape, *batch], differentiable in loc and scale.

    Reference:
        The source article, section 3, member `sample`.
    """
    raise NotImplementedError

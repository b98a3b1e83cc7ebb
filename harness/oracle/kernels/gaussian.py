"""The normal distribution, by mpmath's own density and distribution function."""

from __future__ import annotations

from mpmath import mp
from scipy import special

from harness.oracle.kernels.elementary import Number


def reparameterize(loc: Number, scale: Number, noise: Number) -> Number:
    """Affine map of the noise."""
    return loc + scale * noise


def scale_from_softplus(unconstrained: Number) -> Number:
    """Logarithm of 1 + exp(x)."""
    return mp.log1p(mp.exp(unconstrained))


def scale_from_square(unconstrained: Number) -> Number:
    """Square of x."""
    return unconstrained * unconstrained


def scale_from_exp(unconstrained: Number) -> Number:
    """Exponential of x."""
    return mp.exp(unconstrained)


def softplus_inverse(scale: Number) -> Number:
    """Logarithm of exp(y) - 1."""
    return mp.log(mp.expm1(scale))


def log_prob(value: Number, loc: Number, scale: Number) -> Number:
    """Logarithm of the density's factors."""
    z = (value - loc) / scale
    return -z * z / 2 - mp.log(scale * mp.sqrt(2 * mp.pi))


def prob(value: Number, loc: Number, scale: Number) -> Number:
    """Density, by mpmath."""
    return mp.npdf(value, loc, scale)


def cdf(value: Number, loc: Number, scale: Number) -> Number:
    """Distribution function, by mpmath."""
    return mp.ncdf(value, loc, scale)


def log_cdf(value: Number, loc: Number, scale: Number) -> Number:
    """Logarithm of the distribution function, by mpmath; above the mean from the upper tail, which is not lost."""
    z = (value - loc) / scale
    return mp.log1p(-mp.ncdf(-z)) if z > 0 else mp.log(mp.ncdf(z))


def icdf(probability: Number, loc: Number, scale: Number) -> Number:
    """Root of the distribution function, by Newton's iteration from SciPy's quantile."""
    goal = mp.prec
    root = mp.mpf(float(special.ndtri(float(probability))))
    sign = -1 if root > 0 else 1
    for precision in _doubling(goal):
        with mp.workprec(precision):
            # on the logarithm of the smaller tail, which is concave: each step doubles the digits that are right
            tail = probability if sign > 0 else 1 - probability
            reached = mp.ncdf(sign * root)
            root -= sign * mp.log(reached / tail) * reached / mp.npdf(root)
    return loc + scale * root


def _doubling(goal: int) -> list[int]:
    """Working precisions of Newton's steps, twice at the first: each doubles the last, up to the goal."""
    steps = [goal + 32]
    while steps[-1] > 160:
        steps.append(steps[-1] // 2 + 32)
    return [steps[-1], *reversed(steps), goal + 32]


def entropy(loc: Number, scale: Number) -> Number:  # noqa: ARG001 -- the contract's signature
    """Logarithm of scale times sqrt(2 pi e)."""
    return mp.log(scale * mp.sqrt(2 * mp.pi * mp.e))

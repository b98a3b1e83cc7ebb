"""The relaxed categorical (Concrete, Gumbel-softmax) distribution, in log space (ExpConcrete).

A value is y = log x for a point x of the simplex. At low temperature almost every sample has components that
round to 0, so a density of x itself is NaN on its own samples (pitfall C1); the density of y is finite.
"""

from __future__ import annotations

from implementations.interface.contract import Array, kernel

__all__ = ["log_prob", "log_sample", "prob", "sample", "simplex_log_prob"]


@kernel("(n),(n),()->(n)", "logits noise temperature", temperature="temperature")
def log_sample(logits: Array, noise: Array, temperature: Array) -> Array:
    """Sample in log space from noise: log_softmax((logits + noise) / temperature) over the last axis.

    Args:
        logits: unnormalised log-probabilities [*batch, n].
        noise: standard Gumbel noise, broadcast with logits.
        temperature: above 0 [*batch].

    Returns:
        The logarithm of a point of the simplex [*batch, n].

    Reference:
        Maddison, Mnih and Teh, 2017, equation 22.
    """
    raise NotImplementedError


@kernel("(n),(n),()->()", "log_value logits temperature", temperature="temperature")
def log_prob(log_value: Array, logits: Array, temperature: Array) -> Array:
    """Log density of y = log x: log (n-1)! + (n-1) log T + sum_i s_i - n logsumexp(s), s = logits - T y.

    It does not change when a constant is added to the logits.

    Args:
        log_value: y, the logarithm of a point of the simplex [*batch, n].
        logits: unnormalised log-probabilities [*batch, n], broadcast with log_value.
        temperature: T, above 0 [*batch]; a batch of temperatures of shape (5,) gives a result of shape (5,).

    Returns:
        Nats [*batch], by the Lebesgue measure on the first n - 1 components of y.

    Reference:
        Maddison, Mnih and Teh, 2017, equation 25.
    """
    raise NotImplementedError


@kernel("(n),(n),()->()", "log_value logits temperature", temperature="temperature")
def prob(log_value: Array, logits: Array, temperature: Array) -> Array:
    """Density of y = log x: the exponential of `log_prob`.

    Args, shapes and source as in `log_prob`.

    Returns:
        Density [*batch].
    """
    raise NotImplementedError


@kernel("(n),(n),()->()", "log_value logits temperature", temperature="temperature")
def simplex_log_prob(log_value: Array, logits: Array, temperature: Array) -> Array:
    """Log density of the point x = exp(y) itself: `log_prob` minus sum_i y_i.

    Args:
        log_value: y, the logarithm of the point [*batch, n].
        logits: unnormalised log-probabilities [*batch, n].
        temperature: T, above 0 [*batch].

    Returns:
        Nats [*batch], by the Lebesgue measure on the first n - 1 components of x.

    Reference:
        Maddison, Mnih and Teh, 2017, equation 11; Jang, Gu and Poole, 2017, equation 6.
    """
    raise NotImplementedError


def sample(seed: int, sample_shape: tuple[int, ...], logits: Array, temperature: Array) -> Array:
    """Draw relaxed categorical samples in log space with the framework's own generator.

    Args:
        seed: an integer in [0, 2^31).
        sample_shape: leading axes of independent draws.
        logits: unnormalised log-probabilities [*batch, n].
        temperature: above 0 [*batch].

    Returns:
        Logarithms of points of the simplex [*sample_shape, *batch, n], differentiable in logits and temperature.

    Reference:
        Maddison, Mnih and Teh, 2017, equation 22.
    """
    raise NotImplementedError

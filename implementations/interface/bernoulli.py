"""The Bernoulli distribution by its logit, log p - log(1 - p), with values 0 and 1, and its relaxation."""

from __future__ import annotations

from implementations.interface.contract import Array, kernel

__all__ = ["cdf", "hard_sample", "log_prob", "prob", "relaxed_sample", "sample", "straight_through_sample"]


@kernel("(),()->()", "logits", value="binary")
def log_prob(value: Array, logits: Array) -> Array:
    """Log mass of 0 or 1: value * log_sigmoid(logits) + (1 - value) * log_sigmoid(-logits).

    For a value of 0 or 1 it is log_sigmoid((2 value - 1) logits), to full relative precision in both tails.

    Args:
        value: 0 or 1, broadcast with logits.
        logits: log odds of 1.

    Returns:
        Nats, of the broadcast shape.

    Reference:
        Bishop, 2006, equation 2.2.
    """
    raise NotImplementedError


@kernel("(),()->()", "logits", value="binary")
def prob(value: Array, logits: Array) -> Array:
    """Mass of 0 or 1: sigmoid(logits) at 1 and sigmoid(-logits) at 0.

    Args, shapes and source as in `log_prob`.

    Returns:
        Probability in [0, 1], of the broadcast shape.
    """
    raise NotImplementedError


@kernel("(),()->()", "logits")
def cdf(value: Array, logits: Array) -> Array:
    """Cumulative mass: 0 below 0, sigmoid(-logits) on [0, 1), and 1 from 1 on.

    Args:
        value: any real number, broadcast with logits.
        logits: log odds of 1.

    Returns:
        Probability in [0, 1], of the broadcast shape.

    Reference:
        Bishop, 2006, equation 2.2.
    """
    raise NotImplementedError


@kernel("(),()->()")
def hard_sample(logits: Array, noise: Array) -> Array:
    """Exact sample by thresholding: 1 where logits + noise > 0, else 0. Its gradient is 0.

    Args:
        logits: log odds of 1.
        noise: standard logistic noise, broadcast with logits.

    Returns:
        0 or 1, of the dtype of logits and the broadcast shape.

    Reference:
        Maddison, Mnih and Teh, 2017, appendix B.
    """
    raise NotImplementedError


@kernel("(),(),()->()", "logits noise temperature", temperature="temperature")
def relaxed_sample(logits: Array, noise: Array, temperature: Array) -> Array:
    """Binary concrete sample: sigmoid((logits + noise) / temperature).

    Args:
        logits: log odds of 1.
        noise: standard logistic noise, broadcast with logits.
        temperature: above 0, broadcast with both.

    Returns:
        A number in [0, 1], of the broadcast shape.

    Reference:
        Maddison, Mnih and Teh, 2017, equation 16.
    """
    raise NotImplementedError


@kernel("(),(),()->()", "logits noise temperature", temperature="temperature")
def straight_through_sample(logits: Array, noise: Array, temperature: Array) -> Array:
    """Sample of 0 or 1 forward, binary concrete gradient backward: (hard - stop(soft)) + soft.

    The value is bit for bit that of `hard_sample`; the gradient is that of `relaxed_sample`.

    Args, shapes and source as in `relaxed_sample`.

    Returns:
        0 or 1, of the broadcast shape.
    """
    raise NotImplementedError


def sample(seed: int, sample_shape: tuple[int, ...], logits: Array) -> Array:
    """Draw Bernoulli samples with the framework's own generator.

    Args:
        seed: an integer in [0, 2^31).
        sample_shape: leading axes of independent draws.
        logits: log odds of 1.

    Returns:
        0 or 1 [*sample_shape, *batch], of the dtype of logits.

    Reference:
        Bishop, 2006, equation 2.2.
    """
    raise NotImplementedError

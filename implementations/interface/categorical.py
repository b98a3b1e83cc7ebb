"""The categorical distribution over n classes, by logits, with one-hot values."""

from __future__ import annotations

from implementations.interface.contract import Array, kernel

__all__ = ["cdf", "log_prob", "prob", "sample"]


@kernel("(n),(n)->()", "logits", value="one_hot")
def log_prob(value: Array, logits: Array) -> Array:
    """Log mass of a one-hot value: sum_i value_i log_softmax(logits)_i, with 0 (-inf) = 0.

    Args:
        value: one-hot vectors [*batch, n].
        logits: unnormalised log-probabilities [*batch, n], broadcast with value; -inf is a class of probability 0.

    Returns:
        Nats [*batch]; -inf for a class of probability 0.

    Reference:
        Bishop, 2006, equation 2.26.
    """
    raise NotImplementedError


@kernel("(n),(n)->()", "logits", value="one_hot")
def prob(value: Array, logits: Array) -> Array:
    """Mass of a one-hot value: sum_i value_i softmax(logits)_i.

    Args, shapes and source as in `log_prob`.

    Returns:
        Probability in [0, 1], [*batch].
    """
    raise NotImplementedError


@kernel("(n),(n)->()", "logits", value="one_hot")
def cdf(value: Array, logits: Array) -> Array:
    """Cumulative mass up to and including the class of a one-hot value: sum over j <= k of softmax(logits)_j.

    Args, shapes and source as in `log_prob`.

    Returns:
        Probability in [0, 1], [*batch].
    """
    raise NotImplementedError


def sample(seed: int, sample_shape: tuple[int, ...], logits: Array) -> Array:
    """Draw one-hot categorical samples with the framework's own generator, by the Gumbel-max trick.

    Args:
        seed: an integer in [0, 2^31).
        sample_shape: leading axes of independent draws.
        logits: unnormalised log-probabilities [*batch, n].

    Returns:
        One-hot vectors [*sample_shape, *batch, n].

    Reference:
        Maddison, Tarlow and Minka, A* Sampling, 2014, section 3.
    """
    raise NotImplementedError

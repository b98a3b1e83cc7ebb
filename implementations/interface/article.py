"""The source article's formulas, taken literally, so that their distance from the mathematics can be measured.

Nothing else in a backend uses this module.
"""

from __future__ import annotations

from implementations.interface.contract import Array, kernel

__all__ = ["gumbel_softmax", "gumbel_softmax_without_noise", "kl_standard_normal"]


@kernel("(),()->()", "loc scale", scale="positive")
def kl_standard_normal(loc: Array, scale: Array) -> Array:
    """The article's KL term: loc^2 + scale^2 - log(scale^2) - 1, which is twice the KL of N(loc, scale^2) from N(0, 1).

    Args:
        loc: mean.
        scale: standard deviation, above 0, broadcast with loc.

    Returns:
        Twice the nats of `divergences.kl_standard_normal`, of the broadcast shape.

    Reference:
        The source article, section 2, `kl_loss`.
    """
    raise NotImplementedError


@kernel("(n),(n),()->(n)", "probs noise temperature", probs="probabilities", temperature="temperature")
def gumbel_softmax(probs: Array, noise: Array, temperature: Array) -> Array:
    """The article's Gumbel step: softmax((probs + noise) / temperature), noise on the probabilities.

    Its argmax is distributed as softmax(probs), not as probs.

    Args:
        probs: probabilities [*batch, n].
        noise: standard Gumbel noise, broadcast with probs.
        temperature: above 0 [*batch].

    Returns:
        A point of the simplex [*batch, n].

    Reference:
        The source article, section 5, steps 3 and 4.
    """
    raise NotImplementedError


@kernel("(n),()->(n)", "probs temperature", probs="probabilities", temperature="temperature")
def gumbel_softmax_without_noise(probs: Array, temperature: Array) -> Array:
    """The article's code line: softmax(probs / temperature), which leaves the noise out and so is deterministic.

    Args:
        probs: probabilities [*batch, n].
        temperature: above 0 [*batch].

    Returns:
        A point of the simplex [*batch, n].

    Reference:
        The source article, section 5, `tf.softmax(v / tau)`.
    """
    raise NotImplementedError

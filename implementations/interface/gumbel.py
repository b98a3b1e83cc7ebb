"""The Gumbel distribution, and the Gumbel-softmax relaxation that is built on its noise."""

from __future__ import annotations

from implementations.interface.contract import Array, kernel

__all__ = [
    "cdf",
    "gumbel_softmax",
    "gumbel_softmax_from_probs",
    "hard_sample",
    "log_prob",
    "noise_from_uniform",
    "prob",
    "sample",
    "straight_through_gumbel_softmax",
]


@kernel("()->()", "uniform", uniform="unit_interval")
def noise_from_uniform(uniform: Array) -> Array:
    """Transform uniform noise into standard Gumbel noise: -log(-log u).

    Finite for every representable u in [0, 1]: 0 is read as the smallest normal number and 1 as 1 - eps / 2, its
    neighbour below, and nothing else is moved (pitfalls G1 to G4: an additive eps shifts both tails).
    Near 1, -log u is computed as -log1p(u - 1), exact where u - 1 is.

    Args:
        uniform: uniform noise in [0, 1].

    Returns:
        Gumbel noise, of the same shape.

    Reference:
        Jang, Gu and Poole, Categorical Reparameterization with Gumbel-Softmax, 2017, section 2.1, footnote 1.
    """
    raise NotImplementedError


@kernel("(),(),()->()", "value loc scale", scale="positive")
def log_prob(value: Array, loc: Array, scale: Array) -> Array:
    """Log density of the Gumbel: -z - exp(-z) - log(scale) with z = (value - loc) / scale.

    Args:
        value: where, broadcast with the rest.
        loc: location, the mode.
        scale: scale, above 0.

    Returns:
        Nats per unit of value, of the broadcast shape.

    Reference:
        Gumbel, Statistics of Extremes, 1958, section 5.2.
    """
    raise NotImplementedError


@kernel("(),(),()->()", "value loc scale", scale="positive")
def prob(value: Array, loc: Array, scale: Array) -> Array:
    """Density of the Gumbel: exp(-z - exp(-z)) / scale with z = (value - loc) / scale.

    Args, shapes and source as in `log_prob`.

    Returns:
        Density per unit of value, of the broadcast shape.
    """
    raise NotImplementedError


@kernel("(),(),()->()", "value loc scale", scale="positive")
def cdf(value: Array, loc: Array, scale: Array) -> Array:
    """Cumulative distribution of the Gumbel: exp(-exp(-z)) with z = (value - loc) / scale.

    Args, shapes and source as in `log_prob`.

    Returns:
        Probability in [0, 1], of the broadcast shape.
    """
    raise NotImplementedError


@kernel("(n),(n),()->(n)", "logits noise temperature", temperature="temperature")
def gumbel_softmax(logits: Array, noise: Array, temperature: Array) -> Array:
    """Relaxed one-hot sample from logits: softmax((logits + noise) / temperature) over the last axis.

    A logit of -inf is a class of probability 0: its component is 0 and all gradients are finite. All logits -inf
    is no distribution: the result is NaN.

    Args:
        logits: unnormalised log-probabilities [*batch, n].
        noise: standard Gumbel noise, broadcast with logits; leading axes are sample axes.
        temperature: above 0 [*batch], broadcast with the batch shape.

    Returns:
        A point of the simplex [*batch, n].

    Reference:
        Jang, Gu and Poole, 2017, equation 2; Maddison, Mnih and Teh, The Concrete Distribution, 2017, equation 10.
    """
    raise NotImplementedError


@kernel("(n),(n),()->(n)", "probs noise temperature", probs="probabilities", temperature="temperature")
def gumbel_softmax_from_probs(probs: Array, noise: Array, temperature: Array) -> Array:
    """Relaxed one-hot sample from probabilities: softmax((log(probs) + noise) / temperature) over the last axis.

    Noise belongs on log-probabilities. The article adds it to the probabilities; see `article.gumbel_softmax`.
    A probability of 0 gives a component of 0.

    Args:
        probs: probabilities [*batch, n], each in [0, 1]; they need not be normalised.
        noise: standard Gumbel noise, broadcast with probs.
        temperature: above 0 [*batch], broadcast with the batch shape.

    Returns:
        A point of the simplex [*batch, n].

    Reference:
        Jang, Gu and Poole, 2017, equation 2.
    """
    raise NotImplementedError


@kernel("(n),(n)->(n)")
def hard_sample(logits: Array, noise: Array) -> Array:
    """Exact one-hot sample by the Gumbel-max trick: one_hot(argmax(logits + noise)).

    One 1, at the lowest index on a tie (pitfall S2). Its gradient is 0.

    Args:
        logits: unnormalised log-probabilities [*batch, n].
        noise: standard Gumbel noise, broadcast with logits.

    Returns:
        One-hot vectors [*batch, n] of the dtype of logits.

    Reference:
        Maddison, Tarlow and Minka, A* Sampling, 2014, section 3.
    """
    raise NotImplementedError


@kernel("(n),(n),()->(n)", "logits noise temperature", temperature="temperature")
def straight_through_gumbel_softmax(logits: Array, noise: Array, temperature: Array) -> Array:
    """One-hot sample forward, Gumbel-softmax gradient backward: (hard - stop(soft)) + soft.

    The value is bit for bit one-hot and equals `hard_sample`; the gradient is that of `gumbel_softmax`.

    Args, shapes as in `gumbel_softmax`.

    Returns:
        One-hot vectors [*batch, n].

    Reference:
        Jang, Gu and Poole, 2017, section 2.2; Bengio, Leonard and Courville, 2013, section 3.3.
    """
    raise NotImplementedError


def sample(seed: int, sample_shape: tuple[int, ...], loc: Array, scale: Array) -> Array:
    """Draw Gumbel samples with the framework's own generator.

    Args:
        seed: an integer in [0, 2^31).
        sample_shape: leading axes of independent draws.
        loc: location, the mode.
        scale: scale, above 0, broadcast with loc.

    Returns:
        Samples [*sample_shape, *batch], finite, differentiable in loc and scale.

    Reference:
        The source article, section 5.
    """
    raise NotImplementedError

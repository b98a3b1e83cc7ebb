"""Heteroscedastic regression, the article's model of loc and scale: 10-64-64, heads loc and scale, tanh between.

Tanh and not relu, for the reason given in `categorical_vae`; a second derivative exists everywhere, too.
"""

from __future__ import annotations

from implementations.interface.contract import Array, Arrays
from implementations.interface.models.network import Layer

__all__ = ["loss", "outputs"]

FEATURES = 10

LAYERS: tuple[Layer, ...] = (
    ("hidden_1", FEATURES, 64),
    ("hidden_2", 64, 64),
    ("loc", 64, 1),
    ("scale", 64, 1),
)


def outputs(parameters: Arrays, inputs: Array) -> Arrays:
    """Map features to the parameters of `families.NORMAL`: {"loc", "scale"}, scale = softplus(...).

    Args:
        parameters: weights of the layers in `LAYERS`.
        inputs: [examples, 10].

    Returns:
        Each [examples, 1].

    Reference:
        The source article, section 4, `build_model`; Nix and Weigend, Estimating the mean and variance of the target
        probability distribution, 1994.
    """
    raise NotImplementedError


def loss(parameters: Arrays, inputs: Array, targets: Array) -> Array:
    """Negative log-likelihood of normal targets, a mean over examples.

    Args:
        parameters: weights of `LAYERS`.
        inputs: [examples, 10].
        targets: [examples, 1].

    Returns:
        Nats per example, a scalar.
    """
    raise NotImplementedError

"""Classifier of ten digits: 784-256-128-10, tanh between, for the reason given in `categorical_vae`.

The functions take any number of layers hidden_1, hidden_2, ... before the last one, logits, of any width.
"""

from __future__ import annotations

from implementations.interface.contract import Array, Arrays
from implementations.interface.models.network import Layer

__all__ = ["loss", "outputs"]

PIXELS = 784
CLASSES = 10

LAYERS: tuple[Layer, ...] = (("hidden_1", PIXELS, 256), ("hidden_2", 256, 128), ("logits", 128, CLASSES))


def hidden(parameters: Arrays) -> list[str]:
    """Return the names of the hidden layers that the parameters have, in order."""
    count = sum(name.startswith("hidden_") and name.endswith(".kernel") for name in parameters)
    return [f"hidden_{place}" for place in range(1, count + 1)]


def outputs(parameters: Arrays, inputs: Array) -> Arrays:
    """Map images to the parameters of `families.CATEGORICAL`: {"logits"}.

    Args:
        parameters: weights of layers such as `LAYERS`.
        inputs: [examples, features].

    Returns:
        {"logits": [examples, classes]}.
    """
    raise NotImplementedError


def loss(parameters: Arrays, inputs: Array, targets: Array) -> Array:
    """Negative log-likelihood of the labels, a mean over examples: the cross-entropy.

    Args:
        parameters: as in `outputs`.
        inputs: likewise.
        targets: one-hot labels [examples, classes].

    Returns:
        Nats per example, a scalar.
    """
    raise NotImplementedError

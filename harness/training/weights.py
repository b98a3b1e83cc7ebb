"""Initial weights, drawn once for every backend and dtype."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from harness import noise
from implementations.interface.models.network import Layer


def initial_weights(layers: tuple[Layer, ...], seed: int) -> dict[str, NDArray[np.float64]]:
    """Draw Glorot-uniform kernels, U(-a, a) with a = sqrt(6 / (inputs + outputs)), and set biases to 0.

    Args:
        layers: name, inputs and outputs of each layer.
        seed: the run's seed. The weights of a layer depend on the seed and its name and shape alone.

    Returns:
        "NAME.kernel" [inputs, outputs] and "NAME.bias" [outputs], in float64; `runtime.asarray` rounds them.

    Reference:
        Glorot and Bengio, Understanding the Difficulty of Training Deep Feedforward Networks, 2010, equation 16.
    """
    weights = {}
    for name, inputs, outputs in layers:
        limit = math.sqrt(6 / (inputs + outputs))
        random = noise.generator(seed, "weights", name, inputs, outputs)
        weights[f"{name}.kernel"] = random.uniform(-limit, limit, (inputs, outputs))
        weights[f"{name}.bias"] = np.zeros(outputs)
    return weights

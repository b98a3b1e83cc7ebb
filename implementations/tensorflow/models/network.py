"""Dense layers, and the shapes of a network's parameters."""

from __future__ import annotations

import tensorflow as tf

__all__ = ["dense"]


def dense(parameters: dict[str, tf.Tensor], name: str, inputs: tf.Tensor) -> tf.Tensor:
    """Affine layer: inputs @ kernel + bias, with the parameters NAME.kernel and NAME.bias."""
    return tf.tensordot(inputs, parameters[f"{name}.kernel"], axes=1) + parameters[f"{name}.bias"]

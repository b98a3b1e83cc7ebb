"""Dense layers."""

from __future__ import annotations

from jax import Array

from implementations.interface.contract import Arrays

__all__ = ["dense"]


def dense(parameters: Arrays, name: str, inputs: Array) -> Array:
    """Affine layer: inputs @ kernel + bias, with the parameters NAME.kernel and NAME.bias."""
    return inputs @ parameters[f"{name}.kernel"] + parameters[f"{name}.bias"]

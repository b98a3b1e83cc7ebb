"""Dense layers, and the shapes of a network's parameters."""

from __future__ import annotations

from implementations.interface.contract import Array, Arrays

__all__ = ["dense"]

#: A layer: name, inputs, outputs.
Layer = tuple[str, int, int]


def parameter_shapes(layers: tuple[Layer, ...]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every parameter: "NAME.kernel" [inputs, outputs] and "NAME.bias" [outputs]."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, inputs, outputs in layers:
        shapes[f"{name}.kernel"] = (inputs, outputs)
        shapes[f"{name}.bias"] = (outputs,)
    return shapes


def dense(parameters: Arrays, name: str, inputs: Array) -> Array:
    """Affine layer: inputs @ kernel + bias, with the parameters NAME.kernel and NAME.bias.

    Args:
        parameters: the network's parameters.
        name: the layer's name.
        inputs: [*batch, inputs].

    Returns:
        [*batch, outputs].
    """
    raise NotImplementedError

"""Core shapes of a kernel's signature: which axes of an argument are core axes, and which are batch axes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Signature(NamedTuple):
    """A generalised-ufunc signature, parsed.

    Attributes:
        inputs: core dimensions by name, per argument: "(n),(n),()" gives (("n",), ("n",), ()).
        output: core dimensions of the result.
    """

    inputs: tuple[tuple[str, ...], ...]
    output: tuple[str, ...]

    @property
    def elementwise(self) -> bool:
        """Whether no argument has a core axis."""
        return not any(self.inputs)


def parse(signature: str) -> Signature:
    """Parse a signature such as "(n),(n),()->(n)"."""
    cores = [tuple(core.split(",")) if core else () for core in re.findall(r"\(([^)]*)\)", signature)]
    return Signature(tuple(cores[:-1]), cores[-1])


def batch_shape(signature: Signature, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the shape to which the batch axes of all arguments broadcast."""
    batches = [shape[: len(shape) - len(core)] for core, shape in zip(signature.inputs, shapes, strict=True)]
    return np.broadcast_shapes(*batches)


def output_shape(signature: Signature, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the shape of the result; the core axes of one name that have length 1 broadcast."""
    sizes: dict[str, int] = {}
    for core, shape in zip(signature.inputs, shapes, strict=True):
        for name, size in zip(core, shape[len(shape) - len(core) :], strict=True):
            sizes[name] = max(size, sizes.get(name, size))
    return (*batch_shape(signature, shapes), *(sizes[name] for name in signature.output))


def cores(core: tuple[str, ...], array: Array, batch: tuple[int, ...]) -> Array:
    """View an argument as [*batch, *core], its batch axes broadcast."""
    kept = array.shape[array.ndim - len(core) :]
    return np.broadcast_to(array, (*batch, *kept))  # [*batch, *core]


def entries(signature: Signature, arguments: Mapping[str, Array]) -> Iterator[tuple[tuple[int, ...], list[Array]]]:
    """Yield, for each batch index, the arguments' cores."""
    arrays = list(arguments.values())
    batch = batch_shape(signature, [array.shape for array in arrays])
    views = [cores(core, array, batch) for core, array in zip(signature.inputs, arrays, strict=True)]
    for index in np.ndindex(*batch):
        yield index, [view[index] for view in views]

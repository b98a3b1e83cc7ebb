"""The inputs of a case: its numbers as given, or drawn by key, rounded once to the dtype and held in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness import dtypes, noise
from harness.agreement.cases import Case
from harness.oracle import core_shapes
from implementations.interface.contract import Kernel

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...], float, float], Array]


def _one_hot(random: np.random.Generator, shape: tuple[int, ...], _a: float, _b: float) -> Array:
    return np.eye(shape[-1])[random.integers(shape[-1], size=shape[:-1])]  # [*batch, n]


#: Distributions of inputs, by name: (generator, shape, a, b) -> array.
DRAWS: dict[str, Draw] = {
    "normal": lambda random, shape, a, b: random.normal(a, b, shape),
    "uniform": lambda random, shape, a, b: random.uniform(a, b, shape),
    "log_uniform": lambda random, shape, a, b: np.power(10.0, random.uniform(a, b, shape)),
    "gumbel": lambda random, shape, a, b: random.gumbel(a, b, shape),
    "logistic": lambda random, shape, a, b: random.logistic(a, b, shape),
    "integers": lambda random, shape, a, b: random.integers(int(a), int(b), shape, endpoint=True).astype(np.float64),
    "dirichlet": lambda random, shape, a, _: random.dirichlet(np.full(shape[-1], a), shape[:-1]),
    "log_dirichlet": lambda random, shape, a, _: np.log(random.dirichlet(np.full(shape[-1], a), shape[:-1])),
    "one_hot": _one_hot,
}


class Inputs(NamedTuple):
    """What a kernel is called with.

    Attributes:
        arguments: by name, in the contract's order.
        cotangent: of the result's shape.
    """

    arguments: dict[str, Array]
    cotangent: Array


def build(case: Case, kernel: Kernel, dtype: str) -> Inputs:
    """Return the inputs of a case, each number representable in `dtype`."""
    signature = core_shapes.parse(kernel.signature)
    given, draws, shapes = (case.row.get(part, {}) for part in ("inputs", "draws", "shapes"))
    arguments = {}
    for name, core in zip(kernel.arguments, signature.inputs, strict=True):
        if name in given:
            value = np.asarray(given[name], np.float64)
        else:
            batch = shapes[name] if name in shapes else case.row["shape"]
            shape = (*batch, *(case.row["core"][dimension] for dimension in core))
            value = _drawn(case, name, draws[name], shape)
        arguments[name] = dtypes.rounded(value, dtype)
    shape = core_shapes.output_shape(signature, [array.shape for array in arguments.values()])
    cotangent = np.asarray(case.row.get("cotangent", _cotangent(case, shape)), np.float64)
    return Inputs(arguments, dtypes.rounded(np.broadcast_to(cotangent, shape), dtype))


def _drawn(case: Case, name: str, row: list[object], shape: tuple[int, ...]) -> Array:
    kind, a, b = row
    random = noise.generator(0, "agreement", case.kernel, case.name, name)
    return np.asarray(DRAWS[str(kind)](random, shape, float(str(a)), float(str(b))))


def _cotangent(case: Case, shape: tuple[int, ...]) -> Array:
    """Draw a cotangent away from 0, with either sign, so that no term of a product goes unseen."""
    random = noise.generator(0, "agreement", case.kernel, case.name, "cotangent")
    size = random.uniform(0.5, 2.0, shape)
    return np.asarray(size * random.choice([-1.0, 1.0], shape))


def core(inputs: Mapping[str, Array], index: tuple[int, ...]) -> dict[str, Array]:
    """Return one batch entry of arguments that share their batch shape."""
    return {name: array[index] for name, array in inputs.items()}

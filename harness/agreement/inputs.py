"""The inputs of a case: its numbers as given, or drawn by key, rounded once to the dtype and held in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness import dtypes, noise, validation
from harness.agreement.cases import Case
from harness.oracle import core_shapes
from harness.oracle.truth import Directions
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
        directions: cotangent of the result's shape, and a tangent for each argument in which it is differentiated.
    """

    arguments: dict[str, Array]
    directions: Directions


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
            value = _drawn(case, name, draws[name], shape, dtype)
        arguments[name] = dtypes.rounded(value, dtype)
    shape = core_shapes.output_shape(signature, [array.shape for array in arguments.values()])
    cotangent = np.broadcast_to(case.row.get("cotangent", _cotangent(case, shape)), shape)
    least = _least(list(arguments.values()))
    along = case.row.get("tangents", {})
    tangents = {
        name: dtypes.rounded(
            np.broadcast_to(along[name], arguments[name].shape)
            if name in along
            else _tangent(case, name, arguments[name], least, dtype),
            dtype,
        )
        for name in kernel.differentiable
    }
    return Inputs(arguments, Directions(dtypes.rounded(cotangent, dtype), tangents))


def fits(case: Case, kernel: Kernel, dtype: str) -> bool:
    """Tell whether the numbers that a case gives stay finite, normal and inside their domains in `dtype`."""
    row = dtypes.find(dtype)
    for name, given in case.row.get("inputs", {}).items():
        value = np.asarray(given, np.float64)
        rounded = dtypes.rounded(value, dtype)
        domain = kernel.domain.get(name)
        lost = np.isfinite(value) & (np.isinf(rounded) | ((value != 0) & (np.abs(rounded) < row.tiny)))
        if lost.any() or (domain and not validation.DOMAINS[domain].contains(rounded, dtype).all()):
            return False
    return True


def _drawn(case: Case, name: str, row: list[object], shape: tuple[int, ...], dtype: str) -> Array:
    """Draw an argument; a number outside the normal numbers of the dtype is moved to their edge."""
    kind, a, b = row
    random = noise.generator(0, "agreement", case.kernel, case.name, name)
    value = np.asarray(DRAWS[str(kind)](random, shape, float(str(a)), float(str(b))))
    limits = dtypes.find(dtype)
    size = np.clip(np.abs(value), limits.tiny, limits.largest)
    return np.where(value == 0, value, np.copysign(size, value))


def _away_from_zero(case: Case, name: str, shape: tuple[int, ...]) -> Array:
    """Draw numbers from 1/2 to 2, of either sign, so that no term of a product goes unseen."""
    random = noise.generator(0, "agreement", case.kernel, case.name, name)
    size = random.uniform(0.5, 2.0, shape)
    return np.asarray(size * random.choice([-1.0, 1.0], shape))


def _cotangent(case: Case, shape: tuple[int, ...]) -> Array:
    return _away_from_zero(case, "cotangent", shape)


def _least(arrays: Sequence[Array]) -> Array:
    """Return the smallest size other than 0 and infinity at each place, where all arguments have one shape; else 1."""
    if len({array.shape for array in arrays}) > 1:
        return np.asarray(1.0)
    sizes = np.stack([np.where((array != 0) & np.isfinite(array), np.abs(array), np.inf) for array in arrays])
    least = sizes.min(axis=0)
    return np.where(np.isinf(least), 1.0, least)


def _tangent(case: Case, name: str, argument: Array, least: Array, dtype: str) -> Array:
    """Draw a tangent in proportion to the argument, so that arguments of unlike size all count.

    Where the argument is 0, in proportion to the least of the others; where it is infinite, 0.
    """
    proportion = np.where(argument == 0, least, np.where(np.isfinite(argument), np.abs(argument), 0.0))
    half = dtypes.find(dtype).largest / 2
    return _away_from_zero(case, f"tangent of {name}", argument.shape) * np.minimum(proportion, half)


def core(inputs: Mapping[str, Array], index: tuple[int, ...]) -> dict[str, Array]:
    """Return one batch entry of arguments that share their batch shape."""
    return {name: array[index] for name, array in inputs.items()}

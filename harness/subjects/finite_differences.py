"""The gradient of a deterministic function by central differences of fourth order: a truth to compare with.

    f'(x) = (8 (f(x + h) - f(x - h)) - (f(x + 2 h) - f(x - 2 h))) / (12 h) + O(h^4)

It is Richardson's extrapolation of the central differences at h and 2 h, (4 D(h) - D(2 h)) / 3, so that |f' - D(h)|
estimates the error of D(h) and is well above that of f'. Rounding adds 1.5 eps |f| / h. Both are smallest together at
h near eps^(1/5) times the scale of x: an error of about 1e-12 |f| in float64, and 1e-5 |f| in float32.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness import dtypes
from harness.errors import BadInputError, shown
from harness.subjects import losses
from harness.subjects.user_objective import dtype_name

Float = NDArray[np.float64]

#: Part of x that is the step at 0 and near it.
_NEAR_ZERO = 0.01
#: Error of the whole gradient, as part of the slopes between the points, that is accepted.
_ACCEPTED = 0.01
#: Gradient, as part of |f|, below which it counts as 0.
_NEGLIGIBLE = 1e-9


class Differences(NamedTuple):
    """A gradient by finite differences.

    Attributes:
        gradient: in the structure of the parameters, float64.
        error: an upper estimate of the error of every coordinate, truncation and rounding, in the same structure.
    """

    gradient: Any
    error: Any


class _Leaf(NamedTuple):
    """One array of the parameters: its path, its values, its dtype, and how the objective is given it."""

    name: str
    values: Float
    dtype: str
    wrap: Callable[[Float], Any]

    def at(self, index: tuple[int, ...]) -> str:
        return f"{self.name}[{', '.join(map(str, index))}]" if index else self.name or "the parameter"


def finite_differences(objective: Callable[[Any], Any], parameters: Any, step: float | None = None) -> Any:
    """Return the gradient of a deterministic function, as a truth for `bias` and `assert_unbiased`.

    The objective is evaluated 4 times for each coordinate, and twice more.

    Args:
        objective: parameters -> scalar, such as the exact expectation of a loss, without random numbers.
        parameters: numbers, or arrays of NumPy, PyTorch, JAX or TensorFlow, in any nesting of dict, list and tuple.
            The objective receives the same kinds of arrays; those of NumPy in float64, the others in their own dtype.
            Give float64 where it is possible.
        step: h as part of |x|, and of 0.01 where |x| is below it; None is eps^(1/5), 7e-4 in float64. It is rounded to
            a power of two.

    Returns:
        The gradient in the structure of the parameters, NumPy arrays in float64. `differences` returns its error too.

    Raises:
        BadInputError: the objective is not a finite scalar, has two values at the same parameters, or is not smooth
            at the scale of the step: the estimated error is above 1 %.

    Reference:
        Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, 25.3.21 and 25.3.6.
    """
    return differences(objective, parameters, step).gradient


def differences(objective: Callable[[Any], Any], parameters: Any, step: float | None = None) -> Differences:
    """Return the gradient of a deterministic function with its error.

    Args, raises as in `finite_differences`.
    """
    if step is not None and not (isinstance(step, int | float) and math.isfinite(step) and step > 0):
        raise BadInputError(f"step is {shown(step)}; allowed: a number above 0, as part of the parameter; omit it")
    losses.require_function(objective, "objective(parameters)")
    flat = losses.flatten(parameters, lambda _: None)
    leaves = [_leaf(name, leaf) for name, leaf in zip(flat.names, flat.leaves, strict=True)]

    def called(changed: int, values: Float) -> Any:
        arrays = [leaf.wrap(values if i == changed else leaf.values) for i, leaf in enumerate(leaves)]
        return objective(flat.rebuild(arrays))

    def value_at(changed: int, values: Float, where: str) -> float:
        return _number(called(changed, values), where)

    value = called(-1, np.zeros(0))
    first, again = _number(value, "the parameters"), value_at(-1, np.zeros(0), "the parameters")
    if first != again:
        raise BadInputError(
            f"the objective has the values {first!r} and {again!r} at the same parameters; allowed: a deterministic "
            "function; take the exact expectation, or draw its random numbers once, from a fixed seed"
        )
    kind = dtype_name(value)
    units = [max(_eps(kind), _eps(leaf.dtype)) for leaf in leaves]
    found = [_of_leaf(value_at, i, leaf, eps, step) for i, (leaf, eps) in enumerate(zip(leaves, units, strict=True))]
    _require_smooth(found, first)
    return Differences(flat.rebuild([row.gradient for row in found]), flat.rebuild([row.error for row in found]))


class _OfLeaf(NamedTuple):
    """Gradient, its error, and the steepest slope between the points, of one leaf."""

    gradient: Float
    error: Float
    slope: Float


def _of_leaf(
    value_at: Callable[[int, Float, str], float], number: int, leaf: _Leaf, eps: float, step: float | None
) -> _OfLeaf:
    """Return the differences by every coordinate of a leaf, eps the rounding unit of x or f, whichever is larger."""
    found = _OfLeaf(*(np.zeros(leaf.values.shape) for _ in range(3)))
    part = eps**0.2 if step is None else step
    for index in np.ndindex(leaf.values.shape):
        # a power of two, so that x + h and x - h are mostly exact
        h = 2.0 ** round(math.log2(part * max(abs(float(leaf.values[index])), _NEAR_ZERO)))
        values = {}
        for multiple in (-2, -1, 1, 2):
            moved = leaf.values.copy()
            moved[index] += multiple * h
            values[multiple] = value_at(number, moved, f"{leaf.at(index)} = {moved[index]:.6g}")
        second = (values[1] - values[-1]) / (2 * h)
        fourth = (8 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12 * h)
        spread = max(values.values()) - min(values.values())
        rounding = 1.5 * eps * max(map(abs, values.values())) / h if spread else 0.0
        found.gradient[index], found.slope[index] = fourth, spread / h
        found.error[index] = abs(fourth - second) + rounding
    return found


def _require_smooth(found: list[_OfLeaf], value: float) -> None:
    """Check that the error of the whole gradient is small beside the slopes between the points."""
    error, slope = (
        math.sqrt(sum(float(np.square(part).sum()) for part in parts))
        for parts in ([row.error for row in found], [row.slope for row in found])
    )
    if error > _ACCEPTED * slope + _NEGLIGIBLE * abs(value):
        raise BadInputError(
            f"the error of the finite differences is about {error:.3g}, and slopes of the objective are {slope:.3g}; "
            "allowed: an error of 1 %; give another step, parameters in float64, or an objective that is smooth there"
        )


def _eps(dtype: str) -> float:
    """Return the rounding unit of a dtype; that of float64 for Python's numbers."""
    return dtypes.DTYPES.get(dtype, dtypes.DTYPES["float64"]).eps


def _number(value: Any, where: str) -> float:
    """Return what an objective returned as a number."""
    shape = tuple(getattr(value, "shape", ()))
    if shape:
        raise BadInputError(f"the objective is not scalar: it has shape {shape}; allowed: one number; sum it")
    try:
        number = float(value.detach() if hasattr(value, "detach") else value)
    except (TypeError, ValueError):
        raise BadInputError(f"the objective returns {shown(value)}; allowed: one real number; return that") from None
    if not math.isfinite(number):
        raise BadInputError(
            f"the objective is not finite: {number} at {where}; allowed: finite numbers; give a smaller step, or "
            "parameters farther inside their domain"
        )
    return number


class _Kind(NamedTuple):
    """How arrays of a framework are read, and made of NumPy's with the dtype and device of another."""

    read: Callable[[Any], Any]
    make: Callable[[ModuleType, Float, Any], Any]


#: By the package that the type of an array is from; a framework that is not loaded has no arrays.
_KINDS = {
    "torch": _Kind(
        lambda leaf: leaf.detach().cpu().double().numpy(),
        lambda torch, values, leaf: torch.tensor(values, dtype=leaf.dtype, device=leaf.device),
    ),
    "jax": _Kind(
        lambda leaf: leaf,
        lambda jax, values, leaf: jax.numpy.asarray(values, dtype=leaf.dtype),
    ),
    "tensorflow": _Kind(
        lambda leaf: leaf.numpy(),
        lambda tensorflow, values, leaf: tensorflow.constant(values, dtype=leaf.dtype),
    ),
}


def _leaf(name: str, leaf: Any) -> _Leaf:
    """Return one leaf of the parameters, read into float64."""
    packages = [base.__module__.partition(".")[0].replace("jaxlib", "jax") for base in type(leaf).__mro__]
    package = next((each for each in packages if each in _KINDS), "")
    try:
        read = np.asarray(_KINDS[package].read(leaf) if package else leaf)
        values = None if np.iscomplexobj(read) else np.array(read, np.float64)
    except (TypeError, ValueError):
        values = None
    dtype = dtype_name(leaf) if package else "float64"
    if values is None or dtype not in dtypes.DTYPES:
        raise BadInputError(
            f"{losses.described(name)} is of type {dtype_name(leaf)}; allowed: floating-point numbers; convert it"
        )
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise BadInputError(f"{losses.described(name)} is not finite in {bad} of {values.size} coordinates; allowed: "
                            "finite numbers")  # fmt: skip

    def wrap(changed: Float) -> Any:
        # a copy, since the objective may keep or change what it is given
        return _KINDS[package].make(sys.modules[package], changed, leaf) if package else changed.copy()[()]

    return _Leaf(name, values, dtype, wrap)

"""The inputs of a port: nested arguments as a flat list of NumPy arrays, and the dtypes that they can have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInputError
from harness.testing.ports.frameworks import Array, framework, is_floating, loaded
from harness.testing.ports.structure import flatten

#: name of a dtype -> spacing of its numbers at 1.
EPSILON = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}
#: name of a dtype -> smallest normal and largest number.
RANGE = {
    "bfloat16": (2.0**-126, 3.38953139e38),
    "float16": (2.0**-14, 65504.0),
    "float32": (2.0**-126, 3.4028234664e38),
    "float64": (2.0**-1022, 1.7976931348623157e308),
}


class Inputs(NamedTuple):
    """The inputs of both functions as a flat list.

    Attributes:
        tree: the inputs as they were given, with lists of numbers as arrays.
        paths: of the leaves.
        leaves: NumPy arrays, and what is passed unchanged: Python's ints, bools and strings.
        floating: indices of the leaves that are moved and differentiated by.
        dtypes: of the leaves; "" where a leaf is no array.
    """

    tree: Any
    paths: tuple[str, ...]
    leaves: tuple[Any, ...]
    floating: tuple[int, ...]
    dtypes: tuple[str, ...]

    @property
    def points(self) -> list[Array]:
        """The floating leaves."""
        return [self.leaves[i] for i in self.floating]


def prepare(inputs: Any, dtype: str | None) -> Inputs:
    """Return the inputs as a flat list of NumPy arrays.

    Args:
        inputs: a mapping of arguments, a sequence of them, or one array.
        dtype: of all floating inputs; None keeps each one's own.

    Raises:
        BadInputError: an input is not finite or complex, no input is floating, or the dtype is unknown.
    """
    if dtype is not None and dtype not in EPSILON:
        raise BadInputError(f"dtype is {dtype!r}; allowed: {', '.join(EPSILON)}, or None; give one of these")
    tree = _with_arrays(inputs if isinstance(inputs, Mapping | list | tuple) else (inputs,))
    paths, leaves, dtypes = [], [], []
    for path, leaf in flatten(tree, "" if isinstance(tree, Mapping) else "inputs"):
        array, name = _as_array(leaf)
        if isinstance(array, np.ndarray):
            if "complex" in name or name == "object":
                raise BadInputError(f"input {path!r} is of dtype {name}; allowed: floating, integer, boolean numbers")
            if is_floating(name):
                name = dtype or name
                if name not in EPSILON:
                    raise BadInputError(f"input {path!r} is of dtype {name}; allowed: {', '.join(EPSILON)}")
        paths.append(path)
        leaves.append(array)
        dtypes.append(name)
    floating = tuple(i for i, name in enumerate(dtypes) if is_floating(name))
    if not floating:
        raise BadInputError(
            "the inputs hold no floating number; allowed: at least one, by which both functions are differentiated; "
            "give an array of floats"
        )
    for i in floating:
        require_finite(paths[i], leaves[i])
    return Inputs(tree, tuple(paths), tuple(leaves), floating, tuple(dtypes))


def require_finite(path: str, array: Array, dtype: str = "") -> None:
    """Check that an input is finite.

    Raises:
        BadInputError: it is not; the message says how many numbers are not.
    """
    count = int(np.size(array) - np.count_nonzero(np.isfinite(array)))
    if count:
        where = f" in {dtype}" if dtype else ""
        raise BadInputError(
            f"input {path!r} is not finite{where}: {count} of {np.size(array)} numbers are infinite or NaN; "
            "allowed: finite inputs; give others"
        )


def _with_arrays(tree: Any) -> Any:
    """Return a tree in which lists of Python's floats are arrays."""
    if isinstance(tree, Mapping):
        return {key: _listed(part) for key, part in tree.items()}
    return type(tree)(_listed(part) for part in tree) if not hasattr(tree, "_fields") else tree


def _listed(part: Any) -> Any:
    numbers = [leaf for _, leaf in flatten(part)] if isinstance(part, list) else []
    if numbers and all(type(leaf) in (int, float) for leaf in numbers) and float in map(type, numbers):
        return np.asarray(part, dtype=np.float64)
    return part


def _as_array(leaf: Any) -> tuple[NDArray[Any] | Any, str]:
    """Return a leaf as a NumPy array, floating numbers as float64, with its dtype; other leaves unchanged, with ""."""
    if isinstance(leaf, float | np.floating):
        return np.asarray(leaf, dtype=np.float64), "float64" if isinstance(leaf, float) else leaf.dtype.name
    if isinstance(leaf, np.ndarray | np.generic):
        array, name = np.asarray(leaf), leaf.dtype.name
    else:
        owner = next((item for item in map(framework, loaded()) if item.name != "numpy" and item.owns(leaf)), None)
        if owner is None:
            return leaf, ""
        array, name = owner.numpy(leaf), owner.dtype(leaf)
    if is_floating(name):
        return array.astype(np.float64), name
    return (array.astype(name) if name != array.dtype.name and "complex" not in name else array), name

"""Pytrees of gradients as matrices: dict, list and tuple in any nesting, with arrays of any framework.

A gradient of n replicates is a tree whose leaves are [n, *shape]; its matrix is [n, coordinates], the leaves one after
the other. No framework is imported: an array is converted by what it offers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInputError, one_line, shown

Float = NDArray[np.float64]

#: Machine epsilon of the floating types that a leaf may have.
EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}


class Leaf(NamedTuple):
    """One array of a gradient.

    Attributes:
        path: where it is, such as "layer.weight" or "layers[0]"; "" for a bare array.
        shape: of one gradient.
        dtype: of the subject's array, such as "bfloat16".
        start: its first coordinate.
        stop: the coordinate after its last.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    start: int
    stop: int


def to_numpy(array: Any) -> tuple[NDArray[Any], str]:
    """Return an array of any framework as NumPy's, and the name of its type.

    Raises:
        TypeError: it is no array of numbers.
    """
    if hasattr(array, "detach"):  # PyTorch
        dense = array.detach().to_dense() if array.is_sparse else array.detach()
        name = str(dense.dtype).removeprefix("torch.")
        known = dense.float() if name == "bfloat16" else dense
        return known.resolve_conj().resolve_neg().cpu().numpy(), name
    if isinstance(array, np.ma.MaskedArray) and np.any(array.mask):
        raise TypeError(f"{np.count_nonzero(array.mask)} of its numbers are masked")
    numbers = np.asarray(array)
    name = numbers.dtype.name
    return (numbers.astype(np.float32) if name == "bfloat16" else numbers), name


def children(tree: Any) -> list[tuple[str, Any]] | None:
    """Return the parts of a tree with the path of each below it; None for a leaf."""
    if isinstance(tree, Mapping):
        return [(f".{key}" if isinstance(key, str) else f"[{key!r}]", part) for key, part in tree.items()]
    if isinstance(tree, list | tuple) and not hasattr(tree, "detach"):
        fields = getattr(tree, "_fields", None)
        return [(f".{fields[i]}" if fields else f"[{i}]", part) for i, part in enumerate(tree)]
    return None


def walk(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and leaf of every leaf of a tree."""
    parts = children(tree)
    if parts is None:
        yield path.removeprefix("."), tree
        return
    for step, part in parts:
        yield from walk(part, path + step)


def rebuild(tree: Any, leaves: Iterator[Any]) -> Any:
    """Return a tree of the same nesting with other leaves."""
    parts = children(tree)
    if parts is None:
        return next(leaves)
    values = [rebuild(part, leaves) for _, part in parts]
    if isinstance(tree, Mapping):
        return dict(zip(tree, values, strict=True))
    if hasattr(tree, "_fields"):
        return type(tree)(*values)
    return tuple(values) if isinstance(tree, tuple) else values


def _named(path: str) -> str:
    return f"leaf {path!r}" if path else "the array"


@dataclass(frozen=True)
class Layout:
    """How the coordinates of a gradient are arranged.

    Attributes:
        leaves: in the order of the coordinates.
        nesting: the tree, with None for its leaves.
    """

    leaves: tuple[Leaf, ...]
    nesting: Any

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return self.leaves[-1].stop if self.leaves else 0

    @property
    def eps(self) -> Float:
        """Machine epsilon of each leaf [leaves]."""
        return np.array([EPS.get(leaf.dtype, EPS["float64"]) for leaf in self.leaves])

    def name(self, coordinate: int) -> str:
        """Return the name of a coordinate, such as "layer.weight[3, 1]"."""
        leaf = next(leaf for leaf in self.leaves if coordinate < leaf.stop)
        index = np.unravel_index(coordinate - leaf.start, leaf.shape) if leaf.shape else ()
        place = f"[{', '.join(str(int(i)) for i in index)}]" if leaf.shape else ""
        return f"{leaf.path}{place}" or "the gradient"

    def unflatten(self, vector: Float) -> Any:
        """Return a vector [coordinates] as a tree of arrays."""
        parts = (vector[leaf.start : leaf.stop].reshape(leaf.shape) for leaf in self.leaves)
        return rebuild(self.nesting, iter(parts))

    def spread(self, values: Float) -> Float:
        """Return values of the leaves [leaves] as values of the coordinates [coordinates]."""
        return np.repeat(values, [leaf.stop - leaf.start for leaf in self.leaves])


def _leaf(path: str, array: Any) -> tuple[NDArray[Any], str]:
    """Return a leaf as numbers of a floating type, and the name of its own type."""
    try:
        numbers, name = to_numpy(array)
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise BadInputError(
            f"{_named(path)} is a {type(array).__name__}, which is no array of numbers: {error}"
        ) from None
    if numbers.dtype.kind in "iub":
        return numbers.astype(np.float64), "float64"
    if numbers.dtype.kind != "f":
        raise BadInputError(
            f"{_named(path)} has numbers of type {name}; allowed: real numbers; return an array of gradients"
        )
    return numbers, name


def layout_of(tree: Any, n: int) -> Layout:
    """Return the layout of n gradients.

    Raises:
        BadInputError: a leaf has no numbers, or its first axis is not n.
    """
    leaves, start = [], 0
    for path, array in walk(tree):
        numbers, dtype = _leaf(path, array)
        if numbers.ndim == 0 or len(numbers) != n:
            raise BadInputError(
                f"{_named(path)} has the shape {numbers.shape} for n = {n} gradients; its first axis must be n, "
                "one gradient in each row: [n, *shape]"
            )
        shape = tuple(numbers.shape[1:])
        stop = start + int(np.prod(shape))
        leaves.append(Leaf(path, shape, dtype, start, stop))
        start = stop
    paths = [leaf.path for leaf in leaves]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise BadInputError(f"two leaves are named {twice!r}; give each its own name; rename a key of the dict")
    if not start:
        raise BadInputError("the gradient has no numbers: it is an empty tree; return at least one array [n, *shape]")
    return Layout(tuple(leaves), rebuild(tree, iter([None] * len(leaves))))


def matrix(tree: Any, layout: Layout, n: int) -> NDArray[np.floating]:
    """Return n gradients as a matrix [n, coordinates], in the widest type of its leaves.

    Raises:
        BadInputError: the tree differs from the layout.
    """
    found = dict(walk(tree))
    wanted = {leaf.path for leaf in layout.leaves}
    if found.keys() != wanted:
        path = min(found.keys() ^ wanted)
        raise BadInputError(
            f"the gradient's structure changes: {_named(path)} is in one call and not in another; return the same tree "
            "for every seed, and from both subjects where two are compared"
        )
    parts = []
    for leaf in layout.leaves:
        numbers, _ = _leaf(leaf.path, found[leaf.path])
        if numbers.shape != (n, *leaf.shape):
            raise BadInputError(
                f"{_named(leaf.path)} has the shape {numbers.shape} for n = {n}, and {(n, *leaf.shape)} was expected; "
                "its first axis must be n, and the shape of one gradient the same in every call"
            )
        parts.append(numbers.reshape(n, -1))
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def vector(tree: Any, layout: Layout, what: str = "truth") -> tuple[Float, Float]:
    """Return a tree of the layout's structure, without the replicates, as a vector, with eps of each leaf [leaves].

    At the place of a leaf anything that is an array of its shape may be: numbers, nested lists of numbers, an array.

    Raises:
        BadInputError: the structure differs; the message names the first path that does.
    """
    numbers: list[Float] = []
    eps: list[float] = []
    _fill(tree, layout.nesting, iter(layout.leaves), what, "", numbers, eps)
    return np.concatenate(numbers), np.array(eps)


def _fill(
    tree: Any, nesting: Any, leaves: Iterator[Leaf], what: str, path: str, numbers: list[Float], eps: list[float]
) -> None:
    parts = children(nesting)
    where = path.removeprefix(".") or "its root"
    if parts is None:
        leaf = next(leaves)
        try:
            values, dtype = to_numpy(tree)
            if values.dtype.kind not in "fiubO":
                raise TypeError(f"numbers of type {dtype}")
            values = np.asarray(values, np.float64)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            raise BadInputError(
                f"{what} at {where} is {one_line(shown(tree))}; allowed: numbers of shape {leaf.shape}"
            ) from None
        if values.shape != leaf.shape:
            raise BadInputError(
                f"{what} at {where} has the shape {values.shape}; the gradient has {leaf.shape} there; give both the "
                "same structure"
            )
        if not np.isfinite(values).all():
            raise BadInputError(f"{what} at {where} is not finite: {np.count_nonzero(~np.isfinite(values))} of "
                                f"{values.size} numbers are NaN or infinite; give finite numbers")  # fmt: skip
        numbers.append(values.ravel())
        eps.append(EPS.get(dtype, EPS["float64"]))
        return
    own = children(tree)
    if own is None or {step for step, _ in own} != {step for step, _ in parts}:
        have = "an array" if own is None else _steps(own)
        raise BadInputError(
            f"{what} at {where} has {have}; the gradient has {_steps(parts)} there; give both the same structure"
        )
    given = dict(own)
    for step, below in parts:
        _fill(given[step], below, leaves, what, path + step, numbers, eps)


def _steps(parts: Sequence[tuple[str, Any]]) -> str:
    names = [step.removeprefix(".") for step, _ in parts]
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "") or "nothing"

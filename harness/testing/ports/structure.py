"""Nested dicts, lists and tuples of arrays of any framework as flat lists of leaves, each with its path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np


def flatten(tree: Any, path: str = "") -> list[tuple[str, Any]]:
    """Return the leaves of a tree with their paths: "layer.weight", "b[0]", "" for a bare leaf.

    Mappings are read in the order of their keys as text, since two frameworks may build the same dict in two orders.
    """
    if isinstance(tree, Mapping):
        parts = [(f"{path}.{key}" if path else str(key), tree[key]) for key in sorted(tree, key=str)]
    elif isinstance(tree, tuple) and hasattr(tree, "_fields"):
        parts = [(f"{path}.{key}" if path else key, getattr(tree, key)) for key in tree._fields]
    elif isinstance(tree, list | tuple):
        parts = [(f"{path}[{i}]", part) for i, part in enumerate(tree)]
    else:
        return [(path, tree)]
    return [leaf for name, part in parts for leaf in flatten(part, name)]


def rebuild(tree: Any, leaves: Iterator[Any]) -> Any:
    """Return a tree of the same structure with other leaves, taken in the order of `flatten`."""
    if isinstance(tree, Mapping):
        built = {key: rebuild(tree[key], leaves) for key in sorted(tree, key=str)}
        return {key: built[key] for key in tree}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(rebuild(part, leaves) for part in tree))
    if isinstance(tree, list | tuple):
        return type(tree)(rebuild(part, leaves) for part in tree)
    return next(leaves)


def coordinate(name: str, shape: Sequence[int], index: int) -> str:
    """Return the name of one number of an array: ("sigma", (2, 3), 4) -> "sigma[1, 1]"; a scalar has no index."""
    if not shape:
        return name
    return f"{name}[{', '.join(str(int(i)) for i in np.unravel_index(index, tuple(shape)))}]"

"""Blocks merged in one order, whatever the order in which they come, so that a result is the same to the bit.

The order is a binary tree over the numbers of the blocks: node (level, index) holds the blocks from index 2^level on,
2^level of them. A run of blocks falls into such nodes in one way only, whoever computed which of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

from harness.statistics.moments import Moments, Spread, Stream, together

#: {parameter: its stream}; stacked, or of one node.
Streams = dict[str, Stream]
Nodes = dict[tuple[int, int], Streams]


def _each(streams: Streams, pick: Any) -> Streams:
    """Return the streams with `pick` applied to every array that has the nodes as its first axis."""
    return {
        name: Stream(
            pick(kept.centre),
            Spread(*map(pick, kept.coordinates)),
            Moments(*map(pick, kept.averages)),
            Moments(*map(pick, kept.squares)),
            pick(kept.comoment),
        )
        for name, kept in streams.items()
    }


def _merge(a: Streams, b: Streams) -> Streams:
    return {name: together(a[name], b[name]) for name in a}


def collapse(first: int, streams: Streams) -> Nodes:
    """Return the fewest nodes that hold consecutive blocks.

    Args:
        first: number of the first block.
        streams: of the blocks, stacked on the first axis.
    """
    nodes: Nodes = {}
    level, count = 0, len(next(iter(streams.values())).comoment)
    while count:
        begin, end = first % 2, count - (first + count) % 2
        if begin:
            nodes[level, first] = _each(streams, lambda array: array[0])
        if end < count and end >= begin:
            nodes[level, first + end] = _each(streams, lambda array: array[-1])
        left = _each(streams, lambda array, a=begin, b=end: array[a:b:2])
        right = _each(streams, lambda array, a=begin, b=end: array[a + 1 : b : 2])
        streams = _merge(left, right)
        first, count, level = (first + begin) // 2, max(end - begin, 0) // 2, level + 1
    return nodes


def add(nodes: Nodes, more: Mapping[tuple[int, int], Streams]) -> Nodes:
    """Return the nodes with others, where two that are halves of one become that one."""
    found = dict(nodes)
    for place, streams in more.items():
        (level, index), node = place, streams
        while (level, index ^ 1) in found:
            sibling = found.pop((level, index ^ 1))
            node = _merge(node, sibling) if index % 2 == 0 else _merge(sibling, node)
            level, index = level + 1, index // 2
        found[level, index] = node
    return found


def root(nodes: Nodes) -> Streams:
    """Return all blocks together: the nodes of a whole run from the left, each merged with what follows it."""
    ordered = [node for _, node in sorted(nodes.items(), key=lambda item: item[0][1] << item[0][0])]
    return reduce(lambda right, left: _merge(left, right), reversed(ordered))

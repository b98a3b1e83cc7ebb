"""Leaves that show a bias, and those in which one like theirs would be hidden by noise."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.statistics.patterns.fit import (
    REJECTION,
    THRESHOLDS,
    by_threshold,
    largest_z,
    log_chance_unseen,
    radius_squared,
)
from harness.statistics.patterns.view import View, blocks, combined, sum_of_squares

#: Chance not to see a bias like that of the biased leaves in another one, up to which its absence there counts.
UNSEEN = 0.05


def biased_leaves(view: View, outside: float) -> list[int]:
    """Return the numbers of the leaves in which the mean is not the truth, in more than a share of the coordinates."""
    limit, rejection, biased = largest_z(view.size), REJECTION / len(view.segments), []
    for number, leaf in enumerate(view.segments):
        count, beyond, squares = leaf.stop - leaf.start, 0, 0.0
        for block in blocks(leaf.start, leaf.stop):
            z = np.abs(view.z(block))
            beyond, squares = beyond + int((z > limit).sum()), squares + float(np.square(z).sum())
        if beyond > int(outside * count) or squares > radius_squared(np.array(float(count)), rejection):
            biased.append(number)
    return biased


def hidden_leaves(view: View, part: View, biased: Sequence[int]) -> list[int]:
    """Return the leaves without visible bias in which one like that of the others would too often not be seen.

    A bias like that of the others is uniform, up to theirs relative to the root mean square of the truth, or up to all
    of the truth where theirs is larger; in a leaf whose truth is 0, up to theirs itself.
    """
    bias = math.sqrt(sum_of_squares(part.mean, part.truth) / part.size)
    scale = math.sqrt(sum_of_squares(part.truth) / part.size)
    relative = min(bias / scale, 1.0) if scale else 0.0
    hidden = []
    for number in sorted(set(range(len(view.segments))) - set(biased)):
        leaf = view.segments[number]
        absolute = not relative or not view.truth[leaf.start : leaf.stop].any()
        sums = np.zeros((4, THRESHOLDS))
        for block in blocks(leaf.start, leaf.stop):
            alike = np.full(block.stop - block.start, bias) if absolute else relative * np.abs(view.truth[block])
            x = alike / combined(view.error[block], view.truth_error[block])
            sums += by_threshold(x, x)
        if log_chance_unseen(sums) > math.log(UNSEEN):
            hidden.append(number)
    return hidden

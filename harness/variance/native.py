"""The stream whose noise the framework draws: many blocks in one call, draws and sums of powers in the framework."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np

from harness.execution import progress
from harness.statistics import merging, moments
from harness.variance.blocks import Blocks
from harness.variance.kept import Kept, Partial

#: Blocks in one call.
BLOCKS_PER_CALL = 64
#: Sums that `power_sums` of a backend gives for each block.
_PARTS = ("coordinates", "averages", "squares", "crossed", "mean_squares")


def reduction(backend: ModuleType, gradients: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Return (arguments, centres, rates, noise) -> the power sums of a block, named "PARAMETER PART".

    Args:
        backend: the loaded backend.
        gradients: (*arguments, noise) -> {name: [replicates, *param]}, not compiled.
    """

    def reduce(arguments: Any, centres: Any, rates: Any, noise: Any) -> dict[str, Any]:
        return {
            f"{name} {part}": value
            for name, gradient in gradients(*arguments, noise).items()
            for part, value in backend.streaming.power_sums(gradient, centres[name], rates[name]).items()
        }

    return reduce


def _scale(found: moments.Spread) -> float:
    """Return the power of two next to the root mean square deviation, by which to divide is exact; 1 where it is 0."""
    deviation = float(np.sqrt(np.mean(found.second) / found.n))
    return 2.0 ** round(math.log2(deviation)) if deviation > 0 and math.isfinite(deviation) else 1.0


def stream(
    blocks: Blocks,
    gradients: Callable[..., Any],
    seed: Callable[[int], int],
    compiled: bool,
    dtype: str,
    first: int,
    last: int,
    per_call: int = BLOCKS_PER_CALL,
) -> Partial:
    """Compute many blocks in one call.

    A call always has the same number of blocks, so that one program is compiled; blocks beyond the end are dropped, and
    so is the last one where it is not whole: it is computed alone, as where the noise is shared.

    Args:
        blocks: the whole run's; `draw` takes the seed of a block.
        gradients: those of `blocks`, not compiled: they become part of a larger program.
        seed: number of a block -> its seed.
        compiled: whether the framework compiles.
        dtype: of the gradients.
        first: number of the first block.
        last: number of the block before which to end.
        per_call: blocks in one call.
    """
    backend, runtime = blocks.backend, blocks.backend.runtime
    whole = min(last, blocks.replicates // blocks.size)
    kept = Kept(blocks.replicates)
    subject = blocks.subject([])
    with np.errstate(all="ignore"):  # infinite gradients make NaN moments, and the record then says None
        pilots = {name: moments.spread(values) for name, values in subject(seed(0), blocks.rows(0)).items()}
        scales = {name: _scale(found) for name, found in pilots.items()}
        shapes = {name: values.shape for name, values in runtime.to_numpy(blocks.arguments[0]).items()}
        about = {name: runtime.asarray(found.mean.reshape(shapes[name]), dtype) for name, found in pilots.items()}
        rates = {name: runtime.asarray(np.asarray(1 / value), dtype) for name, value in scales.items()}
        # what the framework subtracts is the rounded centre
        centres = {name: np.asarray(value, np.float64).ravel() for name, value in runtime.to_numpy(about).items()}

        def streams_of(sums: dict[str, Any], taken: int) -> merging.Streams:
            found = {}
            for name, centre in centres.items():
                flat = {part: np.asarray(sums[f"{name} {part}"], np.float64)[:taken] for part in _PARTS}
                kept.squares(name, flat.pop("mean_squares").ravel() * scales[name] ** 2)
                flat["coordinates"] = flat["coordinates"].reshape(taken, 2, -1)
                flat["crossed"] = flat["crossed"].reshape(taken, -1)
                found[name] = moments.blocks(blocks.size, flat, centre, scales[name])
            return found

        count = max(min(per_call, whole - first), 1)
        run = backend.streaming.over_blocks(blocks.draw, reduction(backend, gradients), compiled)
        for number in range(first, whole, count):
            taken = min(count, whole - number)
            seeds = np.array([seed(n) for n in range(number, number + count)])
            sums = runtime.to_numpy(run(runtime.asarray(seeds, "int64"), blocks.arguments, about, rates))
            kept.nodes = merging.add(kept.nodes, merging.collapse(number, streams_of(sums, taken)))
            progress.report((number + taken - first) * blocks.size, (last - first) * blocks.size, "replicates")
        for number in range(max(whole, first), last):
            kept.block(number, subject(seed(number), blocks.rows(number)), centres)
    return Partial(kept.nodes, kept.largest, median(blocks.clocked(seed(0))) / blocks.size, {})

"""The streaming engine: blocks of replicates through one gradient function, moments and clock beside it.

Runs in the process of one framework. Noise is drawn in blocks of a fixed size, each keyed by its number: a run with
more replicates begins with those of a shorter one, and the result is the same to the bit whichever process computes
which blocks, and in what order. Memory does not grow with the number of replicates.

Noise has one of two sources. "shared": NumPy's, the same for every backend and dtype; the moments of its gradients are
computed here, in float64. "framework": the framework's own generator, seeded anew for every block; draw, gradient and
sums of powers stay in the framework, many blocks to a call, which is quicker by an order of magnitude.
"""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from statistics import median
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness import noise as noises
from harness.estimators import ESTIMATORS, noise_shape
from harness.execution import progress
from harness.modes import in_mode
from harness.problems import NOISE, PROBLEMS, Floats, draw_noise
from harness.results.schema import Variance
from harness.variance import moments, tails, tree
from harness.variance.inputs import inputs
from harness.variance.records import records

Float = NDArray[np.float64]

#: Replicates of a block, where its arrays are small enough.
BLOCK = 4096
#: Numbers that the largest array of a block may hold: 16 MiB in float64, so that a block stays near the cache.
BLOCK_NUMBERS = 2**21
#: Timed calls at the least; the first block is repeated where there are fewer blocks.
LEAST_CALLS = 5
#: Blocks in one call where the framework draws.
BLOCKS_PER_CALL = 64


class Partial(NamedTuple):
    """Some of a run's blocks, as a process brings them back.

    Attributes:
        nodes: the moments, of every parameter.
        largest: {parameter: the largest squared deviations}.
        seconds_per_gradient: median over the timed calls, divided by the replicates of a block.
    """

    nodes: tree.Nodes
    largest: dict[str, Float]
    seconds_per_gradient: float


def block_replicates(problem: str, event_size: int, samples: int) -> int:
    """Return the replicates of a block: the largest power of two, at most 4096, that keeps it in `BLOCK_NUMBERS`.

    It depends on the problem's sizes alone, since the noise depends on it.

    Args:
        problem: a key of `PROBLEMS`.
        event_size: numbers in one sample.
        samples: samples in one gradient.
    """
    per_replicate = samples * (event_size + PROBLEMS[problem].intermediates)
    fitting = max(BLOCK_NUMBERS // per_replicate, 1)
    return int(min(BLOCK, 2 ** (fitting.bit_length() - 1)))


@cache
def gradient_function(backend: ModuleType, estimator: str, problem: str, mode: str) -> Callable[..., Any]:
    """Return (parameters, constants, noise) -> gradients, compiled or not, once per process.

    All arrays are arguments, so that none is folded into the code (pitfall T2) and new settings compile nothing anew.
    """
    module = importlib.import_module(f"{backend.__name__}.estimators.{ESTIMATORS[estimator].module}")
    function = getattr(module, estimator)
    distribution = getattr(backend.distributions, PROBLEMS[problem].distribution)
    objective = getattr(backend.objectives, PROBLEMS[problem].objective)

    def gradients(parameters: Any, constants: Any, noise: Any) -> Any:
        return function(distribution, objective, parameters, constants, noise)

    return in_mode(backend, gradients, mode)


@dataclass(frozen=True)
class Blocks:
    """A run's blocks, ready to be computed.

    Attributes:
        backend: the loaded backend.
        gradients: (*arguments, noise [size, samples, *event]) -> {name: [size, *param]}.
        arguments: parameters and constants, arrays of the framework.
        draw: number of a block, or its seed, -> its noise, an array of the framework.
        size: replicates of a block.
        replicates: of the whole run; the last block is computed whole and its tail dropped, so that no result depends
            on a second compilation for an odd shape.
    """

    backend: ModuleType
    gradients: Callable[..., Any]
    arguments: tuple[Any, ...]
    draw: Callable[[int], Any]
    size: int
    replicates: int

    @property
    def number(self) -> int:
        """How many blocks there are."""
        return -(-self.replicates // self.size)


def _timed(blocks: Blocks, noise: Any) -> tuple[Any, float]:
    """Return the gradients of a block, and the seconds that they took."""
    blocks.backend.runtime.synchronize(noise)
    begin = time.perf_counter()
    result = blocks.gradients(*blocks.arguments, noise)
    blocks.backend.runtime.synchronize(result)
    return result, time.perf_counter() - begin


def _rows(blocks: Blocks, result: Any, number: int) -> dict[str, Float]:
    """Return the gradients of a block that are kept, {name: [replicates, coordinates]}."""
    kept = min(blocks.size, blocks.replicates - number * blocks.size)
    return {
        name: np.asarray(values, np.float64).reshape(blocks.size, -1)[:kept]
        for name, values in blocks.backend.runtime.to_numpy(result).items()
    }


class _Kept:
    """What is kept of the blocks that have gone by."""

    def __init__(self, blocks: Blocks) -> None:
        self.nodes: tree.Nodes = {}
        self.largest: dict[str, Float] = {}
        self.size = tails.size(blocks.replicates)

    def squares(self, name: str, values: Float) -> None:
        """Keep the largest of some squared deviations."""
        self.largest[name] = tails.keep(self.largest.get(name, np.empty(0)), values, self.size)

    def block(self, number: int, rows: dict[str, Float], centres: Floats) -> None:
        """Keep one block of gradients."""
        streams = {name: moments.block(values, centres[name]) for name, values in rows.items()}
        self.nodes = tree.add(self.nodes, {(0, number): streams})
        for name, values in rows.items():
            self.squares(name, moments.mean_squares(values, centres[name]))


def stream(blocks: Blocks, first: int = 0, last: int | None = None) -> Partial:
    """Compute blocks one by one, moments and largest deviations in float64.

    Args:
        blocks: the whole run's.
        first: number of the first block.
        last: number of the block before which to end; None is all.
    """
    end = blocks.number if last is None else last
    kept = _Kept(blocks)
    seconds: list[float] = []
    pilot = blocks.draw(0)
    _timed(blocks, pilot)  # compiles in compiled mode
    with np.errstate(all="ignore"):  # infinite gradients make NaN moments, and the record then says None
        centres = {
            name: moments.moments(rows).mean for name, rows in _rows(blocks, _timed(blocks, pilot)[0], 0).items()
        }
        for number in range(first, end):
            result, elapsed = _timed(blocks, blocks.draw(number))
            seconds.append(elapsed)
            kept.block(number, _rows(blocks, result, number), centres)
            done = min((number + 1 - first) * blocks.size, blocks.replicates)
            progress.report(done, min((end - first) * blocks.size, blocks.replicates), "replicates")
    seconds += [_timed(blocks, pilot)[1] for _ in range(LEAST_CALLS - len(seconds))]
    return Partial(kept.nodes, kept.largest, median(seconds) / blocks.size)


def stream_native(
    blocks: Blocks,
    gradients: Callable[..., Any],
    seed: Callable[[int], int],
    compiled: bool,
    dtype: str,
    first: int = 0,
    last: int | None = None,
    per_call: int = BLOCKS_PER_CALL,
) -> Partial:
    """Compute many blocks in one call, draws and sums of powers in the framework.

    A call always has the same number of blocks, so that one program is compiled; blocks beyond the end are dropped, and
    so is the last one where it is not whole: it goes the way of `stream`.

    Args:
        blocks: the whole run's; `draw` takes the seed of a block.
        gradients: those of `blocks`, not compiled: they become part of a larger program.
        seed: number of a block -> its seed.
        compiled: whether the framework compiles.
        dtype: of the gradients.
        first: number of the first block.
        last: number of the block before which to end; None is all.
        per_call: blocks in one call.
    """
    backend, runtime = blocks.backend, blocks.backend.runtime
    end = blocks.number if last is None else last
    whole = min(end, blocks.replicates // blocks.size)
    kept = _Kept(blocks)

    def noise(number: int) -> Any:
        return blocks.draw(seed(number))

    pilot = noise(0)
    _timed(blocks, pilot)
    with np.errstate(all="ignore"):
        rows = _rows(blocks, _timed(blocks, pilot)[0], 0)
        pilots = {name: moments.moments(values) for name, values in rows.items()}
        centres = {name: found.mean for name, found in pilots.items()}
        scales = {name: _scale(found) for name, found in pilots.items()}
        shapes = {name: values.shape for name, values in runtime.to_numpy(blocks.arguments[0]).items()}
        about = {name: runtime.asarray(value.reshape(shapes[name]), dtype) for name, value in centres.items()}
        rates = {name: runtime.asarray(np.asarray(1 / value), dtype) for name, value in scales.items()}
        # what the framework subtracts is the rounded centre
        centres = {name: np.asarray(value, np.float64).ravel() for name, value in runtime.to_numpy(about).items()}

        count = max(min(per_call, whole - first), 1)
        run = backend.streaming.over_blocks(blocks.draw, reduction(backend, gradients), compiled)
        for number in range(first, whole, count):
            taken = min(count, whole - number)
            seeds = np.array([seed(n) for n in range(number, number + count)])
            sums = runtime.to_numpy(run(runtime.asarray(seeds, "int64"), blocks.arguments, about, rates))
            streams = {}
            for name, centre in centres.items():
                flat = {
                    part: np.asarray(sums[f"{name} {part}"], np.float64)[:taken]
                    for part in ("coordinates", "averages", "squares", "crossed", "mean_squares")
                }
                kept.squares(name, flat.pop("mean_squares").ravel() * scales[name] ** 2)
                flat["coordinates"] = flat["coordinates"].reshape(taken, 4, -1)
                flat["crossed"] = flat["crossed"].reshape(taken, -1)
                streams[name] = moments.blocks(blocks.size, flat, centre, scales[name])
            kept.nodes = tree.add(kept.nodes, tree.collapse(number, streams))
            progress.report((number + taken - first) * blocks.size, (end - first) * blocks.size, "replicates")
        for number in range(max(whole, first), end):
            kept.block(number, _rows(blocks, _timed(blocks, noise(number))[0], number), centres)
    seconds = [_timed(blocks, pilot)[1] for _ in range(4 * LEAST_CALLS)]
    return Partial(kept.nodes, kept.largest, median(seconds) / blocks.size)


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


def _scale(found: moments.Moments) -> float:
    """Return the power of two next to the root mean square deviation, by which to divide is exact; 1 where it is 0."""
    deviation = float(np.sqrt(np.mean(found.second) / found.n))
    return 2.0 ** round(math.log2(deviation)) if deviation > 0 and math.isfinite(deviation) else 1.0


def prepare(
    backend: ModuleType,
    *,
    dtype: str,
    estimator: str,
    problem: str,
    settings: Mapping[str, float],
    dimension: int,
    samples: int,
    replicates: int,
    seed: int,
    mode: str,
    source: str = "shared",
    given: tuple[Floats, Floats] | None = None,
    **_: Any,
) -> Blocks:
    """Return the blocks of one estimator on one problem.

    Args:
        backend: the loaded and configured backend.
        dtype: floating type.
        estimator: a key of `ESTIMATORS`.
        problem: a key of `PROBLEMS`.
        settings: all of them, the problem's and the estimator's.
        dimension: coordinates, for a problem that takes them.
        samples: samples in one gradient.
        replicates: gradients of the whole run.
        seed: of the noise.
        mode: "eager" or "compiled".
        source: of the noise: "shared", where `draw` takes the number of a block, or "framework", where it takes a seed.
        given: parameters and constants in place of those that the problem makes, rounded to the dtype.
    """
    runtime = backend.runtime
    parameters, constants = inputs(estimator, problem, settings, dimension, dtype, given)
    event = next(iter(parameters.values())).shape
    size = block_replicates(problem, int(np.prod(event)), samples * ESTIMATORS[estimator].draws(settings))
    shape = noise_shape(estimator, settings, size, samples, event)
    arguments = tuple({k: runtime.asarray(v, dtype) for k, v in arrays.items()} for arrays in (parameters, constants))
    like = next(iter(arguments[0].values()))
    native = getattr(backend.sampling, f"standard_{NOISE[PROBLEMS[problem].distribution]}")

    def shared(number: int) -> Any:
        random = noises.generator(seed, "variance", problem, estimator, number)
        return runtime.asarray(draw_noise(problem, parameters, shape, random), dtype)

    def drawn(seed: Any) -> Any:
        return native(seed, shape, like)

    function = gradient_function(backend, estimator, problem, mode)
    return Blocks(backend, function, arguments, shared if source == "shared" else drawn, size, replicates)


def partial(
    backend: ModuleType,
    *,
    estimator: str,
    problem: str,
    seed: int,
    dtype: str,
    mode: str,
    source: str = "shared",
    share: tuple[int, int] = (0, 1),
    per_call: int = BLOCKS_PER_CALL,
    **arguments: Any,
) -> Partial:
    """Compute one process's share of the blocks of one estimator on one problem.

    Args:
        backend: the loaded and configured backend.
        estimator: a key of `ESTIMATORS`.
        problem: a key of `PROBLEMS`.
        seed: of the noise.
        dtype: floating type.
        mode: "eager" or "compiled".
        source: of the noise, "shared" or "framework".
        share: (i, n): the i-th of n equal runs of blocks.
        per_call: blocks in one call, where the source is the framework.
        **arguments: the others of `prepare`.
    """
    named: dict[str, Any] = {
        "estimator": estimator,
        "problem": problem,
        "seed": seed,
        "dtype": dtype,
        "mode": mode,
        "source": source,
    }
    blocks = prepare(backend, **named, **arguments)
    first, last = (blocks.number * part // share[1] for part in (share[0], share[0] + 1))
    if source == "shared":
        return stream(blocks, first, last)
    plain = gradient_function(backend, estimator, problem, "eager")
    base = noises.integer(seed, "variance", problem, estimator)
    return stream_native(
        blocks, plain, lambda number: (base + number) % noises.SEEDS, mode == "compiled", dtype, first, last, per_call
    )


def measure(backend: ModuleType, name: str, device: str, **arguments: Any) -> list[Variance]:
    """Measure mean, bias and variance of one estimator on one problem: one record per parameter.

    Args:
        backend: the loaded and configured backend.
        name: its name, for the records.
        device: on which it was configured.
        arguments: of `partial`.
    """
    return records([partial(backend, **arguments)], name, device, **{"source": "shared"} | arguments)

"""The streaming engine: blocks of replicates through one gradient function, moments and clock beside it.

Runs in the process of one framework. Noise is drawn in blocks of a fixed size, each keyed by its number, so that
every backend and dtype sees the same noise, and a run with more replicates begins with those of a shorter one.
Memory does not grow with the number of replicates.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from functools import cache
from statistics import median
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness import dtypes
from harness import noise as noises
from harness.estimators import ESTIMATORS, noise_shape
from harness.execution import progress
from harness.modes import in_mode
from harness.oracle import baselines, reference_cache
from harness.oracle import gradients as exact_gradients
from harness.oracle import variances as exact_variances
from harness.problems import NOISE, PROBLEMS, Floats, instance
from harness.results.schema import Variance, finite
from harness.variance import intervals, moments
from harness.variance.against import against
from harness.variance.plan import settings_text

Float = NDArray[np.float64]

#: Replicates of a block, where its arrays are small enough.
BLOCK = 4096
#: Numbers that the largest array of a block may hold: 16 MiB in float64, so that a block stays near the cache.
BLOCK_NUMBERS = 2**21
#: Timed calls at the least; the last block is repeated where there are fewer blocks.
LEAST_CALLS = 5


class Measured(NamedTuple):
    """What the engine brings back.

    Attributes:
        streams: {parameter: the stream of its gradients}.
        seconds_per_gradient: median over the timed calls, divided by the replicates of a block.
    """

    streams: dict[str, moments.Stream]
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


def stream(
    backend: ModuleType,
    gradients: Callable[..., Any],
    parameters: Floats,
    constants: Floats,
    draw: Callable[[int], Float],
    block: int,
    replicates: int,
    dtype: str,
) -> Measured:
    """Send blocks of noise through a gradient function and keep the moments.

    Args:
        backend: the loaded backend.
        gradients: (parameters, constants, noise [block, samples, *event]) -> {name: [block, *param]}.
        parameters: in float64.
        constants: in float64.
        draw: the noise of a block by its number, in float64.
        block: replicates of a block.
        replicates: gradients to keep; the last block is computed whole and its tail dropped, so that no result
            depends on a second compilation for an odd shape.
        dtype: to which everything is rounded.
    """
    runtime = backend.runtime
    fixed = [{k: runtime.asarray(v, dtype) for k, v in arrays.items()} for arrays in (parameters, constants)]
    blocks = -(-replicates // block)
    seconds: list[float] = []
    streams: dict[str, moments.Stream] = {}

    def call(noise: Any) -> Any:
        begin = time.perf_counter()
        result = gradients(*fixed, noise)
        runtime.synchronize(result)
        seconds.append(time.perf_counter() - begin)
        return result

    # the first call compiles in compiled mode; its gradients are those of block 0, computed again below
    noise = runtime.asarray(draw(0), dtype)
    runtime.synchronize(noise)
    call(noise)
    seconds.clear()
    for number in range(blocks):
        noise = runtime.asarray(draw(number), dtype)
        runtime.synchronize(noise)
        result = runtime.to_numpy(call(noise))
        kept = min(block, replicates - number * block)
        with np.errstate(all="ignore"):  # infinite gradients make NaN moments, and the record then says None
            for name, values in result.items():
                rows = np.asarray(values, np.float64).reshape(block, -1)[:kept]  # [kept, coordinates]
                before = streams.get(name)
                streams[name] = moments.start(rows) if before is None else moments.extend(before, rows)
        progress.report(min((number + 1) * block, replicates), replicates, "replicates")
    for _ in range(LEAST_CALLS - blocks):
        call(noise)
    return Measured(streams, median(seconds) / block)


def _average(values: Mapping[str, Float | np.float64] | None, parameter: str) -> float:
    return float("nan") if values is None else float(np.mean(values[parameter]))


def measure(
    backend: ModuleType,
    name: str,
    device: str,
    dtype: str,
    estimator: str,
    problem: str,
    settings: Mapping[str, float],
    dimension: int,
    samples: int,
    replicates: int,
    seed: int,
    mode: str,
    given: tuple[Floats, Floats] | None = None,
) -> list[Variance]:
    """Measure mean, bias and variance of one estimator on one problem: one record per parameter.

    Args:
        backend: the loaded and configured backend.
        name: its name, for the records.
        device: on which it was configured.
        dtype: floating type.
        estimator: a key of `ESTIMATORS`.
        problem: a key of `PROBLEMS`.
        settings: all of them, the problem's and the estimator's.
        dimension: coordinates, for a problem that takes them.
        samples: samples in one gradient.
        replicates: gradients to measure.
        seed: of the noise.
        mode: "eager" or "compiled".
        given: parameters and constants in place of those that the problem makes, rounded to the dtype.
    """
    parameters, constants = instance(problem, settings, dimension, dtype) if given is None else given
    of_objective = constants
    constants = constants | {key: dtypes.rounded(settings[key], dtype) for key in ESTIMATORS[estimator].settings}
    constants |= baselines.constants_of(estimator, problem, parameters, constants, dtype)
    event = next(iter(parameters.values())).shape
    block = block_replicates(problem, int(np.prod(event)), samples * ESTIMATORS[estimator].draws(settings))
    shape = noise_shape(estimator, settings, block, samples, event)

    def draw(number: int) -> Float:
        random = noises.generator(seed, "variance", problem, estimator, number)
        return noises.draw(NOISE[PROBLEMS[problem].distribution], shape, random)

    gradients = gradient_function(backend, estimator, problem, mode)
    measured = stream(backend, gradients, parameters, constants, draw, block, replicates, dtype)
    truth = exact_gradients.expectation(problem, parameters, constants, samples)
    reference = None if truth is not None else reference_cache.of(problem, parameters, of_objective)
    exact_variance = exact_variances.variance(estimator, problem, parameters, constants, samples)

    def record(parameter: str) -> Variance:
        kept = measured.streams[parameter]
        with np.errstate(all="ignore"):
            mean, variance = intervals.mean(kept), intervals.variance(kept)
        compared = against(kept, mean, parameter, truth, reference)
        return Variance(
            backend=name,
            dtype=dtype,
            device=device,
            mode=mode,
            estimator=estimator,
            problem=problem,
            parameter=parameter,
            dimension=len(kept.centre),
            settings=settings_text(settings),
            samples=samples,
            replicates=replicates,
            seed=seed,
            mean=finite(mean.value),
            mean_standard_error=finite(mean.standard_error),
            variance=finite(variance.value),
            variance_low=finite(variance.low),
            variance_high=finite(variance.high),
            confidence=intervals.CONFIDENCE,
            exact_variance=finite(_average(exact_variance, parameter)),
            seconds_per_gradient=measured.seconds_per_gradient,
            work_normalized_variance=finite(variance.value * measured.seconds_per_gradient),
            **compared._asdict(),
        )

    return [record(parameter) for parameter in PROBLEMS[problem].parameters]

"""A run cut into blocks of replicates, each with noise of its own, keyed by its number.

A run with more replicates begins with those of a shorter one, and the result is the same to the bit whichever process
computes which blocks, and in what order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import noise as noises
from harness.estimators import ESTIMATORS
from harness.modes import in_mode
from harness.plugins import texts
from harness.problems import NOISE, PROBLEMS, draw_noise
from harness.subjects.subject import Subject
from harness.variance.task import Task, event, inputs, shape

Float = NDArray[np.float64]

#: Replicates of a block, where its arrays are small enough.
BLOCK = 4096
#: Calls that are timed at the least; fewer where they take this many seconds together.
CALLS, CLOCK = 5, 0.05

#: Numbers that the largest array of a block may hold: 16 MiB in float64, so that a block stays near the cache.
BLOCK_NUMBERS = 2**21


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
    function, objective = texts.estimator(backend, estimator), texts.objective(backend, problem)
    distribution = getattr(backend.distributions, PROBLEMS[problem].distribution)

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

    def timed(self, noise: Any) -> tuple[Any, float]:
        """Return the gradients of a block, and the seconds that they took."""
        self.backend.runtime.synchronize(noise)
        begin = time.perf_counter()
        result = self.gradients(*self.arguments, noise)
        self.backend.runtime.synchronize(result)
        return result, time.perf_counter() - begin

    def clocked(self, seed: int, seconds: Sequence[float] = ()) -> list[float]:
        """Return the seconds of calls: those that were taken, and where they are few, more of one block.

        Args:
            seed: of the block.
            seconds: of calls that were timed already.
        """
        found, noise = list(seconds), self.draw(seed)
        while not found or (len(found) < CALLS and sum(found) < CLOCK):
            found.append(self.timed(noise)[1])
        return found

    def subject(self, seconds: list[float]) -> Subject:
        """Return the run as a subject, whose seed is that of a block: its number, where the noise is shared.

        Args:
            seconds: gets the seconds of each call, the draw of its noise excluded.
        """

        def gradients(seed: int, n: int) -> dict[str, Float]:
            result, elapsed = self.timed(self.draw(seed))
            seconds.append(elapsed)
            arrays = self.backend.runtime.to_numpy(result).items()
            return {name: np.asarray(values, np.float64).reshape(self.size, -1)[:n] for name, values in arrays}

        return Subject(gradients, block=self.size)

    def rows(self, number: int) -> int:
        """Return how many gradients of a block belong to the run: the last block is cut."""
        return min(self.size, self.replicates - number * self.size)


def prepare(backend: ModuleType, task: Task) -> Blocks:
    """Return the blocks of a task.

    Where the noise is shared, `Blocks.draw` takes the number of a block; where it is the framework's, a seed.

    Args:
        backend: the loaded and configured backend.
        task: what is measured.
    """
    runtime = backend.runtime
    parameters, constants = inputs(task)
    per_gradient = task.samples * ESTIMATORS[task.estimator].draws(task.settings)
    size = block_replicates(task.problem, int(np.prod(event(parameters))), per_gradient)
    drawn = shape(task, parameters, size)
    arguments = tuple(
        {k: runtime.asarray(v, task.dtype) for k, v in arrays.items()} for arrays in (parameters, constants)
    )
    like = next(iter(arguments[0].values()))
    native = getattr(backend.sampling, f"standard_{NOISE[PROBLEMS[task.problem].distribution]}")

    def shared(number: int) -> Any:
        random = noises.generator(task.seed, "variance", task.problem, task.estimator, number)
        return runtime.asarray(draw_noise(task.problem, parameters, drawn, random), task.dtype)

    def own(seed: Any) -> Any:
        return native(seed, drawn, like)

    function = gradient_function(backend, task.estimator, task.problem, task.mode)
    return Blocks(backend, function, arguments, shared if task.source == "shared" else own, size, task.replicates)

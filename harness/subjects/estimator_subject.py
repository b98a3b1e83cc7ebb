"""A subject of one estimator on an expectation: its noise, and its gradients block by block."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import dtypes
from harness import noise as noises
from harness.errors import BadInputError, out_of_range, shown
from harness.estimators import noise_shape
from harness.modes import in_mode
from harness.plugins import texts
from harness.problems import CONCENTRATIONS, QUADRATURE
from harness.subjects import estimated_baselines
from harness.subjects.estimated_baselines import ESTIMATED
from harness.subjects.expectation import Expectation
from harness.subjects.fitting import rows
from harness.subjects.subject import Subject
from harness.validation import settle
from implementations.entries import in_one_line

#: Replicates of a block at most, and numbers in its samples: an objective may hold a hundred times as many.
BLOCK, BLOCK_NUMBERS = 4096, 2**18

#: Evaluations of the objective for one sample, by estimator, as a function of the numbers in it; else a few.
_EVALUATIONS: dict[str, Callable[[int], int]] = {"measure_valued": lambda size: size}

#: What helps where a gradient raises, by mode.
_FIXES = {
    "compiled": "give mode='eager', which compiles nothing",
    "eager": "write the objective with the framework's own operations, batched over the leading axes of x",
}


def subject(goal: Expectation, name: str, samples: int | None, given: Mapping[str, Any], block: int | None) -> Subject:
    """Return the subject of an estimator that fits.

    Args:
        goal: the expectation.
        name: of the estimator, a key of `fitting.rows()`.
        samples: in one gradient; None is the least that the estimator needs.
        given: settings of the estimator, where they differ from their defaults.
        block: gradients that are computed at once; None is chosen by the size of a sample.

    Raises:
        BadInputError: a setting or a number cannot be used.
    """
    row, base = rows()[name], ESTIMATED.get(name, name)
    for setting, value in given.items():
        if not isinstance(value, Real):
            raise BadInputError(f"setting {setting!r} is {shown(value)}; allowed: a number")
    settings = settle(row.settings, given, goal.dtype, f"estimator {name!r}")
    count = row.least_samples if samples is None else whole("samples", samples, row.least_samples)
    constants = {key: dtypes.rounded(value, goal.dtype) for key, value in settings.items()}
    if base != name:
        score_function = texts.estimator(goal.backend, "score_function")
        found = estimated_baselines.baselines(goal, score_function, int(settings["baseline_samples"]))
        constants |= {key: dtypes.rounded(value, goal.dtype) for key, value in found.items()}
    size = _block(goal, name, count * row.draws(settings)) if block is None else whole("block", block, 1)
    function = texts.estimator(goal.backend, base)

    def gradients(arrays: Any, fixed: Any, noise: Any) -> Any:
        return function(goal.functions, goal.objective, arrays, fixed, noise)

    run = _Run(
        goal,
        name,
        in_mode(goal.backend, gradients, goal.mode),
        {key: goal.array(value) for key, value in constants.items()},
        noise_shape(base, settings, 1, count, goal.event)[1:],
        size,
    )
    return Subject(run.gradients, name, size)


def whole(name: str, value: Any, least: int) -> int:
    """Return a whole number that is at least `least`.

    Raises:
        BadInputError: it is not.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise BadInputError(f"{name} is {shown(value)}; allowed: a whole number from {least} up") from None
    if number < least:
        raise out_of_range(name, number, f"{least} or more", f"give {name}={least} or more")
    return number


def _block(goal: Expectation, name: str, draws: int) -> int:
    """Return the replicates of a block: the largest power of two, at most `BLOCK`, that keeps it in `BLOCK_NUMBERS`."""
    evaluations = _EVALUATIONS[name](goal.size) if name in _EVALUATIONS else 1
    nodes = 1 + QUADRATURE * len(CONCENTRATIONS.get(goal.distribution, ()))
    fitting = max(BLOCK_NUMBERS // (draws * goal.size * evaluations * nodes), 1)
    return int(min(BLOCK, 2 ** (fitting.bit_length() - 1)))


@dataclass(frozen=True)
class _Run:
    """How gradients are computed, block by block.

    Attributes:
        goal: the expectation.
        estimator: its name.
        function: (parameters, constants, noise [replicates, *shape]) -> {name: [replicates, *event]}.
        constants: of the estimator, arrays of the framework.
        shape: of the noise of one replicate.
        size: replicates of a block.
    """

    goal: Expectation
    estimator: str
    function: Callable[..., Any]
    constants: dict[str, Any]
    shape: tuple[int, ...]
    size: int

    def gradients(self, seed: int, n: int) -> dict[str, NDArray[Any]]:
        """Return n gradients, {name: [n, *event]}."""
        number = whole("n", n, 1)
        # fewer gradients than a block are rounded up to a power of two, so that few shapes are compiled
        size = min(self.size, 2 ** (number - 1).bit_length())
        parts = [self._part(seed, first // size, size, number - first) for first in range(0, number, size)]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.goal.parameters}

    def _part(self, seed: int, number: int, size: int, remaining: int) -> dict[str, NDArray[Any]]:
        """Return the gradients of one block; a compiled function computes a whole one, and its tail is dropped."""
        goal = self.goal
        count = size if goal.mode == "compiled" else min(size, remaining)
        random = noises.generator(seed, "from_estimator", goal.distribution.lower(), self.estimator, number)
        noise = goal.noise((count, *self.shape), random)
        try:
            found = self.function(goal.parameters, self.constants, noise)
        except (BadInputError, MemoryError):
            raise
        except Exception as error:
            raise BadInputError(
                f"estimator {self.estimator!r} on the objective, {goal.mode}, raised {in_one_line(error)}; "
                f"{_FIXES[goal.mode]}"
            ) from error
        return {name: value[:remaining] for name, value in goal.backend.runtime.to_numpy(found).items()}

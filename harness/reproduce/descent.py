"""Gradient descent of a logit by each estimator, on E (b - t)^2: where does it end?

Several runs go side by side, each step with the mean of many gradients. The exact path is that of the expected
gradient, theta <- theta - rate E g(theta): what the runs tend to as the gradients of a step become many.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from harness import dtypes as floats
from harness import noise as noises
from harness.estimators import ESTIMATORS, noise_shape
from harness.execution import progress
from harness.execution.work import Cell, Work
from harness.modes import usual
from harness.oracle import gradients, rules
from harness.reproduce import points
from harness.reproduce.quantities import Shown
from harness.reproduce.rows import Figure
from harness.results.schema import Record
from harness.statistics.intervals import CONFIDENCE
from harness.variance.blocks import gradient_function

Float = NDArray[np.float64]

PROBLEM = "bernoulli_quadratic"
TARGET = 0.45
TEMPERATURE = 0.5
SETTINGS = {"temperature": TEMPERATURE, "coefficient": 1.0}
RATE = 10.0
STEPS = 200
#: Steps that the figure shows.
SHOWN = (0, 5, 10, 20, 35, 50, 75, 100, 150, 200)
RUNS = 16
GRADIENTS = 5_000

TITLE = "loss while the logit descends"
FIGURE = Figure("mean", "logits", "step", log_y=False)

CURVES = {
    "score_function": "score function",
    "rebar": "REBAR",
    "gumbel_softmax": "Concrete",
}
POINTS = len(CURVES) * len(SHOWN)


def loss(logits: Float) -> Float:
    """Return E (b - t)^2 = t^2 + p (1 - 2 t)."""
    found: Float = TARGET**2 + (1 - 2 * TARGET) / (1 + np.exp(-logits))
    return found


def _constants(estimator: str) -> dict[str, Float]:
    own = {name: np.asarray(SETTINGS[name]) for name in ESTIMATORS[estimator].settings}
    return {"t": np.asarray(TARGET), **own}


@cache
def exact_path(estimator: str) -> Float:
    """Return the logit before each step and after the last, moved by the exact mean gradient [STEPS + 1]."""
    constants, path = _constants(estimator), [0.0]
    for _ in range(STEPS):
        parameters = {"logits": np.array([path[-1]])}
        if ESTIMATORS[estimator].biased:
            found = rules.moments(estimator, PROBLEM, parameters, constants, 1)
            gradient = np.nan if found is None else found["logits"].mean
        else:
            gradient = gradients.bernoulli_quadratic(parameters, constants).gradient["logits"]
        path.append(path[-1] - RATE * float(np.reshape(gradient, ())))
    return np.array(path)


def measure(backend: ModuleType, name: str, dtype: str, estimator: str, seed: int) -> list[list[float]]:
    """Return the logit of each run at the steps of `SHOWN` [RUNS][steps].

    Args:
        backend: the loaded and configured backend.
        name: of it.
        dtype: floating type.
        estimator: a key of `CURVES`.
        seed: of the noise.
    """
    runtime = backend.runtime
    gradient = gradient_function(backend, estimator, PROBLEM, usual(name))
    constants = {key: runtime.asarray(value, dtype) for key, value in _constants(estimator).items()}
    shape = noise_shape(estimator, SETTINGS, 1, GRADIENTS, (1,))
    found = []
    for run in range(RUNS):
        random = noises.generator(seed, "descent", estimator, run)
        logit, path = 0.0, [0.0]
        for _ in range(STEPS):
            noise = runtime.asarray(noises.draw("logistic", shape, random), dtype)
            moved = gradient({"logits": runtime.asarray(np.array([logit]), dtype)}, constants, noise)
            logit -= RATE * float(np.reshape(runtime.to_numpy(moved)["logits"], ()))
            path.append(logit)
        found.append([path[step] for step in SHOWN])
        progress.report(run + 1, RUNS, "runs")
    return found


def cells(
    name: str, backends: Sequence[str], dtypes: Sequence[str], devices: Sequence[str], seed: int, limit: float
) -> list[Cell]:
    """Return a cell for each estimator, whose records are points of the figure."""

    def cell(backend: str, dtype: str, device: str, estimator: str) -> Cell:
        def finish(result: list[list[float]]) -> Sequence[Record]:
            losses = loss(np.array(result))  # [runs, steps]
            exact = loss(exact_path(estimator)[list(SHOWN)])
            means = losses.mean(axis=0)
            halves = stdtrit(RUNS - 1, (1 + CONFIDENCE) / 2) * losses.std(axis=0, ddof=1) / np.sqrt(RUNS)
            rows = zip(SHOWN, means, halves, exact, strict=True)
            return [row(step, Shown(mean, mean - half, mean + half), truth) for step, mean, half, truth in rows]

        def row(step: int, shown: Shown, truth: float) -> Record:
            return points.judged(
                TITLE,
                FIGURE,
                "loss, E (b - 0.45)^2",
                shown,
                truth,
                limit,
                forgiven=64 * floats.find(dtype).eps,
                degrees=RUNS - 1,
                backend=backend,
                dtype=dtype,
                device=device,
                name=name,
                curve=CURVES[estimator],
                x=float(step),
                estimator=estimator,
                problem=PROBLEM,
                settings=f"t={TARGET!r} rate={RATE!r} temperature={TEMPERATURE!r}",
                samples=GRADIENTS,
                replicates=RUNS,
                seed=seed,
            )

        arguments = {"name": backend, "dtype": dtype, "estimator": estimator, "seed": seed}
        key = f"reproduce {name} descent {backend} {estimator} {dtype} {device} seed={seed}"
        return Cell(key, Work("harness.reproduce.descent:measure", backend, device, arguments), finish)

    return [
        cell(backend, floats.find(dtype).name, device, estimator)
        for backend in backends
        for device in devices
        for dtype in dtypes
        for estimator in CURVES
    ]

"""The noise of gradient estimators along a training: at its start, in its middle and at its end.

At each of these steps the weights make a problem, the evidence lower bound of a few images by the parameters of their
posterior (`harness.posteriors`), and the engine measures it as any other. From the posterior's parameters to the
encoder's weights every estimator has the same Jacobian, so that what differs between estimators is all here. The noise
is the same at every step, in every backend and dtype.

Reference:
    Tucker et al., REBAR, 2017, figure 2, and Roeder, Wu and Duvenaud, 2017, who plot the variance of the
    encoder's gradient over training.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import msgspec
import numpy as np

from harness import dtypes as floats
from harness.errors import BadInputError, out_of_range
from harness.estimators import ESTIMATORS, require_fit
from harness.execution.work import Cell, Work
from harness.plugins import texts
from harness.problems import Floats
from harness.results.schema import TrainingVariance, Variance
from harness.training import loop
from harness.training import plan as training
from harness.training.models import MODELS
from harness.training.weights import initial_weights
from harness.validation import require_count, settle
from harness.variance.plan import settings_text


def _of_vae(weights: Floats) -> tuple[Floats, Floats]:
    from harness.posteriors import of_vae

    return of_vae(weights)


def _of_categorical_vae(weights: Floats) -> tuple[Floats, Floats]:
    from harness.posteriors import of_categorical_vae

    return of_categorical_vae(weights)


@dataclass(frozen=True)
class Subject:
    """A model whose weights make a problem.

    Attributes:
        problem: a key of `PROBLEMS`.
        make: weights -> its parameters and constants.
        estimators: those that are measured unless others are asked for.
    """

    problem: str
    make: Callable[[Floats], tuple[Floats, Floats]]
    estimators: tuple[str, ...]


SUBJECTS = {
    "vae": Subject("vae", _of_vae, ("pathwise", "score_function", "score_function_leave_one_out")),
    "categorical_vae": Subject(
        "categorical_vae",
        _of_categorical_vae,
        ("gumbel_softmax", "straight_through_gumbel", "score_function", "score_function_leave_one_out", "rebar"),
    ),
}


def plan(
    model: str,
    steps: int = 200,
    *,
    at: Sequence[int] = (),
    estimators: Sequence[str] = (),
    settings: Mapping[str, float] | None = None,
    samples: int = 2,
    replicates: int = 2_000,
    batch: int = 128,
    backends: Sequence[str],
    dtypes: Sequence[str] = ("float32",),
    devices: Sequence[str] = ("cpu",),
    seed: int = 0,
) -> list[Cell]:
    """Plan one training, with measurements on its way, for every backend, dtype and device.

    Args:
        model: a key of `SUBJECTS`.
        steps: updates of the training, with the model's first objective, Adam, and all its defaults.
        at: updates before each measurement, 0 to `steps`; none means 0, half and all of them.
        estimators: that fit the model's problem; none means the subject's.
        settings: of the estimators, where they differ from their defaults.
        samples: samples in one gradient, the same for every estimator.
        replicates: gradients to measure, at least 2.
        batch: examples per step.
        backends: their names, known and installed.
        dtypes: "float32", "float64".
        devices: "cpu", "gpu".
        seed: of weights, batches and all noise.

    Raises:
        BadInputError: a name or value cannot be used.
    """
    if model in MODELS and model not in SUBJECTS:
        known = " or ".join(map(repr, SUBJECTS))
        raise BadInputError(f"model {model!r} has no latent variable, so that its gradient is exact; allowed: {known}")
    trainings = training.plan(
        model, steps, backends=backends, dtypes=dtypes, devices=devices, seed=seed, batch=batch
    )  # fmt: skip
    subject = SUBJECTS[model]
    chosen = tuple(dict.fromkeys(estimators)) or subject.estimators
    for estimator in chosen:
        require_fit(estimator, subject.problem)
    places = sorted(set(at)) or sorted({0, steps // 2, steps})
    for place in places:
        if not 0 <= place <= steps:
            raise out_of_range("at", place, f"0 to {steps}, the steps of the training", "train longer, or ask earlier")
    least = max(ESTIMATORS[estimator].least_samples for estimator in chosen)
    require_count("samples", samples, least, f"needed by {' and '.join(chosen)}")
    require_count("replicates", replicates, 2, "a variance needs two")
    rows = {name: row for estimator in chosen for name, row in ESTIMATORS[estimator].settings.items()}
    cells = []
    for cell in trainings:
        given = dict(cell.work.arguments)
        values = settle(
            rows, settings or {}, given["dtype"], f"model {model!r} with the estimators {', '.join(chosen)}"
        )
        own = {e: {name: values[name] for name in ESTIMATORS[e].settings} for e in chosen}
        wanted = {"at": places, "estimators": own, "latent_samples": samples, "replicates": replicates}
        words = " ".join(f"{e} {settings_text(own[e])}".strip() for e in chosen)
        size = f"at={','.join(map(str, places))} latent_samples={samples} replicates={replicates}"
        work = Work("harness.variance.trajectory:measure", cell.work.backend, cell.work.device, given | wanted,
                    package=texts.packages(chosen, subject.problem))  # fmt: skip
        cells.append(Cell(f"trajectory {cell.key.removeprefix('train ')} {words} {size}", work))
    return cells


def weights_at(
    backend: ModuleType, places: Sequence[int], dtype: str, first: Floats, taken: Iterator[loop.Taken]
) -> Iterator[tuple[int, Floats]]:
    """Return the weights after each number of updates, in float64, as they are reached.

    Args:
        backend: the framework's package.
        places: numbers of updates, in order.
        dtype: of the weights.
        first: initial weights.
        taken: the steps.
    """
    done = 0
    weights: Floats = {name: floats.rounded(value, dtype) for name, value in first.items()}
    for place in places:
        for last in deque(itertools.islice(taken, place - done), maxlen=1):  # the last of them, if there is one
            arrays = backend.runtime.to_numpy(last.parameters)
            weights = {name: np.asarray(value, np.float64) for name, value in arrays.items()}
        done = place
        yield place, weights


def measure(
    backend: ModuleType,
    *,
    name: str,
    device: str,
    steps: int,
    at: Sequence[int],
    estimators: Mapping[str, Mapping[str, float]],
    latent_samples: int,
    replicates: int,
    **training: Any,
) -> list[TrainingVariance]:
    """Train a model, and measure the estimators at some of its steps.

    Args:
        backend: the framework's package, configured.
        name: the backend's name, for the records.
        device: where the backend is configured to compute, for the records.
        steps: updates of the training, for the records.
        at: updates before each measurement, in order.
        estimators: their settings by name.
        latent_samples: samples in one measured gradient.
        replicates: gradients to measure.
        **training: fields of a `loop.Training` of one of `SUBJECTS`.

    Returns:
        One record per step, estimator and parameter.
    """
    from harness.variance import engine

    chosen = loop.Training(**training)
    taken = loop.steps_of(backend, loop.step_function(backend, chosen), chosen)
    model, dtype, seed = chosen.model, chosen.dtype, chosen.seed
    subject = SUBJECTS[model]
    about = {"model": model, "objective": chosen.objective, "batch": chosen.batch, "steps": steps}
    found = []
    for step, weights in weights_at(backend, at, dtype, initial_weights(MODELS[model].layers, seed), taken):
        parameters, constants = (
            {key: floats.rounded(value, dtype) for key, value in part.items()} for part in subject.make(weights)
        )
        for estimator, own in estimators.items():
            records = engine.measure(
                backend,
                name=name,
                device=device,
                dtype=dtype,
                estimator=estimator,
                problem=subject.problem,
                settings=own,
                dimension=1,
                samples=latent_samples,
                replicates=replicates,
                seed=seed,
                mode=chosen.mode,
                given=(parameters, constants),
            )
            found += [_at(record, step, about) for record in records]
    return found


def _at(record: Variance, step: int, about: Mapping[str, Any]) -> TrainingVariance:
    """Return what a record says as one along a training."""
    fields = msgspec.structs.asdict(record)
    shared = {name: fields[name] for name in TrainingVariance.__struct_fields__ if name in fields}
    return TrainingVariance(**shared, **about, step=step)

"""Training in one framework's process: the same weights, batches and noise as in every other."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness import data, noise
from harness.execution import progress
from harness.modes import in_mode
from harness.results.schema import Train, finite
from harness.training import models, optimizers
from harness.training.weights import initial_weights
from implementations.interface.contract import STATUSES


def indices(seed: int, step: int, batch: int, examples: int) -> NDArray[np.int64]:
    """Return which examples make up the batch of one step: a slice of its epoch's permutation.

    An epoch has as many whole batches as fit; the examples left over wait for another permutation.
    """
    epoch, place = divmod(step, examples // batch)
    permutation = noise.generator(seed, "batches", epoch).permutation(examples)
    return permutation[place * batch : (place + 1) * batch]


def batch_noise(model: str, seed: int, step: int, samples: int, batch: int) -> NDArray[np.float64]:
    """Draw the base noise of one step, [samples, batch, *event], whatever was drawn before."""
    row = models.find(model)
    return noise.draw(row.noise, (samples, batch, *row.event), noise.generator(seed, "training", model, step))


def batch_arrays(model: str, objective: str, seed: int, step: int, batch: int, samples: int) -> list[NDArray[Any]]:
    """Return what the loss takes after the parameters at one step: data, then noise if the model has some."""
    row = models.find(model)
    source = data.SOURCES[row.source]
    chosen = indices(seed, step, batch, source.examples)
    arrays = [array[chosen] for array in row.objectives[objective].view(*source.load())]
    return arrays + ([batch_noise(model, seed, step, samples, batch)] if row.noise else [])


def loss_function(backend: ModuleType, model: str, objective: str) -> Callable[..., Any]:
    """Return the loss of a backend: (parameters, *data), then noise and temperature if the model has them."""
    function: Callable[..., Any] = getattr(
        getattr(backend.models, model), models.find(model).objectives[objective].function
    )
    return function


@dataclass(frozen=True, kw_only=True)
class Training:
    """A model, how it is trained, and on which numbers.

    Attributes:
        model: a key of `models.MODELS`.
        objective: one of its objectives.
        optimizer: a key of `optimizers.OPTIMIZERS`.
        settings: "schedule" and "optimizer": the real settings of each.
        counts: the optimizer's settings that are whole numbers.
        schedule: the function of `annealing` that gives the temperature; empty if the model has none.
        dtype: of weights, data and noise.
        seed: of initial weights, batches and noise.
        batch: examples per step.
        samples: latent samples per example.
        mode: "eager" or "compiled".
    """

    model: str
    objective: str
    optimizer: str
    settings: Mapping[str, Mapping[str, float]]
    counts: Mapping[str, int]
    schedule: str
    dtype: str
    seed: int
    batch: int
    samples: int
    mode: str


def step_function(backend: ModuleType, training: Training) -> Callable[..., Any]:
    """Return one step of training: temperature, loss, and the optimizer's update.

    Args:
        backend: the framework's package.
        training: which; its seed, dtype, sizes and real settings do not matter here.

    Returns:
        (parameters, state, inputs) -> (loss, parameters, state, details), where inputs is a dict of "arrays" (data and
        noise), "step", "schedule" and "optimizer" (their settings), and details a dict of scalars, among them
        "temperature" if the model has one.
    """
    row = models.find(training.model)
    loss = loss_function(backend, training.model, training.objective)
    anneal = getattr(backend.annealing, training.schedule) if training.schedule else None
    family = getattr(backend.families, row.family) if row.family else None
    outputs = getattr(getattr(backend.models, training.model), "outputs", None)

    def update(parameters: Any, state: Any, inputs: Any) -> Any:
        shown = {} if anneal is None else {"temperature": anneal(inputs["step"], **inputs["schedule"])}
        arrays = (*inputs["arrays"], *shown.values())
        problem = optimizers.Problem(
            loss=lambda given: loss(given, *arrays),
            outputs=None if outputs is None else lambda given: outputs(given, arrays[0]),
            family=family,
        )
        value, parameters, state, details = optimizers.find(training.optimizer).update(
            backend, problem, parameters, state, inputs["optimizer"], training.counts
        )
        return value, parameters, state, details | shown

    return in_mode(backend, update, training.mode)


class Taken(NamedTuple):
    """A step that was taken.

    Attributes:
        loss: before the step.
        details: what else the step says, by name: "temperature", and what a natural-gradient step did.
        seconds: of the step, results waited for; drawing the noise and sending batch and noise are not in them.
        parameters: the weights after the step, arrays of the framework.
    """

    loss: float
    details: dict[str, float]
    seconds: float
    parameters: Any = None


def steps_of(backend: ModuleType, update: Callable[..., Any], training: Training) -> Iterator[Taken]:
    """Take steps from the initial weights of a seed, without end.

    Args:
        backend: the framework's package, configured.
        update: what `step_function` returns.
        training: which.
    """
    runtime, dtype = backend.runtime, training.dtype
    weights = initial_weights(models.find(training.model).layers, training.seed)
    parameters = {key: runtime.asarray(value, dtype) for key, value in weights.items()}
    state = backend.optimizers.adam_initial(parameters) if optimizers.find(training.optimizer).has_state else {}
    constants = {
        owner: {key: runtime.asarray(value, dtype) for key, value in own.items()}
        for owner, own in training.settings.items()
    }
    for step in itertools.count():
        arrays = batch_arrays(training.model, training.objective, training.seed, step, training.batch, training.samples)
        inputs = {
            "arrays": [runtime.asarray(array, dtype) for array in arrays],
            "step": runtime.asarray(float(step), dtype),
            **constants,
        }
        runtime.synchronize(inputs)
        start = time.perf_counter()
        value, parameters, state, details = update(parameters, state, inputs)
        runtime.synchronize((value, parameters, state))
        seconds = time.perf_counter() - start
        shown = {key: float(part) for key, part in runtime.to_numpy(details).items()}
        yield Taken(float(runtime.to_numpy(value)), shown, seconds, parameters)


def train(backend: ModuleType, *, name: str, device: str, steps: int, **training: Any) -> list[Train]:
    """Train a model and record every step.

    Args:
        backend: the framework's package, configured.
        name: the backend's name, for the records.
        device: where the backend is configured to compute, for the records.
        steps: updates.
        **training: fields of a `Training`.

    Returns:
        One record per step; in compiled mode the first step compiles.
    """
    chosen = Training(**training)
    taken = steps_of(backend, step_function(backend, chosen), chosen)
    records = []
    for step, (loss, shown, seconds, _) in enumerate(itertools.islice(taken, steps)):
        records.append(
            Train(
                backend=name,
                dtype=chosen.dtype,
                device=device,
                mode=chosen.mode,
                model=chosen.model,
                objective=chosen.objective,
                optimizer=chosen.optimizer,
                seed=chosen.seed,
                batch=chosen.batch,
                step=step,
                loss=finite(loss),
                temperature=finite(shown["temperature"]) if "temperature" in shown else None,
                seconds=seconds,
                **_trust_region(shown),
            )
        )
        progress.report(step + 1, steps, f"loss {loss:.6g}")
    return records


def _trust_region(details: Mapping[str, float]) -> dict[str, Any]:
    """Return the fields of a record that say what a natural-gradient step did; none for another optimizer."""
    if "status" not in details:
        return {}
    return {
        "kl": finite(details["kl"]),
        "predicted_kl": finite(details["predicted_kl"]),
        "length": finite(details["length"]),
        "halvings": int(details["halvings"]),
        "solver_status": STATUSES[int(details["status"])],
        "solver_iterations": int(details["iterations"]),
        "solver_residual": finite(details["residual"]),
    }

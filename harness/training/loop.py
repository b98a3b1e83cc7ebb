"""Training in one framework's process: the same weights, batches and noise as in every other."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import data, noise
from harness.execution import progress
from harness.modes import in_mode
from harness.results.schema import Train, finite
from harness.training import models
from harness.training.weights import initial_weights


def indices(seed: int, step: int, batch: int) -> NDArray[np.int64]:
    """Return which images make up the batch of one step: a slice of its epoch's permutation.

    An epoch has as many whole batches as fit; the images left over wait for another permutation.
    """
    epoch, place = divmod(step, data.IMAGES // batch)
    permutation = noise.generator(seed, "batches", epoch).permutation(data.IMAGES)
    return permutation[place * batch : (place + 1) * batch]


def batch_noise(model: str, seed: int, step: int, samples: int, batch: int) -> NDArray[np.float64]:
    """Draw the base noise of one step, [samples, batch, *event], whatever was drawn before."""
    row = models.find(model)
    return noise.draw(row.noise, (samples, batch, *row.event), noise.generator(seed, "training", model, step))


def loss_function(backend: ModuleType, model: str, objective: str) -> Callable[..., Any]:
    """Return the loss of a backend: (parameters, images, noise), then the temperature if the model has one."""
    function: Callable[..., Any] = getattr(
        getattr(backend.models, model), models.find(model).objectives[objective].function
    )
    return function


def step_function(backend: ModuleType, model: str, objective: str, schedule: str, mode: str) -> Callable[..., Any]:
    """Return one step of training: temperature, value and gradient of the loss, and Adam's update.

    Args:
        backend: the framework's package.
        model: its name.
        objective: its loss.
        schedule: the function of `annealing` that gives the temperature; empty if the model has none.
        mode: "eager" or "compiled".

    Returns:
        (parameters, state, inputs) -> (loss, temperature, parameters, state), where inputs is a dict of "images",
        "noise", "learning_rate", "step" and the schedule's "settings", and temperature a tuple of one scalar, or
        empty.
    """
    loss = loss_function(backend, model, objective)
    anneal = getattr(backend.annealing, schedule) if schedule else None

    def update(parameters: Any, state: Any, inputs: Any) -> Any:
        temperature = () if anneal is None else (anneal(inputs["step"], **inputs["settings"]),)
        value, gradients = backend.autodiff.value_and_gradient(
            loss, parameters, inputs["images"], inputs["noise"], *temperature
        )
        parameters, state = backend.optimizers.adam(parameters, gradients, state, inputs["learning_rate"])
        return value, temperature, parameters, state

    return in_mode(backend, update, mode)


def train(
    backend: ModuleType,
    *,
    name: str,
    model: str,
    objective: str,
    steps: int,
    dtype: str,
    device: str,
    seed: int,
    batch: int,
    learning_rate: float,
    samples: int,
    schedule: str,
    settings: dict[str, float],
    mode: str,
) -> list[Train]:
    """Train a model with Adam and record every step.

    Args:
        backend: the framework's package, configured.
        name: the backend's name, for the records.
        model: a key of `models.MODELS`.
        objective: one of its objectives.
        steps: updates.
        dtype: of weights, images and noise.
        device: where the backend is configured to compute, for the records.
        seed: of initial weights, batches and noise.
        batch: images per step.
        learning_rate: Adam's.
        samples: latent samples per image.
        schedule: of the temperature; empty if the model has none.
        settings: the schedule's.
        mode: "eager" or "compiled".

    Returns:
        One record per step. Its seconds are those of the step, results waited for; drawing the noise and sending
        batch and noise to the device are not in them; in compiled mode the first step compiles.
    """
    runtime = backend.runtime
    row = models.find(model)
    images = row.objectives[objective].pixels(data.digits()[0])
    update = step_function(backend, model, objective, schedule, mode)
    parameters = {key: runtime.asarray(value, dtype) for key, value in initial_weights(row.layers, seed).items()}
    state = backend.optimizers.adam_initial(parameters)
    rate = runtime.asarray(learning_rate, dtype)
    constants = {key: runtime.asarray(value, dtype) for key, value in settings.items()}

    records = []
    for step in range(steps):
        inputs = {
            "images": runtime.asarray(images[indices(seed, step, batch)], dtype),  # [batch, pixels]
            "noise": runtime.asarray(batch_noise(model, seed, step, samples, batch), dtype),  # [samples, batch, *event]
            "learning_rate": rate,
            "step": runtime.asarray(float(step), dtype),
            "settings": constants,
        }
        runtime.synchronize(inputs)
        start = time.perf_counter()
        value, temperature, parameters, state = update(parameters, state, inputs)
        runtime.synchronize((value, parameters, state))
        seconds = time.perf_counter() - start
        loss = float(runtime.to_numpy(value))
        records.append(
            Train(
                backend=name,
                dtype=dtype,
                device=device,
                mode=mode,
                model=model,
                objective=objective,
                seed=seed,
                batch=batch,
                step=step,
                loss=finite(loss),
                temperature=finite(float(runtime.to_numpy(temperature[0]))) if temperature else None,
                seconds=seconds,
            )
        )
        progress.report(step + 1, steps, f"loss {loss:.6g}")
    return records

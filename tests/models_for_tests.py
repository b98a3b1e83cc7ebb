"""Models and Adam evaluated in a worker process, right or with a defect, and their distance from the truth."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np

from harness import data, dtypes, noise
from harness.execution.work import Cell, Work
from harness.oracle import networks
from harness.training import loop, models
from harness.training.weights import initial_weights

SEED = 11
IMAGES = 4
SAMPLES = 2
TEMPERATURE = 0.75  # exact in every dtype
LEARNING_RATE = 2.0**-10

#: Largest normwise error, ||x - truth|| <= budget * eps * ||truth||. A loss is a sum over 784 pixels of what comes
#: out of dot products of length 784, 256, 128, 50, 128 and 256, and a gradient goes the same way back: 1,600 terms
#: each way. Rounding errors of random sign add up like their square root, 40 and 57; where terms cancel, as in a
#: gradient that is a mean over images, the norm of the terms exceeds that of the sum by a small factor.
BUDGET = 128.0

#: Adam's update, at most the learning rate, takes 12 operations without cancellation; adding it to x rounds once.
ADAM_STEPS = 3
ADAM_BUDGET = 16


@dataclass(frozen=True)
class Mutant:
    """A defect: a function of the backend, replaced wherever the backend looks it up.

    Attributes:
        target: "module:name" below the backend's package, or for a framework's own function in the row of its name.
        defect: maps the right function to the wrong one.
        model: the model that has the defect; None for the optimizer.
    """

    target: str | dict[str, str]
    defect: Callable[[Callable[..., Any]], Callable[..., Any]]
    model: str | None = "vae"


RELU = {"torch": "torch:relu", "jax": "jax.nn:relu", "tensorflow": "tensorflow.nn:relu"}
TANH = {"torch": "torch:tanh", "jax": "jax.numpy:tanh", "tensorflow": "tensorflow:tanh"}

MUTANTS = {
    "KL without its factor 1/2": Mutant("divergences:kl_standard_normal", lambda f: lambda *a: 2 * f(*a)),
    "KL left out": Mutant("divergences:kl_standard_normal", lambda f: lambda *a: 0 * f(*a)),
    "mean over pixels in place of the sum": Mutant(
        "models.vae:log_likelihood_bernoulli", lambda f: lambda *a: f(*a) / 784
    ),
    "log-likelihood with the wrong sign": Mutant("models.vae:log_likelihood_bernoulli", lambda f: lambda *a: -f(*a)),
    "relu dropped": Mutant(RELU, lambda _: lambda x: x),
    "noise not applied": Mutant("gaussian:reparameterize", lambda f: lambda loc, scale, e: f(loc, scale, 0 * e)),
    "noise with the wrong sign": Mutant("gaussian:reparameterize", lambda f: lambda loc, scale, e: f(loc, scale, -e)),
    "scale used as a variance": Mutant(
        "gaussian:reparameterize", lambda f: lambda loc, scale, e: f(loc, scale**0.5, e)
    ),
    "Gumbel noise not applied": Mutant(
        "gumbel:gumbel_softmax", lambda f: lambda logits, e, t: f(logits, 0 * e, t), "categorical_vae"
    ),
    "temperature not applied": Mutant(
        "gumbel:gumbel_softmax", lambda f: lambda logits, e, t: f(logits, e, t / t), "categorical_vae"
    ),
    "categorical KL reversed": Mutant("divergences:kl_categorical", lambda f: lambda q, p: f(p, q), "categorical_vae"),
    "tanh dropped in the categorical model": Mutant(TANH, lambda _: lambda x: x, "categorical_vae"),
    "Adam without bias correction": Mutant(
        "optimizers:adam",
        lambda f: lambda x, g, state, rate: f(x, g, state | {"step": state["step"] + 10**6}, rate),
        None,
    ),
    "Adam counting from 0": Mutant(
        "optimizers:adam", lambda f: lambda x, g, state, rate: f(x, g, state | {"step": state["step"] + 1}, rate), None
    ),
    "Adam climbing": Mutant(
        "optimizers:adam", lambda f: lambda x, g, state, rate: f(x, {k: -v for k, v in g.items()}, state, rate), None
    ),
}


@contextmanager
def defect(backend: ModuleType, name: str) -> Iterator[None]:
    """Put a defect into every module of the backend that holds the function; no name, no defect."""
    if not name:
        yield
        return
    mutant = MUTANTS[name]
    own = isinstance(mutant.target, str)
    target = f"{backend.__name__}.{mutant.target}" if own else mutant.target[backend.__name__.rpartition(".")[2]]
    path, _, attribute = target.partition(":")
    right = getattr(importlib.import_module(path), attribute)
    wrong = mutant.defect(right)
    holders = [module for key, module in sys.modules.items() if own and key.startswith(f"{backend.__name__}.")]
    if not own:
        holders = [importlib.import_module(path)]
    patches = [
        mock.patch.object(module, attribute, wrong) for module in holders if getattr(module, attribute, None) is right
    ]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def arguments(model: str, objective: str, dtype: str) -> tuple[dict[str, Any], Any, Any]:
    """Return weights, images and noise, rounded to `dtype`, in float64."""
    row = models.find(model)
    weights = {name: dtypes.rounded(value, dtype) for name, value in initial_weights(row.layers, SEED).items()}
    (images,) = row.objectives[objective].view(*data.digits())
    images = images[loop.indices(SEED, 0, IMAGES, len(images))]
    return weights, dtypes.rounded(images, dtype), dtypes.rounded(
        loop.batch_noise(model, SEED, 0, SAMPLES, IMAGES), dtype
    )  # fmt: skip


def evaluate(backend: ModuleType, model: str, objective: str, dtype: str, mutant: str) -> Any:
    """Return the loss and its gradient."""
    send = backend.runtime.asarray
    weights, images, base_noise = arguments(model, objective, dtype)
    temperature = () if model == "vae" else (send(TEMPERATURE, dtype),)
    with defect(backend, mutant):
        result = backend.autodiff.value_and_gradient(
            loop.loss_function(backend, model, objective),
            {name: send(value, dtype) for name, value in weights.items()},
            send(images, dtype),
            send(base_noise, dtype),
            *temperature,
        )
        return backend.runtime.to_numpy(result)


def truth(model: str, objective: str, dtype: str) -> tuple[Any, dict[str, Any]]:
    """Return the loss and its gradient from the oracle, in long double."""
    weights, images, base_noise = arguments(model, objective, dtype)
    exact = {name: value.astype(np.longdouble) for name, value in weights.items()}
    rest = images.astype(np.longdouble), base_noise.astype(np.longdouble)
    if model == "vae":
        return networks.vae_loss(objective, exact, *rest)
    return networks.categorical_vae_loss(exact, *rest, np.longdouble(TEMPERATURE))


def loss_error(result: Any, model: str, objective: str, dtype: str) -> float:
    """Return the largest normwise error of the loss and of the gradient by each parameter, in eps of `dtype`."""
    value, gradients = result
    true_value, true_gradients = truth(model, objective, dtype)
    assert gradients.keys() == true_gradients.keys()
    pairs = [(value, true_value)] + [(gradients[name], right) for name, right in true_gradients.items()]
    return (
        max(_norm(np.asarray(x, np.longdouble) - right) / _norm(right) for x, right in pairs) / dtypes.find(dtype).eps
    )


def _norm(x: Any) -> float:
    return float(np.sqrt((np.asarray(x) ** 2).sum()))


def adam_arguments(dtype: str) -> tuple[Any, Any]:
    """Return a start [100] and one gradient per step [steps, 100], of magnitudes from 1e-9 to 1e3."""
    random = noise.generator(SEED, "adam")
    gradients = random.standard_normal((ADAM_STEPS, 100)) * 10 ** random.uniform(-9, 3, 100)
    return dtypes.rounded(random.standard_normal(100), dtype), dtypes.rounded(gradients, dtype)


def adam(backend: ModuleType, dtype: str, mutant: str) -> Any:
    """Return where Adam arrives."""
    send = backend.runtime.asarray
    start, gradients = adam_arguments(dtype)
    with defect(backend, mutant):
        x = {"x": send(start, dtype)}
        state = backend.optimizers.adam_initial(x)
        for gradient in gradients:
            x, state = backend.optimizers.adam(x, {"x": send(gradient, dtype)}, state, send(LEARNING_RATE, dtype))
        return backend.runtime.to_numpy(x["x"])


def adam_error(result: Any, dtype: str) -> float:
    """Return the largest error, over steps * eps * (|x| + ADAM_BUDGET * rate)."""
    start, gradients = (value.astype(np.longdouble) for value in adam_arguments(dtype))
    x = {"x": start}
    state = networks.adam_initial(x)
    for gradient in gradients:
        x, state = networks.adam(x, {"x": gradient}, state, np.longdouble(LEARNING_RATE))
    allowed = ADAM_STEPS * dtypes.find(dtype).eps * (np.abs(start) + ADAM_BUDGET * LEARNING_RATE)
    return float(np.max(np.abs(result - x["x"]) / allowed))


def cell(backend: str, function: str, **arguments: str) -> Cell:
    """Return the cell that runs a function of this module in a backend's process; its record is the result."""
    work = Work(f"models_for_tests:{function}", backend, "cpu", dict(arguments))
    return Cell(" ".join([backend, function, *arguments.values()]), work, lambda result: [result])

"""What can be timed, by name, and the call that is timed: a function of the backend and its arguments, as arrays.

Kernels come from the contract. An estimator is timed on an example problem, a model on random images.
Every value is an argument of the timed function and every result is returned, so that a compiler can neither fold
a constant nor drop a result (pitfall T2).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from harness import noise
from harness.estimators import ESTIMATORS, fits, noise_shape
from harness.oracle import baselines
from harness.plugins import texts
from harness.problems import PROBLEMS, draw_noise, instance
from harness.timing import inputs
from harness.training.weights import initial_weights
from harness.validation import settle
from implementations.interface import contract
from implementations.interface.models import categorical_vae, vae
from implementations.interface.models.network import Layer, parameter_shapes

#: Images in one step of a model, and samples in one gradient of an estimator (leave-one-out needs two).
IMAGES = 128
SAMPLES = 2

#: The problems on which estimators are timed, at their default settings: the first that fits the estimator.
EXAMPLES = ("quadratic", "bernoulli", "gaussian_elbo", "linear_gaussian_iwae", "gamma_quadratic")

#: A function and its arguments, arrays of the backend or dicts of them.
Call = tuple[Callable[..., Any], tuple[Any, ...]]


@dataclass(frozen=True)
class Model:
    """A loss that is timed.

    Attributes:
        layers: of the network.
        noise: base noise of the latents.
        latents: shape of the latents of one image.
        scalars: further arguments of the loss.
    """

    layers: tuple[Layer, ...]
    noise: str
    latents: tuple[int, ...]
    scalars: Mapping[str, float] = field(default_factory=dict)


_VAE = Model(vae.ENCODER + vae.DECODER, "normal", (vae.LATENTS,))
_CATEGORICAL_VAE = Model(
    categorical_vae.ENCODER + categorical_vae.DECODER,
    "gumbel",
    (categorical_vae.VARIABLES, categorical_vae.CLASSES),
    {"temperature": 0.5},
)
MODELS = {
    "models.vae.loss_bernoulli": _VAE,
    "models.vae.loss_gaussian": _VAE,
    "models.vae.loss_article": _VAE,
    "models.categorical_vae.loss": _CATEGORICAL_VAE,
}


#: Before the names of estimators here, as in "estimators.pathwise".
_PREFIX = "estimators."


def names() -> list[str]:
    """Return the name of everything that can be timed: kernels, estimators, models.

    An estimator that fits none of `EXAMPLES` cannot.
    """
    estimators = (_PREFIX + name for name in ESTIMATORS if _example(name))
    return [*contract.kernels(), *estimators, *MODELS]


def _example(estimator: str) -> str:
    """Return the problem on which an estimator is timed; "" where there is none."""
    return next((problem for problem in EXAMPLES if fits(estimator, problem)), "")


def has(backend: str, name: str) -> bool:
    """Tell whether a backend has a text of a subject; only an estimator of another package may lack one."""
    return not name.startswith(_PREFIX) or not texts.gap(backend, name.removeprefix(_PREFIX), ESTIMATORS)


def packages(name: str) -> str:
    """Return the distributions beside this one whose code a subject is, as `texts.packages`."""
    estimator = name.removeprefix(_PREFIX)
    return texts.packages([estimator], _example(estimator)) if name.startswith(_PREFIX) else ""


def derivatives(name: str) -> tuple[str, ...]:
    """Return "value", and "vjp" where it is differentiated; an estimator's value is a gradient."""
    kernel = contract.kernels().get(name)
    differentiable = name in MODELS if kernel is None else bool(kernel.differentiable)
    return ("value", "vjp") if differentiable else ("value",)


def elements(name: str, size: int) -> int:
    """Return the elements of the largest argument that come nearest to `size`; a model's are fixed by its layers."""
    if name in MODELS:
        shapes = parameter_shapes(MODELS[name].layers).values()
        return max(IMAGES * vae.PIXELS, *map(math.prod, shapes))
    if name.startswith(_PREFIX):
        return SAMPLES * max(1, size // SAMPLES)
    return max(map(math.prod, inputs.shapes(contract.kernels()[name], size).values()))


def _arrays(backend: ModuleType, values: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    return {name: backend.runtime.asarray(value, dtype) for name, value in values.items()}


def find(backend: ModuleType, path: str) -> Any:
    """Return what stands at "module.name" below the backend's package; a module may itself be dotted."""
    module, _, name = path.rpartition(".")
    # by import, since a package may show a function of the same name as one of its modules
    return getattr(importlib.import_module(f"{backend.__name__}.{module}"), name)


def _kernel_call(backend: ModuleType, name: str, *, dtype: str, derivative: str, size: int, seed: int) -> Call:
    kernel = contract.kernels()[name]
    function = find(backend, name)
    values = inputs.values(kernel, size, seed)
    arrays = _arrays(backend, values, dtype)
    if derivative == "value":
        return function, tuple(arrays.values())
    primals = tuple(arrays.pop(argument) for argument in kernel.differentiable)
    cotangent = noise.generator(seed, "timing", name, "cotangent").standard_normal(inputs.result_shape(kernel, size))

    def forward_and_backward(primals: tuple[Any, ...], held: dict[str, Any], cotangent: Any) -> Any:
        def differentiated(*primals: Any) -> Any:
            return function(**held, **dict(zip(kernel.differentiable, primals, strict=True)))

        return backend.autodiff.vjp(differentiated, primals, cotangent)

    return forward_and_backward, (primals, arrays, backend.runtime.asarray(cotangent, dtype))


def _estimator_call(backend: ModuleType, name: str, *, dtype: str, derivative: str, size: int, seed: int) -> Call:
    del derivative  # an estimator's value is a gradient
    estimator = name.removeprefix(_PREFIX)
    row, problem = ESTIMATORS[estimator], _example(estimator)
    example = PROBLEMS[problem]
    settings = settle({**example.settings, **row.settings}, {}, dtype, name)
    parameters, constants = instance(problem, settings, 1, dtype)
    constants |= {key: np.asarray(settings[key]) for key in row.settings}
    constants |= baselines.constants_of(estimator, problem, parameters, constants, dtype)
    event = next(iter(parameters.values())).shape
    shape = noise_shape(estimator, settings, size // SAMPLES, SAMPLES, event)
    function, objective = texts.estimator(backend, estimator), texts.objective(backend, problem)
    distribution = find(backend, f"distributions.{example.distribution}")
    draws = draw_noise(problem, parameters, shape, noise.generator(seed, "timing", name))

    def gradient(parameters: dict[str, Any], constants: dict[str, Any], noise: Any) -> Any:
        return function(distribution, objective, parameters, constants, noise)

    arguments = (_arrays(backend, parameters, dtype), _arrays(backend, constants, dtype))
    return gradient, (*arguments, backend.runtime.asarray(draws, dtype))  # noise [replicates, samples]


def _model_call(backend: ModuleType, name: str, *, dtype: str, derivative: str, size: int, seed: int) -> Call:
    del size  # fixed by the layers
    model = MODELS[name]
    loss = find(backend, name)
    asarray = backend.runtime.asarray
    weights = _arrays(backend, initial_weights(model.layers, seed), dtype)
    images = noise.generator(seed, "timing", name, "images").integers(0, 2, (IMAGES, vae.PIXELS)).astype(np.float64)
    draws = noise.draw(model.noise, (1, IMAGES, *model.latents), noise.generator(seed, "timing", name))
    rest = (asarray(images, dtype), asarray(draws, dtype), *(asarray(x, dtype) for x in model.scalars.values()))
    if derivative == "value":
        return loss, (weights, *rest)

    def value_and_gradient(weights: dict[str, Any], *rest: Any) -> Any:
        return backend.autodiff.value_and_gradient(loss, weights, *rest)

    return value_and_gradient, (weights, *rest)


#: By the first part of the name; kernels have the rest.
_CALLS = {"estimators": _estimator_call, "models": _model_call}


def call(backend: ModuleType, name: str, *, dtype: str, derivative: str, size: int, seed: int) -> Call:
    """Return the function that is timed and its arguments, which lie on the backend's device.

    Args:
        backend: the loaded and configured backend.
        name: one of `names`.
        dtype: of every argument.
        derivative: one of `derivatives(name)`; "vjp" is forward and backward in one function.
        size: elements of the largest argument.
        seed: of the inputs.
    """
    make = _CALLS.get(name.partition(".")[0], _kernel_call)
    return make(backend, name, dtype=dtype, derivative=derivative, size=elements(name, size), seed=seed)

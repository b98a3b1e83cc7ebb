"""What is run where curvature is timed or its memory measured: chains of products or gradients, and a solve.

In a chain each call needs the result of the last, so that nothing can be left out or done at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from harness import noise
from harness.errors import out_of_range
from harness.modes import in_mode
from harness.training.weights import initial_weights
from harness.validation import require_count
from implementations.interface.models.network import Layer, parameter_shapes

#: Factor of a result in the next call's argument: enough that nothing can be dropped, too little to overflow.
FACTOR = 1e-3

#: What is timed, by its name in `fisher`; the reference is the gradient.
PRODUCTS = ("gauss_newton", "kl_reverse_over_reverse", "kl_forward_over_reverse")
GRADIENT = "gradient"

#: (weights, vector, inputs, targets) -> a dict like the weights.
Chain = Callable[[Any, Any, Any, Any], Any]


def layers(widths: Sequence[int]) -> tuple[Layer, ...]:
    """Return the layers of a network: hidden_1, hidden_2, ..., logits."""
    names = [f"hidden_{place}" for place in range(1, len(widths) - 1)] + ["logits"]
    return tuple(zip(names, widths[:-1], widths[1:], strict=True))


def size(widths: Sequence[int]) -> int:
    """Return how many numbers the parameters of a network are."""
    return sum(math.prod(shape) for shape in parameter_shapes(layers(widths)).values())


def require_network(widths: Sequence[int], batch: int, seed: int) -> None:
    """Check widths, batch and seed.

    Raises:
        BadInputError: one is out of its range.
    """
    if len(widths) < 2 or min(widths) < 1:
        raise out_of_range("widths", "-".join(map(str, widths)), "two or more, each 1 or more", "as in 784-256-128-10")
    require_count("batch", batch, 1)
    require_count("seed", seed, 0)


def chain(backend: ModuleType, subject: str, length: int) -> Chain:
    """Return a function that calls a subject `length` times, one call after the other.

    Args:
        backend: the loaded backend.
        subject: `GRADIENT` or one of `PRODUCTS`.
        length: calls.
    """
    model, family = backend.models.classifier, backend.families.CATEGORICAL

    def plus(start: Any, change: Any) -> Any:
        return {name: part + FACTOR * change[name] for name, part in start.items()}

    def gradients(weights: Any, vector: Any, inputs: Any, targets: Any) -> Any:
        del vector
        present = weights
        for _ in range(length):
            present = plus(weights, backend.autodiff.value_and_gradient(model.loss, present, inputs, targets)[1])
        return present

    def products(weights: Any, vector: Any, inputs: Any, targets: Any) -> Any:
        del targets
        middle = family.fisher if subject == "gauss_newton" else family.kl
        product = getattr(backend.fisher, subject)(middle, lambda given: model.outputs(given, inputs), weights)
        present = vector
        for _ in range(length):
            present = plus(vector, product(present))
        return present

    return gradients if subject == GRADIENT else products


def solve(backend: ModuleType, iterations: int) -> Chain:
    """Return a function that solves (F + I) x = gradient by conjugate gradient, without a tolerance.

    Args:
        backend: the loaded backend.
        iterations: directions that are used.

    Returns:
        (weights, vector, inputs, targets) -> x and the relative residual; the vector is not used.
    """
    model, family = backend.models.classifier, backend.families.CATEGORICAL

    def run(weights: Any, vector: Any, inputs: Any, targets: Any) -> Any:
        del vector
        _, gradient = backend.autodiff.value_and_gradient(model.loss, weights, inputs, targets)
        product = backend.fisher.gauss_newton(family.fisher, lambda given: model.outputs(given, inputs), weights)
        solution = backend.solvers.conjugate_gradient(product, gradient, 0.0, iterations, 1.0)
        return solution.x, solution.residual

    return run


def inputs(backend: ModuleType, widths: Sequence[int], batch: int, dtype: str, seed: int) -> tuple[Any, Any, Any, Any]:
    """Return random weights, vector, inputs and one-hot targets of a classifier, on the backend's device."""
    rows = layers(widths)
    random = noise.generator(seed, "curvature", *widths, batch)
    weights = initial_weights(rows, seed)
    vector = {name: random.standard_normal(value.shape) for name, value in weights.items()}
    values = random.random((batch, widths[0])), np.eye(widths[-1])[random.integers(0, widths[-1], batch)]
    send = backend.runtime.asarray
    given = tuple({name: send(part, dtype) for name, part in own.items()} for own in (weights, vector))
    arguments = (*given, *(send(value, dtype) for value in values))
    backend.runtime.synchronize(arguments)
    return arguments


def prepared(
    backend: ModuleType,
    subject: str,
    length: int,
    *,
    mode: str,
    widths: Sequence[int],
    batch: int,
    dtype: str,
    seed: int,
) -> Callable[[], Any]:
    """Return a call that has run twice and waits for its result.

    Args:
        backend: the loaded and configured backend.
        subject: `GRADIENT`, one of `PRODUCTS`, or "conjugate_gradient".
        length: calls of a chain, or iterations of the solve.
        mode: "eager" or "compiled".
        widths: of the network.
        batch: examples.
        dtype: of all arrays.
        seed: of weights and data.
    """
    function = solve(backend, length) if subject == "conjugate_gradient" else chain(backend, subject, length)
    call = in_mode(backend, function, mode)
    arguments = inputs(backend, widths, batch, dtype, seed)

    def run() -> Any:
        result = call(*arguments)
        backend.runtime.synchronize(result)
        return result

    run()
    run()
    return run

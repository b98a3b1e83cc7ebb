"""What a curvature-vector product costs in gradients of the same network and batch, side by side in one process.

A chain of calls, each of which needs the result of the last, is run at two lengths; their difference over the
difference in length is the cost of one call, without preparation and dispatch of the chain. Chains of all subjects
take turns, so that a slow moment of the machine meets all of them, and the ratio is taken within each turn.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from scipy import stats

from harness import noise
from harness.errors import out_of_range
from harness.execution.progress import report
from harness.execution.work import Cell, Work
from harness.modes import in_mode
from harness.results.schema import Ratio
from harness.training.weights import initial_weights
from harness.validation import require_count
from implementations.interface.models.network import Layer, parameter_shapes

#: Calls in a short chain and in a long one.
LENGTHS = (2, 8)

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


def seconds(run: Callable[[], Any], repeats: int) -> float:
    """Return the shortest of some runs: what the machine takes when nothing else wants it."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return min(found)


def interval(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """Return order statistics between which the median lies, whatever the distribution.

    The number of values below the median is binomial with probability 1/2.

    Reference:
        Conover, Practical Nonparametric Statistics, 1999, section 3.2.
    """
    ordered = sorted(values)
    skipped = int(stats.binom.ppf((1 - confidence) / 2, len(ordered), 0.5))
    return ordered[max(skipped - 1, 0)], ordered[min(len(ordered) - skipped, len(ordered) - 1)]


def measure(
    backend: ModuleType,
    *,
    name: str,
    dtype: str,
    device: str,
    modes: Sequence[str],
    widths: Sequence[int],
    batch: int,
    turns: int,
    seed: int,
) -> list[Ratio]:
    """Measure the products of one framework in gradients.

    Args:
        backend: the loaded backend, configured for `device`.
        name: the backend's name, for the records.
        dtype: of all arrays.
        device: "cpu" or "gpu".
        modes: "eager", "compiled".
        widths: of the network, from inputs to classes.
        batch: examples.
        turns: how often each chain is run at both lengths, in turn with the others.
        seed: of weights, vector and data.

    Returns:
        A record for each subject and mode. The reference is the gradient in its quickest mode.
    """
    synchronize, arguments = backend.runtime.synchronize, inputs(backend, widths, batch, dtype, seed)
    subjects = [(subject, mode) for subject in (GRADIENT, *PRODUCTS) for mode in modes]
    calls = {}
    for done, (subject, mode) in enumerate(subjects):
        report(done, len(subjects), f"compiling {subject} {mode}")
        for length in LENGTHS:
            function = in_mode(backend, chain(backend, subject, length), mode)

            def run(function: Chain = function) -> None:
                synchronize(function(*arguments))

            run()
            calls[subject, mode, length] = run
    costs: dict[tuple[str, str], list[float]] = {subject: [] for subject in subjects}
    for turn in range(turns):
        report(turn, turns, f"turn {turn + 1} of {turns}")
        for subject, mode in subjects:
            short, long = (seconds(calls[subject, mode, length], 3) for length in LENGTHS)
            costs[subject, mode].append((long - short) / (LENGTHS[1] - LENGTHS[0]))
    best = min(modes, key=lambda mode: statistics.median(costs[GRADIENT, mode]))
    reference = costs[GRADIENT, best]
    found = []
    for subject, mode in subjects:
        ratios = [cost / gradient for cost, gradient in zip(costs[subject, mode], reference, strict=True)]
        low, high = interval(ratios, 0.95)
        found.append(
            Ratio(
                backend=name,
                dtype=dtype,
                device=device,
                subject=subject,
                mode=mode,
                reference=f"{GRADIENT} {best}",
                network="-".join(map(str, widths)),
                parameters=size(widths),
                batch=batch,
                turns=turns,
                seconds=statistics.median(costs[subject, mode]),
                ratio=statistics.median(ratios),
                ratio_low=low,
                ratio_high=high,
                confidence=0.95,
            )
        )
    return found


def require_network(widths: Sequence[int], batch: int, seed: int) -> None:
    """Check widths, batch and seed.

    Raises:
        BadInputError: one is out of its range.
    """
    if len(widths) < 2 or min(widths) < 1:
        raise out_of_range("widths", "-".join(map(str, widths)), "two or more, each 1 or more", "as in 784-256-128-10")
    require_count("batch", batch, 1)
    require_count("seed", seed, 0)


def plan(
    backends: Sequence[str],
    dtypes: Sequence[str] = ("float32",),
    devices: Sequence[str] = ("cpu",),
    *,
    modes: Sequence[str] = ("eager", "compiled"),
    widths: Sequence[int] = (784, 256, 128, 10),
    batch: int = 512,
    turns: int = 15,
    seed: int = 0,
) -> list[Cell]:
    """Return one cell for each backend, dtype and device.

    Args:
        backends: reference backends.
        dtypes: floating types.
        devices: "cpu", "gpu".
        modes: "eager", "compiled".
        widths: of the network, at least inputs and classes.
        batch: examples, at least 1.
        turns: at least 6, below which 95 % confidence has no interval.
        seed: at least 0.

    Raises:
        BadInputError: a number is out of range.
    """
    require_network(widths, batch, seed)
    require_count("turns", turns, 6, "with fewer, 95 % confidence has no interval")
    rows: list[dict[str, Any]] = [
        {"name": backend, "dtype": dtype, "device": device, "modes": list(modes), "widths": list(widths)}
        | {"batch": batch, "turns": turns, "seed": seed}
        for backend in backends
        for dtype in dtypes
        for device in devices
    ]
    return [
        Cell(
            "curvature " + " ".join(f"{key}={value}" for key, value in row.items()),
            Work("harness.timing.curvature:measure", row["name"], row["device"], row),
        )
        for row in rows
    ]

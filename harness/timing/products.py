"""What a curvature-vector product costs in gradients of the same network and batch, side by side in one process.

A chain of calls is run at two lengths; their difference over the difference in length is the cost of one call, without
preparation and dispatch of the chain. Chains of all subjects take turns, so that a slow moment of the machine meets
all of them, and the ratio is taken within each turn. A library that has such products takes its turn beside its base.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from harness.backends import require_references
from harness.execution.progress import report
from harness.execution.work import Cell, Work
from harness.modes import in_mode, usual
from harness.results.schema import Ratio
from harness.timing.curvature import GRADIENT, PRODUCTS, Chain, chain, inputs, require_network, size
from harness.timing.turns import CONFIDENCE, interval, require_turns
from implementations import registry

#: Calls in a short chain and in a long one.
LENGTHS = (2, 8)


class Subject(NamedTuple):
    """What takes its turn.

    Attributes:
        backend: whose call it is.
        name: `GRADIENT` or one of `PRODUCTS`.
        mode: "eager" or "compiled".
    """

    backend: str
    name: str
    mode: str


def libraries(backend: str) -> list[str]:
    """Return the installed libraries that have some of the products, and whose base a backend is."""
    rows = registry.backends().values()
    return [row.name for row in rows if row.base == backend and registry.installed(row.name) and _offered(row.name)]


def _offered(library: str) -> list[str]:
    return [product for product in PRODUCTS if registry.offers(library, f"fisher.{product}")]


def seconds(run: Callable[[], Any], repeats: int) -> float:
    """Return the shortest of some runs: what the machine takes when nothing else wants it."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return min(found)


def _costs(
    loaded: dict[str, ModuleType], subjects: Sequence[Subject], arguments: Sequence[Any], turns: int
) -> dict[Subject, list[float]]:
    """Return the seconds of one call of each subject, in each turn."""

    def prepared(subject: Subject, length: int) -> Callable[[], None]:
        backend = loaded[subject.backend]
        function: Chain = in_mode(backend, chain(backend, subject.name, length), subject.mode)

        def run() -> None:
            backend.runtime.synchronize(function(*arguments))

        run()
        return run

    calls = {}
    for done, subject in enumerate(subjects):
        report(done, len(subjects), f"compiling {' '.join(subject)}")
        calls[subject] = [prepared(subject, length) for length in LENGTHS]
    costs: dict[Subject, list[float]] = {subject: [] for subject in subjects}
    for turn in range(turns):
        report(turn, turns, f"turn {turn + 1} of {turns}")
        for subject, both in calls.items():
            short, long = (seconds(call, 3) for call in both)
            costs[subject].append((long - short) / (LENGTHS[1] - LENGTHS[0]))
    return costs


def measure(
    backend: ModuleType,
    *,
    name: str,
    dtype: str,
    device: str,
    modes: Sequence[str],
    libraries: Sequence[str],
    widths: Sequence[int],
    batch: int,
    turns: int,
    seed: int,
) -> list[Ratio]:
    """Measure the products of one framework in gradients, and those of libraries beside them.

    Args:
        backend: the loaded backend, configured for `device`.
        name: the backend's name, for the records.
        dtype: of all arrays.
        device: "cpu" or "gpu".
        modes: "eager", "compiled".
        libraries: whose base the backend is; each runs in the mode in which people mostly run it.
        widths: of the network, from inputs to classes.
        batch: examples.
        turns: how often each chain is run at both lengths, in turn with the others.
        seed: of weights, vector and data.

    Returns:
        A record for each subject and mode, whose reference is the gradient in its quickest mode; then, for each
        product of a library, one of the backend's own in its quickest mode, whose reference is the library's.
    """
    loaded = {name: backend} | {library: registry.load(library) for library in libraries}
    subjects = [Subject(name, subject, mode) for subject in (GRADIENT, *PRODUCTS) for mode in modes]
    theirs = [Subject(library, product, usual(library)) for library in libraries for product in _offered(library)]
    costs = _costs(loaded, [*subjects, *theirs], inputs(backend, widths, batch, dtype, seed), turns)

    def quickest(product: str) -> Subject:
        return min(
            (subject for subject in subjects if subject.name == product),
            key=lambda subject: statistics.median(costs[subject]),
        )

    gradient = quickest(GRADIENT)
    pairs = [(subject, gradient, f"{GRADIENT} {gradient.mode}") for subject in costs]
    pairs += [(quickest(other.name), other, " ".join(other)) for other in theirs]

    def record(subject: Subject, reference: Subject, text: str) -> Ratio:
        ratios = [cost / other for cost, other in zip(costs[subject], costs[reference], strict=True)]
        low, high = interval(ratios)
        return Ratio(
            backend=subject.backend,
            dtype=dtype,
            device=device,
            subject=subject.name,
            mode=subject.mode,
            reference=text,
            network="-".join(map(str, widths)),
            parameters=size(widths),
            batch=batch,
            turns=turns,
            seconds=statistics.median(costs[subject]),
            ratio=statistics.median(ratios),
            ratio_low=low,
            ratio_high=high,
            confidence=CONFIDENCE,
        )

    return [record(*pair) for pair in pairs]


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
        backends: reference backends; the libraries built on them that are installed come with them.
        dtypes: floating types.
        devices: "cpu", "gpu".
        modes: "eager", "compiled".
        widths: of the network, at least inputs and classes.
        batch: examples, at least 1.
        turns: at least 6, below which 95 % confidence has no interval.
        seed: at least 0.

    Raises:
        BadInputError: a number is out of range, or a backend is a library.
    """
    require_references(backends, "turn of its own: its products are timed beside those of its base")
    require_network(widths, batch, seed)
    require_turns(turns)
    rows: list[dict[str, Any]] = [
        {"name": backend, "dtype": dtype, "device": device, "modes": list(modes), "libraries": libraries(backend)}
        | {"widths": list(widths), "batch": batch, "turns": turns, "seed": seed}
        for backend in backends
        for dtype in dtypes
        for device in devices
    ]
    return [
        Cell(
            "curvature " + " ".join(f"{key}={value}" for key, value in row.items()),
            Work("harness.timing.products:measure", row["name"], row["device"], row),
        )
        for row in rows
    ]

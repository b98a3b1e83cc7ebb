"""What `reparam variance` measures: every value checked, one cell per backend, dtype and device."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness import dtypes as floats
from harness.backends import require_references
from harness.errors import BadInputError, out_of_range, unknown
from harness.estimators import ESTIMATORS, SHOWN, excess, require_fit
from harness.execution.work import Cell, Work
from harness.modes import usual
from harness.plugins import texts
from harness.problems import CONCENTRATIONS, PROBLEMS
from harness.results.schema import Record
from harness.validation import Setting, require_count, settle

#: Where noise comes from.
SOURCES = {"shared": "NumPy, the same for every backend", "framework": "the framework's own generator, and quicker"}

MODES = ("eager", "compiled")


def settings_of(estimator: str, problem: str) -> dict[str, Setting]:
    """Return what `--set` may set: the problem's settings, then the estimator's.

    Raises:
        BadInputError: one of the two is unknown, or they do not fit together.
    """
    require_fit(estimator, problem)
    return {**PROBLEMS[problem].settings, **ESTIMATORS[estimator].settings}


def settings_text(settings: Mapping[str, float]) -> str:
    """Return settings as "name=value" joined by blanks, each value in the shortest digits that give it back."""
    return " ".join(f"{name}={repr(value).removesuffix('.0')}" for name, value in settings.items())


def coordinates_of(problem: str, given: int | None) -> int:
    """Return the coordinates to use: the given ones, else the problem's default."""
    default = PROBLEMS[problem].dimension
    if default is None:
        if given is not None:
            takers = [name for name, row in PROBLEMS.items() if row.dimension is not None]
            more = f" and {len(takers) - SHOWN} more" if len(takers) > SHOWN else ""
            raise BadInputError(
                f"problem {problem!r} has a dimension of its own, and --dimension {given} was given; leave it out, "
                f"or take a problem with a free dimension: {', '.join(takers[:SHOWN])}{more}"
            )
        return 1
    return require_count("dimension", default if given is None else given, 1)


def plan(
    estimator: str,
    problem: str,
    settings: Mapping[str, float],
    *,
    dimension: int | None = None,
    samples: int | None = None,
    replicates: int = 100_000,
    backends: Sequence[str],
    dtypes: Sequence[str] = ("float32",),
    devices: Sequence[str] = ("cpu",),
    seed: int = 0,
    source: str = "shared",
    mode: str = "",
    processes: int = 1,
    blocks_per_call: int = 64,
) -> list[Cell]:
    """Return the cells that measure one estimator on one problem.

    One for each backend, dtype and device; where several processes share the work, one for each of them, and the last
    to finish has the records.

    Args:
        estimator: a key of `ESTIMATORS`.
        problem: a key of `PROBLEMS`.
        settings: of problem and estimator; the rest keep their defaults.
        dimension: coordinates, for a problem that takes them.
        samples: samples in one gradient; None is the least that the estimator needs.
        replicates: gradients to measure, at least 2.
        backends: their names, known and installed.
        dtypes: floating types.
        devices: "cpu", "gpu".
        seed: of the noise, at least 0.
        source: of the noise: "shared" or "framework".
        mode: "eager" or "compiled"; "" is each framework's usual one.
        processes: that share one measurement, at least 1. The result does not depend on it.
        blocks_per_call: where the framework draws, at least 1. The result does not depend on it.

    Raises:
        BadInputError: a name or value cannot be used.
    """
    rows = settings_of(estimator, problem)
    least = ESTIMATORS[estimator].least_samples
    coordinates = coordinates_of(problem, dimension)
    _require_enumerable(estimator, problem, coordinates)
    count = require_count("samples", least if samples is None else samples, least, f"needed by {estimator}")
    require_count("replicates", replicates, 2, "a variance needs two")
    require_count("seed", seed, 0)
    require_count("processes", processes, 1)
    require_count("blocks-per-call", blocks_per_call, 1)
    require_references(backends, "estimators")
    backends = texts.require_having(backends, estimator, problem)
    if source not in SOURCES:
        raise unknown("source of noise", source, SOURCES)
    if mode not in ("", *MODES):
        raise unknown("mode", mode, MODES)
    _require_drawn(problem, source)
    for device in devices:
        if device not in ("cpu", "gpu"):
            raise out_of_range("device", repr(device), "cpu, gpu", "give one of them")
    if PROBLEMS[problem].source:
        from harness.data import require

        require(PROBLEMS[problem].source)
    owner = f"problem {problem!r} with estimator {estimator!r}"
    settled = {floats.find(dtype).name: settle(rows, settings, dtype, owner) for dtype in dtypes}
    size = f"dimension={coordinates} samples={count} replicates={replicates} seed={seed}"
    other = "" if (source, mode) == ("shared", "") else f"noise={source} mode={mode or 'usual'}"
    cells = []
    for backend, device in itertools.product(backends, devices):
        for dtype, values in settled.items():
            parts = ("variance", backend, estimator, problem, dtype, device, settings_text(values), size, other)
            arguments = {
                "dtype": dtype,
                "estimator": estimator,
                "problem": problem,
                "settings": values,
                "dimension": coordinates,
                "samples": count,
                "replicates": replicates,
                "seed": seed,
                "mode": mode or usual(backend),
                "source": source,
                "per_call": blocks_per_call,
            }
            cells += _cells(" ".join(filter(None, parts)), backend, device, arguments, processes)
    return cells


def _cells(key: str, backend: str, device: str, arguments: dict[str, Any], processes: int) -> list[Cell]:
    """Return the cells of one measurement: one, or a part for each process."""
    package = texts.packages([arguments["estimator"]], arguments["problem"])
    if processes == 1:
        arguments = {"name": backend, "device": device} | arguments
        return [Cell(key, Work("harness.variance.engine:measure", backend, device, arguments, package=package))]
    task = {key: value for key, value in arguments.items() if key != "per_call"}
    finish = _together(processes, backend, device, task)
    return [
        Cell(
            f"{key} part {part + 1} of {processes}",
            Work(
                "harness.variance.engine:partial",
                backend,
                device,
                arguments | {"share": (part, processes)},
                lane=part,
                package=package,
            ),
            finish,
        )
        for part in range(processes)
    ]


def _together(parts: int, backend: str, device: str, task: dict[str, Any]) -> Callable[[Any], Sequence[Record]]:
    """Return what collects the parts of a measurement, and gives the records with the last of them."""
    from harness.variance.records import records
    from harness.variance.task import Task

    found: list[Any] = []

    def finish(part: Any) -> Sequence[Record]:
        found.append(part)
        return [] if len(found) < parts else records(found, backend, device, Task(**task))

    return finish


def _require_enumerable(estimator: str, problem: str, dimension: int) -> None:
    """Check that what an estimator enumerates is not too much."""
    reason = excess(estimator, problem, dimension)
    if reason:
        raise BadInputError(
            f"estimator {estimator!r} enumerates the outcomes of problem {problem!r}: {reason}; "
            "give a smaller --dimension, or an estimator that draws samples"
        )


def _require_drawn(problem: str, source: str) -> None:
    """Check that the frameworks draw the noise of a problem, where they are to."""
    if source == "framework" and PROBLEMS[problem].distribution in CONCENTRATIONS:
        raise BadInputError(
            f"problem {problem!r} takes gamma variates that are made here, of NumPy's noise, and --noise framework was "
            "given; allowed: shared; leave --noise out"
        )

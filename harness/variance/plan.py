"""What `reparam variance` measures: every value checked, one cell per backend, dtype and device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness import dtypes as floats
from harness.backends import require_references
from harness.errors import BadInputError, out_of_range
from harness.estimators import ESTIMATORS, require_fit
from harness.execution.work import Cell, Work
from harness.modes import usual
from harness.problems import PROBLEMS
from harness.validation import Setting, require_count, settle


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


def _dimension(problem: str, given: int | None) -> int:
    """Return the coordinates to use: the given ones, else the problem's default."""
    default = PROBLEMS[problem].dimension
    if default is None:
        if given is not None:
            takers = ", ".join(name for name, row in PROBLEMS.items() if row.dimension is not None)
            raise BadInputError(
                f"problem {problem!r} has a dimension of its own, and --dimension {given} was given; leave it out, "
                f"or take a problem with a free dimension: {takers}"
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
) -> list[Cell]:
    """Return the cells that measure one estimator on one problem.

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

    Raises:
        BadInputError: a name or value cannot be used.
    """
    rows = settings_of(estimator, problem)
    least = ESTIMATORS[estimator].least_samples
    coordinates = _dimension(problem, dimension)
    count = require_count("samples", least if samples is None else samples, least, f"needed by {estimator}")
    require_count("replicates", replicates, 2, "a variance needs two")
    require_count("seed", seed, 0)
    require_references(backends, "estimators")
    for device in devices:
        if device not in ("cpu", "gpu"):
            raise out_of_range("device", repr(device), "cpu, gpu", "give one of them")
    if PROBLEMS[problem].source:
        from harness.data import require

        require(PROBLEMS[problem].source)
    owner = f"problem {problem!r} with estimator {estimator!r}"
    settled = {floats.find(dtype).name: settle(rows, settings, dtype, owner) for dtype in dtypes}
    size = f"dimension={coordinates} samples={count} replicates={replicates} seed={seed}"
    return [
        Cell(
            " ".join(
                filter(None, ("variance", backend, estimator, problem, dtype, device, settings_text(values), size))
            ),
            Work(
                "harness.variance.engine:measure",
                backend,
                device,
                {
                    "name": backend,
                    "device": device,
                    "dtype": dtype,
                    "estimator": estimator,
                    "problem": problem,
                    "settings": values,
                    "dimension": coordinates,
                    "samples": count,
                    "replicates": replicates,
                    "seed": seed,
                    "mode": usual(backend),
                },
            ),
        )
        for backend in backends
        for device in devices
        for dtype, values in settled.items()
    ]

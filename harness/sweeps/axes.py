"""What a sweep file may say: the tables and their keys, as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any

from msgspec import Meta

from harness.validation import LARGEST

Text = Annotated[str, Meta(min_length=1, max_length=100)]
Number = float


def _at_least(least: int) -> Any:
    return Annotated[int, Meta(ge=least, le=LARGEST)]


@dataclass(frozen=True)
class Axis:
    """A key whose values are multiplied.

    Attributes:
        argument: of the plan function.
        element: the type of one value, as msgspec checks it.
        known: () -> the valid names; None where values are no names.
        pattern: whether a value may be a glob or a module, of which a name is a match.
        kept: whether a pattern is handed on as it is, since it stands in the keys of the cells.
        many: whether the plan function takes a sequence.
        required: whether the key must be there.
    """

    argument: str
    element: Any = Text
    known: Callable[[], Iterable[str]] | None = None
    pattern: bool = False
    kept: bool = False
    many: bool = False
    required: bool = False


@dataclass(frozen=True)
class Kind:
    """A table of a sweep file, one kind of work.

    Attributes:
        axes: by key.
        plan: "module:name" of the function that makes cells of one point.
        settings: () -> the names that `set` may set; None where there is no `set`.
        timed: whether time is measured, so that one process runs at once.
        finish: "module:name" of what is done with each cell, or "".
    """

    axes: Mapping[str, Axis]
    plan: str
    settings: Callable[[], Iterable[str]] | None = None
    timed: bool = True
    finish: str = ""


def _estimators() -> Iterable[str]:
    from harness.estimators import ESTIMATORS

    return ESTIMATORS


def _problems() -> Iterable[str]:
    from harness.problems import PROBLEMS

    return PROBLEMS


def _settings_of_variance() -> Iterable[str]:
    from harness.estimators import ESTIMATORS
    from harness.problems import PROBLEMS

    tables = [*(row.settings for row in PROBLEMS.values()), *(row.settings for row in ESTIMATORS.values())]
    return dict.fromkeys(chain.from_iterable(tables))


def _judged_kernels() -> Iterable[str]:
    from harness.agreement.plan import names

    return names()


def _timed_kernels() -> Iterable[str]:
    from harness.timing.subjects import names

    return names()


def _cases() -> Iterable[str]:
    from harness.agreement.cases import load

    return dict.fromkeys(case.name for case in load())


def _models() -> Iterable[str]:
    from harness.training.models import MODELS

    return MODELS


def _objectives() -> Iterable[str]:
    from harness.training.models import MODELS

    return dict.fromkeys(name for row in MODELS.values() for name in row.objectives)


def _schedules() -> Iterable[str]:
    from harness.training.models import SCHEDULES

    return SCHEDULES


def _optimizers() -> Iterable[str]:
    from harness.training.optimizers import OPTIMIZERS

    return OPTIMIZERS


def _settings_of_training() -> Iterable[str]:
    from harness.training.models import SCHEDULES
    from harness.training.optimizers import OPTIMIZERS

    rows = [*SCHEDULES.values(), *(table for row in OPTIMIZERS.values() for table in (row.settings, row.counts))]
    return dict.fromkeys(name for row in rows for name in row)


def _papers() -> Iterable[str]:
    from harness.reproduce.table import PAPERS

    return PAPERS


def _backends() -> Iterable[str]:
    from implementations import registry

    return registry.backends()


def _dtypes() -> Iterable[str]:
    from harness.dtypes import DTYPES

    return DTYPES


def _modes() -> Iterable[str]:
    from harness.modes import MODES

    return MODES


def _two_modes() -> Iterable[str]:
    return ("eager", "compiled")


_WHERE = {
    "backend": Axis("backends", known=_backends, many=True),
    "device": Axis("devices", known=lambda: ("cpu", "gpu"), many=True),
    "dtype": Axis("dtypes", known=_dtypes, many=True),
}

#: What the top of a file may set for every table that takes it.
SHARED: dict[str, Axis] = _WHERE | {"seed": Axis("seed", _at_least(0))}

KINDS: dict[str, Kind] = {
    "check": Kind(
        _WHERE
        | {
            "kernel": Axis("kernels", known=_judged_kernels, pattern=True, kept=True, many=True),
            "case": Axis("cases", known=_cases, pattern=True, kept=True, many=True),
            "mode": Axis("modes", known=_modes, many=True),
        },
        "harness.agreement.plan:plan",
        timed=False,
        finish="harness.profile_cells:judged",
    ),
    "variance": Kind(
        SHARED
        | {
            "problem": Axis("problem", known=_problems, pattern=True, required=True),
            "estimator": Axis("estimator", known=_estimators, pattern=True, required=True),
            "dimension": Axis("dimension", _at_least(1)),
            "samples": Axis("samples", _at_least(1)),
            "replicates": Axis("replicates", _at_least(2)),
            "noise": Axis("source", known=lambda: ("shared", "framework")),
            "mode": Axis("mode", known=_two_modes),
        },
        "harness.variance.plan:plan",
        settings=_settings_of_variance,
    ),
    "time": Kind(
        SHARED
        | {
            "kernel": Axis("kernels", known=_timed_kernels, pattern=True, many=True, required=True),
            "size": Axis("sizes", _at_least(1), many=True),
            "mode": Axis("modes", known=_two_modes, many=True),
            "derivative": Axis("derivatives", known=lambda: ("value", "vjp"), many=True),
            "repeats": Axis("repeats", _at_least(1)),
        },
        "harness.timing.plan:plan",
    ),
    "train": Kind(
        SHARED
        | {
            "model": Axis("model", known=_models, required=True),
            "objective": Axis("objective", known=_objectives),
            "steps": Axis("steps", _at_least(1)),
            "batch": Axis("batch", _at_least(1)),
            "optimizer": Axis("optimizer", known=_optimizers),
            "samples": Axis("samples", _at_least(1)),
            "schedule": Axis("schedule", known=_schedules),
        },
        "harness.training.plan:plan",
        settings=_settings_of_training,
    ),
    "reproduce": Kind(
        SHARED
        | {
            "paper": Axis("name", known=_papers, pattern=True, required=True),
            "fewer": Axis("fewer", _at_least(1)),
        },
        "harness.reproduce.plan:plan",
    ),
}

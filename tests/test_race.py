"""Races between optimizers: the target is the other's loss, the count is the first step that meets it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import pytest

from harness.errors import BadInputError
from harness.results.schema import Race, Train
from harness.training import race
from harness.training.loop import Taken
from harness.training.plan import plan as training

STEPS = 20
SEEDS = (4, 5)


@pytest.fixture(scope="module")
def records(workers: Any, installed_backends: Sequence[str]) -> dict[tuple[str, str, int], list[Any]]:
    """A race in each backend, and for each seed the trainings of both optimizers by themselves."""
    cells = race.plan("regression", backends=installed_backends, dtypes=("float64",), steps=STEPS, seed=4, seeds=2)
    kinds = [(cell.work.backend, "race", 0) for cell in cells]
    for optimizer, seed in itertools.product(("adam", "natural_gradient"), SEEDS):
        added = training(
            "regression", STEPS + 1, backends=installed_backends, dtypes=("float64",), seed=seed, batch=442,
            optimizer=optimizer,
        )  # fmt: skip
        kinds += [(cell.work.backend, optimizer, seed) for cell in added]
        cells += added
    return dict(zip(kinds, workers.run(cells), strict=True))


def test_target_and_count_are_those_of_the_trainings(
    records: dict[tuple[str, str, int], list[Any]], backend: str
) -> None:
    """Compiled or not, the same steps from the same weights: the same numbers."""
    found = records[backend, "race", 0]
    assert [row.seed for row in found] == list(SEEDS)
    for row in found:
        assert isinstance(row, Race)
        adam: list[Train] = records[backend, "adam", row.seed]
        natural: list[Train] = records[backend, "natural_gradient", row.seed]
        assert row.target == pytest.approx(adam[STEPS].loss, rel=1e-12)
        first = next(record.step for record in natural if record.loss is not None and record.loss <= row.target)
        assert 0 < first < STEPS
        assert row.steps == first
        assert row.seconds is not None
        assert row.seconds > 0
        assert row.against_seconds > 0
        assert row.settings.startswith("learning_rate=1 radius=0.1 ")
        assert row.against_settings == "learning_rate=0.001"


def _taken(*losses: float) -> Any:
    return iter([Taken(loss, {}, 1.0) for loss in losses])


def test_the_loss_before_a_step_is_the_one_after_those_before() -> None:
    assert race._reach(_taken(3.0, 2.0, 1.0, 0.5), 1.0, 5) == (2, 2.0)
    assert race._reach(_taken(3.0, 2.0, 1.0, 0.5), 3.0, 5) == (0, 0.0)
    assert race._reach(_taken(3.0, 2.0, 1.0, 0.5), 0.5, 3) == (3, 3.0)
    assert race._reach(_taken(3.0, 2.0, 1.0, 0.5), 0.5, 2) == (None, None)
    assert race._reach(_taken(3.0, math.nan, math.nan), 1.0, 2) == (None, None)


def _race(seed: int, steps: int | None, seconds: float | None) -> Race:
    return Race(
        backend="torch", dtype="float32", device="cpu", mode="eager", model="regression", objective="likelihood",
        batch=442, seed=seed, optimizer="natural_gradient", settings="", against="adam", against_settings="",
        against_steps=200, against_seconds=2.0, target=1.0, steps=steps, seconds=seconds,
    )  # fmt: skip


def test_summary_has_students_interval() -> None:
    """Steps 4 and 6: 5 with standard error 1, t(1) at 97.5 % is 12.7062; ratios 1/2 and 2: 1 with log error log 2."""
    (found,) = race.summaries([_race(0, 4, 1.0), _race(1, 6, 4.0), _race(2, None, None)])
    assert (found.runs, found.reached, found.seconds, found.against_seconds) == (3, 2, 2.5, 2.0)
    assert found.steps == pytest.approx((5.0, 5 - 12.7062, 5 + 12.7062), rel=1e-5)
    reach = math.exp(12.7062 * math.log(2))
    assert found.ratio == pytest.approx((1.0, 1 / reach, reach), rel=1e-4)


def test_summary_of_nothing_reached_has_no_numbers() -> None:
    (found,) = race.summaries([_race(0, None, None), _race(1, None, None)])
    assert found.seconds is None
    assert math.isnan(found.steps[0])
    assert math.isnan(found.ratio[0])


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("vae", {}, "model 'vae' is noisy"),
        ("regresion", {}, "nearest: regression"),
        ("regression", {"seeds": 1}, "seeds is 1"),
        ("regression", {"steps": 0}, "steps is 0"),
        ("regression", {"seed": -1}, "seed is -1"),
        ("regression", {"optimizer": "natural"}, "nearest: natural_gradient"),
        ("regression", {"against_settings": {"learning_rate": -1.0}}, "learning_rate is -1"),
        ("regression", {"settings": {"momentum": 1.0}}, "momentum"),
        ("regression", {"dtypes": ("float16",)}, "float16"),
        ("regression", {"backends": ["numpyro"]}, "give --backend jax"),
    ],
)
def test_bad_input_is_refused(model: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        race.plan(model, **{"backends": ["torch"], **options})

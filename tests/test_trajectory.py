"""The noise of estimators along a training: the plan, the frameworks' agreement, the records, and the picture."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from harness import posteriors
from harness.errors import BadInputError
from harness.oracle import networks
from harness.problems import PROBLEMS
from harness.results.schema import AnyRecord, TrainingVariance
from harness.site import biases
from harness.site import trajectory as site
from harness.site.answers import not_measured
from harness.training.loop import Taken
from harness.training.models import MODELS
from harness.training.weights import initial_weights
from harness.variance.judging import biased
from harness.variance.trajectory import SUBJECTS, plan, weights_at


def record(**changes: Any) -> TrainingVariance:
    fields: dict[str, Any] = {
        "backend": "torch", "dtype": "float32", "device": "cpu", "mode": "eager", "model": "vae",
        "objective": "bernoulli", "batch": 128, "step": 0, "steps": 200, "estimator": "pathwise", "problem": "vae",
        "parameter": "loc", "dimension": 400, "settings": "", "samples": 2, "replicates": 2000, "seed": 0, "mean": 0.1,
        "mean_standard_error": 0.01, "reference_mean": 0.1, "reference_standard_error": 0.001, "bias": 0.0,
        "bias_standard_error": 0.01, "squared_bias": 0.0, "squared_bias_standard_error": 0.001, "variance": 2.0,
        "variance_low": 1.5, "variance_high": 2.5, "confidence": 0.95, "seconds_per_gradient": 1e-4,
        "bias_p_value": 0.3, "worst_coordinate": 7, "worst_z": 0.4, "distance": 0.1, "distance_low": 0.0,
        "distance_high": 0.3, "detectable_distance": 0.5,
    }  # fmt: skip
    return TrainingVariance(**(fields | changes))


def test_the_problem_at_the_initial_weights_is_that_of_the_table() -> None:
    for subject in SUBJECTS.values():
        model = MODELS[subject.problem]
        here = subject.make(initial_weights(model.layers, posteriors.WEIGHTS_SEED))
        there = PROBLEMS[subject.problem].make({}, 1)
        for ours, theirs in zip(here, there, strict=True):
            assert ours.keys() == theirs.keys()
            for name in ours:
                np.testing.assert_array_equal(ours[name], theirs[name])


def test_the_posterior_is_the_encoder_of_the_oracle() -> None:
    weights = initial_weights(MODELS["vae"].layers, 3)
    parameters, constants = posteriors.of_vae(weights)
    for name, truth in zip(("loc", "scale"), networks.encode(weights, constants["images"]), strict=True):
        np.testing.assert_allclose(parameters[name], truth, rtol=1e-12)


def test_the_weights_are_those_after_so_many_updates() -> None:
    """Steps that count: the weight after n updates is n."""
    backend = SimpleNamespace(runtime=SimpleNamespace(to_numpy=lambda arrays: arrays))
    taken = (Taken(0.0, {}, 0.0, {"w": np.array(float(number))}) for number in range(1, 10))
    found = list(weights_at(backend, [0, 2, 3, 5], "float32", {"w": np.array(0.1)}, taken))  # type: ignore[arg-type]
    assert [step for step, _ in found] == [0, 2, 3, 5]
    assert [float(weights["w"]) for _, weights in found] == [float(np.float32(0.1)), 2.0, 3.0, 5.0]


def test_the_plan_has_start_middle_and_end() -> None:
    (cell,) = plan("vae", 10, backends=["torch"])
    assert cell.work.arguments["at"] == [0, 5, 10]
    assert tuple(cell.work.arguments["estimators"]) == SUBJECTS["vae"].estimators
    (other,) = plan("vae", 10, at=[10, 0, 10], backends=["torch"])
    assert other.work.arguments["at"] == [0, 10]
    assert cell.key != other.key
    (warm,) = plan("categorical_vae", settings={"temperature": 2.0}, backends=["torch"])
    assert warm.work.arguments["estimators"]["rebar"] == {"temperature": 2.0, "coefficient": 1.0}
    assert warm.work.arguments["estimators"]["score_function"] == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "vea"}, "nearest: vae"),
        ({"model": "regression"}, "no latent variable"),
        ({"at": [11]}, "at is 11; allowed: 0 to 10"),
        ({"at": [-1]}, "at is -1"),
        ({"steps": 0}, "steps is 0"),
        ({"estimators": ["rebar"]}, "needs a distribution with a relaxation"),
        ({"estimators": ["pathwize"]}, "nearest: pathwise"),
        ({"samples": 1}, "samples is 1"),
        ({"replicates": 1}, "replicates is 1"),
        ({"settings": {"temperature": 1.0}}, "temperature"),
        ({"dtypes": ["bfloat16"]}, "bfloat16"),
    ],
)
def test_bad_input_is_one_line(options: dict[str, Any], message: str) -> None:
    given = {"model": "vae", "steps": 10, "backends": ["torch"]} | options
    with pytest.raises(BadInputError, match=message):
        plan(given.pop("model"), given.pop("steps"), **given)


@pytest.fixture(scope="module")
def records(workers: Any, installed_backends: list[str]) -> dict[tuple[str, str], list[TrainingVariance]]:
    """Records by backend and model: three steps, 256 replicates, no long run but a very short one."""
    cells = [
        cell
        for model in SUBJECTS
        for cell in plan(model, 3, at=[0, 3], replicates=256, batch=16, dtypes=["float64"], backends=installed_backends)
    ]
    assert {cell.work.function for cell in cells} == {"harness.variance.trajectory:measure"}
    short = "work_for_tests:trajectory_with_a_short_reference"
    found = workers.run([replace(cell, work=replace(cell.work, function=short)) for cell in cells])
    return {(cell.work.backend, cell.work.arguments["model"]): rows for cell, rows in zip(cells, found, strict=True)}


@pytest.mark.parametrize("model", SUBJECTS)
def test_the_frameworks_agree_at_the_same_noise(
    records: Any, backend: str, model: str, installed_backends: Any
) -> None:
    """float64, three steps: the variances differ by rounding alone, and training has moved them."""
    ours, theirs = records[backend, model], records[installed_backends[0], model]
    assert {row.step for row in ours} == {0, 3}
    assert {row.estimator for row in ours} == set(SUBJECTS[model].estimators)
    for here, there in zip(ours, theirs, strict=True):
        assert (here.estimator, here.step, here.parameter) == (there.estimator, there.step, there.parameter)
        assert math.isclose(here.variance, there.variance, rel_tol=1e-7)
        assert here.variance_low < here.variance < here.variance_high
        assert here.steps == 3
    start = {(row.estimator, row.parameter): row.variance for row in ours if row.step == 0}
    for row in ours:
        if row.step:
            assert abs(row.variance / start[row.estimator, row.parameter] - 1) > 1e-3


def test_unbiased_estimators_are_not_called_biased_and_relaxations_have_less_noise(records: Any, backend: str) -> None:
    """256 gradients and a short long run, whose error counts: one in a million is called biased wrongly."""
    for model in SUBJECTS:
        for row in records[backend, model]:
            assert row.bias_p_value is not None
            assert row.detectable_distance > 0
            if row.estimator not in ("gumbel_softmax", "straight_through_gumbel"):
                assert biased(row) is False
    noisy = {(row.estimator, row.step): row.variance for row in records[backend, "categorical_vae"]}
    for step in (0, 3):
        assert noisy["gumbel_softmax", step] < noisy["rebar", step] < noisy["score_function", step]


def test_records_round_trip() -> None:
    text = msgspec.json.encode(record(variance=None))
    assert msgspec.json.decode(text, type=AnyRecord) == record(variance=None)
    assert b'"kind":"training_variance"' in text


def test_the_site_has_a_picture_and_a_table() -> None:
    found = [
        record(backend=backend, step=step, estimator=estimator, bias_p_value=p_value)
        for backend in ("jax", "torch")
        for step in (0, 100, 200)
        for estimator, p_value in (("pathwise", 0.3), ("score_function", 1e-9))
    ]
    section = site.section(found, ["jax", "torch"])
    assert section is not None
    (figure,) = section.figures
    assert figure.name == "trajectory-vae"
    assert len(figure.data) == len(found)
    (table,) = section.tables
    assert len(table.rows) == len(found)
    assert {row[-1] for row in table.rows} == {"none seen", "biased"}
    assert "A bias is found in 6 of 12 gradients: of score_function." in section.notes[1]
    assert "In the others one of 0.018 standard deviations" in section.notes[1]  # 0.5 / sqrt(400 * 2)
    assert site.section([], ["torch"]) is None
    assert not any("variance along training" in line for line in not_measured(found))


def test_a_bias_that_cannot_be_found_is_said_with_what_would_have_been() -> None:
    """Two biased estimators of which none is found: the page names them and the power, and does not say "0 of 2"."""
    found = [
        record(estimator=name, problem="categorical_vae") for name in ("gumbel_softmax", "straight_through_gumbel")
    ]
    text = biases.sentence(found)
    assert "A bias is found in 0 of 2 gradients." in text
    assert "would have been found with a probability of 0.99" in text
    assert "Biased by their rows, and not seen: gumbel_softmax and straight_through_gumbel." in text
    unknown = [record(bias_p_value=None, distance=None, detectable_distance=None)]
    assert biases.sentence(unknown) == "Whether 1 gradient is biased is not known."
    assert biases.cells(*unknown)[1:] == ("–", "–", "not known")

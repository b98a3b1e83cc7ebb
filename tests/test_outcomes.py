"""What is enumerated and what is too much: the limit, and every place that would enumerate more."""

from __future__ import annotations

import math
import resource
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.errors import BadInputError
from harness.estimators import ESTIMATORS, excess, fits
from harness.execution.local import Workers
from harness.measure import FailedCellsError, measure
from harness.oracle import baselines, variances
from harness.oracle.samplers import SAMPLERS
from harness.problems import NOISE, PROBLEMS, instance
from harness.variance import plan, recommend
from implementations.interface import outcomes

WIDE = ("variance", "--problem", "bernoulli_quadratic", "--dimension", "100")


def bits(dimension: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    return instance("bernoulli_quadratic", {"p": 0.4, "t": 0.45}, dimension, "float64")


@pytest.mark.parametrize(
    ("noise", "event", "samples", "words"),
    [
        ("logistic", (), 1, ""),
        ("logistic", (18,), 1, ""),
        ("logistic", (19,), 1, "2^19 outcomes of 19 numbers each"),
        ("logistic", (9,), 2, ""),
        ("logistic", (10,), 2, "2^20 outcomes of 20 numbers each"),
        ("logistic", (4, 25), 1, "2^100 outcomes of 100 numbers each; at most 8,388,608 numbers are enumerated"),
        ("logistic", (10**12,), 1, "2^1,000,000,000,000 outcomes"),
        ("gumbel", (3,), 1, ""),
        ("gumbel", (2896,), 1, ""),
        ("gumbel", (2897,), 1, "2,897 outcomes of 2,897 numbers each"),
        ("gumbel", (40, 3), 1, "3^40 outcomes of 120 numbers each"),
    ],
)
def test_the_limit_is_on_numbers(noise: str, event: tuple[int, ...], samples: int, words: str) -> None:
    found = outcomes.excess(noise, event, samples)
    assert bool(found) == bool(words)
    assert words in found


@pytest.mark.parametrize("distribution", ["BERNOULLI", "CATEGORICAL"])
@pytest.mark.parametrize("event", [(2,), (5,), (2, 3)])
def test_counts_are_those_of_the_support(distribution: str, event: tuple[int, ...]) -> None:
    sampler = SAMPLERS[distribution]
    assert sampler.support is not None
    points = sampler.support({"logits": np.zeros(event, np.longdouble)})
    values, variables = outcomes.VARIABLES[NOISE[distribution]](event)
    assert points.shape == (1, values**variables, *event)


def test_problems_of_this_package_have_the_event_that_is_not_made() -> None:
    """`excess` takes (dimension,) for the event of a problem with a free dimension, without making a large one."""
    for name, row in PROBLEMS.items():
        if row.dimension is not None and not row.functions:
            parameters, _ = row.make({key: setting.default for key, setting in row.settings.items()}, 7)
            assert {value.shape for value in parameters.values()} == {(7,)}, name


def test_who_enumerates_is_refused_and_who_draws_is_not() -> None:
    fitting = [name for name in ESTIMATORS if fits(name, "bernoulli_quadratic")]
    refused = {name for name in fitting if excess(name, "bernoulli_quadratic", 100)}
    assert refused == {"exact", "score_function_constant", "score_function_optimal"}
    assert not any(excess(name, "bernoulli_quadratic", 18) for name in fitting)
    assert not excess("score_function_optimal", "norm_squared", 10_000)  # a quadrature, coordinate by coordinate


@pytest.mark.parametrize("estimator", ["exact", "score_function_constant", "score_function_optimal"])
def test_the_command_ends_in_one_line(estimator: str) -> None:
    done = CliRunner().invoke(main, [*WIDE, "--estimator", estimator])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: estimator {estimator!r} enumerates the outcomes")
    assert "2^100 outcomes" in done.stderr
    assert "give a smaller --dimension" in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_large_problem_is_made_to_be_refused() -> None:
    """10^5 classes have a matrix of 80 GB."""
    with pytest.raises(BadInputError, match="100,000 outcomes of 100,000 numbers each"):
        plan.plan("exact", "categorical_quadratic", {}, dimension=100_000, backends=["jax"])


def test_the_oracle_enumerates_no_more() -> None:
    parameters, constants = bits(100)
    for estimator in ("score_function", "exact", "muprop"):
        assert variances.variance(estimator, "bernoulli_quadratic", parameters, constants, 1) is None
    with pytest.raises(BadInputError, match=r"no baselines that are known: 2\^100 outcomes"):
        baselines.baselines("bernoulli_quadratic", parameters, constants)
    for name in ("BERNOULLI", "CATEGORICAL"):
        support = SAMPLERS[name].support
        assert support is not None
        with pytest.raises(ValueError, match="use an estimator that draws samples"):
            support({"logits": np.zeros((50, 2), np.longdouble)})


def test_joint_outcomes_of_several_samples_are_counted() -> None:
    """500 classes twice are 250,000 values, fewer than the 2^18 points of a rule, and 4 GB in long double."""
    parameters, constants = instance("categorical_quadratic", {"slope": 0.0, "curvature": 1.0}, 500, "float64")
    arguments = ("score_function_leave_one_out", "categorical_quadratic", parameters, constants)
    assert variances.variance(*arguments, 2) is None


def test_what_fits_is_as_it_was() -> None:
    """The optimal baselines of independent bits, by hand: E[f s_i^2] / E[s_i^2] for 3 bits of p = 0.4."""
    parameters, constants = bits(3)
    found = baselines.baselines("bernoulli_quadratic", parameters, constants)
    p, t = 0.4, 0.45
    own = (p * (1 - p) ** 2 * (1 - t) ** 2 + (1 - p) * p**2 * t**2) / (p * (1 - p) ** 2 + (1 - p) * p**2)
    mean = p * (1 - t) ** 2 + (1 - p) * t**2
    assert math.isclose(float(found["baseline"]), mean, rel_tol=1e-12)
    assert np.allclose(found["baseline.logits"], (own + 2 * mean) / 3, rtol=1e-12)


def test_memory_is_bounded() -> None:
    """In 2 GB of address space the oracle answers at 100 bits, and enumerates 16."""
    program = """
import numpy as np
from harness.errors import BadInputError
from harness.oracle import baselines, variances
from harness.problems import instance
for dimension in (16, 100):
    parameters, constants = instance("bernoulli_quadratic", {"p": 0.4, "t": 0.45}, dimension, "float64")
    known = variances.variance("score_function", "bernoulli_quadratic", parameters, constants, 1)
    try:
        baselines.baselines("bernoulli_quadratic", parameters, constants)
        print(dimension, known is not None)
    except BadInputError:
        print(dimension, known is not None, "refused")
"""
    limit = 2 * 2**30
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env={"OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )  # fmt: skip
    assert done.stdout == "16 True\n100 False refused\n", done.stderr


def test_each_framework_refuses_by_itself(installed_backends: list[str]) -> None:
    """The plan's check is gone round: a cell of 8 bits is given 100."""
    planned = plan.plan("exact", "bernoulli_quadratic", {}, dimension=8, replicates=2, backends=installed_backends)
    wide = [{**cell.work.arguments, "dimension": 100} for cell in planned]
    cells = [replace(cell, work=replace(cell.work, arguments=one)) for cell, one in zip(planned, wide, strict=True)]
    with pytest.raises(FailedCellsError) as caught:
        measure(cells, 1, 1)
    assert str(caught.value).count("ValueError") >= 1
    assert "2^100 outcomes of 100 numbers each" in str(caught.value)


def test_recommend_skips_them_with_the_reason(one: str) -> None:
    (cell,) = recommend.plan("bernoulli_quadratic", 0.01, {}, backends=[one], dimension=19, replicates=512, turns=6)
    planned = {row["estimator"] for row in cell.work.arguments["rows"]}
    assert "score_function" in planned
    assert not planned & {"exact", "score_function_constant", "score_function_optimal"}
    few = [row for row in cell.work.arguments["rows"] if row["estimator"] in {"arm", "score_function"}]
    small = replace(cell, work=replace(cell.work, arguments={**cell.work.arguments, "rows": few}))
    with Workers(1, 1) as workers:
        (records,) = workers.run([small])
    skipped = {row.estimator: row for row in records if row.skipped}
    assert set(skipped) == {"exact", "score_function_constant", "score_function_optimal"}
    assert [row.skipped for row in records[:2]] == ["", ""]
    row = skipped["exact"]
    assert row.skipped.startswith("2^19 outcomes of 19 numbers each; at most ")
    assert (row.rank, row.mean_squared_error, row.seconds_per_gradient) == (None, None, None)
    assert (row.settings, row.dimension, row.samples, row.needs_oracle) == ("p=0.5 t=0.45", 19, 1, True)

"""Estimators whose errors an average over coordinates hides: refused by the check of plug-ins and by laws, and marked.

Each test keeps the old rule beside the new one: the mean over coordinates in standard errors, by which all pass.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from conftest import Pool
from plugins_for_tests import Install, add_metadata, failed, needs_torch, reparam
from scipy import stats
from test_laws import record

from harness.plugins import check, estimators
from harness.plugins.findings import Settings
from harness.results.schema import Variance
from harness.statistics import bias, robust
from harness.variance import judging, laws

pytestmark = needs_torch

REPLICATES = 20_000

ROW = """
from harness.estimators import Estimator

ESTIMATOR = Estimator(
    text="planted",
    reference="none",
    needs=frozenset({NEEDS}),
    functions={"torch": "NAME.text:NAME"},
)
"""

SOURCE = '''
import torch

from implementations.torch import distributions
from implementations.torch.estimators.BASE import BASE


def NAME(distribution, objective, parameters, constants, noise):
    """An estimator with an error that the mean over coordinates does not see."""
    found = BASE(distribution, objective, parameters, constants, noise)
    return {name: changed(gradient, distribution) for name, gradient in found.items()}


def changed(gradient, distribution):
'''

#: Of each: what it is made of, what it needs, how its gradient is changed, and the problem on which that is an error.
PLANTED = {
    "rolled": (
        "score_function",
        '"relaxation", "plain"',
        "    return torch.roll(gradient, 1, dims=-1) if gradient.ndim > 1 else gradient\n",
        "categorical_quadratic",
    ),
    "zero": (
        "score_function",
        '"relaxation", "plain"',
        "    return torch.zeros_like(gradient) if distribution is distributions.CATEGORICAL else gradient\n",
        "categorical_quadratic",
    ),
    "opposite": (
        "pathwise",
        '"reparameterizable", "plain"',
        "    if gradient.ndim < 2 or gradient.shape[-1] < 2:\n"
        "        return gradient\n"
        "    off = torch.zeros_like(gradient)\n"
        "    off[..., 0], off[..., 1] = 0.5, -0.5\n"
        "    return gradient + off\n",
        "norm_squared",
    ),
}


@pytest.fixture
def planted(install: Install, tmp_path: Path) -> None:
    """The three estimators, each in a package of its own."""
    for name, (base, needs, change, _) in PLANTED.items():
        folder = tmp_path / name / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(ROW.replace("NEEDS", needs).replace("NAME", name))
        (folder / "text.py").write_text(SOURCE.replace("BASE", base).replace("NAME", name) + change)
        add_metadata(tmp_path / name, name, {"reparam.estimators": {name: f"{name}:ESTIMATOR"}})
        install(tmp_path / name)


def old_rule(records: list[Variance]) -> bool:
    """Tell whether a mean over coordinates is off: beyond the family-wise quantile, rounding forgiven."""

    def away(record: Variance) -> float:
        assert record.bias is not None
        beyond = max(abs(record.bias) - laws.rounding(record), 0.0)
        if not record.bias_standard_error:
            return math.inf if beyond else 0.0
        return beyond / record.bias_standard_error

    bound = float(stats.norm.isf(laws.FAMILY_WISE / max(len(records), 1) / 2))
    return max(map(away, records)) > bound


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("name", PLANTED)
def test_the_rule_finds_what_the_old_one_does_not(name: str, workers: Pool) -> None:
    cells = laws.plan([name], backends=["torch"], replicates=REPLICATES)
    records = [row for found in workers.run(cells) for row in found if isinstance(row, Variance)]
    assert not old_rule(records)
    assert {row.problem for row in records if judging.biased(row, len(records))} == {PLANTED[name][3]}
    verdicts = {row.what: row for row in laws.verdicts(records)}
    assert not verdicts["bias"].sound
    assert verdicts["bias"].worst.startswith(f"{name} {PLANTED[name][3]} by ")
    assert ", coordinate " in verdicts["bias"].worst


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("name", PLANTED)
def test_the_check_of_plug_ins_refuses_it_and_describes_the_error(name: str) -> None:
    found = check.judge(check.find(name), Settings(replicates=REPLICATES))
    wrong = failed(found)
    assert list(wrong) == ["mean"]
    assert "coordinate " in wrong["mean"]
    assert "standard errors; distance from the true gradient" in wrong["mean"]
    assert "seen from" in wrong["mean"]
    assert [record.case for record in found if not record.within_budget] == [PLANTED[name][3]]


@pytest.mark.usefixtures("planted")
def test_laws_end_with_1_where_one_is_found() -> None:
    done = reparam("laws", "--estimator", "rolled", "--backend", "torch", "--replicates", str(REPLICATES))
    assert done.exit_code == 1
    assert "torch float64: BIASED: rolled categorical_quadratic by logits, coordinate" in done.stderr


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize(
    ("problem", "names"), [("categorical_quadratic", {"rolled", "zero"}), ("norm_squared", {"opposite"})]
)
def test_recommend_marks_it(problem: str, names: set[str]) -> None:
    done = reparam("recommend", "--problem", problem, "--budget", "1ms", "--backend", "torch", "--replicates",
                   str(REPLICATES), "--format", "json")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    rows = {row["estimator"]: row for row in json.loads(done.stdout)}
    assert {name for name, row in rows.items() if row["bias_seen"]} == names
    assert all(not row["as_good_as_the_best"] for name, row in rows.items() if name in names)


def test_a_symmetric_average_of_0_does_not_hide_a_bias_in_the_table() -> None:
    """By logits the mean over coordinates is 0 whatever an estimator does: the table has the distance, and says yes."""
    done = reparam("variance", "--estimator", "gumbel_softmax", "--problem", "categorical_quadratic", "--backend",
                   "torch", "--replicates", str(REPLICATES), "--format", "json")  # fmt: skip
    (row,) = json.loads(done.stdout)
    assert abs(row["mean"]) < 1e-6
    assert row["distance_low"] > row["detectable_distance"] > 0
    assert judging.found(row["bias_p_value"])
    table = reparam("variance", "--estimator", "gumbel_softmax", "--problem", "categorical_quadratic", "--backend",
                    "torch", "--replicates", str(REPLICATES)).stdout  # fmt: skip
    assert "yes" in table.split()
    assert "distance" in table


def test_what_cannot_be_judged_is_reported_and_alone_it_does_not_pass() -> None:
    """A tail too heavy for a test of its mean: beside gradients that are judged it is reported, alone it is refused."""
    heavy = record(bias_p_value=None, parameter="scale")
    first, second = estimators.means("estimators.mine", [heavy, record()])
    assert (first.derivative, first.within_budget, first.comparisons) == ("mean", True, 1)
    assert (second.derivative, second.within_budget, second.comparisons) == ("not judged", True, 0)
    assert "the tail of the gradients is too heavy" in second.observed
    (alone,) = estimators.means("estimators.mine", [heavy])
    assert not alone.within_budget
    few = record(bias_p_value=None, distance=None, replicates=4)
    assert judging.reason_unknown(few) == "4 replicates are fewer than 256"
    unjudged = record(bias_p_value=None, distance=None)
    assert judging.reason_unknown(unjudged) == "it was measured before biases were judged by coordinates"


def test_fewer_replicates_than_are_judged_would_show_no_bias_at_all() -> None:
    """The least p-value that the replicates allow for is below the level of 300 gradients; half as many are too few."""
    for replicates, enough in ((judging.LEAST, True), (judging.LEAST // 2, False)):
        least = robust.log_least(bias.phases(replicates).test) + math.log(len(bias.DIRECTIONS))
        assert judging.found(math.exp(least), 300) is enough

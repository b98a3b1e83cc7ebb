"""A check that compares nothing does not pass, and what a ledger lists is not called a failure."""

from __future__ import annotations

import msgspec
import pytest
from click.testing import CliRunner
from test_ledger import record_of

from harness.agreement import conformance, ledger, plan, uncompared
from harness.agreement.verdict import Verdict
from harness.cli import main
from harness.cli.checking import _COLUMNS
from harness.results.schema import flat
from implementations import registry

LIBRARY = "curvlinops"


@pytest.mark.skipif(not registry.installed(LIBRARY), reason=registry.install_command(LIBRARY))
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--kernel", "gumbel.gumbel_softmax"), "curvlinops has no gumbel.gumbel_softmax (curvlinops has matrices of"),
        (("--kernel", "gaussian"), "curvlinops has no gaussian.reparameterize and 10 more (curvlinops has matrices"),
        (("--kernel", "models"), "curvlinops is a library, which has kernels and no models"),
    ],
)
def test_a_check_of_nothing_is_refused_with_the_gap(arguments: tuple[str, ...], words: str) -> None:
    done = CliRunner().invoke(main, ["check", "--backend", LIBRARY, *arguments])
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: there is nothing to compare: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_mode_for_kernels_alone_compares_no_estimator(one: str) -> None:
    given = ["check", "--kernel", "estimators.exact", "--mode", "single", "--backend", one]
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 2
    assert f"{one} has no case of estimators.exact in mode single, which is for kernels" in done.stderr


def test_backends_without_a_cell_are_named_beside_those_with_one(one: str) -> None:
    cells = plan.plan(["gaussian.cdf"], backends=[one], dtypes=["float32"])
    found = uncompared.reasons(cells, ["gaussian.cdf"], (), (), [one, LIBRARY])
    assert found == [f"{LIBRARY} has no gaussian.cdf (curvlinops has matrices of curvature, no distributions)"]
    assert uncompared.reasons(cells, ["gaussian.cdf"], (), (), [one]) == []


def _listed() -> Verdict:
    """A comparison that is out of budget and listed, one that is within it, and one that is neither."""
    inside = record_of("numpyro", "gaussian.cdf", "left tail", "value", "compiled", "float32")
    inside = msgspec.structs.replace(inside, within_budget=True, error=1.0, budget=32.0)
    outside = msgspec.structs.replace(inside, case="deep tails", error=7e4, within_budget=False, observed="got 0")
    return Verdict([inside, msgspec.structs.replace(outside, deviation=ledger.LISTED)], [])


def test_the_footer_counts_listed_deviations() -> None:
    found = _listed()
    assert found.sound
    assert conformance.summary(found)[0] == (
        "2 comparisons of 2 numbers, 0 out of budget, 1 listed as known deviations"
    )


def test_the_table_calls_a_listed_deviation_listed() -> None:
    inside, listed = (flat(record) for record in _listed().records)
    within = _COLUMNS["within"]
    assert callable(within)
    assert (within(inside), within(listed)) == ("yes", "listed")
    assert within(flat(_listed().records[1]) | {"deviation": ledger.NEW}) == "NO"
    assert within(flat(_listed().records[1]) | {"deviation": ""}) == "NO"


def test_the_worst_of_a_group_is_what_fails() -> None:
    """A listed deviation of 7e4 does not hide a new one of 40; nor does one within budget hide a listed one."""
    inside, listed = _listed().records
    new = msgspec.structs.replace(listed, case="points", error=40.0, deviation=ledger.NEW)
    broken = msgspec.structs.replace(listed, case="broken", error=None)
    assert plan.worst([inside, listed, new])[0].case == "points"
    assert plan.worst([inside, listed])[0].case == "deep tails"
    assert plan.worst([broken, new])[0].case == "points"
    assert plan.worst([inside, broken])[0].case == "broken"

"""What the field calls things leads to what they are called here."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from harness import aliases
from harness.agreement.plan import names
from harness.cli import main
from harness.errors import BadInputError, unknown
from harness.estimators import ESTIMATORS
from harness.kernels import select
from harness.problems import PROBLEMS
from harness.profiles import PROFILES

KERNELS = names()
TABLES = ((aliases.ESTIMATORS, ESTIMATORS), (aliases.PROBLEMS, PROBLEMS), (aliases.PROFILES, PROFILES),
          (aliases.KERNELS, KERNELS))  # fmt: skip


@pytest.mark.parametrize(("table", "known"), TABLES)
def test_every_alias_leads_to_something_that_exists(table: aliases.Names, known: object) -> None:
    missing = {alias: name for alias, targets in table.items() for name in targets if name not in known}  # type: ignore[operator]
    assert missing == {}
    assert all(alias == alias.lower() and " " not in alias and "-" not in alias for alias in table)


def test_parts_of_names_lead_to_parts_that_exist() -> None:
    modules = {name.partition(".")[0] for name in KERNELS}
    functions = {name.partition(".")[2] for name in KERNELS}
    assert {name for targets in aliases.MODULES.values() for name in targets} <= modules
    assert {name for targets in aliases.FUNCTIONS.values() for name in targets} <= functions


@pytest.mark.parametrize(
    ("given", "called"),
    [
        ("reinforce", "score_function"),
        ("REINFORCE", "score_function"),
        ("rloo", "score_function_leave_one_out"),
        ("stl", "sticking_the_landing"),
        ("ST-Gumbel", "straight_through_gumbel"),
        ("Gumbel Softmax", "gumbel_softmax"),
    ],
)
def test_estimators_of_papers(given: str, called: str) -> None:
    assert str(unknown("estimator", given, ESTIMATORS)) == f"unknown estimator {given!r}; it is called {called} here"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("Normal.cdf", "it is called gaussian.cdf here"),
        ("torch.distributions.Normal.log_prob", "it is called gaussian.log_prob here"),
        ("norm.logcdf", "it is called gaussian.log_cdf here"),
        ("RelaxedBernoulli.rsample", "it is called bernoulli.relaxed_sample here"),
        ("ndtri", "it is called gaussian.icdf here"),
        # words of summaries, those of names first
        ("softplus", "the nearest: gaussian.scale_from_softplus, gaussian.softplus_inverse, divergences.kl_bernoulli"),
        ("erfc", "the nearest: gaussian.cdf"),
        ("gaussian.cfd", "the nearest: gaussian.cdf"),
    ],
)
def test_kernels_of_libraries_and_words_of_summaries(given: str, words: str) -> None:
    with pytest.raises(BadInputError) as caught:
        select([given], KERNELS, "kernel")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("variance", "--estimator", "rloo", "--problem", "quadratic"), "score_function_leave_one_out here"),
        (("laws", "--estimator", "reinforce"), "score_function here"),
        (("recommend", "--problem", "mnist", "--budget", "1ms"), "it is called vae or categorical_vae here"),
        (("check", "--kernel", "Normal.cdf"), "gaussian.cdf here"),
        (("run", "--profile", "fast"), "quick here"),
    ],
)
def test_on_the_command_line(arguments: tuple[str, ...], words: str) -> None:
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_nobody_calls_so_has_the_nearest_names() -> None:
    assert aliases.meant("zzz", ESTIMATORS) == []
    assert "the nearest: pathwise" in str(unknown("estimator", "pathwize", ESTIMATORS))
    assert aliases.meant("reinforce", PROFILES) == []

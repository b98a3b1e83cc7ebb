"""A gradient that is NaN or infinite is said, costs the exit status, and passes for a sound one nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import site_records
from click.testing import CliRunner
from test_laws import normal, record, verdict

from harness.cli import main
from harness.results.run import Run
from harness.results.schema import Variance
from harness.site.build import build
from harness.variance import faults, laws


def without(found: Variance, *names: str, **changed: Any) -> Variance:
    """Return a record with None in some fields."""
    return msgspec.structs.replace(found, **dict.fromkeys(names), **changed)


#: What a record has where a gradient was NaN.
NOTHING = without(
    record(),
    "mean",
    "mean_standard_error",
    "bias",
    "bias_standard_error",
    "variance",
    "variance_low",
    "variance_high",
    "bias_p_value",
    "worst_coordinate",
    "worst_z",
    "distance",
    "distance_low",
    "distance_high",
    "detectable_distance",
)

#: The score function of |x|^2 at this loc: its gradients leave the range of a float32.
OVERFLOW = ("--estimator", "score_function", "--problem", "norm_squared", "--set", "loc=1e20", "--replicates", "500")


def test_what_is_no_number_is_named() -> None:
    (told,) = faults.of([record(), NOTHING])
    assert str(told) == "torch pathwise quadratic float64 cpu: a gradient by loc is NaN or infinite"
    assert not faults.of([without(record(), "variance_low", "variance_high", "exact_variance")])
    (told,) = faults.of([without(record(), "variance")])
    assert told.reason == "its variance by loc is NaN or infinite"


def test_no_law_is_kept_by_what_is_no_number() -> None:
    judged = laws.judge(NOTHING)
    assert (judged.mean_inside, judged.variance_inside) == (False, False)
    found = verdict([*normal(100), NOTHING], "bias")
    assert not found.sound
    assert found.worst == "pathwise quadratic by loc: a gradient is NaN or infinite"


def test_the_command_says_it(installed_backends: list[str]) -> None:
    backend = installed_backends[0]
    found = CliRunner().invoke(main, ["variance", *OVERFLOW, "--backend", backend, "--format", "json"])
    assert found.exit_code == 1
    assert {row["mean"] for row in json.loads(found.stdout)} == {None}
    for name in ("loc", "scale"):
        line = f"{backend} score_function norm_squared float32 cpu (loc=1e+20 scale=1): a gradient by {name} is NaN"
        assert line in found.stderr


def test_a_run_says_it(tmp_path: Path, installed_backends: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.commands.site", lambda _, output: output)
    sweep, backend = tmp_path / "sweep.toml", installed_backends[0]
    sweep.write_text(
        f'name = "odd"\nbackend = "{backend}"\n[[variance]]\nestimator = "score_function"\nproblem = "norm_squared"\n'
        "replicates = 500\nset = { loc = [0, 1e20] }\n"
    )
    found = CliRunner().invoke(main, ["run", "--sweep", str(sweep), "--results", str(tmp_path / "results")])
    assert found.exit_code == 1, found.stderr
    lines = [line for line in found.stderr.splitlines() if line.startswith("no number: ")]
    assert len(lines) == 2
    assert all("loc=1e+20" in line for line in lines)


def test_the_site_lists_it(tmp_path: Path) -> None:
    odd = without(NOTHING, settings="<script>")
    build([Run("r", site_records.PROVENANCE, [*site_records.checks(np.random.default_rng(2)), odd])], tmp_path)
    page = (tmp_path / "method.html").read_text("utf-8")
    assert "Gradients that are no numbers" in page
    assert "a gradient by loc is NaN or infinite" in page
    assert "<td><script>" not in page
    assert "1 gradient NaN or infinite; see the failures." in (tmp_path / "index.html").read_text("utf-8")

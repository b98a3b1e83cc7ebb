"""Code of other packages: begun by `reparam new`, found by entry points, judged, and broken in many ways."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import plugins_for_tests as packages
import pytest
import site_records
from plugins_for_tests import QUICK, Begin, Install, failed, needs_torch, reparam, rows_of

from harness import measure
from harness.estimators import ESTIMATORS
from harness.execution.engine import Engine
from harness.execution.local import Workers
from harness.plugins import check
from harness.plugins.findings import ENGINE, Settings
from harness.results.run import Run
from harness.results.schema import Failure, Variance
from harness.site import rosetta
from harness.site import variance as variance_page
from harness.site.subjects import subjects
from harness.variance import plan
from implementations import entries


@needs_torch
def test_an_estimator_of_another_package_is_one_of_them(begin: Begin) -> None:
    """Begun, installed, listed, checked, measured, and on the site: the walk of its author."""
    begin("estimator", "walked")
    listed = {row["name"]: row for row in rows_of("list", "estimators")}
    assert (listed["walked"]["package"], listed["walked"]["backends"]) == ("walked", "torch")
    assert listed["pathwise"]["package"] == "reparam"
    gaps = [row for row in rows_of("list", "gaps") if row["kernel"] == "estimators.walked"]
    assert {row["backend"] for row in gaps} >= {"jax", "tensorflow"}
    assert "no text" in str(gaps[0]["reason"])

    found = check.judge(check.find("walked"), QUICK)
    assert failed(found) == {}
    assert {record.derivative for record in found} == {"load", "contract", "call", "mean", "variance"}

    cells = plan.plan("walked", "quadratic", {}, backends=["torch"], replicates=4_000)
    with Workers(threads=1) as workers:
        (records,) = workers.run(cells)
    by = {record.parameter: record for record in records if isinstance(record, Variance)}
    assert by["loc"].variance == pytest.approx(0.0, abs=1e-12)
    assert by["scale"].exact_variance == 8.0
    assert by["scale"].variance == pytest.approx(8.0, rel=0.2)

    section = variance_page.section(records, ["torch"])
    assert section is not None
    assert "walked" in repr(section)
    told = rosetta.measured([Run("own-1", site_records.PROVENANCE, records)])
    columns = {column.backend: column for column in rosetta.entry(subjects()["estimators.walked"], told).columns}
    assert columns["torch"].source is not None
    assert "ahead + behind" in columns["torch"].source.text
    assert columns["jax"].reason == "package walked has no text of it"


#: What is replaced by what in an estimator, what is then said to be wrong, and in which words.
BROKEN = {
    "wrong_sign": ("(f * score)", "(-f * score)", "mean", "its sign is wrong"),
    "wrong_shape": (".mean(axis=1)", ".mean(axis=0)", "shape", "[replicates, *param]"),
    "wrong_names": ('"loc": noise', '"mean": noise', "shape", "gradients by mean, scale"),
    "not_finite": ("(f * score)", "(f * score * np.nan)", "finite", "nan in"),
    "raises_there": ("(f * score)", "undefined", "call", "NameError"),
    "hangs_there": ("import numpy as np", "import numpy as np, time; time.sleep(600)", "call", "not finished after 4"),
    "dies_there": ("import numpy as np", "import numpy as np, os; os.kill(os.getpid(), 9)", "call", "process died"),
    "leaves_there": ("import numpy as np", "import numpy as np, sys; sys.exit(3)", "call", "exit status 3"),
    "own_noise": ("(f * score)", "(f * score * np.random.rand())", "repeatable", "the same noise"),
    "coupled": ("(f * score)", "(f * score * noise.mean())", "replicates", "other replicates"),
    "no_bias": ('reference="Will', 'biased=True, reference="Will', "bias", "leave biased out"),
    "false_variance": ('reference="Will', 'variance=lambda problem, given, *_: given, reference="Will', "variance",
                       "the row says 0.5"),
    "no_docstring": ('"""Score function of a normal variable, by hand."""', "", "contract", "no docstring"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_estimator_is_reported_for_what_it_is(name: str, install: Install, tmp_path: Path) -> None:
    old, new, what, said = BROKEN[name]
    install(packages.write_numpy(tmp_path))
    install(packages.write_score(tmp_path, name, old, new))
    engine = Engine(time_limit=4.0) if "hangs" in name else ENGINE
    found = failed(check.judge(check.find(name), Settings(replicates=2_000, engine=engine)))
    assert list(found) == [what]
    assert said in found[what]


def test_a_sound_one_passes(install: Install, tmp_path: Path) -> None:
    """So that what fails above fails for its own reason."""
    install(packages.write_numpy(tmp_path))
    install(packages.write_score(tmp_path, "sound"))
    found = check.judge(check.find("sound"), Settings(replicates=2_000))
    assert failed(found) == {}
    assert {record.case for record in found if record.derivative == "mean"} == {
        "quadratic", "norm_squared", "exponential", "cosine",
    }  # fmt: skip


REFUSED = {
    "raises_here": (("__init__.py", "import numpy as np", "import numpy as np\n1 / 0"), "ZeroDivisionError"),
    "leaves_here": (("__init__.py", "import numpy as np", "raise SystemExit(3)"), "SystemExit: 3"),
    "hangs_here": (("__init__.py", "import numpy as np", "import time; time.sleep(600)"), "not finished after"),
    "no_row": (("__init__.py", "ESTIMATOR = Estimator(", "ESTIMATOR = dict("), "it names a dict"),
    "no_field": (("__init__.py", 'text="pathwise,', 'teext="pathwise,'), "TypeError"),
    "no_reference": (("__init__.py", "reference=", "reference='' and "), "reference is ''"),
    "odd_needs": (("__init__.py", '"reparameterizable"', '"magic"'), "needs is frozenset({'magic'})"),
    "no_samples": (("__init__.py", "variance=variance", "least_samples=0"), "least_samples is 0"),
    "wrong_arguments": (("torch.py", "    noise: torch.Tensor,\n", ""), "it takes (distribution, objective"),
    "no_function": (("torch.py", "def no_function", "def something_else"), "has no function 'no_function'"),
    "no_module": (("__init__.py", "no_module.torch:", "no_module.pytorch:"), "no module 'no_module.pytorch'"),
    "no_python": (("torch.py", "import torch", "import torch torch"), "SyntaxError"),
    "no_backend": (("__init__.py", '"torch": ', '"pytorch": '), "for one or more of torch"),
    "a_framework": (("__init__.py", "import numpy as np", "import numpy as np, colorsys"), "loads colorsys"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_row_is_refused_in_one_line_and_harms_nothing(
    begin: Begin, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit, reason = REFUSED[name]
    if name == "a_framework":
        monkeypatch.setattr(entries, "FRAMEWORKS", frozenset({"colorsys"}))
        sys.modules.pop("colorsys", None)
    monkeypatch.setattr(entries, "PATIENCE", 0.5)
    begin("estimator", name, edit)
    done = reparam("list", "estimators", "--format", "json")
    assert done.exit_code == 0
    assert done.stderr.startswith(f"plug-in {name!r} of package {name!r} is not used: ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    listed = {row["name"] for row in json.loads(done.stdout)}
    assert name not in listed
    assert listed >= set(ESTIMATORS.built_in)
    checked = reparam("check", "--plugin", name, "--format", "json")
    assert checked.exit_code == 1
    assert reason in json.loads(checked.stdout)[0]["observed"]
    assert "Traceback" not in checked.stderr


def test_no_name_is_taken_twice(begin: Begin, install: Install, tmp_path: Path) -> None:
    begin("estimator", "twin")
    for package, entry in (("younger", "twin"), ("thief", "pathwise"), ("odd", "Odd-Name")):
        packages.add_metadata(tmp_path / package, package, {"reparam.estimators": {entry: "twin:ESTIMATOR"}})
        install(tmp_path / package)
    refused = {row.package: row.refused for row in ESTIMATORS.refused}
    assert "twin" in ESTIMATORS
    assert {*refused, ESTIMATORS.package("twin")} == {"younger", "twin", "thief", "odd"}
    assert "has that name already; take another" in (refused.get("younger") or refused["twin"])
    assert refused["thief"] == "package 'reparam' has that name already; take another"
    assert "not allowed" in refused["odd"]
    assert ESTIMATORS.package("pathwise") == "reparam"


def test_a_plug_in_that_dies_costs_its_own_cells_only(install: Install, tmp_path: Path) -> None:
    install(packages.write_numpy(tmp_path))
    install(packages.write_score(tmp_path, "deadly", "import numpy as np", "import os; os._exit(7)"))
    install(packages.write_score(tmp_path, "first"))
    install(packages.write_score(tmp_path, "last"))
    cells = [
        cell
        for name in ("first", "deadly", "last")
        for cell in plan.plan(name, "quadratic", {}, backends=["by_numpy"], replicates=1_000)
    ]
    assert [cell.work.package for cell in cells] == ["first", "deadly", "last"]
    (built_in,) = plan.plan("pathwise", "quadratic", {}, backends=["by_numpy"])
    assert built_in.work.package == ""
    kept = measure.run([measure.Batch(cells, 1, 1)], tmp_path / "results", site_records.PROVENANCE, False)
    failures = [record for record in kept.records if isinstance(record, Failure)]
    assert ["deadly" in record.cell for record in failures] == [True]
    assert "process died" in failures[0].reason
    assert {record.estimator for record in kept.records if isinstance(record, Variance)} == {"first", "last"}


#: Of a problem's text for torch: what makes it one for the backend of NumPy.

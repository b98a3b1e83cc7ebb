"""Code of other packages: problems, backends, odd metadata, what `reparam new` writes, what every plan knows of it."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import plugins_for_tests as packages
import pytest
from plugins_for_tests import QUICK, Begin, Install, failed, forget, needs_torch, reparam, rows_of

from harness import profile_cells
from harness.estimators import ESTIMATORS
from harness.execution.engine import Engine
from harness.plugins import check, problems, skeleton
from harness.plugins.findings import Settings
from harness.problems import PROBLEMS
from harness.profiles import VarianceRow
from harness.results import provenance
from harness.timing import peaks
from harness.timing import plan as timing
from harness.variance import coverage, plan, recommend
from implementations import entries, registry

BY_NUMPY = (
    ("__init__.py", '"torch":', '"by_numpy":'),
    ("torch.py", "torch.Tensor", "torch.ndarray"),
    ("torch.py", "import torch", "import numpy as torch"),
)


def test_a_problem_of_another_package(begin: Begin, install: Install, tmp_path: Path) -> None:
    install(packages.write_numpy(tmp_path))
    install(packages.write_score(tmp_path, "score"))
    begin("problem", "fourth", *BY_NUMPY)
    found = check.judge(check.find("score"), Settings(replicates=2_000))
    assert "fourth" not in {record.case for record in found}
    begin("problem", "depends", *BY_NUMPY, ("torch.py", 'value - constants["k"]', 'value - parameters["loc"]'))
    found = check.judge(check.find("depends"), Settings(replicates=2_000))
    assert "features say 'plain'" in failed(found)["plain"]
    (record,) = [row for row in check.judge(check.find("fourth"), QUICK) if row.derivative == "exact gradient"]
    assert record.within_budget


@needs_torch
def test_a_problem_is_judged_through_estimators_of_this_project(begin: Begin) -> None:
    begin("problem", "fourth")
    found = check.judge(check.find("fourth"), QUICK)
    assert failed(found) == {}
    assert {"pathwise", "score_function"} <= {record.case for record in found if record.derivative == "mean"}


def test_an_exact_value_that_is_wrong_is_found(begin: Begin) -> None:
    begin("problem", "slanted", ("__init__.py", "12 * d**2 * scale", "11 * d**2 * scale"))
    assert "by scale: exact says" in problems.derivative("slanted").observed
    begin("problem", "shifted", ("__init__.py", "return d**4 +", "return 1 + d**4 +"))
    assert problems.derivative("shifted").within_budget
    x = 0.5 + np.random.default_rng(0).standard_normal((32, 2048))
    assert "exact 5.5625" in problems.value("shifted", "torch", x**4).observed
    begin("problem", "square", ("__init__.py", '{"loc": 4 * d', '{"location": 4 * d'))
    assert "the gradient of exact by" in {row.name: row.refused for row in PROBLEMS.refused}["square"]


@pytest.mark.parametrize(("code", "said"), [("sys.exit(3)", "SystemExit: 3"), ("1 / 0", "ZeroDivisionError")])
def test_what_ends_in_the_exact_values_is_a_finding_and_no_end(begin: Begin, code: str, said: str) -> None:
    """They are computed in this process, at other parameters than those at which the row was read."""
    begin(
        "problem", "ends", ("__init__.py", "return d**4 +", f"import sys\n    if scale != 1: {code}\n    return d**4 +")
    )
    assert "ends" in PROBLEMS
    assert said in failed(check.judge(check.find("ends"), QUICK))["call"]


ODD_METADATA = (
    "[reparam.estimators]\nodd = \n",
    "[reparam.estimators]\nodd = no such thing\n",
    "[reparam.estimators]\nodd = :\n",
    "[reparam.estimators]\nodd = .relative:ROW\n",
    "[reparam.estimators]\nodd = harness.estimators:NOTHING\n",
    "[reparam.estimators]\nodd = __main__:ROW\n",
    "[reparam.problems]\nodd = harness.estimators:ESTIMATORS\n",
    "[reparam.backends]\nodd = harness.problems:PROBLEMS\n",
    "[reparam.estimators]\nodd\n",
    "[reparam.estimators\nodd = a:b",
    "\x00\xff",
)


@pytest.mark.parametrize("text", ODD_METADATA, ids=range(len(ODD_METADATA)))
def test_odd_metadata_harms_nothing(text: str, install: Install, tmp_path: Path) -> None:
    packages.add_metadata(tmp_path, "odd", {})
    (tmp_path / "odd-0.1.0.dist-info" / "entry_points.txt").write_text(text)
    install(tmp_path)
    for what in ("estimators", "problems", "backends", "gaps"):
        done = reparam("list", what, "--format", "json")
        assert done.exit_code == 0
        assert json.loads(done.stdout)
        assert done.stderr.count("\n") <= 1
    assert set(entries.packages()) <= {"odd"}
    assert all(path.is_file() for _, path in entries.files())
    assert set(ESTIMATORS) == set(ESTIMATORS.built_in)


@needs_torch
def test_a_backend_of_another_package(begin: Begin) -> None:
    edits = (
        ("gaussian.py", "return torch.square(unconstrained)", "return 1.001 * torch.square(unconstrained)"),
        ("gaussian.py", "def scale_from_exp(unconstrained", "def scale_from_exp(logarithm"),
        ("gaussian.py", "torch.exp(unconstrained)", "torch.exp(logarithm)"),
    )
    begin("backend", "drifted", *edits)
    listed = {row["name"]: row for row in rows_of("list", "backends")}
    assert listed["drifted"]["package"] == "drifted"
    found = check.judge(check.find("drifted"), QUICK)
    assert "scale_from_exp takes" in failed(found)["contract"]
    wrong = {record.kernel for record in found if not record.within_budget}
    assert wrong == {"backends.drifted", "gaussian.scale_from_square"}
    assert any(record.kernel == "gaussian.reparameterize" and record.within_budget for record in found)


BAD_NAMES = ("My", "2fast", "a-b", "", "class", "../up", "a b", "ä", "numpy", "string", "pathwise", "a" * 300)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_new_refuses_a_name_and_writes_nothing(name: str, tmp_path: Path) -> None:
    done = reparam("new", "estimator", name, "--folder", str(tmp_path))
    assert done.exit_code == 2
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_new_leaves_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert reparam("new", "estimator", "mine", "--folder", str(tmp_path)).exit_code == 2
    assert reparam("new", "estimater", "other", "--folder", str(tmp_path)).exit_code == 2
    assert reparam("new", "estimator", "other", "--folder", str(tmp_path), "--backend", "mlx").exit_code == 2
    assert reparam("new", "estimator", "other", "--folder", str(tmp_path / "none")).exit_code == 2
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]


@pytest.mark.parametrize("kind", skeleton.KINDS)
def test_new_writes_for_every_framework(kind: str, begin: Begin) -> None:
    """As far as can be told without the frameworks: it parses, it is a row, and its texts are as in the contract."""
    everywhere = ("torch", "jax", "tensorflow")
    folder = begin(kind, f"own_{kind}", backends=everywhere)
    for file in folder.rglob("*.py"):
        ast.parse(file.read_text())
        assert "$" not in file.read_text()
        assert max(map(len, file.read_text().splitlines())) <= 120
    assert [(row.name, row.refused) for row in check.every()] == [(f"own_{kind}", "")]
    assert f"reparam check --plugin own_{kind}" in (folder / "README.md").read_text()


def test_an_unknown_plug_in_is_bad_input(begin: Begin) -> None:
    assert reparam("check", "--plugin", "nothing").exit_code == 2
    begin("estimator", "something")
    done = reparam("check", "--plugin", "somethink")
    assert done.exit_code == 2
    assert "nearest: something" in done.stderr
    assert reparam("check", "--plugin", "something", "--kernel", "gaussian").exit_code == 2


@pytest.mark.parametrize(
    ("words", "seconds"), [((), 120.0), (("--time-limit", "7"), 7.0), (("--time-limit", "3600"), 3600.0)]
)
@pytest.mark.parametrize("chosen", [("--plugin", "sound"), ("--kernel", "estimators.sound")])
def test_the_options_of_the_engine_reach_the_judge(
    chosen: tuple[str, ...], words: tuple[str, ...], seconds: float,
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    install(packages.write_numpy(tmp_path))
    install(packages.write_score(tmp_path, "sound"))
    given: list[Settings] = []
    monkeypatch.setattr(check, "judge", lambda _, settings: given.append(settings) or [])
    done = reparam("check", *chosen, *words, "--scheduler", "tcp://127.0.0.1:1", "--patience", "9", "--seed", "3")
    assert done.exit_code == 0, done.output
    (settings,) = given
    assert settings.engine == Engine("tcp://127.0.0.1:1", time_limit=seconds, patience=9.0)
    assert settings.seed == 3


def test_what_no_backend_has_is_bad_input(begin: Begin) -> None:
    begin("estimator", "torch_alone")
    if not registry.installed("jax"):
        pytest.skip(registry.install_command("jax"))
    done = reparam("variance", "--estimator", "torch_alone", "--problem", "quadratic", "--backend", "jax")
    assert done.exit_code == 2
    assert "jax has no estimator torch_alone: package torch_alone has no text of it" in done.stderr
    assert "allowed: --backend torch" in done.stderr


def test_it_is_timed_where_it_has_a_text_in_a_process_of_its_own(begin: Begin) -> None:
    begin("estimator", "timed")
    names = ["estimators.pathwise", "estimators.timed"]
    cells = timing.plan(names, ["torch", "jax"], modes=["eager"])
    assert [(cell.work.arguments["kernel"], cell.work.backend, cell.work.package) for cell in cells] == [
        ("estimators.pathwise", "torch", ""),
        ("estimators.pathwise", "jax", ""),
        ("estimators.timed", "torch", "timed"),
    ]
    peak = peaks.plan(["estimators.timed"], ["torch", "jax"])
    assert {(cell.work.backend, cell.work.package) for cell in peak} == {("torch", "timed")}


def test_every_plan_says_whose_code_a_cell_runs(begin: Begin) -> None:
    begin("estimator", "mine")
    begin("problem", "fourth")
    (measured,) = plan.plan("mine", "fourth", {}, backends=["torch"])
    assert measured.work.package == "mine fourth"
    parts = plan.plan("mine", "quadratic", {}, backends=["torch"], processes=2)
    assert [(part.work.lane, part.work.package) for part in parts] == [(0, "mine"), (1, "mine")]
    (covered,) = coverage.plan([("mine", "quadratic")], backends=["torch"], replicates=[100])
    assert covered.work.package == "mine"
    (compared,) = recommend.plan("fourth", 0.001, {}, backends=["torch"])
    assert compared.work.package == "mine fourth"
    (ours,) = recommend.plan("bernoulli", 0.001, {}, backends=["torch"])
    assert ours.work.package == ""


def test_a_profile_measures_it_too(begin: Begin) -> None:
    rows = (VarianceRow("quadratic", ("pathwise",)), VarianceRow("bernoulli", ("score_function",)))
    assert profile_cells.with_plugins(rows) == list(rows)
    begin("estimator", "profiled")
    begin("problem", "fourth")
    found = {row.problem: row.estimators for row in profile_cells.with_plugins(rows)}
    assert found == {"quadratic": ("pathwise", "profiled"), "bernoulli": ("score_function",), "fourth": ()}
    assert profile_cells.with_plugins(()) == []


def test_a_run_says_which_code_of_other_packages_it_measured(begin: Begin, install: Install, tmp_path: Path) -> None:
    def digest() -> str:
        forget()
        return provenance.source_digest()

    seen = {digest()}
    folder = begin("estimator", "stamped")
    assert provenance.versions()["stamped"] == "0.1.0"
    # a text in another package than the row's, a row in a single module, and data that a text may read
    own = folder / "stamped"
    packages.add_metadata(tmp_path / "single", "single", {"reparam.estimators": {"single": "single_row:ESTIMATOR"}})
    row = (own / "__init__.py").read_text().replace("stamped.torch", "elsewhere.torch").replace('"stamped"', '"single"')
    text, elsewhere = (own / "torch.py").read_text(), tmp_path / "single" / "elsewhere" / "torch.py"
    elsewhere.parent.mkdir()
    (elsewhere.parent / "__init__.py").touch()
    elsewhere.write_text(text)
    for path, written in (
        (own / "torch.py", f"{text}\n"),
        (own / "data.npy", "1"),
        (own / "data.npy", "2"),
        (tmp_path / "single" / "single_row.py", row),
        (elsewhere, f"{text}\n"),
    ):
        path.write_text(written)
        install(tmp_path / "single")
        found = digest()
        assert found not in seen, path.name
        seen.add(found)
    (own / "__pycache__").mkdir(exist_ok=True)
    (own / "__pycache__" / "torch.pyc").write_text("compiled")
    assert digest() in seen

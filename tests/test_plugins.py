"""Code of other packages: begun by `reparam new`, found by entry points, judged, and broken in many ways."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import plugins_for_tests as packages
import pytest
import site_records
from click.testing import CliRunner, Result

from harness import measure, profile_cells
from harness.cli import main
from harness.estimators import ESTIMATORS
from harness.execution.engine import Engine
from harness.execution.local import Workers
from harness.plugins import check, problems, skeleton
from harness.plugins.findings import ENGINE, Settings
from harness.problems import PROBLEMS
from harness.profiles import VarianceRow
from harness.results import provenance
from harness.results.run import Run
from harness.results.schema import Check, Failure, Variance
from harness.site import rosetta
from harness.site import variance as variance_page
from harness.site.subjects import subjects
from harness.timing import peaks
from harness.timing import plan as timing
from harness.variance import coverage, plan, recommend
from implementations import entries, registry

TABLES = (registry.TABLE, ESTIMATORS, PROBLEMS)
QUICK = Settings(backends=("torch",), replicates=4_000)

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="pip install -e '.[torch]'")

Install = Callable[[Path], None]
Begin = Callable[..., Path]


def forget() -> None:
    for table in TABLES:
        vars(table).pop("_found", None)
    subjects.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return (folder of a package) -> None: it can be imported from then on, as if it had been installed."""
    before = set(sys.modules)

    def add(folder: Path) -> None:
        monkeypatch.syspath_prepend(folder)
        forget()

    yield add
    for module in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]
    monkeypatch.undo()
    forget()


@pytest.fixture
def begin(install: Install, tmp_path: Path) -> Begin:
    """Return (kind, name, edits of its files) -> the folder of an installed package made by `reparam new`."""

    def made(kind: str, name: str, *edits: tuple[str, str, str], backends: tuple[str, ...] = ("torch",)) -> Path:
        folder = packages.write_skeleton(tmp_path, kind, name, *edits, backends=backends)
        install(folder)
        return folder

    return made


def reparam(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def rows_of(*arguments: str) -> list[dict[str, object]]:
    done = reparam(*arguments, "--format", "json")
    assert done.exit_code == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def failed(records: list[Check]) -> dict[str, str]:
    return {record.derivative: record.observed for record in records if not record.within_budget}


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
    assert all(folder.exists() for folder in entries.folders())
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


def test_a_run_says_which_code_of_other_packages_it_measured(begin: Begin) -> None:
    alone = provenance.source_digest()
    folder = begin("estimator", "stamped")
    first = provenance.source_digest()
    assert provenance.versions()["stamped"] == "0.1.0"
    (folder / "stamped" / "torch.py").write_text("other = True\n")
    assert len({alone, first, provenance.source_digest()}) == 3

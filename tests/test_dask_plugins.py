"""Code of other packages on a Dask worker: judged there, in a process that no cell of this project shares."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import plugins_for_tests as packages
import pytest
from click.testing import CliRunner
from dask_for_tests import Machines, machines

from harness.cli import main
from harness.estimators import ESTIMATORS
from harness.execution.engine import Engine
from harness.execution.identity import identity
from harness.execution.local import Workers
from harness.execution.work import Cell
from harness.problems import PROBLEMS
from harness.variance import plan
from implementations import registry

pytest.importorskip("distributed", reason='pip install -c constraints.txt -e ".[cluster]"')

#: Estimators, each of a package of its own, and what is replaced by what in them.
EDITS = {
    "sound": ("", ""),
    "leaves": ("import numpy as np", "import sys; sys.exit(3)"),
    "hangs": ("import numpy as np", "import time; time.sleep(600)"),
}


def forget() -> None:
    for table in (registry.TABLE, ESTIMATORS, PROBLEMS):
        vars(table).pop("_found", None)
    identity.cache_clear()


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """A scheduler and one worker, with a backend of NumPy and estimators for it, which are known here too."""
    folder = tmp_path_factory.mktemp("packages")
    places = [packages.write_numpy(folder), *(packages.write_score(folder, name, *EDITS[name]) for name in EDITS)]
    here = (Path(__file__).parent, Path(registry.__file__).parent.parent)
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        for place in places:
            patch.syspath_prepend(place)
        forget()
        with machines(folder, ":".join(map(str, (*places, *here)))) as found:
            found.scheduler()
            found.worker("by_numpy=1")
            yield found
    for module in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]
    forget()


def where(estimator: str, turn: int) -> Cell:
    """A cell that says which process it runs in, planned as one that measures the estimator."""
    (cell,) = plan.plan(estimator, "quadratic", {}, backends=["by_numpy"])
    return Cell(f"{estimator} {turn}", replace(cell.work, function="work_for_tests:parents", arguments={}))


def test_code_of_another_package_has_a_process_of_its_own(worker: Machines) -> None:
    cells = [where(estimator, turn) for turn in range(5) for estimator in ("pathwise", "sound")]
    found = {}
    with Workers(engine=Engine(worker.address, patience=120.0)) as workers:
        for cell, outcome in workers.stream(cells):
            assert not isinstance(outcome, Exception), outcome
            found[cell.key] = tuple(outcome)
    processes = {estimator: {found[f"{estimator} {turn}"] for turn in range(5)} for estimator in ("pathwise", "sound")}
    # each keeps its process, both are children of the one worker, and they are two
    ((built_in, parent),) = processes["pathwise"]
    ((other, other_parent),) = processes["sound"]
    assert parent == other_parent == worker.processes[1].pid
    assert built_in != other


@pytest.mark.parametrize(
    ("name", "words", "wrong"),
    [
        ("sound", (), ""),
        ("leaves", (), "exit status 3"),
        ("hangs", ("--time-limit", "4"), "not finished after 4 s"),
    ],
)
def test_it_is_judged_on_the_workers_of_a_scheduler(
    worker: Machines, name: str, words: tuple[str, ...], wrong: str
) -> None:
    options = ("--scheduler-file", str(worker.file), "--patience", "120", "--format", "json", *words)
    done = CliRunner().invoke(main, ["check", "--plugin", name, *options])
    assert done.exit_code == (1 if wrong else 0), done.stderr
    found = json.loads(done.stdout)
    failed = {row["derivative"]: row["observed"] for row in found if not row["within_budget"]}
    assert list(failed) == (["call"] if wrong else [])
    assert wrong in failed.get("call", "")
    assert {row["derivative"] for row in found} >= {"load", "contract", "call", *([] if wrong else ["mean"])}


@pytest.mark.usefixtures("worker")
def test_it_is_judged_nowhere_else() -> None:
    """Where the scheduler is not there, nothing is quietly measured on this machine."""
    done = CliRunner().invoke(main, ["check", "--plugin", "sound", "--scheduler", "tcp://127.0.0.1:1"])
    assert done.exit_code == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in done.output

"""Cells on a real Dask scheduler with two workers over TCP: the same records, and nothing lost when parts of it die."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import psutil
import pytest
from backends_for_tests import published
from click.testing import CliRunner
from dask_for_tests import Machines, machines

from harness import cli, measure
from harness.errors import BadInputError, MeasurementError
from harness.execution import cluster
from harness.execution.cluster import Cluster
from harness.execution.engine import Engine
from harness.execution.local import LostError, Workers
from harness.execution.process import silent
from harness.execution.remote import resource
from harness.execution.work import Cell, Work
from harness.results import store

pytest.importorskip("distributed", reason='pip install -c constraints.txt -e ".[cluster]"')


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with published(tmp_path_factory.mktemp("published")) as python_path:
        yield python_path


def on(found: Machines, time_limit: float = math.inf) -> Engine:
    """The engine of these machines, with patience: those that do much else start slowly."""
    return Engine(found.address, time_limit=time_limit, patience=120.0)


@pytest.fixture(scope="module")
def pair(path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """A scheduler with one worker for each of two backends."""
    with machines(tmp_path_factory.mktemp("pair"), path) as found:
        found.scheduler()
        found.worker("light=1")
        found.worker("shade=1,crashing=1")
        outcomes(draws(1), on(found))  # both have joined
        yield found


@pytest.mark.parametrize(
    ("asked", "device", "name"),
    [("torch", "cpu", "torch"), ("torch_distributions", "gpu", "torch-gpu"), ("numpyro", "cpu", "jax")],
)
def test_the_resource_names_framework_and_device(asked: str, device: str, name: str) -> None:
    assert resource(Work("", asked, device)) == name


def cell(key: str, function: str, backend: str = "light", device: str = "cpu", **arguments: Any) -> Cell:
    return Cell(key, Work(f"work_for_tests:{function}", backend, device, arguments), lambda result: result)


def draws(count: int) -> list[Cell]:
    return [cell(f"{name} {seed}", "draw", name, seed=seed) for seed in range(count) for name in ("light", "shade")]


def outcomes(cells: list[Cell], engine: Engine) -> dict[str, Any]:
    with Workers(engine=engine) as workers:
        return {done.key: outcome for done, outcome in workers.stream(cells)}


def test_records_are_those_of_this_machine(pair: Machines) -> None:
    cells = draws(50)
    here = outcomes(cells, Engine())
    assert outcomes(cells, on(pair)) == here
    assert outcomes(cells, Engine(scheduler_file=pair.file)) == here


def test_each_backend_has_a_worker_and_a_process_of_its_own(pair: Machines) -> None:
    cells = [cell(f"{name} {n}", "parents", name) for n in range(3) for name in ("light", "shade")]
    found = outcomes(cells, on(pair))
    for name, worker in (("light", pair.processes[1]), ("shade", pair.processes[2])):
        own = {found[f"{name} {n}"] for n in range(3)}
        assert len(own) == 1
        assert own.pop()[1] == worker.pid


def test_a_worker_with_two_backends_keeps_a_process_for_each(pair: Machines) -> None:
    cells = [cell(f"{name} {n}", "parents", name) for n in range(20) for name in ("light", "dusk")]
    found = outcomes(cells, on(pair))
    for name in ("light", "dusk"):
        assert len({found[f"{name} {n}"] for n in range(20)}) == 1


def test_the_process_of_a_run_ends_with_it(pair: Machines) -> None:
    outcomes(draws(1), on(pair))
    left = [
        child
        for process in pair.processes
        for child in psutil.Process(process.pid).children(recursive=True)
        if "spawn_main" in " ".join(child.cmdline())
    ]
    _, alive = psutil.wait_procs(left, timeout=30)
    assert alive == []


def test_faults_cost_their_cell_and_no_worker(pair: Machines, tmp_path: Path) -> None:
    cells = [
        cell("killed", "kill_itself", log=str(tmp_path / "log")),
        cell("hangs", "hang"),
        cell("large", "allocate"),
        cell("odd", "raise_odd_bad_input"),
        cell("crashes", "draw", "crashing", seed=1),
        *draws(3),
    ]
    found = outcomes(cells, on(pair, time_limit=3.0))
    assert "killed by signal 9" in str(found["killed"])
    assert "not finished after 3 s" in str(found["hangs"])
    assert "MemoryError" in str(found["large"])
    assert "OddBadInputError" in str(found["odd"])
    assert "killed by signal 11" in str(found["crashes"])
    assert {key: found[key] for key in ("light 0", "shade 2")} == {
        key: row for key, row in outcomes(draws(3), Engine()).items() if key in {"light 0", "shade 2"}
    }
    assert all(process.poll() is None for process in pair.processes)


@pytest.mark.parametrize(("device", "resource"), [("cpu", "nobody"), ("gpu", "nobody-gpu")])
def test_a_worker_that_is_missing_is_said_with_its_command(
    pair: Machines, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], device: str, resource: str
) -> None:
    monkeypatch.setattr(cluster, "resource", lambda work: resource if work.backend == "shade" else "light")
    cells = [cell(f"{n}", "draw", "shade", device, seed=n) for n in range(50)] + draws(1)
    found = outcomes(cells, Engine(pair.address, patience=0.5))
    assert len(found) == 52
    assert isinstance(found["0"], BadInputError)
    start = f'dask worker {pair.address} --no-nanny --nthreads 1 --resources "{resource}=1"'
    for text in (f"'{resource}' in 0.5 s", "crashing, light, shade", start, "--patience"):
        assert text in str(found["49"])
    assert not isinstance(found["light 0"], Exception)
    assert capsys.readouterr().err == f"waiting for a Dask worker that offers '{resource}'; start one with: {start}\n"


def test_a_worker_that_joins_late_is_waited_for_and_said_once(
    path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with machines(tmp_path, path) as found:
        found.scheduler()
        joining = threading.Timer(4.0, found.worker, ["light=1"])
        joining.start()
        cells = [cell(f"{seed}", "draw", seed=seed) for seed in range(3)]
        assert outcomes(cells, Engine(found.address, patience=math.inf)) == outcomes(cells, Engine())
        joining.join()
    assert capsys.readouterr().err.count("waiting for a Dask worker that offers 'light'") == 1


def test_other_code_on_a_worker_is_refused(pair: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    own = cluster.identity()
    monkeypatch.setattr(cluster, "identity", lambda: own | {"source": "other", "numpy": "0.1"})
    found = outcomes([cell("drawn", "draw", seed=1)], on(pair))
    assert isinstance(found["drawn"], BadInputError)
    assert f"numpy {own['numpy']} in place of 0.1" in str(found["drawn"])
    assert "source" in str(found["drawn"])


def test_the_driver_listens_nowhere(pair: Machines) -> None:
    def listening() -> set[Any]:
        return {row.laddr for row in psutil.Process().net_connections() if row.status == psutil.CONN_LISTEN}

    before = listening()
    with Workers(engine=on(pair)) as workers:
        workers.run(draws(1))
        assert listening() == before
    loopback = {
        row.laddr.ip
        for process in pair.processes
        for row in psutil.Process(process.pid).net_connections()
        if row.status == psutil.CONN_LISTEN
    }
    assert loopback == {"127.0.0.1"}


def test_a_worker_that_is_killed_loses_nothing(path: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    cells = [cell(f"{n}", "note_and_draw", seed=n, log=str(log), seconds=0.02) for n in range(60)]
    with machines(tmp_path, path) as found:
        found.scheduler()
        victim, _ = found.worker("light=1"), found.worker("light=1")
        killer = threading.Thread(target=_kill_after, args=(log, 15, victim))
        killer.start()
        measured = outcomes(cells, on(found))
        killer.join()
        assert victim.wait() == -9
    assert measured == outcomes([cell(f"{n}", "draw", seed=n) for n in range(60)], Engine())


def _kill_after(log: Path, lines: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (log.exists() and len(log.read_text().split()) >= lines):
        time.sleep(0.01)
    process.kill()


def test_a_scheduler_that_is_killed_ends_the_run_and_the_next_goes_on(path: str, tmp_path: Path) -> None:
    from test_store import PROVENANCE

    log, root = tmp_path / "log", tmp_path / "results"
    cells = [
        Cell(f"{n}", Work("work_for_tests:note_and_record", "light", "cpu",
                          {"number": n, "log": str(log), "seconds": 0.02}))
        for n in range(60)
    ]  # fmt: skip
    for turn, lines in enumerate((10, 1000)):
        folder = tmp_path / f"{turn}"
        folder.mkdir()
        with machines(folder, path) as found:
            scheduler = found.scheduler()
            found.worker("light=1")
            killer = threading.Thread(target=_kill_after, args=(log, lines, scheduler), daemon=True)
            killer.start()
            batches = [measure.Batch(cells)]
            if turn == 0:
                with pytest.raises(LostError, match=r"scheduler at tcp://127.* is gone; what was finished is kept"):
                    measure.run(batches, root, PROVENANCE, fresh=False, engine=on(found))
                (stored,) = store.read(root)
                assert 1 <= len(stored.cells) < 60
            else:
                stored = measure.run(batches, root, PROVENANCE, fresh=False, engine=on(found))
    assert set(stored.cells) == {f"{n}" for n in range(60)}
    assert sorted(row.measured for row in stored.records) == list(range(60))  # type: ignore[union-attr]
    # only what was under way when the scheduler died is measured again
    assert len(log.read_text().split()) - 60 <= 60 - 1


@pytest.mark.parametrize(("daemon", "text"), [("true", "--no-nanny"), ("false", "")])
def test_a_worker_under_a_nanny_says_what_it_needs(path: str, tmp_path: Path, daemon: str, text: str) -> None:
    with machines(tmp_path, path, {"DASK_DISTRIBUTED__WORKER__DAEMON": daemon}) as found:
        found.scheduler()
        found.worker("light=1", "--nanny")
        (outcome,) = outcomes([cell("drawn", "draw", seed=1)], on(found)).values()
    assert isinstance(outcome, BadInputError) == bool(text)
    assert text in str(outcome)


def _certificates(folder: Path) -> dict[str, str]:
    """Make an authority and one certificate, and return the configuration of all parties."""
    commands = (
        ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=authority", "-days", "2", "-keyout", "ca.key",
         "-out", "ca.pem"),
        ("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", "own.key", "-out", "own.csr"),
        ("x509", "-req", "-in", "own.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
         "-out", "own.pem"),
    )  # fmt: skip
    for words in commands:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    prefix = "DASK_DISTRIBUTED__COMM__TLS__"
    parties = {
        f"{prefix}{party}__{name.upper()}": str(folder / f"own.{end}")
        for party in ("CLIENT", "SCHEDULER", "WORKER")
        for name, end in (("key", "key"), ("cert", "pem"))
    }
    return {f"{prefix}CA_FILE": str(folder / "ca.pem"), "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true", **parties}


ASKED = """
import sys
from harness.errors import BadInputError
from harness.execution.engine import Engine
from harness.execution.local import Workers
from harness.execution.work import Cell, Work
if __name__ == "__main__":
    work = Work("work_for_tests:draw", "light", "cpu", {"seed": 1})
    try:
        with Workers(engine=Engine(sys.argv[1])) as workers:
            print(workers.run([Cell("drawn", work, lambda result: [result])])[0][0][0])
    except BadInputError as error:
        print(error)
"""


def test_tls_works_and_nobody_without_a_certificate_gets_in(path: str, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    configured, strange = _certificates(ours), _certificates(theirs)
    program = tmp_path / "asked.py"
    program.write_text(ASKED)

    def asked(address: str, environment: dict[str, str]) -> str:
        done = subprocess.run(
            [sys.executable, str(program), address], env=os.environ | {"PYTHONPATH": path} | environment,
            capture_output=True, text=True, check=True, timeout=100,
        )  # fmt: skip
        return done.stdout

    with machines(tmp_path, path, configured) as found:
        found.scheduler("tls")
        found.worker("light=1")
        assert found.address.startswith("tls://")
        (expected,) = outcomes([cell("drawn", "draw", seed=1)], Engine()).values()
        assert float(asked(found.address, configured)) == expected[0]
        assert "no Dask scheduler answers" in asked(found.address, strange)
        assert "needs certificates; set DASK_DISTRIBUTED__COMM__TLS__CA_FILE" in asked(found.address, {})
        assert "no Dask scheduler answers" in asked(found.address.replace("tls", "tcp"), {})


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--scheduler", "ftp://127.0.0.1:1"], "allowed: tcp://HOST:PORT"),
        (["--scheduler", "127.0.0.1"], "allowed: tcp://HOST:PORT"),
        (["--scheduler", "tcp://127.0.0.1:99999"], "allowed: tcp://HOST:PORT"),
        (["--scheduler", "tcp://"], "allowed: tcp://HOST:PORT"),
        (["--scheduler", "tcp://127.0.0.1:1"], "no Dask scheduler answers at tcp://127.0.0.1:1"),
        (["--scheduler", "tls://127.0.0.1:1"], "needs certificates"),
        (["--scheduler-file", "missing.json"], "'missing.json' does not exist"),
        (["--scheduler-file", "list.json"], "--scheduler-file 'list.json' cannot be read"),
        (["--scheduler", "tcp://127.0.0.1:1", "--scheduler-file", "list.json"], "exclude each other"),
        (["--time-limit", "0"], "--time-limit is 0; allowed: above 0"),
        (["--time-limit", "nan"], "--time-limit is nan; allowed: above 0"),
        (["--patience", "0"], "--patience is 0; allowed: above 0"),
        (["--patience", "nan"], "--patience is nan; allowed: above 0"),
        (["--patience", "-inf"], "--patience is -inf; allowed: above 0"),
    ],
)
def test_options_that_cannot_be_used(
    options: list[str], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "CONNECT", 0.5)
    (tmp_path / "list.json").write_text("[1]")
    found = CliRunner().invoke(cli.main, ["reproduce", "roeder2017", "--fewer", "9", *options])
    assert found.exit_code == 2
    assert text in found.output
    assert "Traceback" not in found.output
    assert len(found.output.splitlines()) == 1


def test_distributed_that_is_missing_is_said_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BadInputError, match=r"--scheduler needs distributed.*pip install .*\[cluster\]"):
        Cluster("tcp://127.0.0.1:1", silent)


def test_a_task_that_kills_every_worker_is_a_failure() -> None:
    inner: Future[Any] = Future()
    inner.set_exception(type("KilledWorker", (Exception,), {})("as distributed names it"))
    outcome = Cluster._outcome(object.__new__(Cluster), inner)
    assert isinstance(outcome, MeasurementError)
    assert "every Dask worker that tried it was lost" in str(outcome)

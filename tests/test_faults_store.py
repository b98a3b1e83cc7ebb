"""What killed drivers and two writers do to stored results: nothing."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from faults_for_tests import (
    CELLS,
    ENVIRONMENT,
    ended,
    finished,
    measured,
    stored_once,
    tiny,
    written,
)
from tiny_run import PROVENANCE

from harness.errors import BadInputError
from harness.results import part, store


def test_sigkill_of_the_driver_at_20_random_moments(tmp_path: Path) -> None:
    """Kills fall where the driver starts, waits, writes and flushes: up to 8 cells and 30 ms after its last one."""
    root, log = tmp_path / "results", tmp_path / "log"
    moments = random.Random(7)
    log.touch()
    for _ in range(20):
        before, lines_before = finished(root), len(measured(log))
        process = subprocess.Popen(tiny(root, log, "--cells", "150"), env=ENVIRONMENT, stderr=subprocess.DEVNULL)
        wanted = lines_before + moments.randint(0, 8)
        deadline = time.monotonic() + 60
        while len(measured(log)) < wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.03))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert before <= finished(root)
        assert not before & set(measured(log)[lines_before:])
    done = ended(tiny(root, log, "--cells", "150"))
    assert done.returncode == 0, done.stderr
    stored_once(root, log, 150)


def test_the_second_writer_is_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    root, log = tmp_path / "results", tmp_path / "log"
    options = ("--cells", "12", "--seconds", "0.25")
    first = subprocess.Popen(tiny(root, log, *options), env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    second = ended(tiny(root, tmp_path / "log of the second", *options))
    assert first.poll() is None, "the first has ended too early for this test"
    assert second.returncode == 2
    said = second.stderr.splitlines()[-1]
    assert f"is being written by another process (process {first.pid})" in said
    assert "wait until it has finished" in said
    assert not (tmp_path / "log of the second").exists()
    other = ended(tiny(root, tmp_path / "log of another run", "--cells", "3", "--seed", "1"))
    assert other.returncode == 0, other.stderr
    assert {run.provenance["seed"] for run in store.read(root)} == {0, 1}
    first.kill()
    first.wait()
    third = ended(tiny(root, log, "--cells", "12"))
    assert third.returncode == 0, third.stderr
    assert set(measured(log)) == set(range(12))


@pytest.mark.parametrize("by", ["file system", "system"])
def test_where_nothing_can_be_locked_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], by: str
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    if by == "file system":
        monkeypatch.setattr(fcntl, "flock", refuse)
    else:
        monkeypatch.setitem(sys.modules, "fcntl", None)
    assert len(part.read(written(tmp_path)).cells) == len(CELLS)
    assert "cannot be locked on this system" in capsys.readouterr().err


def test_one_process_writes_a_run_once_at_a_time(tmp_path: Path) -> None:
    folder, _ = store.resumable(tmp_path, PROVENANCE)
    with store.Part(folder, PROVENANCE):
        with pytest.raises(BadInputError, match=f"process {os.getpid()}"):
            store.Part(folder, PROVENANCE)
        store.read(tmp_path)
    with store.Part(folder, PROVENANCE) as again:
        assert again.path.name == "part-2.jsonl"

"""What full and failing disks do to stored results: nothing."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from faults_for_tests import (
    CELLS,
    FEW,
    TESTS,
    WRITE,
    Disk,
    ended,
    finished,
    measured,
    stored_once,
    write_cells,
    written,
)
from tiny_run import PROVENANCE

from harness import commands
from harness.cli import main
from harness.errors import BadInputError
from harness.results import disk, part, prune, store
from harness.results.merge import merge


@pytest.mark.parametrize("cut", [True, False], ids=["cut back", "not cut back"])
def test_a_disk_full_at_every_byte_loses_nothing_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: bool
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)
    size = len(written(tmp_path / "size", FEW).read_bytes())
    if not cut:
        monkeypatch.setattr(os, "ftruncate", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "no")))
    for room in range(0, size, 1 if cut else 7):
        root = tmp_path / f"{room}"
        folder, _ = store.resumable(root, PROVENANCE)
        appended: list[str] = []
        monkeypatch.setattr(os, "write", Disk(room, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)[room % 3]).write)
        with pytest.raises(BadInputError, match=r"cannot be written: .*make room on that disk, then give the same"):
            write_cells(folder, FEW, appended)
        monkeypatch.setattr(os, "write", WRITE)
        again, earlier = store.resumable(root, PROVENANCE)
        assert again == folder
        assert list(earlier.cells if earlier else ()) == appended
        assert not cut or earlier is None or earlier.notes == []
        with store.Part(folder, PROVENANCE) as writer:
            for key in FEW.keys() - set(appended):
                writer.append(key, FEW[key])
        (run,) = store.read(root)
        assert run.cells == FEW
        shutil.rmtree(root)


@pytest.mark.parametrize("fails", range(1, 10))
def test_a_failing_fsync_is_said_and_loses_nothing_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    calls = 0

    def fsync(_: int) -> None:
        nonlocal calls
        calls += 1
        if calls == fails:
            raise OSError(errno.EIO, "Input/output error")

    folder, _ = store.resumable(tmp_path, PROVENANCE)
    appended: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(BadInputError, match="Input/output error; see to it that it can be written, then give"):
            write_cells(folder, CELLS, appended)
    _, earlier = store.resumable(tmp_path, PROVENANCE)
    assert list(earlier.cells if earlier else ()) == appended


@pytest.mark.parametrize("call", ["open", "mkdir"])
def test_a_file_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder, _ = store.resumable(tmp_path, PROVENANCE)
    monkeypatch.setattr(*((os, "open") if call == "open" else (Path, "mkdir")), refuse)
    with pytest.raises(BadInputError, match="No space left on device; make room"):
        store.Part(folder, PROVENANCE)


def test_names_reach_the_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut a file is there if its folder was flushed, and the folder if the one above it was."""
    flushed: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    path = written(tmp_path)
    assert {str(path), *map(str, path.parents[:4])} <= set(flushed)
    assert flushed.count(str(path)) == len(CELLS) + 1


FULL = """
set -e
mount -t tmpfs -o size=96k tmpfs "$1"
dd if=/dev/zero of="$1/ballast" bs=1k count=56 2> "$2/dd"
set +e
"$3" "$4" tiny "$1/results" "$2/log" --cells 120 > "$2/out" 2> "$2/first"
echo $? > "$2/status"
cp -r "$1/results" "$2/before"
wc -l < "$2/log" > "$2/lines"
rm "$1/ballast"
mount -o remount,size=4m "$1"
"$3" "$4" tiny "$1/results" "$2/log" --cells 120 >> "$2/out" 2> "$2/second"
echo $? >> "$2/status"
cp -r "$1/results" "$2/results"
"""


def test_a_small_file_system_that_fills_up(tmp_path: Path) -> None:
    """A real one, mounted in a name space of its own, which ends with its process."""
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", place], capture_output=True, check=False
    ).returncode:
        pytest.skip("this process may not mount a file system")
    program = [str(place), str(tmp_path), sys.executable, str(TESTS / "tiny_run.py")]
    done = ended(["unshare", "-m", "sh", "-c", FULL, "sh", *program])
    assert done.returncode == 0, done.stderr
    first = (tmp_path / "first").read_text().splitlines()
    assert (tmp_path / "status").read_text().split() == ["2", "0"], first
    assert first[-1].startswith(f"Error: {place}/results/m/")
    assert "No space left on device; make room on that disk, then give the same command again" in first[-1]
    assert "Traceback" not in "".join(first)
    assert (tmp_path / "out").read_text().split() == ["120"]
    parts = part.listing(next((tmp_path / "results").glob("m/*")))
    assert len(parts) == 2
    assert part.read(parts[0]).cells
    assert part.read(parts[0]).notes == []
    stored_once(tmp_path / "results", tmp_path / "log", 120)
    again = measured(tmp_path / "log")[int((tmp_path / "lines").read_text()) :]
    assert not finished(tmp_path / "before") & set(again)


@pytest.mark.parametrize("command", ["prune", "merge"])
def test_mending_and_merging_on_a_full_disk_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The disk fills up anywhere in what they write; given again, with room, they finish."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    for room in range(0, 1200, 37):
        root, into = tmp_path / f"{room}", tmp_path / f"{room} into"
        path = written(root)
        data = path.read_bytes()
        if command == "prune":
            data = data.replace(b'"measured":2.0', b'"measured":3.0')
            path.write_bytes(data)
        monkeypatch.setattr(os, "write", Disk(room, errno.ENOSPC).write)
        with pytest.raises(BadInputError, match="No space left on device; make room on that disk"):
            prune.prune(root, prune.What(damaged=True)) if command == "prune" else merge([root], into)
        monkeypatch.setattr(os, "write", WRITE)
        assert data in {path.read_bytes(), *(file.read_bytes() for file in path.parent.glob("*.damaged"))}
        assert len(part.read(path).cells) == (3 if command == "prune" else 4)
        prune.prune(root, prune.What(damaged=True)) if command == "prune" else merge([root], into)
        (run,) = store.read(root if command == "prune" else into)
        assert run.cells == {key: cell for key, cell in CELLS.items() if command == "merge" or key != "b"}


def test_a_disk_that_fills_up_outside_of_the_store_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/home/me/site/cost.html")

    monkeypatch.setattr(commands, "site", full)
    done = CliRunner().invoke(main, ["site"])
    assert done.exit_code == 2
    assert done.stderr == "Error: cost.html cannot be written: No space left on device; make room on that disk\n"


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EACCES])
def test_a_file_system_that_flushes_no_folders_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            raise OSError(code, os.strerror(code))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    assert len(part.read(written(tmp_path)).cells) == len(CELLS)


def test_replacing_a_file_on_a_full_disk_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "write", Disk(2, errno.ENOSPC).write)
    with pytest.raises(OSError, match="No space left"):
        disk.replace(path, b"newer")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_file_that_the_disk_does_not_give_is_said(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(BadInputError, match=r"part-1\.jsonl cannot be read: .*; restore it from a copy"):
        store.read(tmp_path)

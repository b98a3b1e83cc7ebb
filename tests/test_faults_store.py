"""What killed drivers, full disks, two writers, flipped bits and newer versions do to stored results: nothing."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tiny_run import PROVENANCE
from work_for_tests import record

from harness import commands
from harness.cli import main
from harness.errors import BadInputError
from harness.results import disk, lines, part, prune, store
from harness.results.merge import merge
from harness.results.schema import SCHEMA, Record

TESTS = Path(__file__).parent
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join((str(TESTS.parent), str(TESTS)))}
CELLS = {"a": [record(0), record(1)], "b": [record(2)], "c": [], "d": [record(3)]}


def tiny(root: Path, log: Path, *options: str) -> list[str]:
    return [sys.executable, str(TESTS / "tiny_run.py"), "tiny", str(root), str(log), *options]


def ended(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)


FEW = {key: CELLS[key] for key in ("b", "c")}


def write_cells(folder: Path, cells: Mapping[str, Sequence[Record]], appended: list[str]) -> Path:
    """Write cells, and say which ones the store has taken."""
    with store.Part(folder, PROVENANCE) as writer:
        for key, records in cells.items():
            writer.append(key, records)
            appended.append(key)
    return writer.path


def written(root: Path, cells: Mapping[str, Sequence[Record]] = CELLS) -> Path:
    folder, _ = store.resumable(root, PROVENANCE)
    return write_cells(folder, cells, [])


def finished(root: Path) -> set[int]:
    """Return the numbers of the cells that are in the store."""
    return {int(key.removeprefix("cell ")) for run in (store.read(root) if root.exists() else []) for key in run.cells}


def measured(log: Path) -> list[int]:
    """Return the numbers of the cells that were measured, in order; those under way at a break stand there twice."""
    return [int(line) for line in log.read_text().split()]


def stored_once(root: Path, log: Path, cells: int) -> None:
    """Assert that every cell is there once, with its number."""
    (run,) = store.read(root)
    assert sorted(one.measured for one in run.records) == list(range(cells))  # type: ignore[union-attr]
    assert all(run.cells[f"cell {n}"] == [record(n)] for n in range(cells))
    stored = [cell.key for path in part.listing(root / run.name) for cell in part.read(path).cells]
    assert sorted(stored) == sorted(run.cells)
    assert set(measured(log)) == set(range(cells))


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


def test_a_flipped_bit_of_every_byte_is_found_and_costs_its_own_cell_only(tmp_path: Path) -> None:
    """What is read is what was written, and what is not read is said. A newline between two cells is of both."""
    path = written(tmp_path)
    whole = path.read_bytes()
    bits = random.Random(3)
    for index in range(len(whole)):
        for bit in bits.sample(range(8), 1 if index % 4 else 3):
            flipped = bytearray(whole)
            flipped[index] ^= 1 << bit
            path.write_bytes(flipped)
            found = part.read(path)
            assert found.damages or found.notes, (index, bit)
            assert found.head == whole.partition(b"\n")[0]
            cells = {cell.key: cell.records for cell in found.cells}
            assert len(cells) >= len(CELLS) - (2 if whole[index : index + 1] == b"\n" else 1), (index, bit)
            assert cells.items() <= CELLS.items()


@pytest.mark.parametrize("seed", range(24))
def test_a_flipped_bit_stops_reading_until_it_is_set_aside(tmp_path: Path, seed: int) -> None:
    path = written(tmp_path)
    flipped = bytearray(path.read_bytes())
    index = random.Random(seed).randrange(len(flipped) - 1)
    flipped[index] ^= 1 << random.Random(-seed).randrange(8)
    path.write_bytes(flipped)
    with pytest.raises(BadInputError, match=r"part-1\.jsonl: line \d+ .*reparam results prune --damaged"):
        store.resumable(tmp_path, PROVENANCE)
    assert path.read_bytes() == flipped
    prune.prune(tmp_path, prune.What(damaged=True))
    assert path.with_name("part-1.jsonl.damaged").read_bytes() == flipped
    folder, earlier = store.resumable(tmp_path, PROVENANCE)
    assert earlier is not None
    assert len(earlier.cells) >= len(CELLS) - 2
    with store.Part(folder, PROVENANCE) as writer:
        for key in CELLS.keys() - earlier.cells.keys():
            writer.append(key, CELLS[key])
    (run,) = store.read(tmp_path)
    assert run.cells == CELLS


def test_a_cell_moved_to_another_header_is_found(tmp_path: Path) -> None:
    """By hand, or by a tool that joins files: the records would pass for those of another seed."""
    path = written(tmp_path)
    other = store.Part(tmp_path / "m" / "other", PROVENANCE | {"seed": 1})
    with other:
        other.append("a", [record(9)])
    moved = b"".join(other.path.read_bytes().splitlines(keepends=True)[2:])
    path.write_bytes(path.read_bytes() + moved)
    assert [damage.cell for damage in part.read(path).damages] == ["a"]


class Disk:
    """A disk with room for some bytes; what goes beyond is refused as Linux does it, the rest written first."""

    def __init__(self, room: int, error: int) -> None:
        self.room, self.error = room, error

    def write(self, descriptor: int, data: Any) -> int:
        if self.room == 0:
            raise OSError(self.error, os.strerror(self.error))
        count = WRITE(descriptor, data[: self.room])
        self.room -= count
        return count


WRITE = os.write


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


def test_where_nothing_can_be_locked_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert len(part.read(written(tmp_path)).cells) == len(CELLS)
    assert "cannot be locked on this file system" in capsys.readouterr().err


def test_one_process_writes_a_run_once_at_a_time(tmp_path: Path) -> None:
    folder, _ = store.resumable(tmp_path, PROVENANCE)
    with store.Part(folder, PROVENANCE):
        with pytest.raises(BadInputError, match=f"process {os.getpid()}"):
            store.Part(folder, PROVENANCE)
        store.read(tmp_path)
    with store.Part(folder, PROVENANCE) as again:
        assert again.path.name == "part-2.jsonl"


def newer(path: Path, **change: Any) -> bytes:
    """Put a file there as a newer version would write it: sealed, with something this one does not know."""
    told = PROVENANCE | {"versions": {"reparam": "7.3.0"}}
    head = lines.header(change.get("schema", SCHEMA), "f", told)
    if "header" in change:
        bare = head[: -lines._SEAL_BYTES] + b',"weather":1'
        head = bare + b',"digest":"' + lines._digest(b"", bare) + b'"}'
    body = lines.cell(head, "a", [record(0)], 0.1)
    if unknown := change.get("unknown"):
        first = json.loads(body.splitlines()[0]) | unknown
        raw = json.dumps(first, separators=(",", ":")).encode() + b"\n"
        bare = body.splitlines()[1][: -lines._SEAL_BYTES]
        body = raw + bare + b',"digest":"' + lines._digest(lines.seal_of(head), raw, bare) + b'"}\n'
    path.parent.mkdir(parents=True)
    path.write_bytes((head + b"\n") * 2 + body)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": SCHEMA + 1}, rf"line 1 has schema {SCHEMA + 1}; written by reparam 7\.3\.0"),
        ({"header": True}, r"line 1 has what this version does not know.*weather.*reparam 7\.3\.0"),
        ({"unknown": {"weather": 1.5}}, r"line 3 has what this version does not know.*weather.*reparam 7\.3\.0"),
        ({"unknown": {"kind": "weather"}}, r"line 3 has what this version does not know.*reparam 7\.3\.0"),
    ],
)
def test_a_newer_version_is_named_and_nothing_is_touched(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "m" / "run" / "part-1.jsonl"
    before = newer(path, **change)
    for action in (
        lambda: store.read(tmp_path),
        lambda: store.resumable(tmp_path, PROVENANCE),
        lambda: prune.prune(tmp_path, prune.What(damaged=True, unfinished=True, failures=True, keep=1)),
    ):
        with pytest.raises(BadInputError, match=message) as caught:
            action()
        assert f"reads schema {SCHEMA}; use that version" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_an_older_header_with_a_newer_schema_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "m" / "run" / "part-1.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"kind":"run","schema":99,"new":1,"provenance":{}}\n{"kind":"hail"}\n')
    with pytest.raises(BadInputError, match="line 1 has schema 99; written by reparam of an unknown version"):
        store.read(tmp_path)


def test_replacing_a_file_on_a_full_disk_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "write", Disk(2, errno.ENOSPC).write)
    with pytest.raises(OSError, match="No space left"):
        disk.replace(path, b"newer")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_files_edited_by_hand_never_give_a_number_that_was_not_measured(tmp_path: Path) -> None:
    """Lines deleted, doubled, swapped, cut, mixed with bytes of any kind: 400 files."""
    path = written(tmp_path)
    whole = path.read_bytes().splitlines(keepends=True)
    chance = random.Random(11)
    for _ in range(400):
        edited = list(whole)
        for _ in range(chance.randint(1, 3)):
            at, other = chance.randrange(len(edited)), chance.randrange(len(edited))
            line = edited[at]
            cut = chance.randint(0, len(line))
            edited[at] = chance.choice(
                (b"", line * 2, edited[other], line[:cut], line[cut:], b"[" * 5000 + b"\n", chance.randbytes(40) + line)
            )
        path.write_bytes(b"".join(edited))
        found = part.read(path)
        assert {cell.key: cell.records for cell in found.cells}.items() <= CELLS.items()
        if found.damages:
            with pytest.raises(BadInputError, match=r"^.*part-1\.jsonl: line \d+ .*$"):
                store.resumable(tmp_path, PROVENANCE)


def test_a_file_that_the_disk_does_not_give_is_said(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(BadInputError, match=r"part-1\.jsonl cannot be read: .*; restore it from a copy"):
        store.read(tmp_path)

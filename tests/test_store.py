"""The store loses nothing, measures nothing twice, and rewrites nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tiny_run import PROVENANCE
from work_for_tests import record

from harness.errors import BadInputError
from harness.results import log, part, provenance, store
from harness.results.schema import Failure


def written(root: Path, *cells: tuple[str, int]) -> Path:
    folder, _ = store.resumable(root, PROVENANCE)
    with store.Part(folder, PROVENANCE) as part:
        for key, count in cells:
            part.append(key, [record(number) for number in range(count)])
    return part.path


def unsealed(path: Path) -> None:
    """Make of a file what versions before the digests wrote."""
    lines = re.sub(rb',"digest":"[0-9a-f]{32}"', b"", path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(b"".join(lines[1:]))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written(tmp_path, ("a", 2), ("b", 0), ("c", 1))
    (run,) = store.read(tmp_path)
    assert {key: len(records) for key, records in run.cells.items()} == {"a": 2, "b": 0, "c": 1}
    assert run.records[1] == record(1)
    assert run.provenance == PROVENANCE


def test_a_second_part_goes_on(tmp_path: Path) -> None:
    first = written(tmp_path, ("a", 1))
    before = first.read_bytes()
    second = written(tmp_path, ("b", 1))
    assert second != first
    assert second.parent == first.parent
    assert first.read_bytes() == before
    (run,) = store.read(tmp_path)
    assert set(run.cells) == {"a", "b"}


@pytest.mark.parametrize("change", [{"source": "t"}, {"versions": {"numpy": "0"}}, {"seed": 1}, {"profile": "full"}])
def test_unlike_runs_are_never_merged(tmp_path: Path, change: dict[str, Any]) -> None:
    first = written(tmp_path, ("a", 1))
    folder, earlier = store.resumable(tmp_path, PROVENANCE | change)
    assert earlier is None
    assert folder != first.parent


def test_date_and_commit_do_not_part_runs() -> None:
    assert provenance.fingerprint(PROVENANCE) == provenance.fingerprint(PROVENANCE | {"started": "x", "commit": "y"})


def test_torn_anywhere_loses_no_finished_cell(tmp_path: Path) -> None:
    """Cut the file at every byte: what is read is a prefix of the cells, and the file stays as it is."""
    path = written(tmp_path, ("a", 1), ("b", 2), ("c", 1))
    whole = path.read_bytes()
    ends = [index + 1 for index in range(len(whole)) if whole[index : index + 1] == b"\n"]
    closing = [end for end in ends if b'"kind":"cell"' in whole[:end].splitlines()[-1]]
    for cut in range(ends[1], len(whole) + 1):
        path.write_bytes(whole[:cut])
        (run,) = store.read(tmp_path)
        assert len(run.cells) == sum(end <= cut for end in closing)
        assert bool(run.notes) == (cut not in {ends[1], *closing})
        assert path.read_bytes() == whole[:cut]


def test_a_torn_header_is_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path, ("a", 1))
    path.write_bytes(path.read_bytes()[:20])
    assert store.read(tmp_path) == []
    written(tmp_path, ("a", 1))
    assert [set(run.cells) for run in store.read(tmp_path)] == [{"a"}]


def test_a_header_torn_anywhere_holds_nothing_and_stops_nothing(tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert all(not run.cells for run in store.read(tmp_path))
        store.resumable(tmp_path, PROVENANCE)


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize(
    ("place", "text", "message"),
    [
        (0, b"backend,variance", "line 1 (is not the header|does not have its digest; its copy)"),
        (1, b"{}", "line [23] is not a record"),
        (1, b'{"kind":"article","backend":1}', "line [23] is not a record"),
        (2, b'{"kind":"cell","key":"a","records":7,"seconds":0.1}', "line [34] closes a cell of 7 records, 1 stand"),
        (2, b'{"kind":"cell","key":"a","records":0,"seconds":0.1}', "line [34] (closes a cell of 0|does not have)"),
    ],
)
def test_a_foreign_line_is_named_and_nothing_changes(
    tmp_path: Path, place: int, text: bytes, message: str, sealed: bool
) -> None:
    path = written(tmp_path, ("a", 1), ("b", 1))
    if not sealed:
        unsealed(path)
    lines = path.read_bytes().split(b"\n")
    lines[place + (sealed and place > 0)] = text
    path.write_bytes(b"\n".join(lines))
    before = path.read_bytes()
    with pytest.raises(BadInputError, match=message) as caught:
        store.read(tmp_path)
    assert "part-1.jsonl" in str(caught.value)
    assert "reparam results prune --damaged" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


def test_files_without_digests_are_read_and_gone_on_with(tmp_path: Path) -> None:
    old = written(tmp_path, ("a", 2), ("b", 0))
    unsealed(old)
    before = old.read_bytes()
    assert b"digest" not in before
    assert before.count(b'"kind":"run"') == 1
    new = written(tmp_path, ("c", 1))
    assert new.parent == old.parent
    (run,) = store.read(tmp_path)
    assert {key: len(records) for key, records in run.cells.items()} == {"a": 2, "b": 0, "c": 1}
    assert not part.read(old).checked
    assert part.read(new).checked
    assert old.read_bytes() == before


@pytest.mark.parametrize("change", [{"machine": {"name": "n"}}, {"source": "t"}, {"versions": {"numpy": "0"}}])
def test_parts_of_unlike_runs_in_one_folder_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    """Another machine is no other run: merging puts its parts there."""
    folder = written(tmp_path, ("a", 1)).parent
    foreign = store.Part(tmp_path / "elsewhere" / "run", PROVENANCE | change)
    with foreign:
        foreign.append("b", [record(1)])
    foreign.path.rename(folder / "part-2.jsonl")
    if "machine" in change:
        run = store.read_run(folder, tmp_path)
        assert run is not None
        assert [(own.provenance["machine"]["name"], set(own.cells)) for own in run.by_machine()] == [
            ("m", {"a"}),
            ("n", {"b"}),
        ]
        return
    with pytest.raises(BadInputError, match=f"part-2.jsonl: line 1: .* unlike run, it differs in {next(iter(change))}"):
        store.read_run(folder, tmp_path)
    with pytest.raises(BadInputError, match="taken by an unlike run"):
        store.Part(folder, PROVENANCE)


def test_a_log_says_beginning_failures_progress_and_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "SECONDS_BETWEEN_LINES", 0.0)
    folder, _ = store.resumable(tmp_path, PROVENANCE)
    failure = Failure(backend="torch", dtype="", device="cpu", cell="b", reason="cannot read /home/me/x.pb: torn")

    def interrupted() -> None:
        with store.Part(folder, PROVENANCE, 3) as writer:
            writer.append("a", [record(0)])
            writer.append("failure b", [failure])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    lines = (folder / "log.txt").read_text().splitlines()
    assert [re.sub(r"^\S+ ", "", line) for line in lines[:1]] == [
        "begin part-1.jsonl: 0 cells are there, 3 cells to measure"
    ]
    assert "1 of 3 cells in 0:00:00, 0 failed" in lines[1]
    assert "left; the last: a" in lines[1]
    assert lines[2].endswith("failed b: cannot read x.pb: torn")
    assert "ended by KeyboardInterrupt" in lines[-1]
    assert "2 of 3 cells" in lines[-1]
    assert str(tmp_path) not in "".join(lines)

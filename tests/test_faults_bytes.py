"""What flipped bits, edits by hand and newer versions do to stored results: nothing that is not said."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from faults_for_tests import (
    CELLS,
    written,
)
from tiny_run import PROVENANCE
from work_for_tests import record

from harness.errors import BadInputError
from harness.results import lines, part, prune, store
from harness.results.schema import SCHEMA


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

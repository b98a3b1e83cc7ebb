"""The commands `reparam results verify`, `merge`, `export` and `prune`, as a user meets them."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click.testing
import msgspec
import pandas as pd
import pytest
from test_store import unsealed
from tiny_run import PROVENANCE
from work_for_tests import record

import harness
from harness import commands
from harness.cli import main
from harness.results import export, part, store
from harness.results.run import Run
from harness.results.schema import AnyRecord, Failure, Record, Time
from harness.results.schema.identity import is_cost, numbers

Cells = dict[str, list[Record]]


def put(root: Path, cells: Cells, **change: Any) -> Path:
    """Write cells as a run would, and return the file."""
    provenance = PROVENANCE | change
    folder, _ = store.resumable(root, provenance)
    with store.Part(folder, provenance) as writer:
        for key, records in cells.items():
            writer.append(key, records)
    return writer.path


def reparam(*arguments: str | Path, status: int = 0) -> tuple[list[dict[str, Any]], str]:
    """Return the records that a command prints, and what it says."""
    done = click.testing.CliRunner().invoke(main, ["results", *map(str, arguments), "--format", "json"])
    assert done.exit_code == status, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout) if done.stdout else [], done.stderr


def seconds(value: float) -> Time:
    return Time(
        backend="torch", dtype="float32", device="cpu", kernel="gaussian.cdf", mode="eager", derivative="value", size=8,
        repeats=5, seconds_first_call=value, seconds=value, seconds_low=value, seconds_high=value,
    )  # fmt: skip


def failure(cell: str, reason: str = "killed") -> Failure:
    return Failure(backend="torch", dtype="float32", device="cpu", cell=cell, reason=reason)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file() and path.name != ".lock"}


def flip(path: Path, text: bytes) -> None:
    """Flip the lowest bit of the first byte of a text in a file."""
    data = bytearray(path.read_bytes())
    data[data.index(text)] ^= 1
    path.write_bytes(data)


def test_verify_lists_every_damaged_cell_and_says_the_mend(tmp_path: Path) -> None:
    path = put(tmp_path, {f"cell {n}": [record(n)] for n in range(6)})
    rows, _ = reparam("verify", tmp_path)
    assert [(row["state"], row["cells"]) for row in rows] == [("whole", 6)]
    flip(path, b'measured":1.0')
    flip(path, b'4.0,"measured_low"')
    before = contents(tmp_path)
    for folder in (tmp_path, path.parent.parent, path.parent):
        rows, said = reparam("verify", folder, status=1)
        assert [(row["line"], row["cell"]) for row in rows if row["state"] == "damaged"] == [
            (5, "cell 1"),
            (12, "cell 4"),
        ]
        assert rows[-1]["cells"] == 4
        assert {row["run"] for row in rows} == {store.name_of(path.parent)}
        assert "reparam results prune --damaged" in said
    assert contents(tmp_path) == before


def test_verify_tells_old_unfinished_unlike_and_newer_files(tmp_path: Path) -> None:
    old = put(tmp_path, {"a": [record(0)]})
    unsealed(old)
    torn = put(tmp_path, {"b": [record(1)], "c": [record(2)]})
    torn.write_bytes(torn.read_bytes()[:-9])
    rows, _ = reparam("verify", tmp_path)
    assert [(row["part"], row["state"], row["cells"]) for row in rows] == [
        ("part-1.jsonl", "not checked", 1),
        ("part-2.jsonl", "unfinished", None),
        ("part-2.jsonl", "unfinished", None),
        ("part-2.jsonl", "whole", 1),
    ]
    put(tmp_path, {"d": [record(3)]}, seed=1).rename(old.with_name("part-3.jsonl"))
    (old.parent / "part-4.jsonl").write_bytes(b'{"kind":"run","schema":99}\n')
    rows, _ = reparam("verify", old.parent, status=1)
    assert [row["state"] for row in rows if row["part"] in {"part-3.jsonl", "part-4.jsonl"}] == [
        "unlike",
        "whole",
        "unreadable",
    ]


def test_prune_damaged_keeps_a_copy_and_every_whole_cell(tmp_path: Path) -> None:
    path = put(tmp_path, {f"cell {n}": [record(n)] for n in range(4)})
    flip(path, b'measured":2.0')
    flip(path, b'"seed":0')  # of the header
    before = contents(tmp_path)
    planned, said = reparam("prune", path.parent, "--damaged", "--dry-run")
    assert "nothing was changed" in said
    assert contents(tmp_path) == before
    done, _ = reparam("prune", path.parent, "--damaged")
    assert done == planned
    assert done[0]["action"] == "rewrite, copy in part-1.jsonl.damaged"
    assert path.with_name("part-1.jsonl.damaged").read_bytes() == before[str(path)]
    reparam("verify", tmp_path)
    (run,) = store.read(tmp_path)
    assert run.cells == {f"cell {n}": [record(n)] for n in (0, 1, 3)}
    again = put(tmp_path, {"cell 2": [record(2)]})
    assert again.name == "part-2.jsonl"
    flip(path, b'measured":3.0')
    reparam("prune", tmp_path, "--damaged")
    assert {file.name for file in path.parent.glob("*.damaged*")} == {"part-1.jsonl.damaged", "part-1.jsonl.damaged-2"}


def test_a_part_without_a_header_is_set_aside_whole(tmp_path: Path) -> None:
    path = put(tmp_path, {"a": [record(0)]})
    unsealed(path)
    flip(path, b'"kind":"run"')
    before = path.read_bytes()
    reparam("prune", tmp_path, "--damaged")
    assert [file.name for file in path.parent.glob("part*")] == ["part-1.jsonl.damaged"]
    assert path.with_name("part-1.jsonl.damaged").read_bytes() == before
    assert put(tmp_path, {"a": [record(0)]}).name in {"part-1.jsonl", "part-2.jsonl"}


def test_prune_takes_out_what_is_named_and_nothing_else(tmp_path: Path) -> None:
    first = put(tmp_path, {"a": [record(0)], "failure b": [failure("b")], "failure c": [failure("c")]})
    empty = put(tmp_path, {})
    torn = put(tmp_path, {"b": [record(1)], "d": [record(2)]})
    whole = torn.read_bytes()
    torn.write_bytes(whole[:-9])
    mine = first.with_name("notes.txt")
    mine.write_text("mine")
    rows, _ = reparam("prune", tmp_path, "--failures")
    assert [(row["file"], row["action"]) for row in rows] == [("part-1.jsonl", "rewrite")]
    assert [cell.key for cell in part.read(first).cells] == ["a", "failure c"]
    rows, _ = reparam("prune", tmp_path, "--unfinished")
    assert [(row["file"], row["action"]) for row in rows] == [("part-2.jsonl", "remove"), ("part-3.jsonl", "rewrite")]
    assert not empty.exists()
    assert whole.startswith(torn.read_bytes())
    assert part.read(torn).notes == []
    assert mine.read_text() == "mine"
    rows, said = reparam("prune", tmp_path, "--failures", "--unfinished", "--damaged", "--keep", "1")
    assert rows == []
    assert "nothing to prune" in said


def test_prune_keep_removes_older_runs_of_the_same_profile_and_machine(tmp_path: Path) -> None:
    def started(day: int, **change: Any) -> Path:
        path = put(tmp_path, {"a": [record(day)]}, started=f"2026-01-0{day}T00:00:00+00:00", source=f"{day}", **change)
        return path.parent

    old, newer, newest = (started(day) for day in (1, 2, 3))
    other, elsewhere = started(1, profile="full"), started(1, machine={"name": "n"})
    (old / "mine.txt").write_text("mine")
    rows, _ = reparam("prune", tmp_path, "--keep", "1")
    assert {row["run"] for row in rows} == {store.name_of(old), store.name_of(newer)}
    assert {row["file"] for row in rows} == {"part-1.jsonl", "log.txt"}
    assert sum(row["cells"] for row in rows) == 2
    assert [path.name for path in old.iterdir() if path.name != ".lock"] == ["mine.txt"]
    assert not newer.exists()
    assert {run.name for run in store.read(tmp_path)} == {store.name_of(path) for path in (newest, other, elsewhere)}


def test_prune_leaves_a_run_alone_that_is_being_written(tmp_path: Path) -> None:
    folder, _ = store.resumable(tmp_path, PROVENANCE)
    with store.Part(folder, PROVENANCE):
        before = contents(tmp_path)
        _, said = reparam("prune", tmp_path, "--unfinished", status=2)
        assert "is being written by another process" in said
        assert contents(tmp_path) == before


def test_merge_puts_the_shares_of_two_machines_into_one_run(tmp_path: Path) -> None:
    one, two, into = tmp_path / "one", tmp_path / "two", tmp_path / "into"
    here = {"machine": {"name": "one"}, "backends": {"cpu": {"torch": {"version": "2", "threads": 2}}}}
    there = {"machine": {"name": "two"}, "backends": {"cpu": {"torch": {"version": "2", "threads": 8}}}}
    put(one, {"a": [record(0)], "t": [seconds(0.1)], "failure c": [failure("c")]}, **here)
    put(two, {"t": [seconds(0.2)], "b": [record(1)], "c": [record(2)]}, **there, started="later", commit="other")
    before = contents(one) | contents(two)
    rows, _ = reparam("merge", one, two, "--into", into)
    assert [(row["machine"], row["new"], row["known"]) for row in rows] == [("one", 3, 0), ("two", 2, 1)]
    (run,) = store.read(into)
    assert run.cells["t"] == [seconds(0.1)]
    assert sorted(map(str, run.records)) == sorted(map(str, [record(0), record(1), record(2), seconds(0.1)]))
    assert {own.provenance["machine"]["name"]: set(own.cells) for own in run.by_machine()} == {
        "one": {"a", "t", "failure c"},
        "two": {"b", "c"},
    }
    assert contents(one) | contents(two) == before
    merged = contents(into)
    rows, _ = reparam("merge", two, one, "--into", into)
    assert all(row["new"] == 0 for row in rows)
    assert contents(into) == merged
    reparam("verify", into)
    assert put(into, {"d": [record(4)]}, **here).parent == into / run.name


def test_the_site_shows_each_machine_of_a_merged_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(("one", "two")):
        put(tmp_path / name, {f"{number}": [record(number)]}, machine={"name": name})
    reparam("merge", tmp_path / "one", tmp_path / "two", "--into", tmp_path / "into")
    shown: list[Run] = []
    monkeypatch.setattr("harness.site.build.build", lambda runs, *_: shown.extend(runs))
    commands.site(tmp_path / "into", tmp_path / "pages")
    assert [(run.provenance["machine"]["name"], run.records) for run in shown] == [
        ("one", [record(0)]),
        ("two", [record(1)]),
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"source": "t"}, "source: 's' and 't'"),
        ({"seed": 1}, "seed: 0 and 1"),
        ({"profile": "full"}, "profile: 'test' and 'full'"),
        ({"versions": {"numpy": "9"}}, "versions.numpy: None and '9'"),
        ({"backends": {"cpu": {"torch": {"tf32": True}}}}, "backends.cpu: None and"),
    ],
)
def test_merge_refuses_unlike_runs_and_names_the_field(tmp_path: Path, change: dict[str, Any], field: str) -> None:
    put(tmp_path / "one", {"a": [record(0)]})
    put(tmp_path / "two", {"b": [record(1)]}, **change)
    _, said = reparam("merge", tmp_path / "one", tmp_path / "two", "--into", tmp_path / "into", status=2)
    assert "of unlike runs" in said
    assert field in said
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize(
    ("ours", "theirs", "difference"),
    [
        ([record(0)], [record(1)], "formula is 'formula 0' and 'formula 1'"),
        ([record(0)], [msgspec.structs.replace(record(0), measured=5e-324)], "measured is 0.0 and 5e-324"),
        ([record(0)], [record(0), record(1)], "1 and 2 records"),
        ([seconds(0.1)], [msgspec.structs.replace(seconds(0.2), size=9)], "size is 8 and 9"),
        ([record(0)], [seconds(0.1)], "kind is 'article' and 'time'"),
    ],
)
def test_merge_refuses_two_numbers_for_one_cell(
    tmp_path: Path, ours: Sequence[Record], theirs: Sequence[Record], difference: str
) -> None:
    put(tmp_path / "one", {"same": [record(7)], "a": list(ours)})
    put(tmp_path / "two", {"same": [record(7)], "a": list(theirs)})
    _, said = reparam("merge", tmp_path / "one", tmp_path / "two", "--into", tmp_path / "into", status=2)
    assert "cell 'a' was measured twice with different numbers" in said
    assert difference in said
    assert not (tmp_path / "into").exists()


def test_merge_beside_an_unlike_run_of_the_same_name(tmp_path: Path) -> None:
    unlike = put(tmp_path / "into", {"a": [record(0)]}, seed=1)
    before = unlike.read_bytes()
    rows, _ = reparam("merge", put(tmp_path / "one", {"a": [record(5)]}).parent, "--into", tmp_path / "into")
    assert rows[0]["into"] == f"{store.name_of(unlike.parent)}-2"
    assert unlike.read_bytes() == before
    assert len(store.read(tmp_path / "into")) == 2


def test_merge_refuses_damage_traps_and_folders_within(tmp_path: Path) -> None:
    into = tmp_path / "into"
    good = put(into, {"a": [record(0)]})
    before = contents(tmp_path)
    _, said = reparam("merge", put(into, {"b": [record(1)]}, machine={"name": "n"}).parent, "--into", into, status=2)
    assert "lies in" in said
    trap = put(tmp_path / "trap", {"b": [record(1)]}, machine={"name": "../../out"}).parent
    _, said = reparam("merge", trap, "--into", tmp_path / "fresh", status=2)
    assert "cannot name a folder" in said
    damaged = put(tmp_path / "damaged", {"b": [record(1)]})
    flip(damaged, b'measured":1.0')
    _, said = reparam("merge", damaged.parent, "--into", into, status=2)
    assert "prune --damaged" in said
    assert good.read_bytes() == before[str(good)]


def test_seconds_and_what_rests_on_them_are_no_numbers() -> None:
    kinds = get_args(AnyRecord)
    cost = {
        (kind.__struct_config__.tag, name) for kind in kinds for name in kind.__struct_fields__ if is_cost(kind, name)
    }
    assert {("time", "seconds_low"), ("variance", "work_normalized_variance"), ("train", "seconds")} <= cost
    assert not {("recommendation", "budget_seconds"), ("variance", "variance"), ("race", "steps")} & cost
    assert numbers(seconds(1.0)) == numbers(seconds(2.0))
    assert numbers(record(0)) != numbers(record(1))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_export_is_tidy_documented_and_names_no_folder(tmp_path: Path, ending: str) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow", reason="pip install pyarrow==26.0.1")
    values = random.Random(0)
    records = [msgspec.structs.replace(record(n), measured=values.random(), right=values.random()) for n in range(5)]
    put(tmp_path / "r", {f"cell {n}": [one] for n, one in enumerate(records)} | {"failure x": [failure("x")]})
    put(tmp_path / "r", {"cell 5": [record(5)]}, machine={"name": "n"}, seed=3)
    file = tmp_path / f"table.{ending}"
    rows, _ = reparam("export", file, "--results", tmp_path / "r", "--kind", "article")
    assert rows == [{"file": str(file), "kind": "article", "rows": 6, "columns": len(export.columns("article"))}]
    table = pd.read_csv(file) if ending == "csv" else pd.read_parquet(file)
    assert list(table.columns) == list(export.columns("article"))
    assert all(export.columns("article").values())
    assert list(table["measured"][:5]) == [one.measured for one in records]
    assert list(table["machine"]) == ["m"] * 5 + ["n"]
    assert list(table["cell"]) == [f"cell {n}" for n in range(6)]
    assert table["measured_low"].isna().all()
    assert str(tmp_path).encode() not in file.read_bytes()
    if ending == "parquet":
        import pyarrow.parquet as pq

        schema = pq.read_schema(file)
        assert str(schema.field("measured_low").type) == "double"
        meaning = harness.columns("article").set_index("column")["meaning"]["measured"]
        assert schema.field("measured").metadata[b"description"].decode() == meaning


def test_every_kind_can_be_exported_empty_and_with_the_same_types(tmp_path: Path) -> None:
    put(tmp_path, {"a": [record(0)]})
    for kind in export.kinds():
        table = export.table(tmp_path, kind, backends=["none"])
        assert list(table.columns) == list(export.columns(kind))
        assert not table.dtypes.eq(object).any()


def test_the_published_runs_are_whole() -> None:
    rows, _ = reparam("verify", Path(__file__).parent.parent / "results")
    assert {row["state"] for row in rows} <= {"not checked", "whole"}


def test_parquet_without_its_library_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "r", {"a": [record(0)]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    file = tmp_path / "x.parquet"
    _, said = reparam("export", file, "--results", tmp_path / "r", "--kind", "article", status=2)
    assert "pip install 'reparam[parquet]'" in said
    assert not file.exists()

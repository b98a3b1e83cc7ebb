"""Generated bad results files: each ends in status 2, one clear line and no process, and changes no file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_input_for_tests import BadFile, refuse_processes, refused
from tiny_run import PROVENANCE
from work_for_tests import record

from harness.results import store

DEEP = b'{"kind":"run","schema":1,"fingerprint":"","provenance":{"a":' + b"[" * 50_000

#: Lines that stand in no results file, whatever stands around them.
FOREIGN = (b"", b"{}", b"[]", b"null", b"backend,variance", b"\xff\xfe", b"\x00" * 40, b'{"kind":"soul"}',
           b'{"kind":"article","backend":1}', b'{"kind":"cell","key":7}', b'{"kind":"variance"}', b"<html>",
           b"{" * 5000, b'{"kind":"cell","key":"c\xe9lula"}', DEEP,
           b'{"kind":"article","backend":"torch","surplus":1}')  # fmt: skip


def valid_results(folder: Path) -> Path:
    """Write a run of three cells, and return its only file."""
    with store.Part(folder / "m" / "run", PROVENANCE) as part:
        for number in range(3):
            part.append(f"cell {number}", [record(number), record(number + 10)])
    return part.path


def bad_result_files(data: bytes) -> Iterator[BadFile]:
    """Yield what a valid results file must not be turned into; `line` is where the message has to point."""
    lines = data.split(b"\n")[:-1]
    for number in range(1, len(lines) + 1):
        for index, foreign in enumerate(FOREIGN):
            made = [*lines[: number - 1], foreign, *lines[number:]]
            yield BadFile(f"line {number} foreign {index}", b"\n".join([*made, b""]), line=number)
    records = [number for number, line in enumerate(lines, start=1) if b'"kind":"article"' in line]
    for number in records:
        lost = [*lines[: number - 1], *lines[number:]]
        yield BadFile(f"line {number} lost", b"\n".join([*lost, b""]))
        yield BadFile(f"line {number} twice", b"\n".join([*lines[:number], lines[number - 1], *lines[number:], b""]))
    for schema in (b"0", b"999", b"-1", b'"1"', b"null", b"1.5"):
        head = re.sub(rb'"schema":\d+', b'"schema":' + schema, lines[0])
        yield BadFile(f"schema {schema.decode()}", b"\n".join([head, *lines[1:], b""]), line=1)


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refuse_processes(monkeypatch, tmp_path)


def test_a_results_file_is_refused(tmp_path: Path) -> None:
    path = valid_results(tmp_path / "results")
    whole = path.read_bytes()
    files = list(bad_result_files(whole))
    assert len(files) > 100
    for bad in files:
        path.write_bytes(bad.data)
        said = refused(("site", "--results", "results", "--output", "pages"), tmp_path)
        assert "part-1.jsonl: line " in said, bad.name
        if bad.line:
            assert f"line {bad.line} " in said, bad.name

"""How wide a table is."""

from __future__ import annotations

import sys
from unittest import mock

import pytest

from harness import console

ROWS = [{"name": "a" * 60, "text": "b" * 80}]


def widest(capsys: pytest.CaptureFixture[str]) -> int:
    console.show(ROWS, {"name": "name", "text": "text"}, "table")
    return max(map(len, capsys.readouterr().out.splitlines()))


@pytest.mark.parametrize(
    ("columns", "width"), [("60", 60), ("132", 132), ("", 100), (None, 100), ("0", 100), ("x", 100)]
)
def test_a_piped_table_is_as_wide_as_columns_says(
    columns: str | None, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    with mock.patch.object(sys, "__stdout__", None):  # not even where the tests have a terminal
        assert widest(capsys) == width - 1  # the last column has a blank after it

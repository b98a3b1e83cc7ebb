"""The published results: they can be read, they say where they come from, and they name no path of a machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.results import store

RESULTS = Path(__file__).parent.parent / "results"
FILES = sorted([*RESULTS.glob("*/*/part-*.jsonl"), *RESULTS.glob("asv/**/*.json")])


def test_every_run_says_where_it_comes_from() -> None:
    runs = store.read(RESULTS)
    assert runs
    for run in runs:
        assert run.records
        assert run.notes == []
        assert re.fullmatch(r"[0-9a-f]{40}", run.provenance["commit"])
        assert run.provenance["machine"]["name"] == run.name.partition("/")[0]
        assert {"python", "numpy", "reparam"} < set(run.provenance["versions"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(RESULTS).as_posix())
def test_no_path_of_a_machine(path: Path) -> None:
    """An absolute path stands in quotes, or after a blank or an equals sign; a unit such as "a/b" does not match."""
    assert re.findall(r"""(?:^|["'\s=])/(?:[\w.-]+/)+[\w.-]*""", path.read_text()) == []

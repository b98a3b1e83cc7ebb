"""A site takes the place of the one before it, whole, and nothing else in the folder is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
import site_records
from click.testing import CliRunner

from harness.cli import main
from harness.results.writing import Part
from harness.site.publish import LIST, publish


def built(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_is_no_longer_made_is_removed_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    site = built(tmp_path / "site", "own.html", "figures/own.svg")
    publish(built(tmp_path / "one", "index.html", "run-1.html", "figures/1.svg", "programs/1.py"), site)
    publish(built(tmp_path / "two", "index.html", "run-2.html", "figures/2.svg"), site)
    assert files(site) == {"own.html", "figures/own.svg", "index.html", "run-2.html", "figures/2.svg", LIST}
    assert not (site / "programs").exists()


@pytest.mark.parametrize("text", ["", "{", "[1]", '["../outside.html"]', '["{absolute}"]'])
def test_a_list_that_cannot_be_trusted_removes_nothing(tmp_path: Path, text: str) -> None:
    outside = built(tmp_path, "outside.html") / "outside.html"
    site = built(tmp_path / "site", "own.html")
    (site / LIST).write_text(text.replace("{absolute}", str(outside)))
    publish(built(tmp_path / "one", "index.html"), site)
    assert files(site) == {"own.html", "index.html", LIST}
    assert outside.exists()


def test_a_move_that_is_broken_off_is_cleared_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = built(tmp_path / "site")
    site.mkdir()
    publish(built(tmp_path / "one", "index.html", "run-1.html"), site)
    moved: list[Path] = []

    def once(source: Path, target: Path) -> None:
        if moved:
            raise KeyboardInterrupt
        moved.append(source)
        source.rename(target)

    with monkeypatch.context() as patched:
        patched.setattr("harness.site.publish.os.replace", once)
        with pytest.raises(KeyboardInterrupt):
            publish(built(tmp_path / "two", "a.html", "index.html"), site)
    publish(built(tmp_path / "three", "index.html"), site)
    assert files(site) == {"index.html", LIST}


def test_a_run_that_is_gone_leaves_no_page(tmp_path: Path) -> None:
    results, output = tmp_path / "results", tmp_path / "site"
    for name in ("one", "two"):
        with Part(results / "machine" / name, site_records.PROVENANCE | {"seed": len(name)}) as part:
            part.append("cell", site_records.run().records[:20])
    command = ["site", "--results", str(results), "--output", str(output)]
    assert CliRunner().invoke(main, command).exit_code == 0
    assert {"run-machine-one.html", "run-machine-two.html"} <= files(output)
    for path in (results / "machine" / "two").iterdir():
        path.unlink()
    assert CliRunner().invoke(main, command).exit_code == 0
    assert not [name for name in files(output) if "two" in name]
    assert not [name for name in files(output) if name.startswith(".building")]

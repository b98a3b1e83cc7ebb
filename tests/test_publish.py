"""A site takes the place of the one before it, whole, and nothing else in the folder is touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import site_records
from click.testing import CliRunner

from harness.cli import main
from harness.errors import BadInputError
from harness.results import lock
from harness.results.writing import Part
from harness.site.publish import LIST, publish


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def files(folder: Path) -> set[str]:
    """The files in a folder but for the list and the lock."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return found - {LIST, lock.NAME}


def site(folder: Path, *names: str) -> None:
    publish(lambda made: put(made, *names), folder)


def test_what_is_no_longer_made_is_removed_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    put(tmp_path, "own.html", "figures/own.svg")
    site(tmp_path, "index.html", "run-1.html", "figures/1.svg", "programs/1.py")
    site(tmp_path, "index.html", "run-2.html", "figures/2.svg")
    assert files(tmp_path) == {"own.html", "figures/own.svg", "index.html", "run-2.html", "figures/2.svg"}
    assert not (tmp_path / "programs").exists()


LISTS = (
    "",
    "{",
    "[1]",
    '["own.html"]',
    '{"files":["own.html"]}',
    '{"reparam_site":["../outside.html"]}',
    '{"reparam_site":["ABSOLUTE"]}',
    '{"reparam_site":["link/outside.html"]}',
    '{"reparam_site":["\\u0000x"]}',
)


@pytest.mark.parametrize("text", LISTS)
def test_a_list_that_cannot_be_trusted_removes_nothing(tmp_path: Path, text: str) -> None:
    outside, folder = put(tmp_path, "outside.html") / "outside.html", put(tmp_path / "site", "own.html")
    (folder / "link").symlink_to(tmp_path)
    (folder / LIST).write_text(text.replace("ABSOLUTE", str(outside)))
    site(folder, "index.html")
    assert {"own.html", "index.html"} <= files(folder)
    assert outside.read_text() == "outside.html"


@pytest.mark.parametrize("name", ["index.html", "assets/site.js", "assets", "assets/site.js/inside"])
def test_what_is_in_the_way_is_said_before_anything_is_moved(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(BadInputError, match=r"give an empty folder as --output"):
        site(tmp_path, "a.html", "index.html", "assets/site.js")
    assert {path: path.read_text() for path in before} == before
    assert files(tmp_path) == {name}


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "site.js")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "assets").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInputError, match="is in the way"):
        site(tmp_path / "site", "index.html", "assets/other.js")
    assert files(tmp_path / "elsewhere") == {"site.js"}


def test_a_move_that_is_broken_off_is_cleared_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site(tmp_path, "index.html", "run-1.html")
    moved: list[Path] = []

    def once(source: Path, target: Path) -> None:
        if moved:
            raise KeyboardInterrupt
        moved.append(source)
        source.rename(target)

    with monkeypatch.context() as patched:
        patched.setattr("harness.site.publish.os.replace", once)
        with pytest.raises(KeyboardInterrupt):
            site(tmp_path, "a.html", "index.html")
    put(tmp_path, ".building-killed/index.html")
    site(tmp_path, "index.html")
    assert files(tmp_path) == {"index.html"}
    assert not list(tmp_path.glob(".building*"))


def test_one_site_is_published_at_a_time(tmp_path: Path) -> None:
    held = lock.acquire(tmp_path)
    with pytest.raises(BadInputError, match="is being written by another process"):
        site(tmp_path, "index.html")
    os.close(held)
    site(tmp_path, "index.html")


def test_a_page_that_is_not_ours_is_said_before_anything_is_measured(tmp_path: Path) -> None:
    put(tmp_path, "results/site/index.html")
    done = CliRunner().invoke(main, ["run", "--profile", "cost", "--results", str(tmp_path / "results")])
    assert done.exit_code == 2
    assert "is not of a site that reparam made" in done.stderr
    assert files(tmp_path / "results") == {"site/index.html"}


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

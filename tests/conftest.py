"""What tests share: the backends installed here, and a pool in which cells are measured, one framework per process."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from plugins_for_tests import Begin, Install, forget, write_skeleton

from harness.execution.local import Workers
from harness.execution.work import Cell
from harness.results.schema import Record
from implementations import registry

REFERENCE = [row.name for row in registry.backends().values() if row.kind == "reference"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--backend", action="append", default=[], help="Test only this backend. Repeatable.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise a test that takes `backend` over the registry; what is not installed is skipped with its command."""
    if "backend" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.getoption("backend") or REFERENCE
    missing = {name: registry.install_command(name) for name in chosen if not registry.installed(name)}
    metafunc.parametrize(
        "backend",
        [
            pytest.param(name, marks=[pytest.mark.skip(reason=missing[name])] if name in missing else [])
            for name in chosen
        ],
    )


@pytest.fixture(scope="session")
def installed_backends(pytestconfig: pytest.Config) -> list[str]:
    """The reference backends that can be tested here."""
    chosen = pytestconfig.getoption("backend") or REFERENCE
    return [name for name in chosen if registry.installed(name)]


@pytest.fixture
def one(installed_backends: list[str]) -> str:
    """A backend that is installed; which one does not matter."""
    return installed_backends[0]


class Pool:
    """Cells measured in worker processes, two frameworks at once, one thread each."""

    def run(self, cells: Sequence[Cell]) -> list[Sequence[Record]]:
        """Return the records of each cell, in order."""
        with Workers(processes=2, threads=1) as workers:
            return workers.run(cells)


@pytest.fixture(scope="session")
def workers() -> Pool:
    """A pool for cells."""
    return Pool()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return (folder of a package) -> None: it can be imported from then on, as if it had been installed."""
    before = set(sys.modules)

    def add(folder: Path) -> None:
        monkeypatch.syspath_prepend(folder)
        forget()

    yield add
    for module in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]
    monkeypatch.undo()
    forget()


@pytest.fixture
def begin(install: Install, tmp_path: Path) -> Begin:
    """Return (kind, name, edits of its files) -> the folder of an installed package made by `reparam new`."""

    def made(kind: str, name: str, *edits: tuple[str, str, str], backends: tuple[str, ...] = ("torch",)) -> Path:
        folder = write_skeleton(tmp_path, kind, name, *edits, backends=backends)
        install(folder)
        return folder

    return made


@pytest.fixture(autouse=True)
def no_width_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the width that pytest-xdist gives its workers: tables that are piped follow it."""
    monkeypatch.delenv("COLUMNS", raising=False)

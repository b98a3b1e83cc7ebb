"""What tests of bad input share: what a command that refuses its input says, and that it does nothing else."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest
from click.testing import CliRunner

from harness.cli import main

FRAMEWORKS = ("torch", "jax", "tensorflow")
SEED = 20261123


def misspelt(word: str, chance: random.Random) -> str:
    """Return a word with one letter dropped, doubled, swapped or replaced."""
    at = chance.randrange(len(word))
    ways = (
        word[:at] + word[at + 1 :] + "q",
        word[:at] + word[at] + "z" + word[at:],
        word[:at] + "ß" + word[at + 1 :],
        word.upper() + "\u202e",
    )
    return chance.choice(ways)


class BadFile(NamedTuple):
    """A bad file.

    Attributes:
        name: for the report.
        data: its bytes; "{backend}" stands for an installed backend.
        named: what the message must hold.
        line: where, if that is certain.
    """

    name: str
    data: bytes
    named: str = ""
    line: int = 0


class ProcessStarted(BaseException):
    """A process was started for bad input."""


def refuse_processes(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let no process start, and make a folder with a file in it the working one."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise ProcessStarted

    monkeypatch.setattr(BaseProcess, "start", refuse)
    monkeypatch.chdir(folder)
    (folder / "a-file").write_text("kept as it is\n")


def disk(folder: Path) -> dict[str, bytes | None]:
    """Return every file of a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
            for path in sorted(folder.rglob("*"))}  # fmt: skip


def refused(arguments: Sequence[str], folder: Path) -> str:
    """Run a command that has to refuse its input, and return what it says."""
    before, loaded = disk(folder), {name for name in FRAMEWORKS if name in sys.modules}
    done = CliRunner().invoke(main, list(arguments), prog_name="reparam")
    said = done.stderr
    assert not isinstance(done.exception, ProcessStarted), "a process was started"
    assert done.exit_code == 2, (done.exception, said)
    assert done.stdout == ""
    assert said.startswith("Error: ")
    assert said.count("\n") == 1, said
    assert said.rstrip("\n").isprintable()
    assert len(said) < 900
    assert "Traceback (most" not in said
    assert disk(folder) == before
    assert {name for name in FRAMEWORKS if name in sys.modules} == loaded
    return said

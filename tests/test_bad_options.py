"""Generated bad command lines: each ends in status 2, one clear line and no process, and changes no file."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from bad_input_for_tests import SEED, misspelt, refuse_processes, refused

from harness.cli import main
from harness.cli.completing import names
from harness.errors import shown

#: The least that makes a command valid, to which something bad is added.
VALID: dict[str, tuple[str, ...]] = {
    "variance": ("--estimator", "pathwise", "--problem", "quadratic"),
    "recommend": ("--problem", "bernoulli", "--budget", "0.001"),
    "time": ("--kernel", "gaussian.cdf"),
    "train": ("vae",),
    "trajectory": ("vae",),
    "race": ("regression",),
    "reproduce": ("roeder2017",),
    "completion": ("bash",),
    "list": ("kernels",),
    "new": ("estimator", "my_own"),
    "measure": ("subject.py:good",),
    "compare": ("subject.py:good", "subject.py:loud"),
    "results merge": (".", "--into", "elsewhere"),
    "results export": ("table.csv",),
}

#: What each command cannot have as its argument.
ARGUMENTS = ("train", "trajectory", "race", "reproduce", "completion", "list")

#: Options whose texts are names, by the listing that completes them, where click completes nothing.
WORDS = {"model": "vae", "objective": "bernoulli", "optimizer": "adam", "against": "adam", "network": "784-10"}

#: Options for which infinity means "no limit".
UNLIMITED = ("time_limit", "patience")

SETTINGS = ("scale", "=1", "scale=", "scale=wide", "scale=nan", "scale=-1", "scale=1e-400", "loc=inf", "scale=1=2",
            "sclae=1", "=", "scale=1,5", "ſcale=1", "scale=\x00")  # fmt: skip


class Bad(NamedTuple):
    """A bad input.

    Attributes:
        name: for the report.
        arguments: of the command line.
        named: what the message must hold.
    """

    name: str
    arguments: tuple[str, ...]
    named: str


def garbage(chance: random.Random) -> str:
    """Return a text that names nothing."""
    letters = string.ascii_letters + "éλ漢\u200b"
    made = "".join(chance.choices(letters, k=chance.randint(3, 12)))
    return chance.choice((made, made * 500, f"{made}\nTraceback", f"{made}\x1b[31m", f"'; {made}", f"../{made}"))


def bad_values(option: click.Parameter, chance: random.Random) -> Iterator[str]:
    """Yield values that an option cannot take, by its type."""
    kind = option.type
    if isinstance(kind, click.Choice):
        yield from ("", misspelt(str(chance.choice(list(kind.choices))), chance), garbage(chance))
    elif isinstance(kind, click.types.IntParamType):
        yield from ("", "many", "1.5", "-7", "9" * 400, "0x10", "nan", "1e3")
    elif isinstance(kind, click.types.FloatParamType):
        yield from ("", "soon", "nan", "-1", "1,5", *(["inf"] if option.name not in UNLIMITED else []))
    elif "settings" in str(option.name):
        yield from SETTINGS
    elif isinstance(kind, click.Path):
        yield from ("a-file", "a-file/below", "n" * 5000, "zero\0byte")
    elif option.name == "precision":
        yield from ("", "2", "0%", "-1%", "nan%", "101%", "% 2")
    elif option.name == "machine":
        yield from ("../elsewhere", "/root", "a b", ".", "n" * 300, "zero\0byte", "línea\n")
    else:
        yield from ("", garbage(chance), garbage(chance))
        known = completed(option)
        if known:
            yield from (misspelt(chance.choice(known), chance) for _ in range(2))


def completed(option: click.Parameter) -> list[str]:
    """Return the names that an option takes."""
    tables = {"estimator": "estimators", "estimators": "estimators", "problem": "problems", "problems": "problems",
              "kernels": "kernels", "backends": "backends", "profile_name": "profiles", "names": "papers"}  # fmt: skip
    if option.name in tables:
        return names(tables[option.name])
    return [WORDS[str(option.name)]] if option.name in WORDS else []


def without(arguments: Sequence[str], spelling: str) -> tuple[str, ...]:
    """Return arguments without an option and its value."""
    if spelling not in arguments:
        return tuple(arguments)
    at = list(arguments).index(spelling)
    return (*arguments[:at], *arguments[at + 2 :])


def commands() -> dict[str, click.Command]:
    """Return every command by its name, those of groups too."""
    found: dict[str, click.Command] = {}
    for name, command in main.commands.items():
        own = command.commands if isinstance(command, click.Group) else {}
        found |= {f"{name} {part}": row for part, row in own.items()} or {name: command}
    return found


def of_options() -> Iterator[Bad]:
    chance = random.Random(SEED)
    for name, command in commands().items():
        valid = VALID.get(name, ())
        for option in command.params:
            if not isinstance(option, click.Option):
                continue
            spelling = option.opts[0]
            if option.is_flag:
                yield Bad(f"{name} {spelling}=", (*name.split(), *valid, f"{spelling}=yes"), spelling)
                continue
            base = without(valid, spelling)
            extra = ("--search", "1") if name == "check" and option.name in {"everywhere", "add"} else ()
            yield Bad(f"{name} {spelling} without a value", (*name.split(), *base, *extra, spelling), spelling)
            wrong = "--" + misspelt(spelling[2:], chance)
            yield Bad(f"{name} {wrong}", (*name.split(), *valid, wrong, "1"), wrong)
            for number, value in enumerate(bad_values(option, chance)):
                named = value.partition("=")[0] or value if "settings" in str(option.name) else value
                yield Bad(f"{name} {spelling} {number}", (*name.split(), *base, spelling, value), named)


def of_arguments() -> Iterator[Bad]:
    chance = random.Random(SEED + 1)
    for name in main.commands:
        yield Bad(f"{name} one too many", (name, *VALID.get(name, ()), "surplus"), "surplus")
        yield Bad(f"command like {name}", (misspelt(name, chance),), "")
        if name in VALID and name != "list":
            yield Bad(f"{name} alone", (name,), "issing")
    yield Bad("a colored folder", ("site", "--results", "none\x1b[31mred\x9b"), "none")
    for name in ARGUMENTS:
        valid = VALID[name][0]
        for number, value in enumerate(("", misspelt(valid, chance), garbage(chance), garbage(chance))):
            yield Bad(f"{name} argument {number}", (name, value), value)


def beside_a_sweep() -> Iterator[Bad]:
    for option, value in (("--seed", "1"), ("--profile", "quick"), ("--backend", "torch"), ("--dtype", "float64"),
                          ("--device", "cpu")):  # fmt: skip
        yield Bad(f"run --sweep {option}", ("run", "--sweep", "a-file", option, value), option)


COMMAND_LINE = [*of_options(), *of_arguments(), *beside_a_sweep()]


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refuse_processes(monkeypatch, tmp_path)


@pytest.mark.parametrize("bad", COMMAND_LINE, ids=lambda bad: bad.name.encode("unicode_escape").decode())
def test_the_command_line_refuses(bad: Bad, tmp_path: Path) -> None:
    said = refused(bad.arguments, tmp_path)
    word = next(iter("".join(c if c.isascii() and c.isprintable() else " " for c in bad.named).split()), "")
    assert word[:20] in said


def test_a_machine_cannot_be_called_like_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPARAM_MACHINE", "../elsewhere")
    assert "'../elsewhere'" in refused(("run", "--profile", "memory", "--results", "results"), tmp_path)


def test_there_are_hundreds() -> None:
    assert len(COMMAND_LINE) > 300


@pytest.mark.parametrize("size", [80, 100_000])
def test_long_values_are_cut(size: int) -> None:
    assert len(shown("x" * size)) <= 90
    assert len(shown(10**size)) <= 90

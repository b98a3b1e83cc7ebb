"""Generated bad input: each ends in exit status 2 and one clear line, before a process starts, and changes no file."""

from __future__ import annotations

import random
import re
import string
import sys
from collections.abc import Iterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import click
import pytest
from click.testing import CliRunner
from work_for_tests import record

from harness.cli import main
from harness.cli.completing import names
from harness.errors import shown
from harness.results import store
from harness.sweeps import read as sweeps

FRAMEWORKS = ("torch", "jax", "tensorflow")
SEED = 20261123

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


class ProcessStarted(BaseException):
    """A process was started for bad input."""


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise ProcessStarted

    monkeypatch.setattr(BaseProcess, "start", refuse)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").write_text("kept as it is\n")


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


@pytest.mark.parametrize("bad", COMMAND_LINE, ids=lambda bad: bad.name.encode("unicode_escape").decode())
def test_the_command_line_refuses(bad: Bad, tmp_path: Path) -> None:
    said = refused(bad.arguments, tmp_path)
    word = next(iter("".join(c if c.isascii() and c.isprintable() else " " for c in bad.named).split()), "")
    assert word[:20] in said


VALID_SWEEP = """# estimators of a quadratic
name = "estimators"
seed = [0, 1]
backend = ["{backend}"]
dtype = "float32"

[[variance]]
estimator = ["pathwise", "score_function"]
problem = ["norm_squared"]
dimension = [
    1,
    10,
]
samples = [2, 3]
replicates = 20000
noise = "shared"
set = {{ scale = [0.5, 1.0] }}

[[variance.exclude]]
estimator = "pathwise"
dimension = 10

[[check]]
kernel = ["gaussian"]
mode = ["eager", "compiled"]

[[time]]
kernel = "gaussian.log_prob"
size = 1024
repeats = 5

[[train]]
model = "regression"
steps = 10
batch = 100
set = {{ learning_rate = 0.01 }}
fitting = false

[[reproduce]]
paper = "roeder2017"
fewer = 1000
"""

#: Values that no key of a sweep file takes, by what the message must hold.
WRONG = {
    '""': "''", "[]": "", "[[]]": "[]", "[[1]]": "[1]", "-1": "-1", "0.5.5": "TOML", "1979-05-27": "1979",
    "true": "True", "{}": "{}", "{ a = 1 }": "a", '"zero\\u0000byte"': "zero", "nan": "nan", "-inf": "-inf",
    "99999999999999999999": "99999999999999999999", "0x" + "f" * 9000: "0xf", "9" * 5000: "TOML", '["a", 1]': "",
    '"' + "n" * 300 + '"': "nnnnnnnn", '"漢字"': "漢字", "'../..'": "../..", "[1, 1, -1]": "", "'*q*q*'": "*q*q*",
}  # fmt: skip


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


def keys_of(text: str) -> list[tuple[int, str, str, str]]:
    """Return the keys of a sweep file: line, table, key and what follows on the line."""
    found, table = [], ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("[["):
            table = line.strip("[]")
        elif " = " in line and not line.startswith((" ", "#")):
            key, _, value = line.partition(" = ")
            found.append((number, table, key, value))
    return found


def replaced(number: int, line: str) -> bytes:
    """Return the valid sweep with another line in place of one."""
    lines = VALID_SWEEP.splitlines()
    end = number
    while lines[number - 1].endswith("[") and not lines[end - 1].startswith("]"):
        end += 1
    return "\n".join([*lines[: number - 1], line, *lines[end:]]).encode()


def bad_keys(chance: random.Random) -> Iterator[BadFile]:
    for number, table, key, value in keys_of(VALID_SWEEP):
        for wrong, named in WRONG.items():
            taken = {("set", "{}"), ("fitting", "true")}
            if (key, wrong) not in taken:
                hidden = wrong.startswith("0x")
                yield BadFile(f"{table}.{key} = {wrong[:12]}", replaced(number, f"{key} = {wrong}"),
                              key if hidden else named, number)  # fmt: skip
        other = key[: len(key) // 2] + "q" + key[len(key) // 2 :]
        if value != "[":
            yield BadFile(f"{table}.{key} misspelt", replaced(number, f"{other} = {value}"), other, number)
            yield BadFile(f"{table}.{key} twice", replaced(number, f"{key} = {value}\n{key} = {value}"), "TOML")
        if value.startswith(('"', '["')) and key != "name":
            name = value.strip('[]"').partition('"')[0]
            wrong = misspelt(name, chance)
            yield BadFile(f"{table}.{key} = {wrong}", replaced(number, f'{key} = "{wrong}"'), "", number)
        if not value.startswith(("{", "true", "false")) and value != "[" and key != "name":
            first = value.strip("[]").split(",")[0]
            yield BadFile(f"{table}.{key} has a value twice", replaced(number, f"{key} = [{first}, {first}]"),
                          "twice", number)  # fmt: skip
        if key == "set":
            setting = "scale" if table == "variance" else "learning_rate"
            for wrong in (
                "nan",
                "inf",
                "-1",
                "0",
                "1e-300",
                '"a"',
                "[]",
                "[[1]]",
                "true",
                "[1, 1]",
                "1979-05-27",
                "{}",
            ):
                inner = f"set = {{{{ {setting} = {wrong} }}}}"
                yield BadFile(f"{table}.set.{setting} = {wrong}", replaced(number, inner), setting)


def bad_sweep_files() -> Iterator[BadFile]:
    chance = random.Random(SEED + 2)
    yield from bad_keys(chance)
    lines = VALID_SWEEP.splitlines()
    for number, line in enumerate(lines, start=1):
        if line.startswith("[["):
            wrong = line.strip("[]")[:-1] + "ß"
            yield BadFile(f"{line} misspelt", replaced(number, f'[["{wrong}"]]'), "")
            yield BadFile(f"{line} as one table", replaced(number, line.strip("[]").join("[]")), "", number)
    whole = VALID_SWEEP.encode()
    for _ in range(30):
        data = bytearray(whole)
        at = chance.randrange(len(data))
        data[at] = chance.choice([0, 1, 7, 0x7F, 0x80, 0xC3, 0xFF])
        yield BadFile(f"byte {at} is {data[at]}", bytes(data))
    for size in (1, 10, 1000, 2**16, 2**20):
        yield BadFile(f"{size} random bytes", bytes(chance.choices(range(128, 256), k=size)))
    yield BadFile("UTF-16", VALID_SWEEP.encode("utf-16"), "UTF-8")
    yield BadFile("Latin-1", VALID_SWEEP.replace("quadratic", "ü", 1).encode("latin-1"), "line 1")
    yield BadFile("empty", b"", "name")
    yield BadFile("no table", b'name = "a"', "nothing to measure")
    yield BadFile("no name", whole.replace(b'name = "estimators"', b"", 1), "name")
    yield BadFile("a profile's name", whole.replace(b'"estimators"', b'"quick"', 1), "'quick'", 2)
    yield BadFile("lists in lists", b"name = " + b"[" * 30_000, "deep")
    yield BadFile("lists in lists, closed", b"name = " + b"[" * 20_000 + b"]" * 20_000, "deep")
    head = 'name = "a"\n[[variance]]\nestimator = "pathwise"\nproblem = "quadratic"'
    product = f"{head}\nseed = {list(range(1000))}\nsamples = {list(range(1, 1001))}"
    yield BadFile("a long product", product.encode(), "combinations", 2)
    yield BadFile("json", b'{"name": "a"}', "TOML", 1)
    pair = b'name = "a"\n[[variance]]\nbackend = "{backend}"\nestimator = ["pathwise", "score_function"]\n'
    yield BadFile("a pair that does not fit", pair + b'problem = "bernoulli"', "[[variance.exclude]]", 2)
    yield BadFile("a value that fits nowhere", pair + b'problem = "bernoulli"\nfitting = true', "'pathwise'", 2)
    yield BadFile("a dimension of none", pair + b'problem = "quadratic"\ndimension = 3', "dimension = 3", 2)
    yield BadFile("a useless exclude", pair + b'problem = "quadratic"\n[[variance.exclude]]\nestimator = "pathwise"\n'
                  b'[[variance.exclude]]\nproblem = "norm_squared"', "norm_squared", 9)  # fmt: skip
    for scale in ("-1.0", "0.0", "1e-300"):
        yield BadFile(
            f"scale {scale}", pair + f'problem = "quadratic"\nset = {{ scale = {scale} }}'.encode(), "scale", 2
        )


BAD_SWEEPS = list(bad_sweep_files())


def written(bad: BadFile, folder: Path, backend: str) -> Path:
    path = folder / "sweep.toml"
    path.write_bytes(bad.data.replace(b"{backend}", backend.encode()).replace(b"{{", b"{").replace(b"}}", b"}"))
    return path


def test_the_sweep_that_is_made_bad_is_valid(tmp_path: Path, installed_backends: list[str]) -> None:
    path = written(BadFile("", VALID_SWEEP.encode()), tmp_path, installed_backends[0])
    assert [table.kind for table in sweeps.read(path).tables] == ["check", "variance", "time", "train", "reproduce"]


@pytest.mark.parametrize("bad", BAD_SWEEPS, ids=lambda bad: bad.name.encode("unicode_escape").decode())
def test_a_sweep_file_is_refused(bad: BadFile, tmp_path: Path, installed_backends: list[str]) -> None:
    written(bad, tmp_path, installed_backends[0])
    said = refused(("run", "--sweep", "sweep.toml", "--dry-run", "--results", "results"), tmp_path)
    assert "sweep.toml" in said
    assert bad.named in said
    if bad.line and "not TOML" not in said:
        assert f"sweep.toml, line {bad.line}" in said
    if b"\xff\xfe" not in bad.data:
        assert ", line " in said or "deep" in said or "bytes" in said


PROVENANCE: dict[str, Any] = {
    "started": "2026-01-02T03:04:05+00:00", "profile": "test", "seed": 0, "command": "", "machine": {"name": "m"},
    "versions": {}, "commit": "abcdef0123", "dirty": False, "source": "s", "backends": {},
}  # fmt: skip

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


def test_a_machine_cannot_be_called_like_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPARAM_MACHINE", "../elsewhere")
    assert "'../elsewhere'" in refused(("run", "--profile", "memory", "--results", "results"), tmp_path)


def test_there_are_hundreds() -> None:
    assert len(COMMAND_LINE) > 300
    assert len(BAD_SWEEPS) > 300


@pytest.mark.parametrize("size", [80, 100_000])
def test_long_values_are_cut(size: int) -> None:
    assert len(shown("x" * size)) <= 90
    assert len(shown(10**size)) <= 90

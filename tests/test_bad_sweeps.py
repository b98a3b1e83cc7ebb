"""Generated bad sweep files: each ends in status 2, one clear line and no process, and changes no file."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_input_for_tests import SEED, BadFile, misspelt, refuse_processes, refused

from harness.sweeps import read as sweeps

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


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refuse_processes(monkeypatch, tmp_path)


def test_the_sweep_that_is_made_bad_is_valid(tmp_path: Path, installed_backends: list[str]) -> None:
    """And hundreds are made of it."""
    path = written(BadFile("", VALID_SWEEP.encode()), tmp_path, installed_backends[0])
    assert [table.kind for table in sweeps.read(path).tables] == ["check", "variance", "time", "train", "reproduce"]
    assert len(BAD_SWEEPS) > 300


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

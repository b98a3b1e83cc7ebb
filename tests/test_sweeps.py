"""Sweeps as data: the product, its cells, what an error names, the dry run, and going on after a break."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from work_for_tests import record

from harness import commands, measure
from harness.agreement import plan as agreement
from harness.cli import main
from harness.errors import BadInputError
from harness.execution.local import Workers
from harness.execution.work import Cell
from harness.results import provenance, store
from harness.results.schema import flat
from harness.sweeps import dry_run, earlier, lines, memory, plan, read, request
from harness.timing import plan as timing
from harness.training import plan as training
from harness.variance import plan as variances

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "harness" / "sweeps" / "example.toml"


@pytest.fixture
def one(installed_backends: list[str]) -> str:
    """A backend that is installed; which one does not matter."""
    return installed_backends[0]


def file(folder: Path, text: str, name: str = "sweep.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def cells(path: Path, tally: plan.Tally | None = None) -> list[Cell]:
    return [found.cell for found in plan.planned(read.read(path), tally or plan.Tally())]


def keys(made: Sequence[Cell]) -> list[str]:
    return [cell.key for cell in made]


def reparam(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


DOCUMENT = '''\
# [[variance]] in a comment
name = "a [ # no comment"    # 2 name
text = """
[[variance]]
name = 1 ] " ""
"""
literal = \'\'\'[
]\'\'\'

[[variance]]                  # 10 variance 0
estimator = [  # ] one
    "a]",      # two
    'b[',
]
"quoted [key]" = 1            # 15 variance 0 quoted [key]
set = { k = [1, 2], 'l' = 2 } # 16 variance 0 set k
set.m = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 2),
        (("text",), 3),
        (("literal",), 7),
        (("variance", 0), 10),
        (("variance", 0, "estimator"), 11),
        (("variance", 0, "estimator", 1), 11),
        (("variance", 0, "quoted [key]"), 15),
        (("variance", 0, "set", "k"), 16),
        (("variance", 0, "set", "l"), 16),
        (("variance", 0, "other", "m"), 17),
        (("variance", 0, "exclude", 0, "k"), 20),
        (("variance", 1), 22),
        (("variance", 1, "exclude", 0), 23),
        (("variance", 1, "exclude", 1), 25),
        (("variance", 1, "exclude", 1, "k"), 26),
        (("check", 0), 27),
        (("table", "below", "k"), 29),
    ],
)
def test_the_line_of_a_key(path: tuple[str | int, ...], line: int) -> None:
    text = DOCUMENT.replace("set.m", "other.m") + (
        "\n[[variance.exclude]]\nk = 1\n\n[[variance]]\n[[variance.exclude]]\nk = 2\n[[variance.exclude]]\nk = 3\n"
        "[[check]]\n[table.below]\nk = 1\n"
    )
    tomllib.loads(text)
    assert lines.index(text)[path] == line


def test_the_product_without_its_excludes(tmp_path: Path, one: str) -> None:
    """By hand: 2 x 2 x 2 x 2 x 3 combinations; the exclude takes pathwise at dimension 10 away, a quarter."""
    path = file(
        tmp_path,
        f"""name = "a"
seed = [0, 7]
backend = "{one}"
[[variance]]
estimator = ["pathwise", "score_function"]
problem = "norm_squared"
dimension = [1, 10]
samples = [1, 2]
replicates = 1000
set = {{ scale = [0.5, 1.0, 2.0] }}
[[variance.exclude]]
estimator = "pathwise"
dimension = 10
""",
    )
    tally = plan.Tally()
    made = cells(path, tally)
    assert (len(made), tally.excluded) == (36, 12)
    expected = [
        variances.plan(
            estimator, "norm_squared", {"scale": scale}, dimension=dimension, samples=samples, replicates=1000,
            backends=[one], seed=seed,
        )[0]
        for seed, estimator, dimension, samples, scale
        in product((0, 7), ("pathwise", "score_function"), (1, 10), (1, 2), (0.5, 1.0, 2.0))
        if (estimator, dimension) != ("pathwise", 10)
    ]  # fmt: skip
    assert {cell.key: cell.work for cell in made} == {cell.key: cell.work for cell in expected}


def test_cells_are_those_of_the_commands(tmp_path: Path, one: str) -> None:
    path = file(
        tmp_path,
        f"""name = "a"
backend = "{one}"
seed = 3
[[check]]
kernel = "gaussian.cdf"
[[time]]
kernel = ["gaussian.log_prob", "divergences.kl_*"]
size = [10, 100]
derivative = "value"
[[train]]
model = "regression"
steps = 2
optimizer = "adam"
set = {{ learning_rate = 0.01 }}
[[reproduce]]
paper = "roeder2017"
fewer = 100
dtype = "float64"
""",
    )
    from harness.reproduce import plan as reproductions

    expected = [
        *agreement.plan(["gaussian.cdf"], backends=[one]),
        *timing.plan(["gaussian.log_prob", "divergences.kl_*"], [one], sizes=(10, 100), derivatives=["value"],
                     seed=3),
        *training.plan("regression", 2, backends=[one], settings={"learning_rate": 0.01}, seed=3),
        *reproductions.plan("roeder2017", backends=[one], seed=3, fewer=100),
    ]  # fmt: skip
    assert sorted(keys(cells(path))) == sorted(keys(expected))


UNFIT = """name = "a"
backend = "{backend}"
[[variance]]
estimator = ["pathwise", "score_function"]
problem = ["bernoulli", "quadratic", "norm_squared"]
dimension = [4]
"""


def test_every_misfit_is_mended_by_what_its_error_says(tmp_path: Path, one: str) -> None:
    """Follow the messages, exclude by exclude, until the sweep is sound."""
    text = UNFIT.format(backend=one)
    said = []
    for _ in range(6):
        try:
            made = cells(file(tmp_path, text))
            break
        except BadInputError as error:
            said.append(str(error))
            assert "sweep.toml, line 3: [[variance]]" in said[-1]
            mend = re.search(r"\[\[variance\.exclude\]\] (.*), or everything", said[-1])
            assert mend
            text += "\n[[variance.exclude]]\n" + "\n".join(re.findall(r'\w+ = (?:"\w+"|\d+)', mend[1]))
    assert [cell.work.arguments["problem"] for cell in made] == ["norm_squared", "norm_squared"]
    assert any("estimator 'pathwise' needs a reparameterizable" in line for line in said)


def test_misfits_are_left_out_and_counted(tmp_path: Path, one: str) -> None:
    tally = plan.Tally()
    text = f"""name = "a"
backend = "{one}"
[[variance]]
fitting = true
estimator = ["pathwise", "score_function_leave_one_out"]
problem = ["bernoulli", "quadratic"]
samples = [1, 2]
"""
    made = cells(file(tmp_path, text), tally)
    found = {tuple(cell.work.arguments[name] for name in ("estimator", "problem", "samples")) for cell in made}
    assert found == {
        ("pathwise", "quadratic", 1),
        ("pathwise", "quadratic", 2),
        ("score_function_leave_one_out", "quadratic", 2),
        ("score_function_leave_one_out", "bernoulli", 2),
    }
    assert sum(tally.misfits.values()) == 4
    assert any("2 combinations left out, since they do not fit: estimator 'pathwise' needs" in t for t in tally.notes())


def test_a_cell_that_is_there_twice_is_measured_once(tmp_path: Path, one: str) -> None:
    table = '[[variance]]\nestimator = "pathwise"\nproblem = ["quadratic", "{}"]\n'
    text = f'name = "a"\nbackend = "{one}"\n' + table.format("cosine") + table.format("exponential")
    tally = plan.Tally()
    assert len(cells(file(tmp_path, text), tally)) == 3
    assert len(tally.repeated) == 1
    assert tally.notes() == ["1 cells are in the sweep twice, and are measured once"]


def test_cells_come_as_they_are_asked_for(tmp_path: Path, one: str, monkeypatch: pytest.MonkeyPatch) -> None:
    head = f'name = "a"\nbackend = "{one}"\nseed = {list(range(1000))}\n'
    table = '[[variance]]\nestimator = "pathwise"\nproblem = "quadratic"\nsamples = [1, 2, 3, 4, 5]\n'
    path = file(tmp_path, head + table)
    calls: list[Any] = []
    made = variances.plan
    monkeypatch.setattr(variances, "plan", lambda *a, **named: calls.append(named) or made(*a, **named))
    found = plan.planned(read.read(path), plan.Tally())
    next(found)
    assert len(calls) == 1
    assert sum(1 for _ in found) == 4_999


PROGRAM = """
import json, sys
from pathlib import Path
from harness.sweeps import plan, read
made = list(plan.planned(read.read(Path(sys.argv[1])), plan.Tally()))
print(json.dumps([len(made), [name for name in ("torch", "jax", "tensorflow", "pandas") if name in sys.modules]]))
"""


def test_thousands_of_cells_are_planned_without_a_framework(tmp_path: Path, installed_backends: list[str]) -> None:
    head = f'name = "a"\nbackend = {json.dumps(installed_backends)}\nseed = {list(range(300))}\n'
    table = '[[variance]]\nestimator = ["pathwise", "score_function"]\nproblem = ["quadratic", "cosine"]\n'
    others = '[[check]]\nkernel = "gaussian.cdf"\n[[time]]\nkernel = "gaussian.cdf"\n'
    path = file(tmp_path, head + table + others)
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True)
    number, loaded = json.loads(done.stdout)
    assert number >= 2 * 2 * 300 * len(installed_backends)
    assert loaded == []


SMALL = """name = "small"
backend = "{backend}"
seed = [0, 1]
[[variance]]
estimator = ["pathwise", "score_function"]
problem = "quadratic"
replicates = 2000
"""


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("seed = [0, 1]", "seed = [\n  0,\n  1, # more\n]", True),
        ('problem = "quadratic"', 'problem = ["quadratic"]', True),
        ("replicates = 2000", "fitting = false\nreplicates = 2_000", True),
        ("seed = [0, 1]\n[[variance]]", "[[variance]]\nseed = [0, 1]", True),
        ("seed = [0, 1]", "seed = [0, 2]", False),
        ("replicates = 2000", "replicates = 2001", False),
        ('"small"', '"smaller"', False),
        ("2000", "2000\nset = { k = 0.5 }", False),
        ("2000", '2000\n[[variance.exclude]]\nestimator = "pathwise"', False),
    ],
)
def test_only_what_a_sweep_says_is_in_the_fingerprint(tmp_path: Path, one: str, old: str, new: str, same: bool) -> None:
    text = SMALL.format(backend=one)
    assert old in text
    one, other = (
        request.of_sweep(file(tmp_path, chosen, name)).provenance("m", {})
        for chosen, name in ((text, "one.toml"), (text.replace(old, new), "other.toml"))
    )
    assert (provenance.fingerprint(one) == provenance.fingerprint(other)) is same
    assert one["profile"] == "small"
    assert str(tmp_path) not in json.dumps(one)


def test_timed_cells_run_alone(tmp_path: Path, one: str) -> None:
    path = file(tmp_path, SMALL.format(backend=one) + '[[check]]\nkernel = "gaussian.cdf"\n')
    judged, timed = request.of_sweep(path).batches
    assert (judged.processes, judged.threads, {cell.key.split()[0] for cell in judged.cells}) == (2, 1, {"check"})
    assert (timed.processes, timed.threads, {cell.key.split()[0] for cell in timed.cells}) == (1, 0, {"variance"})


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Measure without a process: each cell has one record; a KeyboardInterrupt comes where the list has "break"."""
    asked: list[str] = []

    def stream(self: Workers, chosen: Sequence[Cell]) -> Iterator[tuple[Cell, Any]]:
        del self
        for number, cell in enumerate(chosen):
            if number == 2 and "break" in asked:
                asked.remove("break")
                raise KeyboardInterrupt
            asked.append(cell.key)
            yield cell, [record(number)]

    monkeypatch.setattr(Workers, "stream", stream)
    monkeypatch.setattr(measure, "describe", lambda backends, *_: {name: {} for name in backends})
    monkeypatch.setattr(commands, "site", lambda _, output: output)
    return asked


def test_a_broken_sweep_goes_on(tmp_path: Path, one: str, measured: list[str]) -> None:
    path, results = file(tmp_path, SMALL.format(backend=one)), tmp_path / "results"
    command = ("run", "--sweep", str(path), "--results", str(results), "--machine", "m")
    measured.append("break")
    assert reparam(*command).exit_code == 130
    assert len(measured) == 2
    done = reparam(*command)
    assert "2 of 4 cells are in" in done.stderr
    assert done.exit_code == 0, done.stderr
    assert sorted(measured) == sorted(keys(cells(path)))
    (run,) = store.read(results)
    assert sorted(run.cells) == sorted(measured)
    assert run.name.endswith("-small")
    assert run.provenance["sweep"] == read.read(path).contents()
    assert run.provenance["command"] == "reparam run --sweep sweep.toml"
    file(tmp_path, SMALL.format(backend=one).replace("2000", "3000"))
    assert reparam(*command).exit_code == 0
    assert len(store.read(results)) == 2


def test_a_dry_run_counts_what_is_there_and_writes_nothing(tmp_path: Path, one: str, measured: list[str]) -> None:
    path, results = file(tmp_path, SMALL.format(backend=one)), tmp_path / "results"
    command = ("run", "--sweep", str(path), "--results", str(results), "--machine", "m")
    dry = (*command, "--dry-run", "--format", "json")
    row, total = json.loads(reparam(*dry).stdout)
    assert (row["cells"], row["finished"], row["seconds"], row["unknown"]) == (4, 0, None, 4)
    assert row["seconds_from"] == f"{dry_run.NO_RECORD}: 4"
    assert not results.exists()
    measured.append("break")
    reparam(*command)
    before = {name: name.read_bytes() for name in results.rglob("*") if name.is_file()}
    row, total = json.loads(reparam(*dry).stdout)
    assert (row["kind"], row["backend"]) == ("variance", one)
    assert (row["cells"], row["finished"], row["unknown"]) == (4, 2, 0)
    assert row["seconds_from"] == "median of the kind: 2"
    assert (total["cells"], total["finished"]) == (4, 2)
    table = reparam(*command, "--dry-run")
    assert "in the store" in table.stdout
    (first, *_) = csv.DictReader(io.StringIO(reparam(*command, "--dry-run", "--format", "csv").stdout))
    assert first["finished"] == "2"
    assert {name: name.read_bytes() for name in results.rglob("*") if name.is_file()} == before
    assert measured.count("break") == 0
    assert len(measured) == 2


def test_a_profile_can_be_dry_run(tmp_path: Path, one: str) -> None:
    rows = json.loads(
        reparam("run", "--profile", "cost", "--backend", one, "--dry-run", "--results", str(tmp_path / "none"),
                "--format", "json").stdout
    )  # fmt: skip
    assert [row["kind"] for row in rows] == ["time", "peak", "all"]
    assert rows[-1]["cells"] == rows[0]["cells"] + rows[1]["cells"]
    assert not (tmp_path / "none").exists()


def part(root: Path, machine: str, run: str, started: str, seconds: dict[str, float]) -> None:
    folder = root / machine / run
    folder.mkdir(parents=True)
    told = {"started": started, "machine": {"name": machine}}
    rows: list[dict[str, Any]] = [{"kind": "run", "schema": 1, "fingerprint": "", "provenance": told}]
    rows += [{"kind": "cell", "key": key, "records": 0, "seconds": value} for key, value in seconds.items()]
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    (folder / "part-1.jsonl").write_text(text + '{"kind":"cell","key":"variance torch torn","sec')


def test_time_is_from_the_same_cell_else_the_median_else_not_known(tmp_path: Path) -> None:
    part(tmp_path, "here", "old", "2026-01-01", {"variance torch a": 9.0})
    measured = {"variance torch a": 1.0, "variance torch b": 3.0, "variance torch c": 4.0}
    part(tmp_path, "here", "new", "2026-02-01", measured | {"failure variance torch d": 99.0})
    part(tmp_path, "there", "new", "2026-03-01", {"variance torch a": 50.0, "memory name=jax x": 7.0})
    (tmp_path / "here" / "new" / "part-2.jsonl").write_bytes(b"\xff no header\n")
    known = earlier.read(tmp_path, {"machine": {"name": "here"}})
    assert known.of("variance torch a") == (1.0, "same cell")
    assert known.of("variance torch z") == (3.0, "median of the kind")
    assert known.of("memory name=jax y") == (7.0, "median of the kind, on there")
    assert known.of("variance jax a") is None


def test_the_memory_of_arrays_is_that_of_a_block(tmp_path: Path, one: str) -> None:
    """4,096 replicates of 2 samples of 10 coordinates: noise in float64, four arrays in float32."""
    (cell,) = variances.plan("pathwise", "norm_squared", {}, dimension=10, samples=2, backends=[one])
    assert memory.of_arrays(cell.work) == 4096 * 2 * 10 * (8 + 4 * 4)
    (wide,) = variances.plan("pathwise", "norm_squared", {}, dimension=10**6, samples=2, backends=[one])
    assert memory.of_arrays(wide.work) == 1 * 2 * 10**6 * (8 + 4 * 4)
    path = file(tmp_path, SMALL.format(backend=one))
    row, total = dry_run.rows(request.of_sweep(path), tmp_path)
    base = memory.of_worker(one)
    assert base is None or (row.bytes or 0) > base
    assert total.bytes == row.bytes


def test_every_reference_backend_of_this_package_has_a_measured_worker() -> None:
    assert set(memory.workers()) == {"torch", "jax", "tensorflow"}
    for row in memory.workers().values():
        assert 10**8 < row["bytes"] < 10**10
        assert row["seen"]


def test_the_example_is_sound_and_stands_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    shown = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert EXAMPLE.read_text() in shown
    sweep = read.read(EXAMPLE)
    assert sweep.name == "example"
    made = list(plan.planned(sweep, plan.Tally()))
    assert {found.kind for found in made} == {"check", "variance", "train"}


def test_a_sweep_is_measured(tmp_path: Path, one: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For real, in a worker process: the records are those of the command."""
    monkeypatch.setattr(commands, "site", lambda _, output: output)
    path, results = file(tmp_path, SMALL.format(backend=one).replace("[0, 1]", "1")), tmp_path / "results"
    done = reparam("run", "--sweep", str(path), "--results", str(results))
    assert done.exit_code == 0, done.stderr
    (stored,) = store.read(results)
    alone = reparam("variance", "--estimator", "score_function", "--problem", "quadratic", "--replicates", "2000",
                    "--seed", "1", "--backend", one, "--format", "json")  # fmt: skip
    own = [flat(found) for found in stored.records if getattr(found, "estimator", "") == "score_function"]
    timed = {"seconds_per_gradient", "work_normalized_variance"}
    assert [{k: v for k, v in row.items() if k not in timed} for row in own] == [
        {k: v for k, v in row.items() if k not in timed} for row in json.loads(alone.stdout)
    ]
    assert len(stored.cells) == 2

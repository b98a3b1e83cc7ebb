"""Sweeps as data: the product, its cells, what an error names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sweeps_for_tests import SMALL, cells, file, keys

from harness.agreement import plan as agreement
from harness.errors import BadInputError
from harness.estimators import ESTIMATORS
from harness.problems import PROBLEMS
from harness.results import provenance
from harness.sweeps import lines, plan, read, request
from harness.timing import plan as timing
from harness.training import plan as training
from harness.variance import plan as variances

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "harness" / "sweeps" / "example.toml"
PUBLISHED = EXAMPLE.with_name("estimators.toml")


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


def test_the_example_is_sound_and_stands_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    shown = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert EXAMPLE.read_text() in shown
    sweep = read.read(EXAMPLE)
    assert sweep.name == "example"
    made = list(plan.planned(sweep, plan.Tally()))
    assert {found.kind for found in made} == {"check", "variance", "train"}


def test_the_published_sweep_has_every_estimator_and_every_problem() -> None:
    made = [found.cell.work.arguments for found in plan.planned(read.read(PUBLISHED), plan.Tally())]
    assert {row["estimator"] for row in made} == set(ESTIMATORS.built_in)
    assert {row["problem"] for row in made} == set(PROBLEMS.built_in)

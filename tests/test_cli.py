"""The command line as a stranger meets it: help, listings, output formats, and bad input."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.profiles import PROFILES
from harness.results.schema import Check, Variance

GROUPS = tuple(name for name, command in main.commands.items() if isinstance(command, click.Group))
COMMANDS = tuple(name for name in main.commands if name not in GROUPS)
QUADRATIC = ("variance", "--estimator", "pathwise", "--problem", "quadratic")


def reparam(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness.cli", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_the_common_options(command: str) -> None:
    done = CliRunner().invoke(main, [command, "--help"])
    assert done.exit_code == 0
    assert "Example: " in done.output
    if command in {"completion", "new", "measure", "compare"}:  # a script, files, and a subject that brings its own
        return
    assert f"Example: reparam {command}" in done.output
    for option in ("--format", "--backend", "--dtype", "--device", "--seed"):
        assert option in done.output


@pytest.mark.parametrize("group", GROUPS)
def test_help_of_a_group_and_its_commands_has_an_example(group: str) -> None:
    command = main.commands[group]
    assert isinstance(command, click.Group)
    assert f"Example: reparam {group}" in CliRunner().invoke(main, [group, "--help"]).output
    for name in command.commands:
        done = CliRunner().invoke(main, [group, name, "--help"])
        assert done.exit_code == 0
        assert f"Example: reparam {group} {name}" in done.output
        assert "--format" in done.output


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("reparam thr", ["throughput"]),
        ("reparam variance --estimator straight", ["straight_through", "straight_through_gumbel"]),
        ("reparam variance --problem lin", ["linear_gaussian_iwae"]),
        ("reparam check --backend num", ["numpyro"]),
        ("reparam check --kernel gaussian.cd", ["gaussian.cdf"]),
        ("reparam run --profile rep", ["reproduce"]),
        ("reparam results exp", ["export"]),
        ("reparam results export x.csv --kind var", ["variance"]),
        ("reparam reproduce tuc", ["tucker2017"]),
    ],
)
def test_the_shell_completes_commands_and_names(line: str, offered: list[str]) -> None:
    typed = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1), "_REPARAM_COMPLETE": "bash_complete"}
    done = CliRunner().invoke(main, [], env=typed, prog_name="reparam")
    assert [row.removeprefix("plain,") for row in done.output.split()] == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0
    assert f"_REPARAM_COMPLETE={shell}_complete" in done.output


def test_main_help_names_every_command() -> None:
    done = CliRunner().invoke(main, ["--help"])
    assert all(f"  {command} " in done.output for command in (*COMMANDS, *GROUPS))


def test_help_of_run_names_every_profile() -> None:
    done = CliRunner().invoke(main, ["run", "--help"])
    assert all(f"\n  {name} " in done.output for name in PROFILES)


@pytest.mark.parametrize("what", ["backends", "kernels", "estimators", "problems", "cases"])
def test_list_prints_one_json_array_of_flat_records(what: str) -> None:
    done = CliRunner().invoke(main, ["list", what, "--format", "json"])
    rows = json.loads(done.stdout)
    assert rows
    assert all(isinstance(value, (str, int, float, bool, type(None))) for row in rows for value in row.values())
    table = CliRunner().invoke(main, ["list", what])
    assert table.exit_code == 0
    assert str(rows[0]["name"])[:10] in table.stdout


BAD = {
    "unknown command": (("chekc",), "nearest: check"),
    "unknown command of a group": (("results", "verfiy"), "nearest: verify"),
    "no results to verify": (("results", "verify", "no-such-folder"), "no results folder no-such-folder"),
    "no results to merge": (("results", "merge", "no-such-folder", "--into", "x"), "no results folder no-such-folder"),
    "nothing to prune": (("results", "prune"), "give --damaged"),
    "prune all": (("results", "prune", "--keep", "0"), "0 is not in the range 1<=x<=1000000"),
    "unknown kind": (("results", "export", "x.csv", "--kind", "varianc"), "nearest: variance"),
    "unknown file": (("results", "export", "x.xls"), "allowed: .parquet or .csv"),
    "unknown listing": (("list", "kernel"), "nearest: kernels"),
    "unknown estimator": ((*QUADRATIC[:2], "pathwize", *QUADRATIC[3:]), "nearest: pathwise"),
    "unknown problem": ((*QUADRATIC[:4], "quadratik"), "nearest: quadratic"),
    "unknown backend": ((*QUADRATIC, "--backend", "torhc"), "nearest are: torch"),
    "unknown kernel": (("check", "--kernel", "gaussian.cfd"), "nearest: gaussian.cdf"),
    "unknown kernel to time": (("time", "--kernel", "gausian"), "unknown kernel"),
    "unknown case": (("check", "--case", "no such case"), "unknown case"),
    "unknown model": (("train", "vea"), "nearest: vae"),
    "unknown objective": (("train", "vae", "--objective", "gausian"), "nearest: gaussian"),
    "unknown profile": (("run", "--profile", "quik"), "nearest: quick"),
    "unknown dtype": ((*QUADRATIC, "--dtype", "float31"), "float32"),
    "unknown device": ((*QUADRATIC, "--device", "tpu"), "gpu"),
    "unknown setting": ((*QUADRATIC, "--set", "sigma=1"), "unknown setting of"),
    "setting without a value": ((*QUADRATIC, "--set", "scale"), "name=number"),
    "setting not a number": ((*QUADRATIC, "--set", "scale=wide"), "give a number"),
    "setting nan": ((*QUADRATIC, "--set", "scale=nan"), "scale is nan; allowed: above 0"),
    "setting infinite": ((*QUADRATIC, "--set", "loc=inf"), "loc is inf; allowed: any finite number"),
    "scale negative": ((*QUADRATIC, "--set", "scale=-1"), "scale is -1.0; allowed: above 0"),
    "scale zero": ((*QUADRATIC, "--set", "scale=0"), "scale is 0.0; allowed: above 0"),
    "scale below float32": ((*QUADRATIC, "--set", "scale=1e-40"), "scale is 1e-40"),
    "probability above 1": (
        ("variance", "--estimator", "score_function", "--problem", "bernoulli", "--set", "p=1.5"),
        "p is 1.5",
    ),
    "temperature zero": (
        ("variance", "--estimator", "gumbel_softmax", "--problem", "bernoulli", "--set", "temperature=0"),
        "temperature is 0.0; allowed: above 0",
    ),
    "temperature below float16": (
        ("variance", "--estimator", "gumbel_softmax", "--problem", "bernoulli", "--set", "temperature=1e-4",
         "--dtype", "float16"),
        "temperature is 0.0001",
    ),
    "leave-one-out of one": (
        ("variance", "--estimator", "score_function_leave_one_out", "--problem", "quadratic", "--samples", "1"),
        "samples is 1; allowed: 2 or more",
    ),
    "pathwise of a discrete": (("variance", "--estimator", "pathwise", "--problem", "bernoulli"), "pathwise"),
    "relaxation of a normal": ((*QUADRATIC[:2], "gumbel_softmax", *QUADRATIC[3:]), "gumbel_softmax"),
    "no samples": ((*QUADRATIC, "--samples", "0"), "samples is 0"),
    "replicates not a number": ((*QUADRATIC, "--replicates", "many"), "many"),
    "negative replicates": ((*QUADRATIC, "--replicates", "-5"), "replicates is -5; allowed: 2 or more"),
    "negative seed": ((*QUADRATIC, "--seed", "-1"), "-1"),
    "dimension of none": ((*QUADRATIC, "--dimension", "3"), "dimension"),
    "dimension zero": (
        ("variance", "--estimator", "pathwise", "--problem", "norm_squared", "--dimension", "0"),
        "dimension is 0",
    ),
    "no steps": (("train", "vae", "--steps", "0"), "steps is 0"),
    "no network": (("curvature", "--network", "784x10"), "joined by -"),
    "one width": (("curvature", "--network", "784"), "widths is 784"),
    "few turns": (("curvature", "--turns", "2"), "turns is 2"),
    "no batch": (("curvature", "--batch", "0"), "batch is 0"),
    "an optimizer without a family": (("train", "vae", "--optimizer", "natural_gradient"), "has none"),
    "unknown optimizer": (("train", "regression", "--optimizer", "adm"), "unknown optimizer 'adm'"),
    "half an iteration": (
        ("train", "regression", "--optimizer", "natural_gradient", "--set", "iterations=1.5"),
        "whole numbers",
    ),
    "batch above the data": (("train", "regression", "--batch", "443"), "1 to 442"),
    "no repeats": (("time", "--kernel", "gaussian.cdf", "--repeats", "0"), "repeats is 0"),
    "no size": (("time", "--kernel", "gaussian.cdf", "--size", "0"), "size is 0"),
    "no results": (("site", "--results", "no-such-folder"), "no results folder no-such-folder"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_in_one_clear_line(name: str) -> None:
    arguments, expected = BAD[name]
    done = CliRunner().invoke(main, arguments)
    said = done.stderr.strip()
    assert done.exit_code == 2, said
    assert expected in said
    assert "Traceback" not in said
    assert done.stdout == ""
    assert len(said.splitlines()[-1]) < 300


def test_bad_input_in_a_real_process() -> None:
    done = reparam(*QUADRATIC, "--set", "scale=-1")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_variance_json_csv_and_table_hold_the_same(installed_backends: list[str]) -> None:
    arguments = (*QUADRATIC, "--replicates", "5000", "--backend", installed_backends[0])
    rows = json.loads(reparam(*arguments, "--format", "json").stdout)
    assert {row["parameter"] for row in rows} == {"loc", "scale"}
    assert set(rows[0]) == set(Variance.__struct_fields__)
    table = list(csv.DictReader(io.StringIO(reparam(*arguments, "--format", "csv").stdout)))
    timed = {"seconds_per_gradient", "work_normalized_variance"}
    for row, line in zip(rows, table, strict=True):
        assert {k: str("" if v is None else v) for k, v in row.items() if k not in timed} == {
            k: v for k, v in line.items() if k not in timed
        }
    assert f"{rows[0]['variance']:.4g}" in reparam(*arguments).stdout


def test_check_prints_its_fields_and_exits_0(installed_backends: list[str]) -> None:
    done = reparam(
        "check",
        "--kernel",
        "gaussian.entropy",
        "--backend",
        installed_backends[0],
        "--mode",
        "eager",
        "--format",
        "json",
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert set(rows[0]) == set(Check.__struct_fields__)
    assert {row["dtype"] for row in rows} == {"float32", "float64"}

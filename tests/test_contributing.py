"""The examples of CONTRIBUTING.md are real: applied to a copy of the tree, what they add is found and checked."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages with every example applied, in the order of the text."""
    copy = tmp_path_factory.mktemp("contribution")
    for package in ("harness", "implementations"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    examples = re.findall(r"```diff\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.DOTALL)
    assert len(examples) == 3
    for number, text in enumerate(examples):
        patch = copy / f"{number}.diff"
        patch.write_text(text)
        subprocess.run(["git", "apply", "--unsafe-paths", patch.name], cwd=copy, check=True, capture_output=True)
    return copy


def reparam(tree: Path, *arguments: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", *arguments, "--format", "json"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, object]] = json.loads(done.stdout)
    return rows


@pytest.mark.parametrize("kernel", ["gumbel.entropy", "estimators.score_function_neighbor"])
def test_what_was_added_is_checked(tree: Path, installed_backends: list[str], kernel: str) -> None:
    chosen = [part for name in installed_backends for part in ("--backend", name)]
    rows = reparam(tree, "check", "--kernel", kernel, "--mode", "eager", *chosen)
    assert {row["backend"] for row in rows} == set(installed_backends)
    assert {row["kernel"] for row in rows} == {kernel}
    assert any(str(row["derivative"]).startswith("vjp") for row in rows)


def test_estimator_and_problem_meet(tree: Path, installed_backends: list[str]) -> None:
    """The new estimator is unbiased on the new problem: within 4.5 standard errors, which is missed once in 150,000."""
    rows = reparam(
        tree, "variance", "--estimator", "score_function_neighbor", "--problem", "cubic", "--replicates", "20000",
        "--backend", installed_backends[-1],
    )  # fmt: skip
    assert {row["parameter"] for row in rows} == {"loc", "scale"}
    for row in rows:
        assert row["exact_mean"] is not None
        assert abs(row["bias"]) < 4.5 * row["bias_standard_error"]  # type: ignore[arg-type, operator]


def test_backends_stay_parallel(tree: Path) -> None:
    """The parity test passes on the changed tree too."""
    shutil.copy(ROOT / "tests" / "test_parity.py", tree)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_parity.py"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout

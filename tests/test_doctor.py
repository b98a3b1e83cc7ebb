"""A framework that is installed and broken, and a program that starts processes on import: one line with the fix."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from implementations import registry

#: What a broken package may do on import, and what is reported of it.
BREAKS = {
    "a part of it is missing": ("raise ImportError('no jaxlib\\nsee its page')", "ImportError: no jaxlib"),
    "a shared library": ("raise OSError('libcudart.so.12: cannot open shared object')", "OSError: libcudart.so.12"),
    "another NumPy": ("import numpy; numpy.of_another_version", "AttributeError: "),
}
AGAIN = "install it again: pip install --force-reinstall 'reparam[jax]'"
DIES = "import os; os.abort()"


def reparam(folder: Path, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command where the package jax is another one."""
    (folder / "jax").mkdir()
    (folder / "jax" / "__init__.py").write_text(source, "utf-8")
    command = [sys.executable, "-m", "harness.cli", *arguments, "--backend", "jax"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize("name", BREAKS)
def test_doctor_reports_what_is_broken(name: str, tmp_path: Path) -> None:
    source, reason = BREAKS[name]
    done = reparam(tmp_path, source, "doctor", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    (row,) = json.loads(done.stdout)
    assert row["backend"] == "jax"
    assert row["version"] is None
    for part in ("installed and broken", reason, AGAIN):
        assert part in row["fix"]
    assert "\n" not in row["fix"]


def test_doctor_reports_a_framework_that_ends_its_process(tmp_path: Path) -> None:
    done = reparam(tmp_path, DIES, "doctor", "--format", "json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["fix"].startswith("installed and broken: the jax process died: killed by signal 6 (SIGABRT)")


@pytest.mark.parametrize(
    "command",
    [["variance", "--estimator", "pathwise", "--problem", "quadratic"], ["check", "--kernel", "gaussian.cdf"]],
    ids=lambda command: command[0],
)
def test_other_commands_end_in_one_line(command: list[str], tmp_path: Path) -> None:
    source, reason = BREAKS["a part of it is missing"]
    done = reparam(tmp_path, source, *command)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert "Traceback" not in done.stderr
    for part in ("backend 'jax' needs jax, which is installed and broken", reason, AGAIN):
        assert part in line


def test_a_broken_framework_is_not_called_missing(monkeypatch: pytest.MonkeyPatch, one: str) -> None:
    framework = registry.find(one).framework

    def broken(name: str, *_: object) -> None:
        raise ImportError(f"{name} has no core")

    monkeypatch.setattr(registry.importlib, "import_module", broken)
    with pytest.raises(
        registry.BrokenFrameworkError, match=rf"needs {framework}, which is installed and broken: Import"
    ):
        registry.load(one)
    monkeypatch.setattr(registry, "installed", lambda _: False)
    with pytest.raises(registry.MissingFrameworkError, match="not installed here"):
        registry.load(one)


CALL = "print('rows', len(harness.gradient_variance('pathwise', 'quadratic', replicates=4, backends=[{one!r}])))"
GUARD = "if __name__ == '__main__':"


@pytest.mark.parametrize("guarded", [True, False])
def test_a_program_without_a_guard_is_advised_to_have_one(guarded: bool, tmp_path: Path, one: str) -> None:
    call = CALL.format(one=one)
    program = tmp_path / "program.py"
    program.write_text(f"import harness\n{GUARD + ' ' if guarded else ''}{call}\n", "utf-8")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, cwd=tmp_path)
    if guarded:
        assert done.returncode == 0, done.stderr
        assert "rows 2" in done.stdout
        return
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("harness.errors.BadInputError: the program that called this starts processes while it is")
    assert GUARD in last
    # the child says nothing: one traceback, the caller's own
    assert done.stderr.count("Traceback") == 1
    assert "bootstrapping" not in done.stderr

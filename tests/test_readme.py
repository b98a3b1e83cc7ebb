"""The programs in the README run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from implementations import registry

README = Path(__file__).parents[1] / "README.md"
PROGRAMS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def _needs(program: str) -> list[str]:
    """Return the reference backends that a program imports; all of them where it measures with the harness."""
    named = re.findall(r"from implementations\.(\w+) import", program)
    return named or [row.name for row in registry.backends().values() if row.kind == "reference"]


def test_there_are_programs_for_every_framework() -> None:
    named = {name for program in PROGRAMS for name in re.findall(r"from implementations\.(\w+) import", program)}
    assert named == {"torch", "jax", "tensorflow"}


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_a_program_of_the_readme_runs(program: str, pytestconfig: pytest.Config, tmp_path: Path) -> None:
    chosen = pytestconfig.getoption("backend")
    for name in _needs(program):
        if not registry.installed(name):
            pytest.skip(registry.install_command(name))
        if chosen and name not in chosen:
            pytest.skip(f"--backend leaves {name} out")
    file = tmp_path / "program.py"  # a file, since a measurement spawns processes that import it again
    file.write_text(program)
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("program", [program for program in PROGRAMS if "gauss_newton" in program])
def test_a_model_of_ones_own_takes_fewer_than_fifteen_lines(program: str) -> None:
    lines = [line for line in program.splitlines() if line.strip() and not line.startswith(("import", "from"))]
    assert len(lines) < 15

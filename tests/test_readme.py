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


#: Frameworks that a program imports for a gradient of its own.
OWN = re.compile(r"^import .*?\b(torch|jax|tensorflow)\b", re.MULTILINE)


def _needs(program: str) -> list[str]:
    """Return the reference backends that a program imports; all of them where it measures with the harness."""
    named = re.findall(r"from implementations\.(\w+) import", program) or OWN.findall(program)
    if named or "def test_" in program:
        return named
    return [row.name for row in registry.backends().values() if row.kind == "reference"]


def test_there_are_programs_for_every_framework() -> None:
    named = {name for program in PROGRAMS for name in re.findall(r"from implementations\.(\w+) import", program)}
    assert named == {"torch", "jax", "tensorflow"}


#: A gradient of one's own, and the other programs.
FIRST = [program for program in PROGRAMS if re.search(r"^import .*\breparam\b", program, re.MULTILINE)]
REST = [program for program in PROGRAMS if program not in FIRST]


@pytest.mark.parametrize("program", REST, ids=range(len(REST)))
def test_a_program_of_the_readme_runs(program: str, pytestconfig: pytest.Config, tmp_path: Path) -> None:
    chosen = pytestconfig.getoption("backend")
    for name in _needs(program):
        if not registry.installed(name):
            pytest.skip(registry.install_command(name))
        if chosen and name not in chosen:
            pytest.skip(f"--backend leaves {name} out")
    file = tmp_path / "program.py"  # a file, since a measurement spawns processes that import it again
    file.write_text(program)
    how = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if "def test_" in program else []
    done = subprocess.run([sys.executable, *how, str(file)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize(
    ("name", "words"), [("torch", "BIASED"), ("jax", "Total variance"), ("tensorflow", "Best: four")]
)
def test_a_gradient_of_ones_own(name: str, words: str, tmp_path: Path) -> None:
    """The first program of each framework is short and gives the answer that the text announces."""
    if not registry.installed(name):
        pytest.skip(registry.install_command(name))
    (program,) = [program for program in FIRST if OWN.findall(program) == [name]]
    file = tmp_path / "program.py"
    file.write_text(program)
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=300, check=False)
    assert words in done.stdout, done.stderr
    assert ("compatible with" in done.stdout) is (name == "torch")
    assert len([line for line in program.splitlines() if line.strip() and not line.startswith("import")]) <= 7


@pytest.mark.parametrize("program", [program for program in PROGRAMS if "gauss_newton" in program])
def test_a_model_of_ones_own_takes_fewer_than_fifteen_lines(program: str) -> None:
    lines = [line for line in program.splitlines() if line.strip() and not line.startswith(("import", "from"))]
    assert len(lines) < 15

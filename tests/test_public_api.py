"""`import reparam`: every name is there, typed, loaded when it is used, and needs no more than a plain installation."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import reparam
from harness.requirements import EXTRAS

ROOT = Path(reparam.__file__).parent
PLACES: dict[str, str] = reparam._PLACES

#: What must not be there on a plain installation, and what is not there where the system is not POSIX.
ABSENT = {
    "extras": sorted(EXTRAS),
    "frameworks": ["torch", "jax", "tensorflow", "keras"],
    "POSIX": ["fcntl", "resource", "termios", "pwd", "grp"],
}

#: The front door on a subject of NumPy, shortened: sizes are those of the test of its wiring, not of its statistics.
FRONT_DOOR = """
import numpy as np, reparam
def subject(seed, n, shift=0.0): return {"a": 1.0 + shift + np.random.default_rng(seed).normal(size=(n, 3))}
truth = {"a": np.ones(3)}
print(reparam.measure(subject, replicates=1000))
assert not reparam.bias(subject, truth, detect=0.5).biased
print(reparam.compare({"one": subject, "other": lambda s, n: subject(s, n, 1.0)}, truth=truth).frame())
reparam.assert_unbiased(subject, truth, detect=0.5)
reparam.assert_quieter(lambda s, n: {"a": subject(s, n)["a"] / 10}, than=subject, ratio=0.5)
"""


def run(program: str, *arguments: str, absent: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh process in which some modules cannot be imported."""
    code = f"import sys\nfor name in {absent or []}: sys.modules[name] = None\n{program}"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def typed(source: str) -> dict[str, str]:
    """Return what a type checker sees: "module:attribute" of every public name under TYPE_CHECKING."""
    (block,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    found: dict[str, str] = {}
    modules: dict[str, str] = {}
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            for name in node.names:
                if name.asname is None:
                    modules[name.name] = f"{node.module}.{name.name}"
                else:
                    found[name.asname] = f"{node.module}:{name.name}"
        elif isinstance(node, ast.Assign):
            ((target,), place) = node.targets, ast.unparse(node.value)
            module, _, attribute = place.partition(".")
            found[ast.unparse(target)] = f"{modules[module]}:{attribute}"
    return found


def test_type_checkers_see_what_is_loaded() -> None:
    """`make lint` has mypy look up what is imported for it; here it is the table's."""
    source = Path(reparam.__file__).read_text("utf-8")
    assert typed(source) == PLACES
    assert list(PLACES) == sorted(PLACES)
    for broken in (
        source.replace("    from harness.errors import BadInputError as BadInputError\n", "", 1),
        source.replace("import measure as measure", "import other as measure", 1),
        source.replace("time_kernels = api.time\n", "time_kernels = api.train\n", 1),
    ):
        assert broken != source
        assert typed(broken) != PLACES


@pytest.mark.parametrize("name", PLACES)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(reparam, name)
    module, _, attribute = PLACES[name].partition(":")
    assert found is getattr(importlib.import_module(module), attribute)
    assert inspect.getdoc(found)
    if inspect.isfunction(found):
        signature = inspect.signature(found)
        assert signature.return_annotation is not inspect.Parameter.empty
        assert all(row.annotation is not inspect.Parameter.empty for row in signature.parameters.values())


def test_the_names_are_listed_and_others_are_refused() -> None:
    assert set(PLACES) == set(reparam.__all__) <= set(dir(reparam))
    with pytest.raises(AttributeError, match="module 'reparam' has no attribute 'mesure'"):
        reparam.mesure  # noqa: B018


def test_import_is_instant() -> None:
    """The best of five fresh processes: under 0.3 s, and nothing loaded but the standard library."""
    program = (
        "import time; begin = time.perf_counter(); import reparam; print(time.perf_counter() - begin)\n"
        "print(*{name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names)"
    )
    lines = [run(program).stdout.splitlines() for _ in range(5)]
    assert min(float(seconds) for seconds, _ in lines) < 0.3
    for module in ("reparam", "harness"):
        others = run(f"import {module}\nprint(*{{m.partition('.')[0] for m in sys.modules}} - sys.stdlib_module_names)")
        loaded = {name for name in others.stdout.split() if not re.search("distutils|editable|sitecustomize", name)}
        assert loaded - {"__main__"} == {module}, others.stderr


@pytest.mark.parametrize("absent", ABSENT)
def test_the_front_door_needs_a_plain_installation_only(absent: str) -> None:
    done = run(FRONT_DOOR, absent=ABSENT[absent])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("absent", ["extras", "POSIX"])
def test_every_name_loads_on_a_plain_installation(absent: str) -> None:
    program = """
import reparam
for name in reparam.__all__:
    try:
        getattr(reparam, name)
    except ImportError as error:
        print(name, error)
"""
    done = run(program, absent=ABSENT[absent])
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["measure", "--help"], ["compare", "--help"], ["list", "kernels"]])
def test_commands_need_a_plain_installation_only(arguments: list[str]) -> None:
    absent = [*ABSENT["extras"], *ABSENT["frameworks"], *ABSENT["POSIX"]]
    done = run("from harness.cli import main; main()", *arguments, absent=absent)
    assert done.returncode == 0, done.stderr


def test_an_absent_module_is_seen() -> None:
    """The tests above can fail."""
    done = run("from harness import dtypes; dtypes.find('bfloat16').numpy", absent=ABSENT["extras"])
    assert done.returncode == 1
    assert "pip install 'reparam[oracle]'" in done.stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this tree, unpacked. It is built from a copy: a build leaves folders in its source."""
    pytest.importorskip("setuptools", "80", reason="pip install 'setuptools>=80'")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("harness", "implementations"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("reparam.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("reparam-*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def test_the_wheel_is_whole(wheel: Path) -> None:
    assert {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")} == {
        "harness",
        "implementations",
        "reparam.py",
        "reparam-stubs",
    }
    # without the marker a type checker takes a module that is no package for untyped
    assert (wheel / "reparam-stubs" / "py.typed").read_text() == "partial\n"
    assert (wheel / "harness" / "py.typed").exists()
    assert not (wheel / "harness" / "stubs").exists()
    (points,) = wheel.glob("*.dist-info/entry_points.txt")
    assert "[pytest11]\nreparam = harness.testing.plugin" in points.read_text()
    for folder in ("harness", "implementations"):
        own = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py")}
        assert own == {path.relative_to(wheel) for path in (wheel / folder).rglob("*.py")}


def test_the_wheel_works(wheel: Path, tmp_path: Path) -> None:
    program = f"import reparam, harness; print(reparam.__file__, harness.__file__)\n{FRONT_DOOR}"
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == f"{wheel / 'reparam.py'} {wheel / 'harness' / '__init__.py'}"

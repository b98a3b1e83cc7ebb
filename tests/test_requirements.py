"""What is not installed is one line with the command that installs it; what only some parts need is an extra."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import harness
from harness.errors import BadInputError
from harness.execution.local import Workers
from harness.execution.work import Cell, Work
from harness.requirements import EXTRAS, HOLDS, explained, require
from implementations import registry

ROOT = Path(harness.__file__).parent.parent

#: Distribution of each package that has another name than what is imported of it.
DISTRIBUTIONS = {
    "cpuinfo": "py-cpuinfo",
    "dask": "distributed",
    "ml_dtypes": "ml-dtypes",
    "sklearn": "scikit-learn",
    "tomli_w": "tomli-w",
    "vl_convert": "vl-convert-python",
}
PLAIN = {"click", "msgspec", "numpy", "pandas", "rich", "scipy"}
#: Imported of the caller's framework, which is loaded then, or by a test suite.
OF_THE_CALLER = {"torch", "jax", "tensorflow", "keras", "pytest"}


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return found


def names(requirements: list[str]) -> set[str]:
    """Return the distributions of a list of requirements."""
    return {row.partition(">=")[0] for row in requirements if not row.startswith("reparam[")}


def imported(source: str) -> Iterator[str]:
    """Yield the packages that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def unexplained(source: str) -> set[str]:
    """Return the packages that a module imports and that are neither installed with the harness nor an extra's."""
    ours = {"harness", "implementations", "reparam"}
    return set(imported(source)) - sys.stdlib_module_names - ours - PLAIN - OF_THE_CALLER - set(EXTRAS)


def test_a_plain_installation_is_six_packages() -> None:
    assert names(project()["dependencies"]) == PLAIN


def test_every_extra_is_as_pyproject_has_it() -> None:
    extras = project()["optional-dependencies"]
    for package, extra in EXTRAS.items():
        assert DISTRIBUTIONS.get(package, package) in names(extras[extra]), package
    held = {row.partition(">=")[0] for name in {*EXTRAS.values()} - {"dev"} for row in names(extras[name])}
    assert held == {DISTRIBUTIONS.get(package, package) for package, extra in EXTRAS.items() if extra != "dev"}
    for extra, others in HOLDS.items():
        assert f"reparam[{','.join(others)}]" in extras[extra]
    (every,) = extras["all"]
    assert set(every.removeprefix("reparam[").removesuffix("]").split(",")) == set(extras) - {"all"}


def test_the_harness_imports_nothing_else() -> None:
    for file in (ROOT / "harness").rglob("*.py"):
        assert unexplained(file.read_text("utf-8")) == set(), file
    assert unexplained("def f():\n    import colorama.ansi\n    from numpy import array") == {"colorama"}


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpmath", None)
    message = r"^check needs mpmath, which is not installed; install it: pip install 'reparam\[oracle\]'$"
    with pytest.raises(BadInputError, match=message), explained("check"):
        import mpmath  # noqa: F401
    with pytest.raises(BadInputError, match=message):
        require("numpy", "mpmath", needed_by="check")


@pytest.mark.parametrize("error", [ModuleNotFoundError("x", name="colorama"), ImportError("x", name="numpy")])
def test_another_failed_import_passes(error: ImportError) -> None:
    with pytest.raises(ImportError) as caught, explained("check"):
        raise error
    assert caught.value is error


def test_a_package_that_is_there_and_broken_is_not_called_missing() -> None:
    with pytest.raises(ModuleNotFoundError, match="a part of it"), explained("check"):
        raise ModuleNotFoundError("a part of it", name="mpmath.part")


def lacking(_: ModuleType) -> None:
    """Do a work that needs a package which its process cannot import."""
    sys.modules["mpmath"] = None  # type: ignore[assignment]
    import mpmath  # noqa: F401


def test_a_worker_process_says_it_too(one: str) -> None:
    cell = Cell("lacking", Work(f"{__name__}:lacking", one), lambda result: result)
    with Workers(threads=1) as workers, pytest.raises(BadInputError, match=r"needs mpmath.*'reparam\[oracle\]'"):
        workers.run([cell])


def without(module: str, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh process that cannot import a module."""
    code = f"import sys; sys.modules[{module!r}] = None\n{program}"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_a_function_from_python_says_it_too() -> None:
    done = without("mpmath", "import harness; harness.check(['gaussian.cdf'])")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("harness.errors.BadInputError: check needs mpmath, which is not installed"), done.stderr


@pytest.mark.parametrize(
    ("module", "command", "extra"),
    [
        ("mpmath", ["check", "--kernel", "gaussian.cdf"], "oracle"),
        ("threadpoolctl", ["recommend", "--problem", "quadratic", "--budget", "0.001"], "oracle"),
        ("mlxtend", ["train", "vae"], "data"),
        ("hypothesis", ["check", "--kernel", "gaussian.cdf", "--search", "1"], "search"),
        ("cpuinfo", ["run", "--profile", "quick", "--results", "RESULTS"], "run"),
        ("mpmath", ["run", "--profile", "quick", "--results", "RESULTS"], "run"),
        ("jinja2", ["site", "--results", "RESULTS"], "site"),
        (
            "distributed",
            ["variance", "--estimator", "pathwise", "--problem", "quadratic", "--scheduler", "x:1"],
            "cluster",
        ),
    ],
)
def test_a_command_says_it_in_one_line(module: str, command: list[str], extra: str, tmp_path: Path, one: str) -> None:
    arguments = [word.replace("RESULTS", str(tmp_path)) for word in command]
    takes_backend = command[0] not in {"run", "site"}
    arguments += ["--backend", one] if takes_backend else []
    done = without(module, "from harness.cli import main; main()", *arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert re.fullmatch(
        rf"Error: .* needs {module}, which is not installed; .*: pip install 'reparam\[{extra}\]'", line
    )


@pytest.mark.parametrize("name", registry.backends())
def test_the_command_of_a_backend_needs_no_clone(name: str) -> None:
    command = registry.install_command(name)
    assert command == f"pip install 'reparam[{registry.find(name).extra}]'"


def test_no_hint_needs_a_clone() -> None:
    """A message that names `-e .` or constraints.txt helps nobody who has installed a wheel."""
    for file in [*(ROOT / "harness").rglob("*.py"), *(ROOT / "implementations").rglob("*.py")]:
        assert needs_a_clone(file.read_text("utf-8")) == [], file
    assert needs_a_clone("x = f'pip install -c constraints.txt -e \".[{a}]\"'")


def needs_a_clone(source: str) -> list[str]:
    texts = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return [text for text in texts if isinstance(text, str) and "pip install" in text and "constraints" in text]

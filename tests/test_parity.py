"""The copies cannot drift: same files, same names, same signatures, same first docstring lines in every backend.

Read from the source text, so that the test needs no framework.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import implementations
from implementations import registry
from implementations.interface.contract import kernels

ROOT = Path(implementations.__file__).parent
REFERENCE = [row for row in registry.backends().values() if row.kind == "reference"]
LIBRARIES = [row for row in registry.backends().values() if row.kind == "library"]


def tree(package: str, module: str) -> ast.Module:
    path = ROOT.parent.joinpath(*package.split("."), *module.split("."))
    return ast.parse(path.with_suffix(".py").read_text())


def public_names(module: ast.Module) -> list[str]:
    for node in module.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return list(ast.literal_eval(node.value))
    raise AssertionError("no __all__")


def functions(module: ast.Module) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}


def parameters(function: ast.FunctionDef) -> list[tuple[str, str]]:
    arguments = function.args
    names = [a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]]
    defaults = [ast.unparse(d) for d in [*arguments.defaults, *(d for d in arguments.kw_defaults if d)]]
    padded = [""] * (len(names) - len(defaults)) + defaults
    variadic = [f"*{a.arg}" for a in (arguments.vararg, arguments.kwarg) if a]
    return [*zip(names, padded, strict=True), *((name, "") for name in variadic)]


def summary(node: ast.FunctionDef | ast.Module) -> str:
    text = ast.get_docstring(node)
    assert text, "no docstring"
    return text.splitlines()[0]


def differences(package: str, module: str) -> list[str]:
    """Say how a backend's module differs from the interface's."""
    stub, text = tree("implementations.interface", module), tree(package, module)
    found = []
    if public_names(stub) != public_names(text):
        found.append(f"__all__ is {public_names(text)}, the interface has {public_names(stub)}")
    missing = set(public_names(stub)) & set(functions(stub)) - set(functions(text))
    return [*found, *(f"{name} is missing" for name in missing), *drifts(stub, text)]


def drifts(stub: ast.Module, text: ast.Module) -> list[str]:
    """Say how the public functions that a module shares with the interface's differ from them."""
    stubs, written = functions(stub), functions(text)
    found = []
    for name in set(public_names(stub)) & set(stubs) & set(written):
        if parameters(stubs[name]) != parameters(written[name]):
            found.append(f"{name} takes {parameters(written[name])}, the interface {parameters(stubs[name])}")
        if summary(stubs[name]) != summary(written[name]):
            found.append(f"{name}: {summary(written[name])!r} is not {summary(stubs[name])!r}")
    return found


def offered(row: registry.Backend) -> list[str]:
    """Return the kernels, and whatever else is public, in the kernel modules of a library backend."""
    folder = ROOT.parent.joinpath(*row.package.split("."))
    modules = [module for module in registry.LIBRARY_MODULES if (folder / f"{module}.py").exists()]
    return [f"{module}.{name}" for module in modules for name in public_names(tree(row.package, module))]


@pytest.mark.parametrize("module", registry.MODULES)
@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: row.name)
def test_module_repeats_the_interface(row: registry.Backend, module: str) -> None:
    assert differences(row.package, module) == []


@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: row.name)
def test_files_are_the_same(row: registry.Backend) -> None:
    folder = ROOT.parent.joinpath(*row.package.split("."))
    files = {path.relative_to(folder).with_suffix("").as_posix().replace("/", ".") for path in folder.rglob("*.py")}
    helpers = {name for name in files if name.rpartition(".")[2].startswith("_")}
    assert files - helpers == set(registry.MODULES)


def test_a_drifted_copy_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break a copy in each way once: the check must see it."""
    good = (ROOT / "interface" / "gaussian.py").read_text()
    broken = {
        "renamed argument": good.replace(
            "def entropy(loc: Array, scale: Array)", "def entropy(mean: Array, scale: Array)"
        ),
        "swapped arguments": good.replace(
            "def entropy(loc: Array, scale: Array)", "def entropy(scale: Array, loc: Array)"
        ),
        "other summary": good.replace("Map a log scale to a scale", "Map a scale"),
        "lost name": good.replace('    "cdf",\n', ""),
    }
    monkeypatch.setattr("test_parity.ROOT", tmp_path / "implementations")
    (tmp_path / "implementations" / "interface").mkdir(parents=True)
    (tmp_path / "implementations" / "interface" / "gaussian.py").write_text(good)
    for name, text in broken.items():
        folder = tmp_path / "implementations" / name.replace(" ", "_")
        folder.mkdir()
        (folder / "gaussian.py").write_text(text)
        assert differences(f"implementations.{folder.name}", "gaussian"), name


@pytest.mark.parametrize("row", LIBRARIES, ids=lambda row: row.name)
def test_a_kernel_is_offered_or_a_gap_and_never_both(row: registry.Backend) -> None:
    found = offered(row)
    assert len(found) == len(set(found))
    judged = {name for name in found if not name.startswith("fisher.")}
    assert {name for name in kernels() if registry.offers(row.name, name)} == judged
    assert {name for name in kernels() if not registry.gap(row.name, name)} == judged
    assert not [name for name in found for pattern in registry.gaps(row.name) if fnmatchcase(name, pattern)]


@pytest.mark.parametrize("row", LIBRARIES, ids=lambda row: row.name)
def test_every_gap_names_a_kernel_and_has_a_reason(row: registry.Backend) -> None:
    for pattern, reason in registry.gaps(row.name).items():
        assert any(fnmatchcase(name, pattern) for name in kernels()), pattern
        assert reason.strip(), pattern
        assert "\n" not in reason, pattern


@pytest.mark.parametrize("row", LIBRARIES, ids=lambda row: row.name)
def test_library_repeats_the_interface(row: registry.Backend) -> None:
    modules = {name.partition(".")[0] for name in offered(row)}
    for module in modules:
        assert drifts(tree("implementations.interface", module), tree(row.package, module)) == []
        names = public_names(tree(row.package, module))
        assert [name for name in public_names(tree("implementations.interface", module)) if name in names] == names


@pytest.mark.parametrize("row", LIBRARIES, ids=lambda row: row.name)
def test_library_has_only_kernels_and_gaps(row: registry.Backend) -> None:
    folder = ROOT.parent.joinpath(*row.package.split("."))
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}
    assert files <= {"__init__.py", "gaps.py", *(f"{module}.py" for module in registry.LIBRARY_MODULES)}


def test_reference_backends_have_no_gaps() -> None:
    assert {row.name: registry.gaps(row.name) for row in REFERENCE} == {row.name: {} for row in REFERENCE}


def test_gap_tables_import_no_framework() -> None:
    names = [row.name for row in LIBRARIES]
    frameworks = {row.framework for row in registry.backends().values()}
    program = (
        f"import sys; from implementations import registry; [registry.gaps(name) for name in {names}]; "
        f"sys.exit(', '.join({frameworks} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) in {(0, ""), (1, "")}, done.stderr

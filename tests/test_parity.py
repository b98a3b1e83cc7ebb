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
from harness.plugins.parity import INTERFACE, differences, drifts, public_names, tree
from implementations import registry
from implementations.interface.contract import kernels

ROOT = Path(implementations.__file__).parent
REFERENCE = [row for row in registry.backends().values() if row.kind == "reference"]
LIBRARIES = [row for row in registry.backends().values() if row.kind == "library"]


def offered(row: registry.Backend) -> list[str]:
    """Return the kernels, and whatever else is public, in the kernel modules of a library backend."""
    folder = ROOT.parent.joinpath(*row.package.split("."))
    modules = [module for module in registry.LIBRARY_MODULES if (folder / f"{module}.py").exists()]
    return [f"{module}.{name}" for module in modules for name in public_names(tree(row.package, module))]


@pytest.mark.parametrize("module", registry.MODULES)
@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: row.name)
def test_module_repeats_the_interface(row: registry.Backend, module: str) -> None:
    assert differences(tree(INTERFACE, module), tree(row.package, module)) == []


@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: row.name)
def test_files_are_the_same(row: registry.Backend) -> None:
    folder = ROOT.parent.joinpath(*row.package.split("."))
    files = {path.relative_to(folder).with_suffix("").as_posix().replace("/", ".") for path in folder.rglob("*.py")}
    helpers = {name for name in files if name.rpartition(".")[2].startswith("_")}
    assert files - helpers == set(registry.MODULES)


def test_a_drifted_copy_is_found() -> None:
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
    assert differences(ast.parse(good), ast.parse(good)) == []
    for name, text in broken.items():
        assert differences(ast.parse(good), ast.parse(text)), name


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
        assert drifts(tree(INTERFACE, module), tree(row.package, module)) == []
        names = public_names(tree(row.package, module))
        assert [name for name in public_names(tree(INTERFACE, module)) if name in names] == names


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

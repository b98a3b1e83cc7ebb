"""What loads what: the harness and the command line load no framework, and a missing one is said in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness import backends
from harness.errors import BadInputError
from implementations import registry

FRAMEWORKS = ("torch", "jax", "tensorflow", "numpyro", "tensorflow_probability", "curvlinops")


def loaded_by(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "code",
    [
        "import harness",
        "import reparam; [getattr(reparam, name) for name in reparam.__all__]",
        "from harness.subjects import from_file, from_jax, from_tensorflow, from_torch",
        "from harness.testing import plugin",
        "import implementations.registry",
        "from implementations.interface import contract; contract.kernels()",
        "import harness.cli; harness.cli.main(['--help'], standalone_mode=False)",
        "import harness.api",
        "from harness.site import rosetta; rosetta.groups(rosetta.measured([]))",
        "import harness.listing as l; l.kernels(); l.estimators(); l.problems(); l.cases(); l.backends(); l.gaps()",
    ],
)
def test_loads_no_framework(code: str) -> None:
    assert not loaded_by(code) & set(FRAMEWORKS)


def test_the_check_sees_a_framework() -> None:
    """The test above can fail: a module that does import a framework is seen."""
    name = next(row.name for row in registry.backends().values() if registry.installed(row.name))
    assert registry.find(name).framework in loaded_by(f"from implementations import registry; registry.load({name!r})")


def test_import_harness_is_light() -> None:
    for code in ("import harness", "import reparam", "import reparam, harness; dir(reparam), dir(harness)"):
        assert not loaded_by(code) & {"numpy", "pandas", "scipy", "mpmath", "msgspec", "click", "rich"}
    for code in ("import harness.cli", "import harness.profiles"):  # --help, of `run` too
        assert not loaded_by(code) & {"numpy", "pandas", "scipy", "mpmath", "rich"}


@pytest.mark.parametrize("name", ["torch", "jax", "tensorflow"])
def test_missing_framework_is_said_in_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "installed", lambda wanted: wanted != name)
    with pytest.raises(BadInputError, match=rf"{name}.*not installed.*pip install 'reparam\[{name}\]'") as caught:
        backends.chosen([name])
    assert "\n" not in str(caught.value)
    assert name not in backends.chosen()


def test_no_framework_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "installed", lambda _: False)
    with pytest.raises(BadInputError, match=r"no framework is installed.*pip install"):
        backends.chosen()


def test_unknown_backend_lists_the_nearest() -> None:
    with pytest.raises(BadInputError, match=r"'torhc'.*torch"):
        backends.chosen(["torhc"])


@pytest.mark.parametrize("package", ["harness", "reparam"])
def test_dir_shows_the_public_names_and_loads_none(package: str) -> None:
    code = f"import {package} as p; assert {{*p.__all__}} <= {{*dir(p)}}, dir(p)"
    assert not loaded_by(code) & {"numpy", "pandas"}

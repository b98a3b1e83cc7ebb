"""`reparam new`: a package with an estimator, a problem or a backend that works and passes its checks."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from harness.errors import BadInputError, unknown
from harness.estimators import ESTIMATORS
from harness.problems import PROBLEMS
from implementations import registry
from implementations.entries import NAMES, is_name

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Kind:
    """What can be begun.

    Attributes:
        row: name of the row in the package.
        about: what the skeleton is, in a sentence.
        texts: where its texts are, in a sentence.
        files: template by path in the package; {name} is its name, {backend} each of its frameworks.
        commands: of `reparam` that use it, {name} its name.
    """

    row: str
    about: str
    texts: str
    files: Mapping[str, str]
    commands: tuple[str, ...]


KINDS = {
    "estimator": Kind(
        "ESTIMATOR",
        "An estimator of gradients: the pathwise one on antithetic pairs, until it is something else.",
        "Beside it is a file for each framework, with a function of the same name.",
        {"{name}/__init__.py": "estimator.py", "{name}/{backend}.py": "estimator_text.py"},
        ("list estimators", "variance --estimator {name} --problem quadratic", "laws --estimator {name}",
         "recommend --problem quadratic --budget 0.001"),
    ),
    "problem": Kind(
        "PROBLEM",
        "A problem: the fourth power of a normal variable's distance from a target, until it is something else.",
        "Its exact value and gradient stand there too; beside it is the objective, in a file for each framework.",
        {"{name}/__init__.py": "problem.py", "{name}/{backend}.py": "problem_text.py"},
        ("list problems", "variance --estimator pathwise --problem {name}", "laws --problem {name}",
         "recommend --problem {name} --budget 0.001"),
    ),
    "backend": Kind(
        "BACKEND",
        "A backend: three kernels of the normal distribution, until there are more.",
        "Beside it are the kernels, in files of the interface's names, and in `gaps.py` those that it lacks, and why.",
        {"{name}/__init__.py": "backend.py", "{name}/gaussian.py": "backend_text.py",
         "{name}/gaps.py": "backend_gaps.py"},
        ("list backends", "list gaps", "check --backend {name}", "time --backend {name} --kernel gaussian"),
    ),
}  # fmt: skip

#: For every kind.
_SHARED = {"pyproject.toml": "pyproject.toml", "README.md": "README.md", "tests/test_{name}.py": "test.py"}

#: How each framework writes what the templates need.
_WORDS = {
    "torch": {"framework": "PyTorch", "array": "torch.Tensor", "import_framework": "import torch", "square":
              "torch.square", "exp": "torch.exp"},
    "jax": {"framework": "JAX", "array": "jax.Array", "import_framework": "import jax\nimport jax.numpy as jnp",
            "square": "jnp.square", "exp": "jnp.exp"},
    "tensorflow": {"framework": "TensorFlow", "array": "tf.Tensor", "import_framework": "import tensorflow as tf",
                   "square": "tf.square", "exp": "tf.exp"},
}  # fmt: skip


def frameworks(names: Sequence[str] = ()) -> list[str]:
    """Return the backends for which texts are written: those named, else all that are installed, else torch."""
    for name in names:
        if name not in _WORDS:
            raise unknown("framework of a skeleton", name, _WORDS)
    return list(dict.fromkeys(names)) or [name for name in _WORDS if registry.installed(name)] or ["torch"]


def require_new(kind: str, name: str, folder: Path) -> None:
    """Check that a package can be begun.

    Raises:
        BadInputError: the kind is unknown, or the name not allowed, or taken; or its folder exists.
    """
    if kind not in KINDS:
        raise unknown("kind of plug-in", kind, KINDS)
    if not is_name(name):
        raise BadInputError(f"name {name!r} is not allowed; allowed: {NAMES}; such as my_{kind}")
    tables = {"estimator": list(ESTIMATORS), "problem": list(PROBLEMS), "backend": list(registry.TABLE)}
    if name in tables[kind]:
        raise BadInputError(f"{kind} {name!r} exists already; take another name, or see: reparam list {kind}s")
    if (folder / name).exists():
        raise BadInputError(f"{folder / name} exists already, and is left as it is; take another name or --folder")
    if name in sys.stdlib_module_names or importlib.util.find_spec(name) is not None:
        raise BadInputError(f"name {name!r} is that of a Python package that is installed here; take another")


def files(kind: str, name: str, backends: Sequence[str]) -> dict[str, str]:
    """Return the texts of a package by path.

    Args:
        kind: a key of `KINDS`.
        name: of the package, and of what it adds.
        backends: whose framework it has a text for; a backend is based on the first.
    """
    row = KINDS[kind]
    found = {}
    for path, template in {**_SHARED, **row.files}.items():
        for backend in backends if "{backend}" in path else backends[:1]:
            words = _WORDS[backend] | {
                "kind": kind,
                "name": name,
                "row": row.row,
                "about": row.about,
                "texts": row.texts,
                "backend": backend,
                "module": registry.find(backend).framework,
                "mode": registry.find(backend).mode,
                "functions": "\n".join(f'        "{other}": "{name}.{other}:{name}",' for other in backends),
                "commands": "\n".join(f"    reparam {command.format(name=name)}" for command in row.commands),
            }
            text = (_TEMPLATES / f"{template}.template").read_text("utf-8")
            found[path.format(name=name, backend=backend)] = Template(text).substitute(words)
    return found


def write(kind: str, name: str, folder: Path, backends: Sequence[str] = ()) -> Path:
    """Write a package into a folder, whole or not at all.

    Args:
        kind: a key of `KINDS`.
        name: of the package, and of what it adds.
        folder: in which its own folder is made.
        backends: whose framework it has a text for; none means all that are installed.

    Returns:
        The package's own folder.

    Raises:
        BadInputError: it cannot be begun there.
    """
    require_new(kind, name, folder)
    texts = files(kind, name, frameworks(backends))
    try:
        place = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder))
    except OSError as error:
        raise BadInputError(f"--folder {folder} cannot be written: {error.strerror}; give another") from None
    try:
        for path, text in texts.items():
            file = place / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        place.chmod(0o755)
        return place.rename(folder / name)
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        raise BadInputError(f"--folder {folder} cannot be written: {error.strerror}; give another") from None

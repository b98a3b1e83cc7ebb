"""Packages for tests, importable as if an installer had put them there: a backend of NumPy, and texts for it."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.estimators import ESTIMATORS
from harness.plugins import skeleton
from harness.plugins.findings import Settings
from harness.problems import PROBLEMS
from harness.results.schema import Check
from harness.site.subjects import subjects
from implementations import registry

#: A reference backend that starts in no time: what estimators of a normal variable need, and empty modules beside it.
MODULES = {
    "__init__": """
from implementations.registry import Backend

BACKEND = Backend("by_numpy", "by_numpy", "numpy", "reference", "numpy", mode="eager")
""",
    "runtime": """
import numpy as np

def configure(device, threads):
    pass

def asarray(value, dtype):
    return np.asarray(value, dtype)

def to_numpy(value):
    return value

def compile(function):
    return function

def synchronize(value):
    pass

def describe():
    return {}

def devices():
    return []
""",
    "sampling": """
def standard_normal(seed, shape, like):
    raise NotImplementedError
""",
    "distributions": """
from implementations.interface.contract import Distribution

NORMAL = Distribution("normal", lambda given, noise: given["loc"] + given["scale"] * noise, None, None)
""",
    "objectives": """
import numpy as np

def _total(terms):
    return terms.reshape(*terms.shape[:2], -1).sum(-1)

def quadratic(value, parameters, constants):
    return _total((value - constants["k"]) ** 2)

def norm_squared(value, parameters, constants):
    return _total(value**2)

def exponential(value, parameters, constants):
    return _total(np.exp(-constants["k"] * value**2))

def cosine(value, parameters, constants):
    return _total(np.cos(constants["k"] * value))
""",
}

#: The text of a score function estimator for it, by hand; NAME is its name.
SCORE = '''
import numpy as np

def NAME(distribution, objective, parameters, constants, noise):
    """Score function of a normal variable, by hand."""
    f = objective(distribution.sample(parameters, noise), parameters, constants)
    f = f.reshape(*noise.shape[:2], *[1] * (noise.ndim - 2))
    scores = {"loc": noise / parameters["scale"], "scale": (noise**2 - 1) / parameters["scale"]}
    result = {name: (f * score).mean(axis=1) for name, score in scores.items()}
    return result
'''

ROW = """
from harness.estimators import Estimator

ESTIMATOR = Estimator(
    text="f(x) times the score",
    reference="Williams, 1992",
    needs=frozenset({"normal", "plain"}),
    functions={"by_numpy": "NAME.text:NAME"},
)
"""


def write_numpy(folder: Path) -> Path:
    """Write the backend of NumPy into a folder, and return the folder of its package."""
    place = folder / "by_numpy"
    for module in {*registry.MODULES, *MODULES}:
        file = (place / "by_numpy").joinpath(*module.split(".")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(MODULES.get(module, ""))
    add_metadata(place, "by_numpy", {"reparam.backends": {"by_numpy": "by_numpy:BACKEND"}})
    return place


def write_score(folder: Path, name: str, old: str = "", new: str = "") -> Path:
    """Write an estimator for the backend of NumPy, something in it replaced; return the folder of its package."""
    place = folder / name
    (place / name).mkdir(parents=True)
    for file, text in (("__init__.py", ROW), ("text.py", SCORE)):
        (place / name / file).write_text((text.replace(old, new) if old else text).replace("NAME", name))
    assert (old in ROW) != (old in SCORE) or not old
    add_metadata(place, name, {"reparam.estimators": {name: f"{name}:ESTIMATOR"}})
    return place


def write_skeleton(folder: Path, kind: str, name: str, *edits: tuple[str, str, str], backends: tuple[str, ...]) -> Path:
    """Write what `reparam new` writes, (file, old, new) replaced in it; return the folder of its package."""
    place = skeleton.write(kind, name, folder, backends)
    for file, old, new in edits:
        text = (place / name / file).read_text()
        assert old in text, old
        (place / name / file).write_text(text.replace(old, new))
    add_metadata(place, name, tomllib.loads((place / "pyproject.toml").read_text())["project"]["entry-points"])
    return place


def add_metadata(place: Path, name: str, groups: dict[str, dict[str, str]]) -> None:
    """Write what an installer leaves beside a package: its name, version and entry points."""
    info = place / f"{name}-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    lines = (line for group, rows in groups.items() for line in (f"[{group}]", *map(" = ".join, rows.items())))
    (info / "entry_points.txt").write_text("\n".join(lines))


#: What needs PyTorch is skipped without it.
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="pip install -e '.[torch]'")

#: Few gradients, of one framework.
QUICK = Settings(backends=("torch",), replicates=4_000)

#: (folder of a package) -> None, and (kind, name, edits of its files) -> the folder; fixtures of `conftest`.
Install = Callable[[Path], None]
Begin = Callable[..., Path]


def forget() -> None:
    """Look at the entry points anew."""
    for table in (registry.TABLE, ESTIMATORS, PROBLEMS):
        vars(table).pop("_found", None)
    subjects.cache_clear()


def reparam(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def rows_of(*arguments: str) -> list[dict[str, object]]:
    done = reparam(*arguments, "--format", "json")
    assert done.exit_code == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def failed(records: list[Check]) -> dict[str, str]:
    return {record.derivative: record.observed for record in records if not record.within_budget}

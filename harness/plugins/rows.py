"""What a row of another package must be: each check raises with the field, what it holds, and what is allowed.

Texts of frameworks are read, not imported.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import shown
from harness.validation import DOMAINS, Setting
from harness.validation import require as require_domain
from implementations import registry
from implementations.entries import RefusedError, is_name
from implementations.interface.estimators.pathwise import pathwise
from implementations.interface.objectives import quadratic

#: What a function of an estimator, and of an objective, takes: the contract's names, in the contract's order.
ESTIMATOR_ARGUMENTS = tuple(inspect.signature(pathwise).parameters)
OBJECTIVE_ARGUMENTS = tuple(inspect.signature(quadratic).parameters)

_PLACE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+:[A-Za-z_]\w*")


def require(good: bool, field: str, value: object, allowed: str) -> None:
    """Check a field.

    Raises:
        RefusedError: it is not good.
    """
    if not good:
        raise RefusedError(f"{field} is {shown(value)}; allowed: {allowed}")


def require_type(row: Any, kind: type) -> None:
    """Check that an entry point names a row of this kind."""
    if not isinstance(row, kind):
        raise RefusedError(f"it names a {type(row).__name__}, not a {kind.__module__}.{kind.__qualname__}")


def require_texts(row: Any, fields: Collection[str]) -> None:
    """Check that fields are one line of text each."""
    for field in fields:
        text = getattr(row, field)
        require(isinstance(text, str) and bool(text.strip()) and "\n" not in text, field, text, "one line of text")


def require_subset(field: str, words: Any, known: Collection[str]) -> None:
    """Check that a field holds known words only."""
    good = isinstance(words, frozenset | set | tuple | list) and set(words) <= set(known)
    require(good, field, words, f"any of {', '.join(known)}")


def require_settings(row: Any) -> None:
    """Check that settings are `Setting` rows, each with a default in its domain."""
    require(isinstance(row.settings, Mapping), "settings", row.settings, "a dict")
    for name, setting in row.settings.items():
        require(isinstance(name, str) and is_name(name), "a setting's name", name, "an identifier")
        require(isinstance(setting, Setting), f"setting {name}", setting, "a harness.validation.Setting")
        require(setting.domain in DOMAINS, f"the domain of setting {name}", setting.domain, ", ".join(DOMAINS))
        require_domain(name, setting.default, setting.domain)


def require_functions(name: str, row: Any, arguments: tuple[str, ...]) -> None:
    """Check that a row names a function for a backend known here, and that those functions are as in the contract."""
    functions, gaps = row.functions, row.gaps
    known = [other for other, backend in registry.backends().items() if backend.kind == "reference"]
    require(isinstance(functions, Mapping) and bool(set(functions) & set(known)), "functions", functions,
            f"'package.module:function' for one or more of {', '.join(known)}")  # fmt: skip
    require(isinstance(gaps, Mapping) and all(isinstance(text, str) for text in gaps.values()), "gaps", gaps,
            "a reason by backend")  # fmt: skip
    for backend, place in functions.items():
        good = isinstance(place, str) and bool(_PLACE.fullmatch(place))
        require(good, f"the function of {name} for {backend}", place, "'package.module:function'")
        difference = unlike(place, arguments)
        if difference:
            raise RefusedError(f"{place}: {difference}")


def source(module: str) -> Path | None:
    """Return the file of a module without importing it or its parents; None where there is none."""
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.has_location else None
    for folder in spec.submodule_search_locations or ():
        place = Path(folder, *rest)
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.exists():
                return file
    return None


def definition(place: str) -> ast.FunctionDef | None:
    """Return the definition of "module:function", read from its text; None where it is bound in another way."""
    module, _, name = place.partition(":")
    file = source(module)
    body = ast.parse(file.read_text("utf-8")).body if file else []
    return next((node for node in body if isinstance(node, ast.FunctionDef) and node.name == name), None)


def docstring(place: str) -> str:
    """Return the docstring of "module:function", read from its text; "" without one."""
    node = definition(place)
    return (ast.get_docstring(node) or "") if node else ""


def unlike(place: str, arguments: tuple[str, ...]) -> str:
    """Say how "module:function" differs from the contract; "" where it does not, or is not defined in plain sight."""
    module, _, name = place.partition(":")
    file = source(module)
    if file is None:
        return f"there is no module {module!r}"
    if file.suffix != ".py":
        return ""
    try:
        tree = ast.parse(file.read_text("utf-8"))
    except SyntaxError as error:
        return f"SyntaxError: {error.msg} (line {error.lineno})"
    bound = {part.id for node in tree.body for part in ast.walk(node) if isinstance(part, ast.Name)} | {
        (alias.asname or alias.name)
        for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names
    }  # fmt: skip
    found = definition(place)
    if found is None:
        return "" if name in bound else f"the module has no function {name!r}"
    taken = tuple(part.arg for part in [*found.args.posonlyargs, *found.args.args])
    return "" if taken == arguments else f"it takes ({', '.join(taken)}); the contract: ({', '.join(arguments)})"


def require_instance(row: Any) -> None:
    """Check what a problem's `make` and `exact` give at its default settings."""
    settings = {name: setting.default for name, setting in row.settings.items()}
    made = row.make(settings, row.dimension or 1)
    require(isinstance(made, tuple) and len(made) == 2, "what make returns", type(made).__name__,
            "parameters and constants, two dicts of arrays")  # fmt: skip
    parameters, constants = ({name: np.asarray(value, np.float64) for name, value in part.items()} for part in made)
    require(tuple(parameters) == tuple(row.parameters), "the parameters that make returns", tuple(parameters),
            f"those that the row names, {shown(tuple(row.parameters))}")  # fmt: skip
    shapes = {value.shape for value in parameters.values()}
    require(len(shapes) == 1, "the shape of the parameters", shapes, "one shape, that of a sample")
    exact = row.exact(parameters, constants)
    require(isinstance(exact, tuple) and len(exact) == 2, "what exact returns", type(exact).__name__,
            "a value and {parameter: gradient}")  # fmt: skip
    value, gradient = exact
    require(set(gradient) == set(parameters), "the gradient of exact by", sorted(gradient), f"{sorted(parameters)}")
    numbers = [np.asarray(value, np.float64), *(np.asarray(part, np.float64) for part in gradient.values())]
    wanted = [(), *(parameters[name].shape for name in gradient)]
    require([part.shape for part in numbers] == wanted, "the shapes that exact returns",
            [part.shape for part in numbers], f"{wanted}")  # fmt: skip
    require(all(np.isfinite(part).all() for part in numbers), "exact at the default settings", "NaN or infinite",
            "finite numbers")  # fmt: skip

"""The frameworks that the code of a function refers to: a hint which one it computes in."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import CodeType, ModuleType
from typing import Any

#: Functions called by functions called by the function are the last that are looked at.
_DEPTH = 3


def mentioned(function: Callable[..., Any]) -> set[str]:
    """Return the top-level modules of what a function's code refers to, its callees' included: {"torch", "math"}."""
    found: set[str] = set()
    _visit(function, _DEPTH, found, set())
    return found


def _visit(item: Any, depth: int, found: set[str], seen: set[int]) -> None:
    """Add the modules of an object, and those that it refers to."""
    if id(item) in seen:
        return
    seen.add(id(item))
    found.update(_modules(item))
    if depth:
        for part in _references(item):
            _visit(part, depth - 1, found, seen)


def _modules(item: Any) -> set[str]:
    """Return the top-level modules of an object: its own, and those of its type and of the classes above it."""
    if isinstance(item, ModuleType):
        names = [item.__name__]
    else:
        names = [getattr(item, "__module__", None) or "", *(kind.__module__ for kind in type(item).__mro__)]
    return {str(name).partition(".")[0] for name in names} - {"builtins", ""}


def _references(item: Any) -> Iterator[Any]:
    """Yield what a function's code refers to: globals, closures, and what it wraps."""
    if isinstance(item, functools.partial):
        yield from (item.func, *item.args, *item.keywords.values())
    for attribute in ("__wrapped__", "__func__", "__self__", "forward", "python_function"):
        part = getattr(item, attribute, None) if not isinstance(item, ModuleType | type) else None
        if part is not None:
            yield part
    code = getattr(item, "__code__", None)
    if isinstance(code, CodeType):
        scope = getattr(item, "__globals__", {})
        yield from (scope[name] for name in _names(code) if name in scope)
        for cell in getattr(item, "__closure__", None) or ():
            try:
                yield cell.cell_contents
            except ValueError:  # a variable that is not set yet
                continue


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names in a function's code and in the functions inside it."""
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _names(part)

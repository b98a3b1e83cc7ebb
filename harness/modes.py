"""Eager or compiled: how a framework's functions are called."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from implementations import registry

MODES = ("eager", "compiled")


def usual(backend: str) -> str:
    """Return the mode in which people mostly run the framework of a backend."""
    return registry.find(backend).mode


def in_mode(backend: ModuleType, function: Callable[..., Any], mode: str) -> Callable[..., Any]:
    """Return the function compiled, or as it is.

    Args:
        backend: the loaded backend.
        function: of arrays of the backend.
        mode: one of `MODES`.
    """
    called: Callable[..., Any] = backend.runtime.compile(function) if mode == "compiled" else function
    return called

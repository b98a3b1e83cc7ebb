"""How a framework's functions are called: one operation after the other, compiled, or mapped over a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from implementations import registry


@dataclass(frozen=True)
class Mode:
    """One way of calling.

    Attributes:
        compiled: whether the framework compiles; None: as its backend is mostly run.
        mapped: whether a function of one entry is mapped over the batch by the framework's `vmap`.
        single: whether one entry of a batch is computed by itself, as a batch of length 1.
        text: what it is, in a few words.
    """

    compiled: bool | None
    mapped: bool = False
    single: bool = False
    text: str = ""


MODES = {
    "eager": Mode(False, text="one operation after the other"),
    "compiled": Mode(True, text="torch.compile, jax.jit, tf.function(jit_compile=True)"),
    "vmapped": Mode(None, mapped=True, text="mapped over the batch by the framework's vmap"),
    "single": Mode(None, single=True, text="batches of length 1"),
}


def usual(backend: str) -> str:
    """Return the mode in which people mostly run the framework of a backend."""
    return registry.find(backend).mode


def is_compiled(backend: str, mode: str) -> bool:
    """Tell whether a mode compiles the functions of a backend."""
    compiled = MODES[mode].compiled
    return usual(backend) == "compiled" if compiled is None else compiled


def in_mode(backend: ModuleType, function: Callable[..., Any], mode: str) -> Callable[..., Any]:
    """Return the function compiled, or as it is.

    Args:
        backend: the loaded backend.
        function: of arrays of the backend.
        mode: "eager" or "compiled".
    """
    called: Callable[..., Any] = backend.runtime.compile(function) if MODES[mode].compiled else function
    return called

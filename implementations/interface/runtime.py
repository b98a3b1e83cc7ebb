"""What differs between frameworks and is no mathematics: flags, arrays in and out, compilation, waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from implementations.interface.contract import Array

__all__ = ["asarray", "compile", "configure", "describe", "devices", "synchronize", "to_numpy"]


def configure(device: str = "cpu", threads: int = 0) -> None:
    """Set this process up for one device: 64-bit types on, highest matrix precision, threads, memory growth.

    Called once, before any array exists. Nothing is set on import.

    Args:
        device: "cpu" or "gpu".
        threads: threads of one operation; 0 leaves the framework's own choice.

    Raises:
        RuntimeError: the framework sees no such device; the message says so in one line.
    """
    raise NotImplementedError


def devices() -> dict[str, str]:
    """Return the devices that the framework sees, by kind: {"cpu": description, "gpu": description}."""
    raise NotImplementedError


def asarray(value: np.ndarray | float, dtype: str) -> Array:
    """Return a fresh array on the configured device.

    Args:
        value: NumPy array or number; a float64 value is rounded once, to nearest even, to `dtype`.
        dtype: "float16", "bfloat16", "float32" or "float64"; "int64" for seeds.
    """
    raise NotImplementedError


def to_numpy(value: Any) -> Any:
    """Return NumPy arrays that own their memory, for an array or a dict, list or tuple of arrays.

    bfloat16, which NumPy lacks, is returned as float32: every value is exact there.
    """
    raise NotImplementedError


def compile(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` compiled by the framework: `torch.compile`, `jax.jit`, `tf.function(jit_compile=True)`.

    Arguments and results are arrays or dicts, lists or tuples of them; a new shape or dtype compiles anew.
    """
    raise NotImplementedError


def synchronize(value: Any) -> None:
    """Wait until every array in `value` has been computed. A call that is not followed by this is not timed."""
    raise NotImplementedError


def describe() -> dict[str, Any]:
    """Return what a record must say of this process, as strings, numbers and booleans.

    Keys: "framework", "version", "device" (the configured kind), "device_name", "threads", and every flag
    that changes results or speed ("x64", "tf32", "matmul_precision", "xla", ...). No path is in it.
    """
    raise NotImplementedError

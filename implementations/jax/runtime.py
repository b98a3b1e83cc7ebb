"""What differs between frameworks and is no mathematics: flags, arrays in and out, compilation, waiting."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from jax import Array

__all__ = ["asarray", "compile", "configure", "describe", "devices", "synchronize", "to_numpy"]


def configure(device: str = "cpu", threads: int = 0) -> None:
    """Set this process up for one device: 64-bit types on, highest matrix precision, threads, memory growth.

    XLA reads its environment when the first array is made, not when jax is imported, so it can still be set here.
    """
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    if threads:
        os.environ["NPROC"] = str(threads)  # the size of XLA's thread pool on the CPU
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_default_matmul_precision", "highest")
    seen = _devices()
    if device not in seen:
        raise RuntimeError(f"no {device.upper()}: jax {jax.__version__} sees only {', '.join(seen)}")
    jax.config.update("jax_default_device", seen[device])


def _devices() -> dict[str, jax.Device]:
    """Return the first device of each kind."""
    first = {}
    for kind in ("cpu", "gpu"):
        try:
            first[kind] = jax.devices(kind)[0]
        except RuntimeError:  # this is how jax says that there is none
            continue
    return first


def devices() -> dict[str, str]:
    """Return the devices that the framework sees, by kind: {"cpu": description, "gpu": description}."""
    return {kind: device.device_kind for kind, device in _devices().items()}


def asarray(value: np.ndarray | float, dtype: str) -> Array:
    """Return a fresh array on the configured device."""
    value = np.asarray(value)
    with np.errstate(over="ignore"):  # rounding to infinity is what is asked for
        if dtype == "bfloat16" and value.dtype == np.float64:
            value = _round_to_odd(value)
        return jnp.array(value.astype(jnp.dtype(dtype)))


def _round_to_odd(value: np.ndarray) -> np.ndarray:
    """Round float64 to float32 so that rounding on to bfloat16, as ml_dtypes does, rounds once and not twice.

    Reference:
        Boldo and Melquiond, Emulation of a FMA and Correctly Rounded Sums, 2008, theorem 3.
    """
    single = np.asarray(value.astype(np.float32))
    toward_zero = np.where(np.abs(single) > np.abs(value), np.nextafter(single, np.float32(0)), single)
    inexact = (toward_zero != value) & np.isfinite(value)
    return (toward_zero.view(np.uint32) | inexact).view(np.float32)


def to_numpy(value: Any) -> Any:
    """Return NumPy arrays that own their memory, for an array or a dict, list or tuple of arrays."""
    return jax.tree.map(lambda leaf: np.array(leaf.astype(np.float32) if leaf.dtype == jnp.bfloat16 else leaf), value)


def compile(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` compiled by the framework: `torch.compile`, `jax.jit`, `tf.function(jit_compile=True)`."""
    return jax.jit(function)


def synchronize(value: Any) -> None:
    """Wait until every array in `value` has been computed. A call that is not followed by this is not timed."""
    jax.block_until_ready(value)


def describe() -> dict[str, Any]:
    """Return what a record must say of this process, as strings, numbers and booleans."""
    device = jax.config.jax_default_device or jax.devices()[0]
    precision = str(jax.config.jax_default_matmul_precision)
    return {
        "framework": "jax",
        "version": jax.__version__,
        "xla": jaxlib.__version__,
        "device": device.platform,
        "device_name": device.device_kind,
        "threads": int(os.environ.get("NPROC") or os.cpu_count() or 1),
        "x64": bool(jax.config.jax_enable_x64),
        "matmul_precision": precision,
        "tf32": device.platform == "gpu" and precision not in {"highest", "float32"},
    }

"""What differs between frameworks and is no mathematics, for PyTorch."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

__all__ = ["asarray", "compile", "configure", "describe", "devices", "synchronize", "to_numpy"]

#: What `configure` chose: the kind of device. PyTorch's own default device slows every eager call down.
_CONFIGURED = {"device": "cpu"}
_TORCH_DEVICES = {"cpu": "cpu", "gpu": "cuda"}
#: `torch.compile` gives up after 8 shapes or dtypes of one function; a run has one per case.
_RECOMPILE_LIMIT = 4096


def configure(device: str = "cpu", threads: int = 0) -> None:
    """Set this process up for one device: 64-bit types on, highest matrix precision, threads, memory growth.

    PyTorch has 64-bit types and a growing memory pool by default.
    """
    if device not in devices():
        wanted = "GPU" if device == "gpu" else f"device {device!r}"
        raise RuntimeError(f"no {wanted}: torch {torch.__version__} sees only {', '.join(devices())}")
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    if threads:
        torch.set_num_threads(threads)
    _CONFIGURED["device"] = device


def devices() -> dict[str, str]:
    """Return the devices that the framework sees, by kind: {"cpu": description, "gpu": description}."""
    found = {"cpu": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"}
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def asarray(value: np.ndarray | float, dtype: str) -> torch.Tensor:
    """Return a fresh array on the configured device."""
    array = np.asarray(value)
    if dtype == "bfloat16":
        rounded = torch.from_numpy(_round_to_odd(array)).to(torch.bfloat16)
    else:
        with np.errstate(over="ignore"):
            rounded = torch.from_numpy(np.array(array, dtype=dtype))
    return rounded.to(_TORCH_DEVICES[_CONFIGURED["device"]])


def _round_to_odd(value: np.ndarray) -> np.ndarray:
    """Round float64 to float32 with the last bit set if inexact, so that rounding on to bfloat16 is single rounding."""
    exact = np.asarray(value, dtype=np.float64)
    with np.errstate(over="ignore"):
        nearest = np.array(exact, dtype=np.float32)
    towards_zero = np.asarray(np.where(np.abs(nearest) > np.abs(exact), np.nextafter(nearest, np.float32(0)), nearest))
    inexact = (nearest != exact) & np.isfinite(exact)
    return np.asarray(towards_zero.view(np.uint32) | inexact).view(np.float32)


def to_numpy(value: Any) -> Any:
    """Return NumPy arrays that own their memory, for an array or a dict, list or tuple of arrays."""
    if isinstance(value, dict):
        return {name: to_numpy(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(to_numpy(item) for item in value)
    if not isinstance(value, torch.Tensor):
        return np.array(value)
    host = value.detach().cpu()
    return np.array((host.float() if host.dtype == torch.bfloat16 else host).numpy())


def compile(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` compiled by the framework: `torch.compile`, `jax.jit`, `tf.function(jit_compile=True)`.

    The whole function in one graph or an error, never a silent fallback to eager; one graph for each static shape.
    """
    return torch.compile(
        function, fullgraph=True, dynamic=False, recompile_limit=_RECOMPILE_LIMIT, isolate_recompiles=True
    )


def synchronize(value: Any) -> None:
    """Wait until every array in `value` has been computed. A call that is not followed by this is not timed."""
    for device in {leaf.device for leaf in _leaves(value)}:
        if device.type == "cuda":
            torch.cuda.synchronize(device)


def _leaves(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _leaves(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)


def describe() -> dict[str, Any]:
    """Return what a record must say of this process, as strings, numbers and booleans."""
    kind = _CONFIGURED["device"]
    return {
        "framework": "torch",
        "version": str(torch.__version__),
        "device": kind,
        "device_name": devices()[kind],
        "threads": torch.get_num_threads(),
        "x64": True,
        "tf32": torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32,
        "matmul_precision": torch.get_float32_matmul_precision(),
        "xla": False,
        "compiler": "inductor",
        "cuda": torch.version.cuda or "none",
    }

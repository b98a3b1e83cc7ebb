"""What differs between frameworks and is no mathematics: flags, arrays in and out, compilation, waiting."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

__all__ = ["asarray", "compile", "configure", "describe", "devices", "synchronize", "to_numpy"]

#: The kind of device that `configure` chose.
_configured = {"device": "cpu"}


def configure(device: str = "cpu", threads: int = 0) -> None:
    """Set this process up for one device: 64-bit types on, highest matrix precision, threads, memory growth.

    TensorFlow places an operation on a GPU whenever it sees one, so for "cpu" the GPUs are hidden; its 64-bit
    types are always on.
    """
    seen = devices()
    if device not in seen:
        raise RuntimeError(f"no {device.upper()}: tensorflow {tf.__version__} sees only {', '.join(seen)}")
    gpus = tf.config.list_physical_devices("GPU")
    tf.config.set_visible_devices(gpus if device == "gpu" else [], "GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    tf.get_logger().setLevel("ERROR")  # every compilation of a new function is reported as retracing
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    _configured["device"] = device


def devices() -> dict[str, str]:
    """Return the devices that the framework sees, by kind: {"cpu": description, "gpu": description}."""
    found = {"cpu": platform.processor() or platform.machine()}
    for gpu in tf.config.list_physical_devices("GPU")[:1]:
        found["gpu"] = tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return found


def asarray(value: np.ndarray | float, dtype: str) -> tf.Tensor:
    """Return a fresh array on the configured device."""
    target = tf.as_dtype(dtype)
    if target == tf.bfloat16:
        value = _round_to_bfloat16(np.asarray(value, np.float64))
    with np.errstate(over="ignore"):  # beyond the largest number, rounding gives inf
        return tf.constant(np.asarray(value).astype(target.as_numpy_dtype))


def _round_to_bfloat16(value: np.ndarray) -> np.ndarray:
    """Round to 8 significant bits, to nearest even: the cast from float64 would round twice, by way of float32."""
    _, exponent = np.frexp(value)
    quantum = np.ldexp(1.0, np.maximum(exponent, -125) - 8)  # subnormal below 2^-126
    return np.rint(value / quantum) * quantum


def to_numpy(value: Any) -> Any:
    """Return NumPy arrays that own their memory, for an array or a dict, list or tuple of arrays."""
    return tf.nest.map_structure(_to_numpy, value)


def _to_numpy(value: Any) -> np.ndarray:
    if tf.is_tensor(value) and value.dtype == tf.bfloat16:
        value = tf.cast(value, tf.float32)
    return np.array(value)


def compile(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` compiled by the framework: `torch.compile`, `jax.jit`, `tf.function(jit_compile=True)`.

    Without autograph: no kernel branches on a value, so there is no Python control flow to rewrite.
    """
    return tf.function(function, jit_compile=True, autograph=False)


def synchronize(value: Any) -> None:
    """Wait until every array in `value` has been computed. A call that is not followed by this is not timed.

    On a CPU a call returns when its result is there. A GPU works behind its queue, which is drained: an eager
    tensor has no wait of its own.
    """
    del value
    if _configured["device"] == "gpu":
        tf.test.experimental.sync_devices()


def describe() -> dict[str, Any]:
    """Return what a record must say of this process, as strings, numbers and booleans."""
    device = _configured["device"]
    return {
        "framework": "tensorflow",
        "version": tf.__version__,
        "device": device,
        "device_name": devices()[device],
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "x64": True,
        "tf32": tf.config.experimental.tensor_float_32_execution_enabled(),
        "matmul_precision": "highest",
        "xla": True,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") != "0",
        "cuda": tf.sysconfig.get_build_info().get("cuda_version", ""),
    }

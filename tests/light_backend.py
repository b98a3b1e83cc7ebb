"""A backend that is loaded at once: it holds nothing, and its arrays are NumPy's."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from implementations import registry

for _name in (*registry.MODULES, "models"):
    globals()[_name] = sys.modules[f"{__name__}.{_name}"] = ModuleType(f"{__name__}.{_name}")

runtime: Any = globals()["runtime"]


def configure(device: str, threads: int) -> None:
    del threads
    if device != "cpu":
        raise RuntimeError("there is none")


runtime.configure = configure
runtime.describe = lambda: {"framework": "light", "version": "0"}
runtime.devices = lambda: ["cpu"]

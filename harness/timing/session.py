"""The backend of this process, for benchmarks that run without a pool of workers: one framework per process."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

from harness.errors import BadInputError
from implementations import registry

if TYPE_CHECKING:  # a benchmark that is skipped loads nothing heavy
    from harness.execution.work import Cell
    from harness.results.schema import Record


@cache
def _claim() -> list[tuple[str, str]]:
    """Return the list of the one (backend, device) that this process holds; empty before the first."""
    return []


@cache
def backend(name: str, device: str = "cpu", threads: int = 0) -> ModuleType:
    """Load a backend into this process and configure it, once.

    Args:
        name: of the registry.
        device: "cpu" or "gpu".
        threads: threads of one operation; 0 is the framework's own choice.

    Raises:
        BadInputError: this process holds another backend or device already.
        MissingFrameworkError: its framework is not installed.
        RuntimeError: the framework sees no such device.
    """
    held = _claim()
    if held and held != [(name, device)]:
        raise BadInputError(
            f"this process holds backend {held[0][0]!r} on {held[0][1]!r}; "
            f"allowed: one framework per process; start another process for {name!r} on {device!r}"
        )
    os.environ.update(registry.find(name).environment)
    package = registry.load(name)
    package.runtime.configure(device, threads)
    held.append((name, device))
    return package


def run(cell: Cell, threads: int = 0) -> Sequence[Record]:
    """Measure a cell in this process, which from then on belongs to the cell's backend and device."""
    module, _, name = cell.work.function.partition(":")
    function = getattr(importlib.import_module(module), name)
    return cell.finish(function(backend(cell.work.backend, cell.work.device, threads), **cell.work.arguments))


def print_devices(name: str) -> None:
    """Load a backend here and print the devices that its framework sees, as JSON."""
    print(json.dumps(backend(name).runtime.devices()))


def missing(name: str, devices: Sequence[str]) -> dict[str, str]:
    """Tell why a backend cannot be measured on each device: "" where it can.

    The framework is asked in a process of its own, so that this one stays free.

    Args:
        name: of the registry.
        devices: "cpu", "gpu".

    Returns:
        {device: reason}.
    """
    if not registry.installed(name):
        return dict.fromkeys(
            devices, f"{registry.find(name).framework} is not installed: {registry.install_command(name)}"
        )
    code = f"from harness.timing.session import print_devices; print_devices({name!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        return dict.fromkeys(
            devices, f"{name} does not load: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
        )
    seen = json.loads(done.stdout.splitlines()[-1])
    return {device: "" if device in seen else f"{name} sees no {device}" for device in devices}

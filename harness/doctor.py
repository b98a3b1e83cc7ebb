"""What is installed, what each framework sees, and the command that installs what is missing or broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness import measure
from harness.errors import BadInputError, MeasurementError
from harness.execution.child import BrokenFrameworkError
from implementations import registry


def examine(backends: Sequence[str] = (), devices: Sequence[str] = ("cpu",)) -> list[dict[str, Any]]:
    """Examine backends in processes of their own.

    Args:
        backends: names; none means every backend, installed or not.
        devices: the devices on which they are set up; the last of them is described.

    Returns:
        A row each: backend, framework, version, devices, gpu, flags, fix (None where there is nothing to fix; a
        framework that is installed and cannot be imported is "installed and broken", with its reason).

    Raises:
        BadInputError: a name is unknown, or a device that was asked for is not there.
    """
    names = backends or list(registry.backends())
    return [_row(name, devices) for name in names]


def _row(name: str, devices: Sequence[str]) -> dict[str, Any]:
    try:
        framework = registry.find(name).framework
    except registry.UnknownBackendError as error:
        raise BadInputError(f"{error}; all of them: reparam list backends") from None
    row: dict[str, Any] = dict.fromkeys(("backend", "framework", "version", "devices", "gpu", "flags", "fix"))
    row |= {"backend": name, "framework": framework}
    if not registry.installed(name):
        return row | {"fix": registry.install_command(name)}
    try:
        for device in devices:
            found = measure.describe([name], device)[name]
    except BrokenFrameworkError as error:
        return row | {"fix": str(error)}
    except MeasurementError as error:  # its process died, or did not end
        return row | {"fix": f"installed and broken: {error}"}
    seen = found.pop("devices")
    flags = {key: value for key, value in found.items() if key not in {"framework", "version"}}
    return row | {
        "version": found["version"],
        "devices": ", ".join(seen),
        "gpu": seen.get("gpu"),
        "flags": " ".join(f"{key}={value}" for key, value in flags.items()),
    }

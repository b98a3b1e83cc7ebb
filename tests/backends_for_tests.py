"""Backends that need no framework, as another package would add them: one that works, and some that do not load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from implementations import registry
from implementations.registry import Backend

LIGHT = Backend("light", "light_backend", "json", "reference", "light", environment=(("REPARAM_LIGHT", "1"),))
SHADE = Backend("shade", "light_backend", "json", "reference", "light")
DUSK = Backend("dusk", "dusk_backend", "json", "library", "light", base="light")
CRASHING = Backend("crashing", "crashing_backend", "json", "reference", "light")
RAISING = Backend("raising", "raising_backend", "json", "reference", "light")

ROWS = ("LIGHT", "SHADE", "DUSK", "CRASHING", "RAISING")


def publish(folder: Path) -> None:
    """Write what pip writes of an installed distribution with these entry points."""
    info = folder / "backends_for_tests-0.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: backends-for-tests\nVersion: 0\n")
    rows = "".join(f"{row.lower()} = backends_for_tests:{row}\n" for row in ROWS)
    info.joinpath("entry_points.txt").write_text(f"[{registry.TABLE.group}]\n{rows}")


@contextmanager
def published(folder: Path) -> Iterator[str]:
    """Make the backends known here and in every process that is started, and give what PYTHONPATH needs for them."""
    publish(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        vars(registry.TABLE).pop("_found", None)
        yield f"{folder}:{Path(__file__).parent}:{Path(registry.__file__).parent.parent}"
    vars(registry.TABLE).pop("_found", None)

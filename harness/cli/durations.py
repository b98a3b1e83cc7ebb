"""Durations on the command line: a number of seconds, or a number with a unit as tables and pages write it."""

from __future__ import annotations

import re
from typing import Any

import click

#: Seconds of each unit.
UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}

_WITH_UNIT = re.compile(rf"(?P<number>.*[\d.])\s*(?P<unit>{'|'.join(UNITS)})")


class Seconds(click.types.FloatParamType):
    """A number of seconds: "0.001", "1ms", "250 us", "1.5 h"."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the seconds."""
        found = _WITH_UNIT.fullmatch(value.strip()) if isinstance(value, str) else None
        number, unit = (found["number"], UNITS[found["unit"]]) if found else (value, 1.0)
        try:
            return float(number) * unit
        except ValueError:
            units = ", ".join(name for name in UNITS if name.isascii())
            self.fail(
                f"{value!r} is not a duration; give seconds, or a number and one of {units}, as in 1ms", param, ctx
            )

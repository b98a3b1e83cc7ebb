"""Numbers and names as readers want them, and text without the paths of a machine."""

from __future__ import annotations

import re
from typing import Any

#: An absolute path of two parts or more, of Unix or of Windows.
_PATH = re.compile(r"(?<![\w./:<])(?:file://)?(?:~?/|[A-Za-z]:\\)(?:[\w.+@%-]+[/\\])+([\w.+@%-]*)")


#: What a derivative is called where times are shown.
PASSES = {"value": "forward", "vjp": "forward + backward"}


def passes(derivative: str) -> str:
    """Return "forward" for "value", "forward + backward" for "vjp", and whatever else as it is."""
    return PASSES.get(derivative, derivative)


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with so many significant digits, and "–" for None: 0.0123, 1.2e-5, 4,200."""
    if value is None:
        return "–"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        rounded = float(f"{value:.{digits}g}")
        return f"{rounded:,.0f}" if abs(rounded) >= 10 ** (digits - 1) else f"{rounded:.{digits}g}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def seconds(value: float | None) -> str:
    """Return a time with its unit: 12.3 µs, 4.56 ms, 1.2 s."""
    if value is None:
        return "–"
    for factor, unit in ((1e9, "ns"), (1e6, "µs"), (1e3, "ms")):
        if value * factor < 999.5:
            return f"{number(value * factor)} {unit}"
    return f"{number(value)} s"


def moment(value: Any) -> str:
    """Return a date and time of UTC to the minute, 2026-11-22 19:39 UTC, and whatever else as it is."""
    told = str(value)
    return f"{told[:16].replace('T', ' ')} UTC" if told.endswith("+00:00") else told


def interval(low: float | None, high: float | None) -> str:
    """Return [low, high] with four significant digits, or "–" where either is not known."""
    return "–" if low is None or high is None else f"[{number(low, 4)}, {number(high, 4)}]"


def plural(count: int, noun: str) -> str:
    """Return "1 check", "1,234 checks"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listing(names: list[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def without_paths(value: Any) -> Any:
    """Return a text, or a dict or list of texts, with absolute paths cut down to their last part."""
    if isinstance(value, str):
        return _PATH.sub(lambda match: f"…/{match[1]}", value)
    if isinstance(value, dict):
        return {without_paths(key): without_paths(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(item) for item in value]
    return value


def slug(name: str) -> str:
    """Return a name that is safe as a file name and as an anchor."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "run"

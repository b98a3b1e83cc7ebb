"""The error for bad input: what was given, what is allowed, and the mend."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class BadInputError(ValueError):
    """Something the caller gave cannot be used. The command line prints the message and exits with status 2."""


class MeasurementError(RuntimeError):
    """A cell could not be measured: its process died, or its work raised. The command line exits with status 1."""


#: Characters of a value that a message shows at most.
LONGEST = 80

#: Characters of a message at most.
LONGEST_LINE = 800

#: Bits of a whole number that a message writes out at most; Python refuses to write out thousands.
_BITS = 12_000


def shown(value: object) -> str:
    """Return a value as messages show it: on one line, and cut where it is long."""
    if isinstance(value, int) and value.bit_length() > _BITS:
        return f"a number of {value.bit_length():,} bits"
    try:
        text = repr(value)
    except ValueError:
        return f"a {type(value).__name__} that holds a number too long to be shown"
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}...{text[-LONGEST // 4 :]}"


def one_line(text: str) -> str:
    """Return a message as the terminal shows it: on one line, without control characters, and cut where it is long."""
    joined = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in " ".join(text.split())
    )
    return (
        joined if len(joined) <= LONGEST_LINE else f"{joined[: LONGEST_LINE // 2]} ... {joined[-LONGEST_LINE // 4 :]}"
    )


def out_of_range(name: str, value: object, allowed: str, mend: str) -> BadInputError:
    """Return the error for a value out of its range: "temperature is 0.0; allowed: above 0; mend: ..."."""
    return BadInputError(f"{name} is {value}; allowed: {allowed}; {mend}")


def unknown(kind: str, name: str, known: Iterable[str], listing: str = "") -> BadInputError:
    """Return the error for an unknown name, with the nearest known ones.

    Args:
        kind: what it should name, such as "estimator".
        name: what was given.
        known: the valid names.
        listing: the command that lists them all, if there is one.
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:8]
    tail = f"; all of them: {listing}" if listing else ""
    return BadInputError(f"unknown {kind} {shown(name)}; the nearest: {', '.join(near)}{tail}")


def without_folders(text: str) -> str:
    """Return a framework's message with the folders of this machine left out: "cannot read /a/b.pb" ends in b.pb."""
    return re.sub(r"(?<![\w:/.])(?:/[^\s:'\"/]+)+/", "", text)

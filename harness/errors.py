"""The error for bad input: what was given, what is allowed, and the mend."""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Iterable, Mapping, Sequence

from harness import aliases

#: Errors of the system that say that there is no room on a disk.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class BadInputError(ValueError):
    """Something the caller gave cannot be used. The command line prints the message and exits with status 2."""


class MeasurementError(RuntimeError):
    """A cell could not be measured: its process died, or its work raised. The command line exits with status 1."""


class UndecidedError(RuntimeError):
    """A question cannot be decided by the replicates that are allowed; the message says how many it would take.

    Attributes:
        replicates: how many it would take; infinite where no number of them is enough.
    """

    def __init__(self, message: str, replicates: float) -> None:
        super().__init__(message)
        self.replicates = replicates


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


#: Names that a word of their summaries brings into a message at most.
_FOUND = 5


def unknown(
    kind: str, name: str, known: Iterable[str], listing: str = "", summaries: Mapping[str, str] | None = None
) -> BadInputError:
    """Return the error for an unknown name: what the field calls so has another name here, or the nearest known ones.

    Args:
        kind: what it should name, such as "estimator".
        name: what was given.
        known: the valid names.
        listing: the command that lists them all, if there is one.
        summaries: what is named, in a line each, by name; searched for the word that was given.
    """
    names = list(known)
    tail = f"; all of them: {listing}" if listing else ""
    called = aliases.meant(name, names)
    if called:
        return BadInputError(f"unknown {kind} {shown(name)}; it is called {' or '.join(called)} here{tail}")
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    near = list(dict.fromkeys([*_saying(name, names, summaries), *close] if summaries else close)) or names[:8]
    return BadInputError(f"unknown {kind} {shown(name)}; the nearest: {', '.join(near)}{tail}")


def _saying(word: str, names: Sequence[str], summaries: Mapping[str, str]) -> list[str]:
    """Return some of the names that hold a word, and then of those whose summaries do."""
    texts = ({other: other for other in names}, summaries)
    found = [other for text in texts for other in names if word and word.lower() in text.get(other, "").lower()]
    return list(dict.fromkeys(found))[:_FOUND]


def without_folders(text: str) -> str:
    """Return a framework's message with the folders of this machine left out: "cannot read /a/b.pb" ends in b.pb."""
    return re.sub(r"(?<![\w:/.])(?:/[^\s:'\"/]+)+/", "", text)

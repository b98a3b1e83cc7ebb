"""What a reader can open on a page: facts under a name and the program that shows them, as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """A file of source text.

    Attributes:
        file: where it goes, relative to the site.
        text: what is in it.
        needs: what must be installed to run it, in words.
    """

    file: str
    text: str
    needs: str


@dataclass(frozen=True)
class Detail:
    """One thing to open.

    Attributes:
        anchor: its id in the page, to which links lead.
        title: its name.
        state: how it stands, in a few words, beside the name.
        failing: whether that is bad.
        facts: name and text of each.
        command: what measures it again.
        program: what reproduces it, if that can be written.
        others: what else belongs to it, in words, each with its program.
    """

    anchor: str
    title: str
    state: str
    failing: bool
    facts: Sequence[tuple[str, str]]
    command: str
    program: Program | None
    others: Sequence[tuple[str, Program | None]] = ()


@dataclass(frozen=True)
class Group:
    """Details under one name.

    Attributes:
        title: the name.
        state: in a few words.
        failing: whether any of them fails.
        details: of each cell.
        sources: where the texts that were compared are shown; "" for nowhere.
    """

    title: str
    state: str
    failing: bool
    details: Sequence[Detail]
    sources: str = ""


@dataclass(frozen=True)
class Fold:
    """Groups of details under a caption, all closed until they are asked for."""

    caption: str
    note: str
    groups: Sequence[Group]

    @property
    def size(self) -> int:
        """How many details it holds."""
        return sum(len(group.details) for group in self.groups)


def programs(folds: Iterable[Fold]) -> Iterator[Program]:
    """Yield every program that details lead to."""
    for fold in folds:
        for group in fold.groups:
            for detail in group.details:
                found = (detail.program, *(program for _, program in detail.others))
                yield from (program for program in found if program is not None)

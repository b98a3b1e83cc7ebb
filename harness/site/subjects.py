"""What the Rosetta page has an entry for: every kernel, every estimator, and whatever else is checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from harness.agreement import cases
from harness.estimators import ESTIMATORS
from implementations.interface import contract

#: Of the page.
FILE = "rosetta.html"


@dataclass(frozen=True)
class Subject:
    """A function that every framework has a text of.

    Attributes:
        name: what records call it, such as "gaussian.cdf" or "estimators.pathwise".
        module: that holds it, below a backend's package.
        function: its name there.
    """

    name: str
    module: str
    function: str


@cache
def subjects() -> dict[str, Subject]:
    """Return what has an entry, by name: kernels, estimators, then the rest in the order of its cases."""
    rows = [Subject(kernel.name, kernel.module, kernel.function) for kernel in contract.kernels().values()]
    rows += [Subject(f"estimators.{name}", f"estimators.{row.module}", name) for name, row in ESTIMATORS.items()]
    found = {row.name: row for row in rows}
    for case in cases.load():
        module, _, function = case.kernel.rpartition(".")
        found.setdefault(case.kernel, Subject(case.kernel, module, function))
    return found


def place(name: str) -> str:
    """Return where the sources of a kernel, or of anything else that records name, are shown; "" for nowhere."""
    return f"{FILE}#{name}" if name in subjects() else ""

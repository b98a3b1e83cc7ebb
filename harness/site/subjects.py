"""What the Rosetta page has an entry for: every kernel, every estimator, and whatever else is checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from harness.agreement import cases
from harness.estimators import ESTIMATORS
from implementations import registry
from implementations.interface import contract

#: Of the page.
FILE = "rosetta.html"

#: What says what a function is.
INTERFACE = "implementations.interface"


@dataclass(frozen=True)
class Subject:
    """A function that every framework has a text of.

    Attributes:
        name: what records call it, such as "gaussian.cdf" or "estimators.pathwise".
        module: that holds it, below a backend's package.
        function: its name there.
        functions: of an estimator of another package: (backend, "package.module:function"), in place of these.
    """

    name: str
    module: str
    function: str
    functions: tuple[tuple[str, str], ...] = ()

    def text_in(self, row: registry.Backend) -> tuple[str, str, str] | None:
        """Return package, module below it and function that hold a backend's text; None where it has none."""
        if self.functions:
            return places(dict(self.functions)[row.name]) if row.name in dict(self.functions) else None
        return (row.package, self.module, self.function) if self._public_in(row) else None

    def _public_in(self, row: registry.Backend) -> bool:
        return self.function in registry.public(row.package, self.module)

    @property
    def contract(self) -> tuple[str, str, str]:
        """Package, module below it and function whose docstring says what it is."""
        return places(self.functions[0][1]) if self.functions else (INTERFACE, self.module, self.function)


def places(function: str) -> tuple[str, str, str]:
    """Return (package, module, function) of "package.module:function"."""
    module, _, name = function.partition(":")
    package, _, last = module.rpartition(".")
    return package, last, name


@cache
def subjects() -> dict[str, Subject]:
    """Return what has an entry, by name: kernels, estimators, then the rest in the order of its cases."""
    rows = [Subject(kernel.name, kernel.module, kernel.function) for kernel in contract.kernels().values()]
    rows += [
        Subject(
            f"estimators.{name}",
            f"estimators.{row.module or ESTIMATORS.package(name)}",
            name,
            tuple(row.functions.items()),
        )
        for name, row in ESTIMATORS.items()
    ]
    found = {row.name: row for row in rows}
    for case in cases.load():
        module, _, function = case.kernel.rpartition(".")
        found.setdefault(case.kernel, Subject(case.kernel, module, function))
    return found


def place(name: str) -> str:
    """Return where the sources of a kernel, or of anything else that records name, are shown; "" for nowhere."""
    return f"{FILE}#{name}" if name in subjects() else ""

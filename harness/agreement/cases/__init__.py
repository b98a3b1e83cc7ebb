"""The cases: inputs at which kernels, estimators and models are compared with the oracle, as rows of TOML.

A row `[[case]]` of a kernel holds

    kernel      its name, or `kernels`, a list of names that share the row
    name        of the case
    inputs      {argument: number or nested list; inf allowed}, or
    draws       {argument: [distribution, a, b]} (`harness.agreement.inputs.DRAWS`), with
    shape       the batch shape of every argument, unless
    shapes      {argument: its own batch shape}, and
    core        {core dimension: its length}
    dtypes      the floating types it is meant for; unless given, for a kernel all in which its inputs stay finite,
                normal and inside their domains, else float32 and float64
    cotangent   of the products; drawn unless given
    tangents    {argument: number or nested list}, of the products; drawn in proportion to the argument unless given
    exact       derivatives that must be right bit for bit
    alone       true keeps its shape as it is; otherwise cases of a kernel are joined into one batch
    expected    {dtype: published value}, to which the oracle is held
    reference   where the case comes from

A row of an estimator holds `problem`, `settings`, `estimator_settings`, `dimension`, `samples` and `replicates`;
of a model `images` and `samples`; of an optimizer `steps`, `size` and `learning_rate`; of a Fisher-vector product
`family` and `parameters`, or `model` and `examples`, and as needed `vector`, `reverse`, `damping` and `vectors`; of a
linear system `matrix` and `right`, or `size` and `eigenvalues`, and `tolerance`, `limit` and `status`, as needed
`iterations`, `damping`, `scale` and `preconditioned`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from harness.errors import unknown
from implementations.interface.contract import kernels

_DTYPES = ("float32", "float64")
_KERNEL_DTYPES = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True)
class Case:
    """One row.

    Attributes:
        kernel: what is compared.
        name: of the case, unique for the kernel.
        dtypes: the floating types it is meant for.
        row: everything else that the row says.
    """

    kernel: str
    name: str
    dtypes: tuple[str, ...] = _DTYPES
    row: Mapping[str, Any] = field(default_factory=dict, hash=False)


def _cases(row: dict[str, Any]) -> list[Case]:
    name, given = row.pop("name"), row.pop("dtypes", None)
    names = row.pop("kernels", None) or [row.pop("kernel")]
    return [
        Case(kernel, name, tuple(given or (_KERNEL_DTYPES if kernel in kernels() else _DTYPES)), row)
        for kernel in names
    ]


@cache
def load() -> tuple[Case, ...]:
    """Return every case, in the order of the files' names and rows."""
    files = sorted(Path(__file__).parent.glob("*.toml"))
    rows = [row for file in files for row in tomllib.loads(file.read_text())["case"]]
    return tuple(case for row in rows for case in _cases(row))


def find(kernel: str, name: str) -> Case:
    """Return the case of a kernel by name.

    Raises:
        BadInputError: there is none.
    """
    of_kernel = {case.name: case for case in load() if case.kernel == kernel}
    if name not in of_kernel:
        raise unknown(f"case of {kernel}", name, of_kernel)
    return of_kernel[name]

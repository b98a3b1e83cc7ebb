"""Generated rows of other packages, each with one field that cannot be: all are refused, in one line that names it."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from harness.estimators import ESTIMATORS, Estimator
from harness.problems import PROBLEMS, Problem
from harness.validation import Setting
from implementations import entries

TORCH = {"torch": "implementations.torch.estimators.pathwise:pathwise"}


def raises(*_: Any) -> Any:
    raise ZeroDivisionError("of no use\nsecond line")


def exact(parameters: Any, constants: Any) -> tuple[float, dict[str, Any]]:
    del constants
    return 1.0, {name: np.zeros_like(value) for name, value in parameters.items()}


ESTIMATOR = Estimator("the formula", "a paper", functions=TORCH, needs=frozenset({"reparameterizable"}))
PROBLEM = replace(
    PROBLEMS["quadratic"],
    functions={"torch": "implementations.torch.objectives:quadratic"},
    exact=exact,
    features=frozenset({"plain"}),
    objective="",
)

#: Values that stand for whatever an author may write by mistake.
ODD = (
    *(None, 7, -1, 1.5, math.nan, True, "", "two\nlines", b"bytes", [], (1, 2), {"a": 1}, {1: "a"}, object(), raises),
    {"torch": "no_such_package.module:name"},
    {"torch": "implementations.torch.gaussian:no_such_function"},
    {"torch": "implementations.torch.gaussian:cdf"},
    {"torch": 3},
    {"scale": 1.0},
    {"scale": Setting(-1.0, "positive", "deviation")},
    {"scale": Setting(1.0, "no such domain", "deviation")},
    {"a b": Setting(1.0, "real", "x")},
    *(frozenset({"no such word"}), ("no such parameter",), "no_such_name", "x" * 5_000),
)

#: What is refused in no field may stand there: a value of the field's type, or one that means "none".
SOUND = {
    "text": (str,), "reference": (str,), "needs": (list,), "module": (type(None), str, list), "biased": (bool,),
    "least_samples": (int,), "gaps": (dict,), "constants": (list,), "bound": (bool,), "draws": (type(raises),),
    "variance": (type(None), type(raises)), "objective": (type(None), str, list), "source": (type(None), str, list),
    "features": (list,), "dimension": (type(None), int), "intermediates": (int,), "settings": (dict,),
    "enumerates": (bool,), "functions": (dict,), "parameters": (), "exact": (), "make": (), "distribution": (),
}  # fmt: skip


def entry(row: Any) -> EntryPoint:
    """An entry point that gives this row."""
    return cast("EntryPoint", SimpleNamespace(name="mine", value="mine:ROW", load=lambda: row))


def load(row: Any) -> Any:
    table = ESTIMATORS if isinstance(row, Estimator) else PROBLEMS
    return entries.load(entry(row), table.require)


def refusal(row: Any) -> str:
    """Why a row is refused; "" where it is not."""
    try:
        assert load(row) is row
    except entries.RefusedError as error:
        return str(error) or "without a word\n"
    return ""


def test_the_rows_that_are_changed_are_sound() -> None:
    assert load(ESTIMATOR) is ESTIMATOR
    assert load(PROBLEM) is PROBLEM


@pytest.mark.parametrize("base", [ESTIMATOR, PROBLEM], ids=["estimator", "problem"])
@pytest.mark.parametrize("number", range(len(ODD)))
def test_a_field_that_cannot_be_is_refused_in_one_line_or_is_of_its_type(base: Any, number: int) -> None:
    for field in fields(base):
        row = replace(base, **{field.name: ODD[number]})
        said = refusal(row)
        if not said:
            assert isinstance(ODD[number], SOUND[field.name]), field.name
        assert "\n" not in said, field.name
        assert len(said) < 1_000, field.name


@pytest.mark.parametrize("table", [ESTIMATORS, PROBLEMS], ids=["estimators", "problems"])
@pytest.mark.parametrize("row", [*ODD, Estimator, Problem, ESTIMATOR, PROBLEM], ids=range(len(ODD) + 4))
def test_what_is_no_row_of_the_table_is_refused(table: Any, row: Any) -> None:
    if isinstance(row, Estimator if table is ESTIMATORS else Problem):
        assert entries.load(entry(row), table.require) is row
        return
    with pytest.raises(entries.RefusedError, match="it names a") as caught:
        entries.load(entry(row), table.require)
    assert "\n" not in str(caught.value)

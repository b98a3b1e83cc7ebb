"""The functions of `import harness`: typed, and every column of their tables explained."""

from __future__ import annotations

import inspect
import pkgutil
import re
from typing import get_args

import pytest

import harness
from harness.errors import BadInputError
from harness.results import schema

KINDS = {kind.__struct_config__.tag: kind for kind in get_args(schema.AnyRecord)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_has_a_type_and_a_meaning(kind: str) -> None:
    table = harness.columns(kind)
    assert list(table["column"]) == list(KINDS[kind].__struct_fields__)
    for row in table.itertuples():
        assert re.fullmatch(r"(str|int|float|bool)( \| None)?", row.type), row
        assert len(row.meaning) > 3, f"{kind}.{row.column} has no line under Attributes"


def test_an_unknown_kind_is_said() -> None:
    with pytest.raises(BadInputError, match="nearest: variance"):
        harness.columns("varianc")


@pytest.mark.parametrize("name", harness.__all__)
def test_every_function_is_documented_and_typed(name: str) -> None:
    function = getattr(harness, name)
    signature = inspect.signature(function)
    text = function.__doc__
    assert signature.return_annotation == "pd.DataFrame"
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty
        assert f"        {parameter.name}: " in text
    assert f"{name}: " in harness.__doc__


def test_no_function_is_hidden_by_a_module_of_its_name() -> None:
    modules = {module.name for module in pkgutil.iter_modules(harness.__path__)}
    assert not modules & set(harness.__all__)


def test_a_figure_of_the_literature_comes_as_a_table() -> None:
    backend = "torch"
    pytest.importorskip("torch", reason="pip install torch==2.13.0")
    table = harness.reproduction("dong2020", backends=[backend], fewer=1000)
    assert list(table.columns) == list(schema.Reproduction.__struct_fields__)
    assert set(table["backend"]) == {backend}
    assert table["agrees"].all()

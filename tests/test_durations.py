"""Durations on the command line, with the units that tables write."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.cli.durations import Seconds
from harness.console import seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1ms", 1e-3),
        ("1 ms", 1e-3),
        ("250us", 250e-6),
        ("250 µs", 250e-6),
        ("250 μs", 250e-6),
        ("812 ns", 812e-9),
        ("2.2 s", 2.2),
        ("2min", 120.0),
        ("1.5 h", 5400.0),
        ("0.001", 0.001),
        ("1e-3", 0.001),
        ("1e-3 s", 0.001),
        (".5 s", 0.5),
        ("inf", float("inf")),
        ("-1ms", -1e-3),
    ],
)
def test_units(text: str, value: float) -> None:
    assert Seconds().convert(text, None, None) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("value", [8.12e-7, 3.1e-6, 4.7e-3, 2.2, 0.123])
def test_what_tables_write_is_read(value: float) -> None:
    assert Seconds().convert(seconds(value), None, None) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("text", ["", "soon", "ms", "1 fortnight", "1,5 s", "1 m s", "1ms2", "1_0ms_"])
def test_what_is_none_is_refused_with_the_units(text: str) -> None:
    with pytest.raises(click.UsageError, match="ns, us, ms, s, min, h") as caught:
        Seconds().convert(text, None, None)
    assert repr(text) in caught.value.message


def test_a_budget_is_written_as_the_site_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def plan(problem: str, budget: float, *_: object, **__: object) -> list[object]:
        del problem
        given.append(budget)
        return []

    monkeypatch.setattr("harness.variance.recommend.plan", plan)
    done = CliRunner().invoke(main, ["recommend", "--problem", "bernoulli", "--budget", "1 ms"])
    assert (done.exit_code, given) == (0, [1e-3]), done.stderr
    done = CliRunner().invoke(main, ["recommend", "--problem", "bernoulli", "--budget", "1 fortnight"])
    assert done.exit_code == 2
    assert "'1 fortnight' is not a duration" in done.stderr

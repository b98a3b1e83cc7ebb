"""The pytest plugin: a section `reparam` at the end of a run, with a line for what each assertion measured.

It is registered by installation and imports nothing until an assertion runs. Lines travel with the reports of the tests
as user properties, so that they arrive from the processes of pytest-xdist and are in JUnit files too.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from harness.testing import measured

#: Of the user properties.
KEY = "reparam"


def _collecting(item: pytest.Item) -> Generator[None, Any, Any]:
    with measured.collected() as lines:
        try:
            return (yield)
        finally:
            item.user_properties.extend((KEY, line) for line in lines)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """Collect what the assertions of fixtures measure before the test."""
    return (yield from _collecting(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Collect what the assertions of a test measure, also where one of them fails."""
    return (yield from _collecting(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Collect what the assertions of fixtures measure after the test."""
    return (yield from _collecting(item))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List what the assertions of all tests measured."""
    reports = [report for found in terminalreporter.stats.values() for report in found if hasattr(report, "when")]
    rows = [
        (report.nodeid.rpartition("::")[2], line)
        for report in reports
        if report.when == "teardown"  # the last report of a test has the lines of all
        for key, line in report.user_properties
        if key == KEY
    ]
    if not rows:
        return
    terminalreporter.section("reparam")
    for test, line in rows:
        terminalreporter.write_line(f"{test}: {line}")

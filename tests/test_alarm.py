"""The time limit of code in this process: it raises in time, and leaves the alarm as it was."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from implementations import alarm
from implementations.alarm import time_limit

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="this system has no SIGALRM")


def heard(*_: object) -> None:
    """Stand for the handler of somebody else."""


@pytest.fixture
def theirs() -> Iterator[None]:
    """The alarm of somebody else, who has not set it."""
    earlier, left = signal.signal(signal.SIGALRM, heard), signal.setitimer(signal.ITIMER_REAL, 0)
    yield
    signal.setitimer(signal.ITIMER_REAL, *left)
    signal.signal(signal.SIGALRM, earlier)


def spin(seconds: float) -> None:
    """Compute for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


@pytest.mark.usefixtures("theirs")
def test_what_takes_longer_is_ended_and_the_alarm_is_as_it_was() -> None:
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match=r"^not finished after 0\.2 s$"), time_limit(0.2):
        spin(60.0)
    assert time.monotonic() - begin < 30.0
    assert signal.getsignal(signal.SIGALRM) is heard
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.usefixtures("theirs")
def test_what_ends_in_time_is_left_alone_also_when_it_raises() -> None:
    with time_limit(60.0):
        assert 0.0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 60.0
    with pytest.raises(ZeroDivisionError), time_limit(60.0):
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGALRM) is heard
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.usefixtures("theirs")
def test_the_alarm_of_somebody_else_stays() -> None:
    signal.setitimer(signal.ITIMER_REAL, 60.0)
    with time_limit(0.05):
        spin(0.1)
        assert signal.getsignal(signal.SIGALRM) is heard
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 50.0


@pytest.mark.usefixtures("theirs")
def test_an_inner_limit_leaves_the_outer_one() -> None:
    with pytest.raises(TimeoutError, match=r"after 0\.3 s"), time_limit(0.3), time_limit(0.05):
        spin(60.0)


def test_there_is_no_limit_in_another_thread() -> None:
    finished: list[bool] = []

    def work() -> None:
        with time_limit(0.01):
            time.sleep(0.05)
        finished.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert finished == [True]


def test_there_is_no_limit_without_the_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(alarm.signal, "SIGALRM")
    with time_limit(0.01):
        spin(0.05)

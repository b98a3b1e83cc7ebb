"""Results as text: verdicts first, intervals in order, 80 columns whatever the shapes and names."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest
from results_for_tests import MANY, ONE, bias, biased, comparison, measurement

from harness.measuring import phrases, show
from harness.measuring.results import Bias, Comparison, Measurement, Result
from harness.statistics.intervals import UNKNOWN, Estimate

#: Those whose ratios can be computed in float64.
USUAL = {name: found for name, found in MANY.items() if name not in {"tiny numbers", "huge numbers"}}

COMPARISONS: dict[str, Comparison] = {
    "two": comparison(),
    "all": comparison(USUAL, best=frozenset(USUAL)),
    "in time": comparison(USUAL, seconds=0.01, best=frozenset()),
    "judged": comparison(biases={"rloo": bias(), "reinforce": biased()}, seconds=1e-5),
    "undecided": comparison(biases={"rloo": bias(detectable=0.4), "reinforce": bias(trusted=False)}),
    "30 long names": comparison({f"{'estimator' * 20}{i}": measurement() for i in range(30)}),
    "one": comparison({"rloo": measurement()}),
}

BIASES: dict[str, Bias] = {
    "none": bias(),
    "found": biased(),
    "undecided": bias(detectable=0.4),
    "undetectable": bias(detectable=math.inf),
    "heavy": bias(trusted=False, notes=("The tail is heavy. " * 9,)),
    "long names": biased(name="n" * 300, worst="layer." * 90, diagnosis="a factor " * 40, p_value=0.0),
    "certain": biased(value=1.23e-200, truth=-1.5e30, z=-1e20, p_value=0.0),
}

RESULTS: dict[str, Result] = {**MANY, **COMPARISONS, **BIASES}

_NUMBER = r"-?(?:inf|[\d,]+(?:\.\d+)?(?:e-?\d+)?)"
_INTERVAL = re.compile(rf"({_NUMBER})(?: %)? \[({_NUMBER}), ({_NUMBER})\]")


def require_ordered_intervals(text: str) -> int:
    """Assert that each value is in its interval; return how many there are."""
    found = _INTERVAL.findall(text)
    for row in found:
        value, low, high = (float(part.replace(",", "")) for part in row)
        assert low <= value <= high, row
    return len(found)


@pytest.mark.parametrize("name", RESULTS)
def test_no_line_is_longer_than_80(name: str) -> None:
    lines = show.text(RESULTS[name]).splitlines()
    assert max(map(len, lines)) <= show.WIDTH
    assert all(line == line.rstrip() and line.isprintable() for line in lines)


@pytest.mark.parametrize("name", RESULTS)
def test_values_are_in_their_intervals(name: str) -> None:
    require_ordered_intervals(show.text(RESULTS[name]))


def test_a_swapped_interval_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail: with low and high exchanged it does."""
    assert require_ordered_intervals(show.text(MANY["two leaves"])) == 4
    right: Callable[[Estimate, float], str] = phrases.interval

    def swapped(found: Estimate, unit: float = 1.0) -> str:
        return right(found._replace(low=found.high, high=found.low), unit)

    monkeypatch.setattr(phrases, "interval", swapped)
    for result in (MANY["two leaves"], BIASES["found"], COMPARISONS["two"]):
        with pytest.raises(AssertionError):
            require_ordered_intervals(show.text(result))


def test_a_measurement_says_all_that_it_knows() -> None:
    lines = str(measurement())
    assert lines.startswith("rloo: 10,000 gradients of 4 coordinates, seed 7")
    assert "4.00 [3.90, 4.20] at 95 %" in lines
    assert "1.75 [1.60, 1.90] at 95 %, |E g|^2 / total variance" in lines
    assert "2.00 us per gradient, amortised over calls of 4,096; 30.0 us for one alone" in " ".join(lines.split())
    assert "light (shape 0.10): the intervals can be trusted" in lines
    assert re.search(r"^a +3 +1\.73 +1\.00 \[0\.90, 1\.20\] +25\.0 %$", lines.replace("0.900", "0.90"), re.MULTILINE)


def test_many_leaves_are_cut() -> None:
    lines = show.text(MANY["300 leaves"])
    assert "... and 280 more parameters; .frame() has all of them" in lines
    assert "layer19.weight" in lines
    assert "layer20.weight" not in lines


def test_names_are_text() -> None:
    lines = show.text(MANY["other letters"])
    assert "[bold]x[/bold]" in lines
    assert "\x1b" not in lines


def test_a_note_is_printed() -> None:
    assert "Note: rloo gives the same numbers in every replicate." in show.text(MANY["no variance"])


def test_what_is_not_known_is_not_printed_as_a_number() -> None:
    lines = show.text(MANY["2 replicates"])
    assert "nan" not in lines
    assert "not known from so few replicates" in lines
    assert "Total variance    2.00\n" in lines


@pytest.mark.parametrize(
    ("found", "first"),
    [
        (bias(), "rloo: no bias found; a bias of 3.1 % of |truth| would have been found"),
        (biased(), "rloo: BIASED: the mean is 20.0 % [19.0, 22.0] of |truth| from the truth"),
        (bias(detectable=0.4), "rloo: UNDECIDED: no bias is found, but one of 5 % of |truth| might"),
        (bias(detectable=math.inf), "rloo: UNDECIDED: no bias is found, but one of 5 % of |truth| might"),
        (bias(trusted=False), "rloo: UNDECIDED: the tail is so heavy that no level can be stated"),
    ],
)
def test_the_verdict_comes_first(found: Bias, first: str) -> None:
    assert show.text(found).startswith(first)


def test_a_bias_names_all_that_repeats_and_explains_it() -> None:
    lines = " ".join(show.text(biased()).split())
    for part in ("a constant factor 1.2", "1.0e-40", "biased below 1e-6", "a[1]: mean 1.200, truth 1.000, z = 25.0",
                 "20.0 % [19.0, 22.0] of |truth| = 2.00, at 95 %", "12,000 gradients; seed 7 repeats it"):  # fmt: skip
        assert part in lines


def test_undecided_says_how_many_it_takes() -> None:
    """What is detectable falls like 1 / sqrt(replicates): 8 times smaller takes 64 times as many."""
    assert "one of 5 % takes about 770,000" in " ".join(show.text(bias(detectable=0.4)).split())


def test_a_comparison_marks_the_best_and_the_biased() -> None:
    lines = show.text(COMPARISONS["judged"])
    assert "Compared by the mean squared error that 10 us of gradients buys" in lines
    assert re.search(r"^rloo .*best$", lines, re.MULTILINE)
    assert re.search(r"^reinforce .*BIASED$", lines, re.MULTILINE)
    assert "reinforce: BIASED: the mean is 20.0 % [19.0, 22.0] of |truth| from the truth." in lines
    assert "No bias found in the others; one of 3.1 % of |truth| would have been found." in lines
    assert "the total variance of one gradient" in show.text(COMPARISONS["two"])


def test_a_comparison_has_ratios_with_intervals() -> None:
    found = COMPARISONS["two"]
    assert phrases.interval(found.ratio("reinforce", "rloo")) in show.text(found)


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [(0.0, 3, "0"), (4.0, 3, "4.00"), (0.99999, 3, "1.00"), (12345.0, 3, "12,300"), (1e6, 3, "1.00e6"),
     (-0.00012, 2, "-1.2e-4"), (999999.0, 3, "1.00e6"), (math.nan, 3, "-"), (math.inf, 3, "inf"),
     (-math.inf, 3, "-inf"), (5e-324, 2, "4.9e-324")],
)  # fmt: skip
def test_numbers(value: float, digits: int, shown: str) -> None:
    assert phrases.number(value, digits) == shown


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (Estimate(4.0234, 3.998, 4.048), "4.02 [4.00, 4.05]"),
        (Estimate(1.0041, 0.9919, 1.0166), "1.004 [0.992, 1.017]"),
        (Estimate(2.0, 2.0, 2.0), "2.00"),
        (UNKNOWN._replace(value=2.0), "2.00"),
        (ONE, "1.00 [0.900, 1.20]"),
    ],
)
def test_digits_follow_the_width(found: Estimate, shown: str) -> None:
    assert phrases.interval(found) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(8.12e-7, "812 ns"), (9.999e-7, "1.00 us"), (3.1e-6, "3.10 us"), (0.0047, "4.70 ms"),
                         (75.0, "75.0 s")],
)  # fmt: skip
def test_seconds(value: float, shown: str) -> None:
    assert phrases.seconds(value) == shown


def test_long_names_lose_their_middle() -> None:
    assert phrases.name("encoder." * 30 + "weight", 24) == "encoder.enc...der.weight"
    assert len(phrases.name("x" * 300)) == phrases.LONGEST_NAME


@pytest.mark.parametrize("found", [m for name, m in MANY.items() if name in {"two leaves", "wide intervals"}])
def test_the_tail_in_words(found: Measurement) -> None:
    assert ("cannot be trusted" in show.text(found).replace("\n" + " " * show.MARGIN, " ")) is (found.trusted is False)


def test_what_is_no_result_is_refused() -> None:
    with pytest.raises(TypeError, match="allowed: a Measurement"):
        show.text(Result())

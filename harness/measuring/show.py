"""Results as text of at most 80 columns."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from harness.measuring import phrases
from harness.measuring.results import Bias, Comparison, Measurement, Result

WIDTH = 80

#: Rows of a table that are printed at most.
ROWS = 20

#: Characters of the names in a table at most, of parameters and of subjects.
PARAMETER, NAME = 30, 24

#: Columns of the headings in front of lines.
MARGIN = 18

#: The space between a number and its unit, or after a word that says what number follows.
_UNIT = re.compile(r"(?<=\d) (?=%|[num]?s\b)|(?<=seed) (?=\d)")


def text(result: Result) -> str:
    """Return a result as text.

    Args:
        result: a `Measurement`, `Bias` or `Comparison`.

    Returns:
        Lines of at most `WIDTH` characters, without a final end of line.

    Raises:
        TypeError: it is another kind of result.
    """
    return "\n".join(_lines(result))


def _lines(result: Result) -> Iterator[str]:
    if isinstance(result, Measurement):
        return _measurement(result)
    if isinstance(result, Bias):
        return _bias(result)
    if isinstance(result, Comparison):
        return _comparison(result)
    raise TypeError(f"a {type(result).__name__} has no text; allowed: a Measurement, a Bias or a Comparison")


def table(headings: Mapping[str, str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table as lines of at most `WIDTH` characters.

    Args:
        headings: of the columns, each with "left", "right", or "wrap": right, in two lines where there is no room.
        rows: cells of each row.
    """
    from rich.console import Console
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 1))
    for heading, place in headings.items():
        made.add_column(
            heading, justify="left" if place == "left" else "right", no_wrap=place != "wrap", overflow="fold"
        )
    for row in rows:
        made.add_row(*row)
    file = io.StringIO()
    Console(file=file, width=WIDTH, color_system=None, emoji=False, markup=False, highlight=False).print(made)
    return [line.rstrip() for line in file.getvalue().rstrip().splitlines()]


def _wrapped(line: str, first: str, margin: int) -> list[str]:
    """Return a line wrapped, but not between a number and its unit."""
    glued = _UNIT.sub("\u00a0", line)
    lines = textwrap.wrap(glued, WIDTH, initial_indent=first, subsequent_indent=" " * margin, break_on_hyphens=False)
    return [part.replace("\u00a0", " ") for part in lines]


def _headed(heading: str, line: str) -> list[str]:
    """Return a line under a heading in the margin."""
    return _wrapped(line, heading.ljust(MARGIN), MARGIN)


def _sentence(line: str) -> list[str]:
    return _wrapped(line, "", 2)


def _measurement(found: Measurement) -> Iterator[str]:
    total, signal = (
        phrases.at(found.confidence, phrases.interval(each)) for each in (found.total_variance, found.signal_to_noise)
    )
    yield from _sentence(
        f"{phrases.name(found.name)}: {phrases.plural(found.replicates, 'gradient')} of "
        f"{phrases.plural(found.layout.size, 'coordinate')}, seed {found.seed}"
    )
    yield ""
    yield from _headed("Total variance", total)
    yield from _headed("Signal to noise", f"{signal}, |E g|^2 / total variance")
    yield from _headed("Tail", phrases.tail(found))
    yield from _headed("Time", phrases.cost(found))
    yield ""
    yield from _by_parameter(found)
    for note in found.notes:
        yield ""
        yield from _sentence(f"Note: {note}")


def _by_parameter(found: Measurement) -> Iterator[str]:
    rows = [[name, *cells] for name, _, *cells in phrases.by_parameter(found, ROWS, PARAMETER)]
    headings = {"parameter": "left", "coordinates": "right", "|mean|": "right", "variance": "wrap", "share": "right"}
    yield from table(headings, rows)
    yield from _more(len(found.leaf_variances), "parameter")


def _more(count: int, noun: str) -> Iterator[str]:
    if count > ROWS:
        yield f"... and {phrases.plural(count - ROWS, f'more {noun}')}; .frame() has all of them"


def _bias(found: Bias) -> Iterator[str]:
    verdict = phrases.verdict(found)
    between = "; " if verdict.state == "good" else ": "
    yield from _sentence(f"{phrases.name(found.name)}: {verdict.words}{between}{verdict.sentence}")
    yield ""
    if found.diagnosis:
        yield from _headed("Diagnosis", found.diagnosis)
    level = phrases.chosen(found.level)
    yield from _headed("p-value", f"{phrases.p_value(found.p_value)}, over all coordinates; biased below {level}")
    yield from _headed("Worst coordinate", phrases.worst(found))
    yield from _headed(
        "Distance", f"{phrases.percent_interval(found.distance)} of |truth| = {phrases.number(found.scale)}, at 95 %"
    )
    yield from _headed("Measured", f"{phrases.plural(found.replicates, 'gradient')}; seed {found.seed} repeats it")
    for note in found.notes:
        yield ""
        yield from _sentence(f"Note: {note}")


def marks(found: Comparison, name: str) -> list[str]:
    """Return what is remarkable of a subject in a comparison."""
    bias = found.biases.get(name)
    return [
        word
        for word, holds in (
            ("best", name in found.best),
            ("BIASED", bias is not None and bias.biased),
            ("undecided", bias is not None and not bias.decided),
            ("heavy tail", found.measurements[name].trusted is False),
        )
        if holds
    ]


def criterion(found: Comparison, micro: str = "us") -> str:
    """Return by what subjects are compared."""
    if found.seconds is None:
        return "the total variance of one gradient"
    if not found.biases:
        return f"the variance that remains after {phrases.budget(found.seconds, micro)} of gradients, variance / n"
    return f"the mean squared error that {phrases.budget(found.seconds, micro)} of gradients buys"


def any_biased(found: Comparison) -> bool:
    """Return whether a bias was found in any subject."""
    return any(bias.biased for bias in found.biases.values())


def conclusions(found: Comparison) -> list[str]:
    """Return what a comparison says, in sentences."""
    best = [phrases.name(name, NAME) for name in found.measurements if name in found.best]
    at = f"family-wise {phrases.rate(found.level)}"
    among = " among those without a bias that was found" if found.seconds is None and any_biased(found) else ""
    sentences = {
        0: "No subject is called the best: each is biased, or has no variance that is known.",
        1: f"Best{among}: {phrases.listing(best)}, distinguished from every other ({at}).",
    }
    several = f"Best{among}: {phrases.listing(best)}, which cannot be distinguished ({at})."
    lines = [sentences.get(len(best), several)]
    if not found.biases:
        lines.append("Bias was not judged, since no truth was given: the least noisy one may be biased. Give a truth.")
    if len(found.measurements) == 1:
        lines = []
    judged = {name: phrases.verdict(bias) for name, bias in found.biases.items()}
    for name, verdict in judged.items():
        if verdict.state != "good":
            lines.append(f"{phrases.name(name, NAME)}: {verdict.words}: {verdict.sentence}.")
            lines += [f"{phrases.name(name, NAME)}: diagnosis: {found.biases[name].diagnosis}."] * (
                verdict.state == "bad" and bool(found.biases[name].diagnosis)
            )
    sound = [bias.detectable for name, bias in found.biases.items() if judged[name].state == "good"]
    if sound:
        which = "any subject" if len(sound) == len(judged) else "the others"
        lines.append(
            f"No bias found in {which}; one of {phrases.percent(max(sound))} of |truth| would have been found."
        )
    return lines


def _comparison(found: Comparison) -> Iterator[str]:
    some = next(iter(found.measurements.values()))
    yield from _sentence(
        f"Compared by {criterion(found)}: {phrases.plural(some.replicates, 'gradient')} of each, seed {some.seed}, "
        f"intervals at {phrases.rate(some.confidence)}"
    )
    yield ""
    names = list(found.measurements)
    first = phrases.name(names[0], 12)
    if found.seconds is None:
        headings = {"name": "left", "variance": "wrap", f"ratio to {first}": "wrap"}
    else:
        headings = {"name": "left", "mean squared error": "wrap", "variance": "right"}
    rows = []
    for name in names[:ROWS]:
        one = found.measurements[name]
        numbers = (
            [phrases.interval(one.total_variance), phrases.interval(found.ratio(name, names[0]))]
            if found.seconds is None
            else [phrases.interval(found.errors[name]), phrases.number(one.total_variance.value)]
        )
        seconds = phrases.seconds(one.seconds_per_gradient)
        rows.append([phrases.name(name, NAME), *numbers, seconds, ", ".join(marks(found, name))])
    yield from table(headings | {"time": "right", "": "left"}, rows)
    yield from _more(len(names), "subject")
    yield ""
    yield from _sentence("time: seconds of one gradient, amortised over many in one call.")
    for line in conclusions(found):
        yield from _sentence(line)
    for note in dict.fromkeys(note for one in found.measurements.values() for note in one.notes):
        yield from _sentence(f"Note: {note}")

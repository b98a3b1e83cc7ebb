"""What a page has to say of each kind of result: title, answers, charts, tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from harness.measuring import phrases, show
from harness.measuring.report.markup import card, pairs, paragraphs, table
from harness.measuring.report.panels import figure
from harness.measuring.results import Bias, Comparison, Measurement, Result

MICRO = "µs"

#: Subjects whose variances are listed side by side by parameter, at most.
SIDE_BY_SIDE = 8


class Parts(NamedTuple):
    """What a page consists of, as HTML but for title and summary.

    Attributes:
        title: of the page.
        summary: a sentence under it.
        cards: the answers.
        chart: the charts; "" where there is none.
        tables: under them.
        notes: paragraphs.
        numbers: seed and replicates, for the provenance.
    """

    title: str
    summary: str
    cards: str
    chart: str
    tables: str
    notes: str
    numbers: Mapping[str, str]


def parts(result: Result, bias: Bias | None, rows: int) -> Parts:
    """Return the parts of a page.

    Args:
        result: a `Measurement`, `Bias` or `Comparison`.
        bias: of the subject of a `Measurement`, for the same page.
        rows: of a table at most.

    Raises:
        TypeError: it is another kind of result.
    """
    if isinstance(result, Measurement):
        return _measurement(result, bias, rows)
    if isinstance(result, Bias):
        return _bias(result)
    if isinstance(result, Comparison):
        return _comparison(result, rows)
    raise TypeError(f"a {type(result).__name__} has no page; allowed: a Measurement, a Bias or a Comparison")


def _below(count: int, rows: int, noun: str) -> str:
    return f"... and {phrases.plural(count - rows, f'more {noun}')}" if count > rows else ""


def _measurement(found: Measurement, bias: Bias | None, rows: int) -> Parts:
    cards = _bias_card(bias) if bias is not None else ""
    estimates = [
        phrases.at(found.confidence, phrases.interval(each)) for each in (found.total_variance, found.signal_to_noise)
    ]
    cards += card(
        "How noisy is it?",
        f"Total variance {phrases.number(found.total_variance.value)}",
        [
            f"{estimates[0]}: the variances of all coordinates added up.",
            f"Signal to noise {estimates[1]}: |E g|² over the total variance.",
            f"Tail: {phrases.tail(found)}.",
        ],
        "open" if found.trusted is False else "plain",
    )
    cards += card(
        "What does it cost?",
        f"{phrases.seconds(found.seconds_per_gradient, MICRO)} per gradient",
        [
            f"Amortised over calls of {found.block:,} gradients. One that is computed alone takes "
            f"{phrases.seconds(found.seconds_alone, MICRO)}."
        ],
    )
    return Parts(
        title=phrases.name(found.name),
        summary=f"{phrases.plural(found.replicates, 'gradient')} of "
        f"{phrases.plural(found.layout.size, 'coordinate')} were measured.",
        cards=cards,
        chart=figure({found.name: found}, {} if bias is None else {found.name: bias}),
        tables=_by_parameter(found, rows) + ("" if bias is None else _judgement(bias)),
        notes=paragraphs([*found.notes, *(() if bias is None else bias.notes)]),
        numbers=_sizes(found, bias),
    )


def _sizes(found: Measurement, bias: Bias | None) -> dict[str, str]:
    judged = {} if bias is None else {"Gradients judged": f"{bias.replicates:,}"}
    return {"Seed": str(found.seed), "Gradients measured": f"{found.replicates:,}"} | judged


def _by_parameter(found: Measurement, rows: int) -> str:
    headings = {"parameter": "left", "shape": "left", "coordinates": "right", "|mean|": "right", "variance": "right"}
    return table(
        f"{phrases.plural(len(found.leaf_variances), 'parameter')}, intervals at {phrases.rate(found.confidence)}",
        headings | {"share": "right"},
        phrases.by_parameter(found, rows),
        _below(len(found.leaf_variances), rows, "parameter"),
    )


def _bias_card(found: Bias) -> str:
    verdict = phrases.verdict(found)
    diagnosis = [f"Diagnosis: {found.diagnosis}."] if found.diagnosis else []
    answer = verdict.words[0].upper() + verdict.words[1:]
    return card("Is it right?", answer, [_capital(f"{verdict.sentence}."), *diagnosis], verdict.state)


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _judgement(found: Bias) -> str:
    rows = {
        "p-value, over all coordinates": phrases.p_value(found.p_value),
        "level below which it is biased": phrases.chosen(found.level),
        "distance |E g - truth|": f"{phrases.percent_interval(found.distance)} of |truth|",
        "|truth|": phrases.number(found.scale),
        "bias that would have been found": f"{phrases.percent(found.detectable)} of |truth|",
        "worst coordinate": phrases.parameter(found.worst),
        "its mean": phrases.number(found.value, 4),
        "its truth": phrases.number(found.truth, 4),
        "its deviation in standard errors, z": phrases.number(found.z),
    }
    return f"<h2>Judgement of the bias</h2>{pairs(rows)}"


def _bias(found: Bias) -> Parts:
    return Parts(
        title=phrases.name(found.name),
        summary=f"The mean of {phrases.plural(found.replicates, 'gradient')} was compared with the truth.",
        cards=_bias_card(found),
        chart="",
        tables=_judgement(found),
        notes=paragraphs(found.notes),
        numbers={"Seed": str(found.seed), "Gradients judged": f"{found.replicates:,}"},
    )


def _comparison(found: Comparison, rows: int) -> Parts:
    some = next(iter(found.measurements.values()))
    best = [phrases.name(name) for name in found.measurements if name in found.best]
    conclusions = show.conclusions(found)
    cards = card(
        "Which is the best?", phrases.listing(best) or "None", [*conclusions[:1], f"By {show.criterion(found, MICRO)}."]
    )
    if found.biases:
        wrong = [phrases.name(name) for name, bias in found.biases.items() if bias.biased]
        open_ = [phrases.name(name) for name, bias in found.biases.items() if not bias.decided]
        answer = f"Biased: {phrases.listing(wrong)}" if wrong else "Undecided" if open_ else "No bias found"
        state = "bad" if wrong else "open" if open_ else "good"
        cards = card("Are they right?", answer, conclusions[1:], state) + cards
    return Parts(
        title=phrases.listing([phrases.name(name) for name in list(found.measurements)[:3]])
        + (f" and {len(found.measurements) - 3} more" if len(found.measurements) > 3 else ""),
        summary=f"{phrases.plural(some.replicates, 'gradient')} of each, of "
        f"{phrases.plural(some.layout.size, 'coordinate')}, were measured from the same seeds.",
        cards=cards,
        chart=figure(found.measurements, found.biases, found.seconds),
        tables=_by_subject(found, rows) + _side_by_side(found, rows),
        notes=paragraphs(dict.fromkeys(note for one in found.measurements.values() for note in one.notes)),
        numbers={"Seed": str(some.seed), "Gradients measured of each": f"{some.replicates:,}"},
    )


def _by_subject(found: Comparison, rows: int) -> str:
    names = list(found.measurements)
    headings = {
        "name": "left",
        "verdict": "left",
        "variance": "right",
        f"ratio to {phrases.name(names[0], 16)}": "right",
    }
    if found.seconds is not None:
        headings |= {f"error in {phrases.budget(found.seconds, MICRO)}": "right"}
    if found.biases:
        headings |= {"distance": "right"}
    headings |= {"time, amortised": "right", "time, alone": "right"}
    cells = []
    for name in names[:rows]:
        one, bias = found.measurements[name], found.biases.get(name)
        row = [phrases.name(name), ", ".join(show.marks(found, name))]
        row += [phrases.interval(one.total_variance), phrases.interval(found.ratio(name, names[0]))]
        row += [] if found.seconds is None else [phrases.interval(found.errors[name])]
        row += [] if bias is None else [phrases.percent_interval(bias.distance)]
        cells.append(
            [*row, phrases.seconds(one.seconds_per_gradient, MICRO), phrases.seconds(one.seconds_alone, MICRO)]
        )
    confidence = next(iter(found.measurements.values())).confidence
    return table(
        f"By subject, intervals at {phrases.rate(confidence)}", headings, cells, _below(len(names), rows, "subject")
    )


def _side_by_side(found: Comparison, rows: int) -> str:
    shown = list(found.measurements.items())[:SIDE_BY_SIDE]
    leaves = shown[0][1].layout.leaves
    headings = {"parameter": "left"} | {phrases.name(name): "right" for name, _ in shown}
    cells = [
        [phrases.parameter(leaf.path), *(phrases.interval(one.leaf_variances[number]) for _, one in shown)]
        for number, leaf in enumerate(leaves[:rows])
    ]
    return table("Variance by parameter", headings, cells, _below(len(leaves), rows, "parameter"))

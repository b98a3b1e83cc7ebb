"""The three questions and their answers, computed from the records."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from harness.backends import is_library
from harness.results.schema import Check, Failure, Record, Time, Variance
from harness.site import biases, hits
from harness.site.page import of
from harness.site.ratios import badness, configuration, ratio
from harness.site.text import listing, number, plural
from harness.site.variance import own_settings
from harness.variance import faults
from harness.variance.laws import rounding

NOT_MEASURED = "Not measured"


@dataclass(frozen=True)
class Answer:
    """A question, its answer in a word or two, and the sentence that gives the numbers.

    Attributes:
        question: as a reader asks it.
        verdict: the answer in short.
        sentence: the answer, with figures.
        state: "good", "bad" or "plain", for its colour.
        anchor: the section that shows it.
    """

    question: str
    verdict: str
    sentence: str
    state: str
    anchor: str


def answers(records: Sequence[Record]) -> list[Answer]:
    """Answer the three questions from the records."""
    own = [check for check in of(records, Check) if not is_library(check.backend)]
    return [_right(own), _noisy(of(records, Variance)), _costs(of(records, Time))]


def _right(checks: Sequence[Check]) -> Answer:
    question, anchor = "Is this framework’s gradient right?", "agreement"
    if not checks:
        return Answer(question, NOT_MEASURED, "No check was run.", "plain", anchor)
    backends = sorted({check.backend for check in checks})
    failing = [check for check in checks if not check.within_budget]
    gradients = sum(check.derivative != "value" for check in checks)
    worst = max(checks, key=badness)
    size = "not finite" if math.isinf(ratio(worst)) else f"{number(ratio(worst))} of its budget"
    where = f"{worst.kernel} in {worst.backend}, {configuration(worst)}, {worst.derivative}, case {worst.case}"
    counted = f"{plural(len(checks), 'check')}, {gradients:,} of them of derivatives"
    if not failing:
        sentence = f"All of {counted}, are within budget in {listing(backends)}; the worst error is {size} ({where})."
        return Answer(question, "Yes, within budget", sentence, "good", anchor)
    blame = Counter(check.backend for check in failing)
    shares = listing([f"{name} {count:,}" for name, count in sorted(blame.items())])
    clean = [name for name in backends if name not in blame]
    rest = f"; none in {listing(clean)}" if clean else ""
    verb = "fails" if len(failing) == 1 else "fail"
    sentence = f"{len(failing):,} of {counted}, {verb} ({shares}{rest}); the worst is {size} ({where})."
    return Answer(question, f"No: {plural(len(failing), 'check')} {verb}", sentence, "bad", anchor)


def _noisy(records: Sequence[Variance]) -> Answer:
    question, anchor = "How noisy is each gradient estimator?", "variance"
    if not records:
        return Answer(question, NOT_MEASURED, "No variance was measured.", "plain", anchor)
    parts = []
    group = widest(records)
    verdict = plural(len({record.estimator for record in records}), "estimator") + " compared"
    if group:
        times, quiet, noisy = _times(group), group[0], group[-1]
        verdict = f"Up to {number(times, 2)} times apart"
        parts.append(
            f"among estimators without a bias, {noisy.estimator} has {number(times)} times the variance of "
            f"{quiet.estimator} on {noisy.problem} by {noisy.parameter} ({noisy.settings or 'default settings'}, "
            f"{noisy.backend}, {noisy.dtype})"
        )
    held = hits.sentence(records)
    if held:
        parts.append(held)
    sentence = "".join(f"{part[0].upper()}{part[1:]}. " for part in filter(None, ["; ".join(parts)]))
    return Answer(question, verdict, f"{sentence}{biases.sentence(records)}", "plain", anchor)


def widest(records: Sequence[Variance]) -> list[Variance]:
    """Return the records of the gradient whose estimators, those without a bias, are farthest apart in variance.

    An estimator has one where its row says so, or where one is found in any record. A variance that is no more than
    rounding is none. Records are in the order of their variance; there are at least two, or none.
    """
    split = own_settings(records)
    off = {*biases.found_in(records), *filter(biases.declared, {record.estimator for record in records})}
    groups: dict[tuple[object, ...], list[Variance]] = defaultdict(list)
    for r in records:
        if r.variance and r.variance > rounding(r) ** 2 and r.estimator not in off:
            key = (r.problem, split[r][0], r.parameter, r.dimension, r.samples, r.backend, r.dtype, r.device)
            groups[key].append(r)
    ordered = [sorted(group, key=lambda r: r.variance or 0.0) for group in groups.values()]
    pairs = [group for group in ordered if group[0].estimator != group[-1].estimator]
    return max(pairs, key=_times, default=[])


def _times(group: Sequence[Variance]) -> float:
    """Return the largest variance over the least, of records in the order of their variance."""
    least, most = group[0].variance, group[-1].variance
    return most / least if least and most else 0.0


def _costs(times: Sequence[Time]) -> Answer:
    question, anchor = "What does it cost?", "time"
    if not times:
        return Answer(question, NOT_MEASURED, "Nothing was timed.", "plain", anchor)
    parts = []
    wins: Counter[str] = Counter()
    compared = 0
    for mode in sorted({record.mode for record in times}):
        won, close, total = _fastest([record for record in times if record.mode == mode])
        wins += won
        compared += total
        shares = [f"{name} {count:,}" for name, count in won.most_common()]
        shares += [f"too close to call {close:,}"] if close else []
        if total:
            parts.append(f"fastest of {total:,} {mode} comparisons: {', '.join(shares)}")
    gain = _compilation_gain(times)
    if gain:
        parts.append(
            "compiling speeds a call up by a median factor of "
            + listing([f"{number(value, 2)} in {name}" for name, value in gain.items()])
        )
    if not parts:
        parts.append(f"{plural(len(times), 'timing')}, with nothing to compare them with")
    sentence = "; ".join(parts)
    verdict = _winner(wins, compared, len(times))
    return Answer(question, verdict, f"{sentence[0].upper()}{sentence[1:]}.", "plain", anchor)


def _winner(wins: Counter[str], compared: int, count: int) -> str:
    if not compared:
        return plural(count, "timing")
    if not wins:
        return "Too close to call"
    leader, most = wins.most_common(1)[0]
    if most == compared:
        return f"{leader} is always fastest"
    return f"{leader} is most often fastest" if 2 * most > compared else "It depends on the kernel"


def _fastest(times: Sequence[Time]) -> tuple[Counter[str], int, int]:
    """Count wins by backend, comparisons too close to call (quartiles overlap), and all comparisons."""
    groups: dict[tuple[object, ...], list[Time]] = defaultdict(list)
    for record in times:
        groups[record.kernel, record.derivative, record.size, record.dtype, record.device].append(record)
    wins: Counter[str] = Counter()
    close = total = 0
    for group in groups.values():
        if len({record.backend for record in group}) < 2:
            continue
        first, second = sorted(group, key=lambda record: record.seconds)[:2]
        total += 1
        if first.seconds_high < second.seconds_low:
            wins[first.backend] += 1
        else:
            close += 1
    return wins, close, total


def _compilation_gain(times: Sequence[Time]) -> dict[str, float]:
    """Return the median of eager seconds over compiled seconds, by backend."""
    pairs: dict[tuple[object, ...], dict[str, float]] = defaultdict(dict)
    for r in times:
        pairs[r.backend, r.kernel, r.derivative, r.size, r.dtype, r.device][r.mode] = r.seconds
    ratios: dict[str, list[float]] = defaultdict(list)
    for key, modes in pairs.items():
        if {"eager", "compiled"} <= modes.keys() and modes["compiled"] > 0:
            ratios[str(key[0])].append(modes["eager"] / modes["compiled"])
    return {name: median(values) for name, values in sorted(ratios.items())}


def not_measured(records: Sequence[Record]) -> list[str]:
    """Return what the records do not cover, one line each."""
    if not records:
        return ["Nothing was measured."]
    lines = []
    devices = {record.device for record in records}
    if "gpu" not in devices:
        lines.append("GPU: not measured. Every number is from a CPU.")
    if "cpu" not in devices:
        lines.append("CPU: not measured.")
    absent = [name for name in ("float16", "bfloat16", "float32", "float64") if name not in {r.dtype for r in records}]
    failures = of(records, Failure)
    if failures:
        lines.append(f"{plural(len(failures), 'cell')} could not be measured; see the failures.")
    odd = faults.of(records)
    if odd:
        lines.append(f"{plural(len(odd), 'gradient')} NaN or infinite; see the failures.")
    if absent:
        lines.append(f"Floating types not measured: {', '.join(absent)}.")
    kinds = {type(record).__name__ for record in records}
    areas = {
        "Check": "agreement",
        "Variance": "variance",
        "Time": "time",
        "Train": "training",
        "TrainingVariance": "variance along training",
        "Ratio": "Fisher-vector products",
        "Memory": "memory",
        "Race": "natural gradient against Adam",
        "Article": "the article",
    }
    missing = [area for kind, area in areas.items() if kind not in kinds]
    if missing:
        lines.append(f"Areas not measured: {', '.join(missing)}.")
    return lines

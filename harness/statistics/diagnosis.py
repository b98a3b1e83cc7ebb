r"""Diagnosis of a bias: what the mean of a gradient looks like where it is not the truth, if the data single it out.

A pattern is claimed where

- the mean fits it (`patterns.fit`);
- a bias of no pattern would fit it too by a small chance only: each pattern has a limit. Together they are 0.23, for
  the worst law of a bias with independent coordinates; tests/measure_diagnosis.py finds 0.003 over many laws;
- no pattern of another kind fits too and is hardly a coincidence (`CONTENDS`): with the truth (1, -1) a wrong sign and
  exchanged coordinates are the same, and both are reported.

Of patterns of one kind the most special is claimed. The whole gradient is tried first. Where no pattern is singled out
in it and some leaves show no bias, those that do are tried alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from harness.errors import BadInputError
from harness.statistics.intervals import Estimate
from harness.statistics.patterns import matching, rays, rearrangements
from harness.statistics.patterns.fit import (
    OUTSIDE,
    Candidate,
)
from harness.statistics.patterns.leaves import biased_leaves, hidden_leaves
from harness.statistics.patterns.view import (
    Float,
    LeafLike,
    Term,
    View,
    adjacent,
    largest,
    sum_of_squares,
    with_rounding,
)

#: The patterns, the special before the general within each family.
PATTERNS: tuple[Callable[[View], Iterator[Candidate]], ...] = (
    rays.factors,
    rays.terms,
    rearrangements.permutations,
    matching.permutations,
)

#: Chance of a coincidence up to which a pattern that fits forbids to claim one of another kind.
CONTENDS = 0.2

#: Share of the squared bias in one coordinate from which on it is reported.
DOMINANT = 0.5

#: Leaves that a text names at most.
NAMED = 3


class Diagnosis(NamedTuple):
    """What a bias looks like.

    Attributes:
        pattern: "sign", "zero", "factor", "permutation", "transposition", "missing term", "extra term"; "ambiguous",
            more than one of them; "one leaf", a bias of no known pattern in one leaf only; "unrecognized"; "none".
        text: a sentence without its full stop.
        estimate: the factor, or the coefficient of the term; None for patterns without one.
        leaves: paths of the leaves that it is about, the biased ones; empty where that is the whole gradient.
    """

    pattern: str
    text: str
    estimate: Estimate | None = None
    leaves: tuple[str, ...] = ()


def diagnose(
    mean: ArrayLike,
    standard_error: ArrayLike,
    truth: ArrayLike,
    truth_standard_error: ArrayLike,
    leaves: Sequence[LeafLike],
    *,
    samples: int | None = None,
    terms: Mapping[str, ArrayLike | tuple[ArrayLike, ArrayLike]] | None = None,
) -> Diagnosis:
    """Return what the bias of a gradient looks like.

    Args:
        mean: of the gradient, [D].
        standard_error: of the mean, [D], or a scalar.
        truth: [D].
        truth_standard_error: [D], or a scalar; 0 where the truth is exact.
        leaves: paths, shapes and coordinates of the D coordinates; empty for an array of shape [D].
        samples: in one gradient, if known: then its multiples are usual factors.
        terms: mean gradient [D] of some terms of the objective by name, such as the score term or the gradient
            through the baseline, each alone or with its standard error: then one that is missing or too much is seen.

    Returns:
        The diagnosis. Its cost is a few passes over the coordinates for each pattern that the largest ones do not
        reject; arrays of the gradient's size are one for the errors, and a second for a bias in some leaves only.

    Raises:
        BadInputError: an array is not finite, has another size, or a standard error is negative.
    """
    values = _vector("mean", mean, None)
    size = len(values)
    view = _view(
        values,
        _errors("standard_error", standard_error, size),
        _vector("truth", truth, size),
        _errors("truth_standard_error", truth_standard_error, size),
        leaves,
        samples,
        {name: _term(name, term, size) for name, term in (terms or {}).items()},
    )
    differing = biased_leaves(view, 0.0)
    if not differing:
        return Diagnosis("none", "no coordinate differs from the truth by more than its noise explains")
    biased = biased_leaves(view, OUTSIDE) or differing
    claimed = _claimed(view)
    if claimed is not None:
        return claimed._replace(text=claimed.text + _not_visible(view, biased), leaves=_paths(view, biased))
    if len(biased) == len(view.segments):
        return Diagnosis("unrecognized", f"no known pattern is singled out: {_description(view)}")
    return _in_leaves(view, biased, sorted(set(differing) - set(biased)))


def _vector(name: str, values: ArrayLike, size: int | None) -> Float:
    vector = np.asarray(values, np.float64)
    if vector.ndim != 1 or not len(vector) or (size is not None and len(vector) != size):
        raise BadInputError(f"{name} has the shape {vector.shape}; allowed: [{size or 'D'}]; flatten it")
    if not np.isfinite(vector).all():
        raise BadInputError(f"{name} has {int((~np.isfinite(vector)).sum())} values that are not finite; remove them")
    return vector


def _errors(name: str, values: ArrayLike, size: int) -> Float:
    vector = np.asarray(values, np.float64)
    if vector.ndim == 0:
        vector = np.broadcast_to(vector, (size,))
    vector = _vector(name, vector, size)
    if vector.min() < 0:
        raise BadInputError(f"{name} is {vector.min():g} somewhere; allowed: 0 and above; give standard errors")
    return vector


def _term(name: str, given: ArrayLike | tuple[ArrayLike, ArrayLike], size: int) -> Term:
    mean, error = given if isinstance(given, tuple) and len(given) == 2 else (given, 0.0)
    label = f"term '{name}'"
    return Term(_vector(label, mean, size), _errors(f"standard error of {label}", error, size))


def _view(
    mean: Float,
    error: Float,
    truth: Float,
    truth_error: Float,
    leaves: Sequence[LeafLike],
    samples: int | None,
    terms: Mapping[str, Term],
) -> View:
    segments = adjacent(leaves) or adjacent([_Whole("", (len(mean),), 0, len(mean))])
    if segments[-1].stop != len(mean):
        raise BadInputError(f"leaves have {segments[-1].stop} coordinates; allowed: {len(mean)}, as the mean has")
    return View(mean, with_rounding(mean, error, truth, segments), truth, truth_error, segments, samples, terms)


class _Whole(NamedTuple):
    path: str
    shape: tuple[int, ...]
    start: int
    stop: int


def _claimed(view: View) -> Diagnosis | None:
    """Return the pattern that the view singles out, or those between which it cannot decide, or None."""
    families: dict[str, list[Candidate]] = {}
    for pattern in PATTERNS:
        for candidate in pattern(view):
            chance = min(candidate.log_chance + math.log(view.choices), 0.0)
            if chance <= math.log(CONTENDS):
                families.setdefault(candidate.family, []).append(candidate._replace(log_chance=chance))
    claims = []
    for members in families.values():
        allowed = [member for member in members if member.log_chance <= math.log(member.allowed)]
        claims.append((bool(allowed), (allowed or members)[0]))
    if not any(allowed for allowed, _ in claims):
        return None
    if len(claims) == 1:
        only = claims[0][1]
        return Diagnosis(only.pattern, only.text, only.estimate)
    texts = "; or ".join(candidate.text for _, candidate in claims)
    return Diagnosis("ambiguous", f"more than one pattern fits, and the data cannot tell which: {texts}")


def _names(view: View, numbers: Sequence[int]) -> str:
    names = ", ".join(f"'{view.segments[number].path}'" for number in numbers[:NAMED])
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    return f"{'leaf' if len(numbers) == 1 else 'leaves'} {names}{more}"


def _paths(view: View, numbers: Sequence[int]) -> tuple[str, ...]:
    """Return the paths of some leaves; nothing for all of them."""
    return tuple(view.segments[number].path for number in numbers) if len(numbers) < len(view.segments) else ()


def _not_visible(view: View, biased: Sequence[int]) -> str:
    others = [number for number in range(len(view.segments)) if number not in set(biased)]
    show = "shows" if len(others) == 1 else "show"
    return f"; {_names(view, others)} {show} no bias, which fits this as well" if others else ""


def _in_leaves(view: View, biased: Sequence[int], single: Sequence[int]) -> Diagnosis:
    """Return the diagnosis of a bias that some leaves show and others do not.

    Args:
        view: the whole gradient.
        biased: leaves that show it.
        single: leaves in which single coordinates differ, no more than tails that are heavier than normal explain.
    """
    part = view.of_leaves(biased, math.comb(len(view.segments), len(biased)))
    hidden = hidden_leaves(view, part, biased)
    only = "" if hidden or single else " only"
    noisy = f" ({_names(view, hidden)} too noisy to show it)" if hidden else ""
    few = f"; single coordinates differ in {_names(view, single)}" if single else ""
    where, paths, claimed = f"in {_names(view, biased)}{only}{noisy}", _paths(view, biased), _claimed(part)
    if claimed is not None:
        return claimed._replace(text=f"{where}: {claimed.text}{few}", leaves=paths)
    pattern = "one leaf" if only and len(biased) == 1 else "unrecognized"
    return Diagnosis(pattern, f"{where}: no known pattern is singled out: {_description(part)}{few}", leaves=paths)


def _description(view: View) -> str:
    """Return the size of a bias, without its noise, and where it is largest."""
    total, truth = sum_of_squares(view.mean, view.truth), sum_of_squares(view.truth)
    noise = sum_of_squares(view.error) + sum_of_squares(view.truth_error)
    norm = math.sqrt(max(total - noise, 0.0))
    size = f"|mean - truth| is {norm:.3g}" + (f", {norm / math.sqrt(truth):.2g} |truth|" if truth else "")
    if view.size == 1:
        found = rays.coefficient(view, Term(view.truth, view.truth_error), 0.0)
        ratio = f" and the mean is {rays.interval(found)} times the truth" if found else ""
        return f"{size}{ratio}; one coordinate cannot tell a factor from a shift"
    top = int(largest(view.size, lambda block: np.abs(view.mean[block] - view.truth[block]), 1)[0])
    leaf = next(leaf for leaf in view.segments if top < leaf.stop)
    share = float(np.square(view.mean[top] - view.truth[top])) / total
    part = f"{share:.0%} of its square" if share >= DOMINANT else "its largest part"
    return f"{size}, {part} in coordinate {leaf.coordinate(top - leaf.start)}"

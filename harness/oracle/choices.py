"""Where rounding decides: inputs at which a kernel's choice, or its branch, is not determined by the dtype.

A choice between scores that differ by less than the rounding of each may fall on either; a schedule has no derivative
where its two branches meet; a softmax of scores that are rounded by more than 1 is a choice too. There is nothing to
compare there, and no budget would be the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp
from numpy.typing import NDArray

from harness import dtypes
from harness.dtypes import FloatType

Array = NDArray[np.float64]


def _numbers(values: Iterable[Any]) -> list[Any]:
    return [mp.mpf(float(x)) for x in values]


def _between_classes(logits: Array, noise: Array, limits: FloatType) -> bool:
    """Tell whether the two largest sums differ, but by less than a rounding unit of the larger."""
    scores = sorted(a + g for a, g in zip(_numbers(logits), _numbers(noise), strict=True))
    if len(scores) < 2 or scores[-1] == scores[-2] or not mp.isfinite(scores[-2]):
        return False  # equal sums are rounded equally, and the lowest index has it
    return bool(scores[-1] - scores[-2] <= limits.eps * max(abs(scores[-1]), abs(scores[-2])))


def _by_class(logits: Array, noise: Array, *_: Array, limits: FloatType) -> bool:
    return any(_between_classes(logits, row, limits) for row in np.atleast_2d(noise))


def _by_sign(logits: Array, noise: Array, *_: Array, limits: FloatType) -> bool:
    """The sum of two numbers is rounded to the right sign, unless it is flushed to 0 (pitfall F1)."""
    sums = (a + g for a, g in zip(_numbers(np.ravel(logits)), _numbers(np.ravel(noise)), strict=True))
    return any(0 < abs(x) < limits.tiny for x in sums)


def _by_sign_of_rows(logits: Array, _other: Array, noise: Array, limits: FloatType) -> bool:
    return any(_by_sign(logits, row, limits=limits) for row in noise)


#: Kernels whose value is a choice.
CHOICES: dict[str, Callable[..., bool]] = {
    "gumbel.hard_sample": _by_class,
    "gumbel.straight_through_gumbel_softmax": _by_class,
    "bernoulli.hard_sample": _by_sign,
    "bernoulli.straight_through_sample": _by_sign,
    "divergences.kl_categorical_monte_carlo": lambda q, _p, noise, limits: _by_class(q, noise, limits=limits),
    "divergences.kl_bernoulli_monte_carlo": _by_sign_of_rows,
}


class Scores(NamedTuple):
    """Scores of a softmax, x / T.

    Attributes:
        sums: x, each class's.
        roundings: the absolute terms whose rounding each carries, in rounding units of the dtype.
        temperature: T.
    """

    sums: list[Any]
    roundings: list[Any]
    temperature: Any


def _of_sum(logits: Array, noise: Array, temperature: Array) -> Scores:
    sums = [a + g for a, g in zip(_numbers(logits), _numbers(noise), strict=True)]
    return Scores(sums, [abs(x) for x in sums], mp.mpf(float(temperature)))


def _of_probs(probs: Array, noise: Array, temperature: Array) -> Scores:
    logs = [mp.log(p) for p in _numbers(probs)]
    sums = [a + g for a, g in zip(logs, _numbers(noise), strict=True)]
    return Scores(sums, [abs(x) + abs(a) for x, a in zip(sums, logs, strict=True)], mp.mpf(float(temperature)))


def _of_product(log_value: Array, logits: Array, temperature: Array) -> Scores:
    shifts = [mp.mpf(float(temperature)) * y for y in _numbers(log_value)]
    sums = [a - shift for a, shift in zip(_numbers(logits), shifts, strict=True)]
    return Scores(sums, [abs(x) + abs(shift) for x, shift in zip(sums, shifts, strict=True)], mp.one)


#: Softmax of scores that are sums: a score's rounding, over the temperature, may be any number.
SCORES: dict[str, Callable[..., Scores]] = {
    "gumbel.gumbel_softmax": _of_sum,
    "gumbel.straight_through_gumbel_softmax": _of_sum,
    "gumbel.gumbel_softmax_from_probs": _of_probs,
    "article.gumbel_softmax": _of_sum,
    "relaxed_categorical.log_sample": _of_sum,
    "relaxed_categorical.log_prob": _of_product,
    "relaxed_categorical.prob": _of_product,
    "relaxed_categorical.simplex_log_prob": _of_product,
}
#: The sum of all log-probabilities moves no more than the scores do, and its absolute terms hold these.
LOGARITHMS = ("relaxed_categorical.log_prob", "relaxed_categorical.simplex_log_prob")
#: Conditions are derivatives: they bound what a rounding of the scores does as long as it is well below 1.
SMALL = 1 / 16


def blurred(kernel: str, arguments: list[Array], dtype: str) -> bool:
    """Tell whether rounding moves a softmax's scores so far that its probabilities may be anything.

    That is where two of the largest scores differ by little more than their roundings, and these are not small.

    Args:
        kernel: its name.
        arguments: one batch entry's cores.
        dtype: of the result.
    """
    row = SCORES.get(kernel)
    if row is None:
        return False
    limits = dtypes.computing(dtype)
    with mp.workprec(4000):
        sums, roundings, temperature = row(*arguments)
        top = max(range(len(sums)), key=lambda i: sums[i])
        for i, x in enumerate(sums):
            if i == top or not mp.isfinite(x) or x == sums[top]:
                continue
            depth = (sums[top] - x) / temperature
            slack = limits.eps * (roundings[i] + roundings[top]) / temperature
            if slack > SMALL and depth - 4 * slack < -np.log(limits.tiny):
                return True
    return False


def undetermined(kernel: str, arguments: list[Array], dtype: str) -> bool:
    """Tell whether the dtype does not determine the choice that is a kernel's value.

    Args:
        kernel: its name.
        arguments: one batch entry's cores.
        dtype: of the result.
    """
    if kernel not in CHOICES:
        return kernel not in LOGARITHMS and blurred(kernel, arguments, dtype)
    row = CHOICES[kernel]
    with mp.workprec(4000):  # sums of numbers of any two sizes are exact
        return row(*arguments, limits=dtypes.computing(dtype))


def _meets_the_floor(step: Array, initial: Array, rate: Array, minimum: Array, limits: FloatType) -> bool:
    """Tell whether initial exp(-rate step) is the floor, up to 8 of its own rounding errors."""
    step, initial, rate, minimum = _numbers((step, initial, rate, minimum))
    exponent = rate * step
    decayed = initial / mp.exp(exponent)
    return bool(abs(decayed - minimum) <= 8 * limits.eps * (1 + exponent) * decayed)


#: Kernels made of branches that meet at an angle.
KINKS: dict[str, Callable[..., bool]] = {"annealing.exponential": _meets_the_floor}


def without_derivative(kernel: str, arguments: list[Array], dtype: str) -> bool:
    """Tell whether a kernel has no derivative, or the dtype does not determine which."""
    if blurred(kernel, arguments, dtype):
        return True
    row = KINKS.get(kernel)
    with mp.workprec(200):
        return row is not None and row(*arguments, limits=dtypes.computing(dtype))

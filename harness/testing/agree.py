"""`assert_agree`: two implementations of a function, in any two frameworks, give the same values and gradients.

No tolerance is given. Both functions are evaluated at the same inputs, rounded to the coarsest dtype that both compute
in; eps is the spacing of its numbers at 1. Rounding explains a difference of two numbers f and g if it is at most

    64 eps max(|f|, |g|)    roundings of the result: special functions of the frameworks are off by up to 32 eps each;
    + 4 c                   the condition: c is the root mean square change of the number when every input moves by 1 to
                            8 roundings, in the function in which it changes less;
    + t s                   the noise of roundings inside: s is the standard deviation of f - g over inputs moved at
                            random, t the quantile of Student's t that the noise of one of all the numbers of an
                            assertion exceeds with probability 1e-6.

**Noise.** A formula that cancels, such as (s^2 + m^2 - 1) / 2 - log s at s = 1, is off by eps times its largest term,
however well-conditioned the function is. The roundings inside change at random when the inputs move; what is wrong
with a port does not. So the inputs move by 3 sizes, 12 pairs of moves each: 1 to 8 roundings, a quarter of the digits
(eps^(3/4)), half of them (eps^(1/2)). Each pair is averaged so that what is linear in the move cancels; what is of
second order is at most eps times the second derivative, as the rounding of a term is. Larger moves count only for
numbers that they change by at most 3 %; for others they are not small (sin(1e4 x)).

**Float64.** Where that does not explain a difference in float32, both functions are computed in float64 too, if they
can be (JAX: with x64 enabled for the call). So the error of each in float32 is known, and twice their sum explains
differences too. This cannot hide a wrong port, which is as wrong in float64; only what depends on the dtype, such as a
bound at finfo(dtype).eps, counts as rounding. The result notes who lost digits. For example the cancelling formula
above agrees with a stable one though all of its digits are lost. But log(1 + exp(x)) at -40 is 0 in float64 too and
does not move; no rounding explains its difference from softplus, so that it fails. In 16 bits, where functions are
computed in float32 and rounded once, 4 eps replace 64 and 2 roundings 8.

**Undecided.** A number of which rounding explains half or more says nothing about a factor of 2. In float64 nothing
more precise is at hand. There a difference of at most 64 eps of the largest number that goes in or comes out may be
the rounding of a term that cancels; it is undecided too, unless it is of a value that moves with the inputs in one
function and not in the other, as that of log(1 + exp(x)) at -40 does not. Such numbers are counted in the result; if
there are no others, the assertion raises `UndecidedError` rather than pass.

**Not finite.** Both NaN, or both the same infinity, is agreement; one finite and the other not is a difference.
Numbers too large for the coarser dtype count as infinite, and differences below twice its smallest normal number as 0.

**Zeros and kinks.** An input that is 0 has no rounding; it is moved to see noise, not condition. So two conventions
for the derivative of ReLU at 0 differ, and the message says that this is a kink. At a tie of inputs that are not 0 one
rounding decides, so that the number is undecided.

**Frameworks.** See `harness.testing.ports.evaluation.resolve`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.errors import BadInputError, UndecidedError
from harness.testing.ports.comparison import Comparison, Row, compare
from harness.testing.ports.diagnosis import diagnose
from harness.testing.ports.evaluation import Side, resolve
from harness.testing.ports.inputs import prepare

#: Rows that a message lists at most.
LISTED = 6


@dataclass(frozen=True)
class Agreement:
    """What `assert_agree` found where two functions agree.

    Attributes:
        names: of the two functions, such as "first (torch)".
        dtype: the coarsest that both compute in, in which they were compared.
        seed: of the moves of the inputs and of the cotangents.
        rows: the compared arrays: values, and gradients by each input.
    """

    names: tuple[str, str]
    dtype: str
    seed: int
    rows: tuple[Row, ...]

    @property
    def worst(self) -> float:
        """The largest difference in units of what rounding explains: at most 1."""
        return max(float(np.max(row.ratio, initial=0.0)) for row in self.rows)

    @property
    def numbers(self) -> int:
        """How many numbers were compared."""
        return sum(row.first.size for row in self.rows)

    @property
    def undecided(self) -> int:
        """How many numbers rounding explains half of or more, so that a factor of 2 would not be seen."""
        return sum(int(np.count_nonzero(row.undecided)) for row in self.rows)

    def __str__(self) -> str:
        values = sum(row.kind == "value" for row in self.rows)
        gradients = len(self.rows) - values
        what = f"{self.numbers:,} numbers of {values} value{'s' * (values != 1)}"
        what += f" and {gradients} gradient{'s' * (gradients != 1)}" if gradients else ", no gradients"
        text = (
            f"{self.names[0]} and {self.names[1]} agree in {self.dtype}: {what}; the largest difference is "
            f"{self.worst:.2g} of what rounding explains"
        )
        undecided = [f"undecided: {self.undecided:,}"] if self.undecided else []
        return "; ".join([text, *undecided, *self.notes])

    @property
    def notes(self) -> tuple[str, ...]:
        """Which function lost digits that the other has, as far as the comparison needed to know."""
        found = []
        for side, name in enumerate(self.names):
            rows = [row for row in self.rows if np.any(row.lost[side])]
            if rows:
                count = sum(int(np.count_nonzero(row.lost[side])) for row in rows)
                row, index = rows[0], int(np.argmax(rows[0].lost[side]))
                found.append(
                    f"{name} loses digits in {self.dtype}: {count:,} number{'s' * (count != 1)}, such as "
                    f"{row.name(index)}: {row.first[index]:.4g} and {row.second[index]:.4g}"
                )
        return tuple(found)


def assert_agree(
    first: Callable[..., Any],
    second: Callable[..., Any],
    inputs: Mapping[str, Any] | Sequence[Any],
    *,
    frameworks: tuple[str | None, str | None] | None = None,
    dtype: str | None = None,
    gradients: bool = True,
    seed: int = 0,
) -> Agreement:
    """Check that two implementations of a function give the same values and gradients, up to rounding.

    Args:
        first: a function of NumPy, PyTorch, JAX or TensorFlow arrays. It returns an array, or arrays in any nesting of
            dict, list and tuple. The gradient of an array that is no scalar is its product with a fixed random
            cotangent. It is called about 100 times and must be deterministic: noise is an input.
        second: another one, of the same or another framework.
        inputs: arguments by name, or by position in a list or tuple: arrays of any framework, numbers, or nested dicts,
            lists and tuples of them. Floating ones are moved and differentiated by; others are passed unchanged.
        frameworks: of the two functions, such as ("torch", "jax"); None finds out. NumPy has no gradients, so that only
            values are compared with it.
        dtype: of all floating inputs, such as "float32"; None leaves each its own.
        gradients: whether gradients are compared.
        seed: of the moves of the inputs and of the cotangents.

    Returns:
        What was compared, with the largest difference in units of what rounding explains.

    Raises:
        AssertionError: a difference is larger than rounding explains; the message says where, by how much, and what it
            looks like. Or the results have different leaves or shapes.
        UndecidedError: rounding explains half of every number or more, so that nothing was checked.
        BadInputError: a function is not callable, does not take the inputs, is random, returns no numbers, or is of
            no framework that is imported; an input is not finite.

    Reference:
        The noise of computed functions: Moré and Wild (2011), Estimating Computational Noise, SIAM J. Sci. Comput.
        Condition and backward error: Higham (2002), Accuracy and Stability of Numerical Algorithms, chapter 1.
    """
    __tracebackhide__ = True
    names = (None, None) if frameworks is None else tuple(frameworks)
    if len(names) != 2:
        raise BadInputError(f'frameworks is {frameworks!r}; allowed: two names; give them as ("torch", "jax")')
    prepared = prepare(inputs, dtype)
    sides = (
        resolve(first, "first", prepared, names[0], gradients, seed),
        resolve(second, "second", prepared, names[1], gradients, seed),
    )
    found = compare(*sides, seed)
    if any(row.differs for row in found.rows):
        raise AssertionError(_failure(found, sides, seed))
    result = Agreement((sides[0].name, sides[1].name), found.dtype, seed, found.rows)
    if not any(np.any((row.first != 0) & ~row.undecided) for row in found.rows):
        raise UndecidedError(
            f"rounding in {found.dtype} explains half of every number or more, so that nothing is checked; give inputs "
            "at which values and gradients are not nearly 0, or compute in float64",
            math.inf,
        )
    return result


def _failure(found: Comparison, sides: tuple[Side, Side], seed: int) -> str:
    """Return the message for functions that differ."""
    names = (sides[0].name, sides[1].name)
    wrong = sorted((row for row in found.rows if row.differs), key=lambda row: -float(np.max(row.ratio)))
    lines = [f"{names[0]} and {names[1]} differ by more than rounding explains in {found.dtype} (seed {seed}):"]
    lines += [f"  {_describe(row)}" for row in wrong[:LISTED]]
    if len(wrong) > LISTED:
        lines.append(f"  and {len(wrong) - LISTED} more of {len(found.rows)} arrays")
    agreeing = [row.title for row in found.rows if not row.differs]
    if agreeing:
        lines.append(f"  these agree: {', '.join(agreeing[:LISTED])}{', ...' if len(agreeing) > LISTED else ''}")
    lines += [f"  diagnosis: {sentence}" for sentence in diagnose(found.rows, names, found.dtype)]
    return "\n".join(lines)


def _describe(row: Row) -> str:
    """Return the worst number of an array in words."""
    index = int(np.argmax(row.ratio))
    first, second, explained = (float(part[index]) for part in (row.first, row.second, row.explained))
    digits = 9 if f"{first:.9g}" != f"{second:.9g}" else 17
    text = f"{row.name(index)}: {first:.{digits}g} and {second:.{digits}g}"
    difference = float(row.difference[index])
    if not math.isfinite(difference):
        return f"{text}: one is not finite"
    times = f"{difference / explained:.3g} times what rounding explains, {explained:.2g}"
    return f"{text}: the difference {difference:.3g} is {times}"

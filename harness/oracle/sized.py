"""Numbers that carry the sum of the absolute values of their terms, which is what rounding errors are proportional to.

Every operation is done twice: on the value, and on magnitudes. A sum's size is the sum of sizes, also where it is a
difference; a product's relative size, size over value, is the sum of its factors' less one; a function's size is its
value plus its derivative times the size of its argument. That is how far a relative error of one unit in every
intermediate result takes a value, to first order.

Reference:
    Higham, Accuracy and Stability of Numerical Algorithms, 2002, sections 1.5 and 3.3 (running error analysis).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

#: An array of np.longdouble.
Real = NDArray[Any]
Axes = int | tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Sized:
    """A number and its size.

    Attributes:
        value: of any shape.
        size: sum of absolute terms, of the same shape, at least |value|.
    """

    value: Real
    size: Real

    #: An array on the left of an operation leaves it to this class.
    __array_ufunc__: ClassVar[None] = None

    def __iter__(self) -> Iterator[Real]:
        """Return value and size, one after the other."""
        return iter((self.value, self.size))

    def __add__(self, other: Any) -> Sized:
        """Return self + other."""
        right = sized(other)
        return Sized(self.value + right.value, self.size + right.size)

    def __radd__(self, other: Any) -> Sized:
        """Return other + self."""
        return self.__add__(other)

    def __neg__(self) -> Sized:
        """Return -self."""
        return Sized(-self.value, self.size)

    def __sub__(self, other: Any) -> Sized:
        """Return self - other."""
        return self + -sized(other)

    def __rsub__(self, other: Any) -> Sized:
        """Return other - self."""
        return sized(other) + -self

    def __mul__(self, other: Any) -> Sized:
        """Return self times other."""
        right = sized(other)
        value = self.value * right.value
        return Sized(value, np.abs(self.value) * right.size + self.size * np.abs(right.value) - np.abs(value))

    def __rmul__(self, other: Any) -> Sized:
        """Return other times self."""
        return self.__mul__(other)

    def __truediv__(self, other: Any) -> Sized:
        """Return self / other."""
        right = sized(other)
        value = self.value / right.value
        by = np.abs(right.value)
        return Sized(value, (self.size + np.abs(value) * right.size) / by - np.abs(value))

    def __rtruediv__(self, other: Any) -> Sized:
        """Return other / self."""
        return sized(other) / self

    def sum(self, axis: Axes, keepdims: bool = False) -> Sized:
        """Sum over axes."""
        return Sized(self.value.sum(axis, keepdims=keepdims), self.size.sum(axis, keepdims=keepdims))

    def mean(self, axis: Axes) -> Sized:
        """Average over axes."""
        return Sized(self.value.mean(axis), self.size.mean(axis))

    def map(self, change: Callable[[Real], Real]) -> Sized:
        """Reshape, index or transpose value and size alike."""
        return Sized(change(self.value), change(self.size))


def sized(value: Any) -> Sized:
    """Return a number with its own magnitude as size: one that is given, not computed."""
    if isinstance(value, Sized):
        return value
    wide = np.asarray(value, np.longdouble)
    return Sized(wide, np.abs(wide))


def _through(function: Callable[[Real], Real], slope: Callable[[Real], Real]) -> Callable[[Any], Sized]:
    def applied(argument: Any) -> Sized:
        given = sized(argument)
        value = function(given.value)
        return Sized(value, np.abs(value) + np.abs(slope(given.value)) * given.size)

    return applied


def _sigmoid(x: Real) -> Real:
    result: Real = np.exp(-np.logaddexp(0, -x))
    return result


exp = _through(np.exp, np.exp)
log = _through(np.log, lambda x: 1 / x)
cos = _through(np.cos, np.sin)
sin = _through(np.sin, np.cos)
sqrt = _through(np.sqrt, lambda x: 0.5 / np.sqrt(x))
softplus = _through(lambda x: np.logaddexp(0, x), _sigmoid)
sigmoid = _through(_sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x))
tanh = _through(np.tanh, lambda x: 1 / np.cosh(x) ** 2)


def square(x: Any) -> Sized:
    """Return x^2."""
    return sized(x) * sized(x)


def times(rows: Sized, matrix: Real) -> Sized:
    """Return rows @ matrix, of a matrix that is given, not computed."""
    return Sized(rows.value @ matrix, rows.size @ np.abs(matrix))


def where(condition: NDArray[np.bool_], yes: Sized, no: Sized) -> Sized:
    """Choose between two numbers."""
    return Sized(np.where(condition, yes.value, no.value), np.where(condition, yes.size, no.size))


def log_sum_exp(x: Sized, axis: int, keepdims: bool = False) -> Sized:
    """Return log(sum(exp(x))) over an axis."""
    largest = sized(x.value.max(axis, keepdims=True))
    total = log(exp(x - largest).sum(axis, keepdims=True)) + largest
    return total if keepdims else total.map(lambda part: part.squeeze(axis))


def softmax(x: Sized) -> Sized:
    """Return softmax over the last axis."""
    return exp(x - log_sum_exp(x, -1, keepdims=True))

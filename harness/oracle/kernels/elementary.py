"""Normalisation and choice, shared by the oracles of the discrete distributions."""

from __future__ import annotations

from typing import Any

from mpmath import mp

Number = Any  # an mpf
Vector = list[Any]


def softmax(scores: Vector) -> Vector:
    """Normalised exponentials: exp(s_i) / sum_j exp(s_j); NaN where every score is -inf."""
    weights = [mp.exp(score) for score in scores]
    total = mp.fsum(weights)
    return [weight / total if total else mp.nan for weight in weights]


def sigmoid(x: Number) -> Number:
    """Logistic function: 1 / (1 + exp(-x))."""
    return 1 / (1 + mp.exp(-x))


def arg_max(scores: Vector) -> int:
    """Return the lowest index of the largest score."""
    return max(range(len(scores)), key=lambda index: (scores[index], -index))


def one_hot(index: int, length: int) -> Vector:
    """Return the unit vector of `index`."""
    return [mp.one if position == index else mp.zero for position in range(length)]

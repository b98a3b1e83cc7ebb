"""Moments of a stream of gradients, in float64 and in memory that does not grow with the number of replicates.

Blocks are merged by the exact pairwise updates; nothing is subtracted from a sum of powers, so nothing cancels.

Reference:
    Chan, Golub and LeVeque, Updating Formulae, 1979; Pébay, Formulas for Robust, One-Pass Parallel Computation of
    Covariances and Arbitrary-Order Statistical Moments, Sandia report SAND2008-6212, equations 2.1 to 2.5 and 3.9.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


class Moments(NamedTuple):
    """Number, mean and sums of powers of deviations from the mean, elementwise over coordinates.

    Attributes:
        n: observations.
        mean: [*coordinates].
        second: sum over observations of (x - mean)^2.
        third: the same with the third power.
        fourth: the same with the fourth power.
    """

    n: int
    mean: Float
    second: Float
    third: Float
    fourth: Float


def moments(values: Float) -> Moments:
    """Return the moments of values [n, *coordinates] over the first axis."""
    first = values[0]
    mean = first + (values - first).mean(axis=0)  # about the first row, so that a constant has variance exactly 0
    deviation = values - mean
    square = deviation * deviation
    return Moments(
        len(values), mean, square.sum(axis=0), (square * deviation).sum(axis=0), (square * square).sum(axis=0)
    )


def merge(a: Moments, b: Moments) -> Moments:
    """Return the moments of both sets of observations together: Pébay, equations 2.1 to 2.5 (pairwise)."""
    n = a.n + b.n
    p, q = a.n / n, b.n / n
    d = b.mean - a.mean
    weight = a.n * q  # a.n b.n / n
    return Moments(
        n=n,
        mean=a.mean + d * q,
        second=a.second + b.second + d**2 * weight,
        third=a.third + b.third + d**3 * weight * (p - q) + 3 * d * (p * b.second - q * a.second),
        fourth=(
            a.fourth
            + b.fourth
            + d**4 * weight * (p * p - p * q + q * q)
            + 6 * d**2 * (p * p * b.second + q * q * a.second)
            + 4 * d * (p * b.third - q * a.third)
        ),
    )


class Stream(NamedTuple):
    """What is kept of gradients g [replicates, coordinates] after they have gone by.

    Attributes:
        centre: c, the pilot centre: the mean of the first block [coordinates].
        coordinates: moments of each coordinate of g.
        averages: moments of the mean over coordinates of g, a scalar per replicate.
        squares: moments of q = the mean over coordinates of (g - c)^2, a scalar per replicate.
        comoment: sum over replicates of (g - mean g)(q - mean q) [coordinates].
    """

    centre: Float
    coordinates: Moments
    averages: Moments
    squares: Moments
    comoment: Float


def _block(gradients: Float, centre: Float) -> Stream:
    coordinates = moments(gradients)
    squares = np.square(gradients - centre).mean(axis=1)  # [replicates]
    q = moments(squares)
    comoment = (gradients - coordinates.mean).T @ (squares - q.mean)  # [coordinates]
    return Stream(centre, coordinates, moments(gradients.mean(axis=1)), q, comoment)


def start(gradients: Float) -> Stream:
    """Return the stream after its first block [replicates, coordinates]."""
    return _block(gradients, moments(gradients).mean)


def extend(stream: Stream, gradients: Float) -> Stream:
    """Return the stream after another block [replicates, coordinates]."""
    block = _block(gradients, stream.centre)
    weight = stream.squares.n * block.squares.n / (stream.squares.n + block.squares.n)
    d_mean = block.coordinates.mean - stream.coordinates.mean
    d_squares = block.squares.mean - stream.squares.mean
    return Stream(
        stream.centre,
        merge(stream.coordinates, block.coordinates),
        merge(stream.averages, block.averages),
        merge(stream.squares, block.squares),
        stream.comoment + block.comoment + d_mean * d_squares * weight,  # Pébay, equation 3.9
    )

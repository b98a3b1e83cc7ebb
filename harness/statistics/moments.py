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


class Spread(NamedTuple):
    """Number, mean and squared deviations, elementwise over coordinates.

    Attributes:
        n: observations; an array where there are many sets, stacked.
        mean: [*coordinates].
        second: sum over observations of (x - mean)^2.
    """

    n: int | Float
    mean: Float
    second: Float


class Moments(NamedTuple):
    """A `Spread`, and sums of the third and the fourth power of the deviations.

    Attributes:
        n: observations; an array where there are many sets, stacked.
        mean: [*coordinates].
        second: sum over observations of (x - mean)^2.
        third: the same with the third power.
        fourth: the same with the fourth power.
    """

    n: int | Float
    mean: Float
    second: Float
    third: Float
    fourth: Float


def _mean(values: Float) -> Float:
    """Return the mean over the first axis: about the first row, so that a constant has variance exactly 0."""
    first = values[0]
    mean: Float = first + (values - first).mean(axis=0)
    return mean


def spread(values: Float) -> Spread:
    """Return mean and squared deviations of values [n, *coordinates] over the first axis."""
    mean = _mean(values)
    deviation = values - mean
    return Spread(len(values), mean, (deviation * deviation).sum(axis=0))


def moments(values: Float) -> Moments:
    """Return the moments of values [n, *coordinates] over the first axis."""
    mean = _mean(values)
    deviation = values - mean
    square = deviation * deviation
    return Moments(
        len(values), mean, square.sum(axis=0), (square * deviation).sum(axis=0), (square * square).sum(axis=0)
    )


def merge_spreads(a: Spread, b: Spread) -> Spread:
    """Return the spread of both sets of observations together: Chan, Golub and LeVeque."""
    n = a.n + b.n
    q = b.n / n
    d = b.mean - a.mean
    return Spread(n, a.mean + d * q, a.second + b.second + d * d * (a.n * q))


def merge(a: Moments, b: Moments) -> Moments:
    """Return the moments of both sets of observations together: Pébay, equations 2.1 to 2.5 (pairwise).

    Powers are products, so that many sets merged at once give the same bits as one after the other.
    """
    n = a.n + b.n
    p, q = a.n / n, b.n / n
    d = b.mean - a.mean
    square = d * d
    weight = a.n * q  # a.n b.n / n
    return Moments(
        n=n,
        mean=a.mean + d * q,
        second=a.second + b.second + square * weight,
        third=a.third + b.third + square * d * weight * (p - q) + 3 * d * (p * b.second - q * a.second),
        fourth=(
            a.fourth
            + b.fourth
            + square * square * weight * (p * p - p * q + q * q)
            + 6 * square * (p * p * b.second + q * q * a.second)
            + 4 * d * (p * b.third - q * a.third)
        ),
    )


def _from_two_sums(n: int, sums: Float, centre: Float, scale: float) -> tuple[Spread, Float]:
    """Return a spread, and the mean e of d, from the sums of d = (x - centre) / scale and d^2.

    sum (d - e)^2 = s2 - n e^2. Nothing is lost where e is small, that is where the centre is near the mean.
    """
    s1, s2 = np.moveaxis(sums, -1 - centre.ndim, 0)[:2]
    e = s1 / n
    return Spread(n, centre + scale * e, scale * scale * np.maximum(s2 - n * (e * e), 0.0)), e


def from_power_sums(n: int, sums: Float, centre: Float, scale: float) -> Moments:
    """Return the moments of n values x from the sums of the powers 1 to 4 of d = (x - centre) / scale.

    With e the mean of d, sum (d - e)^3 = s3 - 3 e s2 + 2 n e^3 and sum (d - e)^4 = s4 - 4 e s3 + 6 e^2 s2 - 3 n e^4.

    Args:
        n: how many values.
        sums: [..., 4, *coordinates].
        centre: [*coordinates].
        scale: of the differences.
    """
    two, e = _from_two_sums(n, sums, centre, scale)
    _, s2, s3, s4 = np.moveaxis(sums, -1 - centre.ndim, 0)
    square = e * e
    powers = scale * scale
    return Moments(
        *two,
        powers * scale * (s3 - 3 * e * s2 + 2 * n * square * e),
        powers * powers * np.maximum(s4 - 4 * e * s3 + 6 * square * s2 - 3 * n * square * square, 0.0),
    )


class Stream(NamedTuple):
    """What is kept of gradients g [replicates, coordinates] after they have gone by.

    Attributes:
        centre: c, the pilot centre: the mean of the first block [coordinates].
        coordinates: spread of each coordinate of g.
        averages: moments of the mean over coordinates of g, a scalar per replicate.
        squares: moments of q = the mean over coordinates of (g - c)^2, a scalar per replicate.
        comoment: sum over replicates of (g - mean g)(q - mean q) [coordinates].
    """

    centre: Float
    coordinates: Spread
    averages: Moments
    squares: Moments
    comoment: Float


def mean_squares(gradients: Float, centre: Float) -> Float:
    """Return the mean over coordinates of (g - c)^2 [replicates]."""
    squares: Float = np.square(gradients - centre).mean(axis=1)
    return squares


def block(gradients: Float, centre: Float) -> Stream:
    """Return the stream of one block [replicates, coordinates], about a given pilot centre."""
    coordinates = spread(gradients)
    squares = mean_squares(gradients, centre)
    q = moments(squares)
    comoment = (gradients - coordinates.mean).T @ (squares - q.mean)  # [coordinates]
    return Stream(centre, coordinates, moments(gradients.mean(axis=1)), q, comoment)


def start(gradients: Float) -> Stream:
    """Return the stream after its first block [replicates, coordinates]."""
    return block(gradients, _mean(gradients))


def extend(stream: Stream, gradients: Float) -> Stream:
    """Return the stream after another block [replicates, coordinates]."""
    return together(stream, block(gradients, stream.centre))


def together(a: Stream, b: Stream) -> Stream:
    """Return the stream of both sets of replicates, or of each pair of sets where they have a leading axis."""
    weight = a.squares.n * b.squares.n / (a.squares.n + b.squares.n)
    d_mean = b.coordinates.mean - a.coordinates.mean
    d_squares = (b.squares.mean - a.squares.mean)[..., None]
    return Stream(
        a.centre,
        merge_spreads(a.coordinates, b.coordinates),
        merge(a.averages, b.averages),
        merge(a.squares, b.squares),
        a.comoment + b.comoment + d_mean * d_squares * np.asarray(weight)[..., None],  # Pébay, equation 3.9
    )


def blocks(n: int, sums: dict[str, Float], centre: Float, scale: float) -> Stream:
    """Return the streams of blocks of n replicates each, stacked, from their sums.

    Args:
        n: replicates of each block.
        sums: of `streaming.power_sums`, in float64, with the blocks as a first axis; coordinates flat.
        centre: [coordinates].
        scale: the inverse of the rate.
    """
    count = len(sums["averages"])
    origin = np.zeros(())
    squares = from_power_sums(n, sums["squares"], origin, scale * scale)
    coordinates, _ = _from_two_sums(n, sums["coordinates"], centre, 1.0)
    averages = from_power_sums(n, sums["averages"], np.asarray(centre.mean()), scale)
    # sum (g - mean g)(q - mean q) = scale^2 (sum d p - n mean d mean p), with q = scale^2 p
    first = sums["coordinates"][:, 0] * (sums["squares"][:, :1] / n)  # [blocks, coordinates]
    comoment = scale * scale * (sums["crossed"] - first)
    numbers = np.full(count, float(n))
    return Stream(
        np.broadcast_to(centre, (count, *centre.shape)),
        coordinates._replace(n=numbers[:, None]),
        averages._replace(n=numbers),
        squares._replace(n=numbers),
        comoment,
    )

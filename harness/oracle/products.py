"""Truth for what the Fisher check asks: a matrix chosen by what is given, times one vector, and its scale."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from harness.oracle import fisher, scores
from harness.oracle.scores import Arrays, Real


class Product(NamedTuple):
    """A product with a matrix.

    Attributes:
        value: like the vector.
        load: like the vector, a number of the size of the absolute terms of each number. For a network's weights the
            product itself: its terms are of random sign.
    """

    value: dict[str, Real]
    load: dict[str, Real]


def outputs(model: str, parameters: Arrays, rest: Arrays) -> Arrays:
    """Return the parameters of the output distribution: a network's outputs, or, without one, what is given."""
    return fisher.outputs(model, parameters, rest["inputs"]) if model else parameters


def matrices(family: str, rows: Arrays, rest: Arrays, absolute: bool = False) -> Real:
    """Return the matrix of each example, [examples, numbers, numbers].

    Args:
        family: a key of `harness.oracle.scores.FAMILIES`.
        rows: outputs {name: [examples, *event]}.
        rest: with "labels", the empirical Fisher there; with "values" and "weights", that sum over samples; with
            neither, the Fisher information.
        absolute: of the absolute values of the scores.
    """
    if "labels" in rest:
        weights = np.ones((1, len(rest["labels"])), rest["labels"].dtype)
        return scores.second_moment(family, rows, rest["labels"][None], weights, absolute)
    if "values" in rest:
        return scores.second_moment(family, rows, rest["values"], rest["weights"], absolute)
    return scores.information(family, rows, absolute)


def product(family: str, model: str, parameters: Arrays, vector: Arrays, rest: Arrays) -> Product:
    """Product ((1/n) sum_i J_i^T M_i J_i + damping I) v.

    Args:
        family: of the outputs.
        model: a key of `harness.oracle.fisher.HEADS`; "" where the parameters are those of the distribution.
        parameters: weights, or {name: [examples, *event]}.
        vector: like the parameters.
        rest: as in `matrices`; "inputs" of a network; "damping".
    """
    rows = outputs(model, parameters, rest)
    exact = matrices(family, rows, rest)
    if model:
        value = load = fisher.product(exact, model, parameters, rest["inputs"], vector)
    else:
        size = matrices(family, rows, rest, absolute=True) / len(exact)
        value = fisher.multiply(exact / len(exact), vector)
        load = fisher.multiply(size, {key: np.abs(part) for key, part in vector.items()})
    damping = rest.get("damping", 0)
    return Product(
        {key: part + damping * vector[key] for key, part in value.items()},
        {key: np.abs(part) + damping * np.abs(vector[key]) for key, part in load.items()},
    )

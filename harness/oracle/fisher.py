"""Truth for Fisher-vector products: F v = (1/n) sum_i J_i^T F_i J_i v, with Jacobian products derived by hand.

A layer a -> z = a W + b moves by dz = da W + a dW + db, and gives back dW = a^T dz, db = sum of dz over rows and
da = dz W^T. The matrices F_i are explicit (`harness.oracle.scores`). Everything is generic in the NumPy dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from harness.oracle.networks import TANH
from harness.oracle.scores import Arrays, Real, flat


class Link(NamedTuple):
    """What makes a parameter of the output distribution of a head's numbers.

    Attributes:
        value: of the numbers.
        slope: its derivative there.
    """

    value: Callable[[Real], Real]
    slope: Callable[[Real], Real]


IDENTITY = Link(lambda u: u, np.ones_like)
# softplus' = sigmoid, and log sigmoid(u) = -softplus(-u)
SOFTPLUS = Link(lambda u: np.logaddexp(u, 0), lambda u: np.exp(-np.logaddexp(-u, 0)))

HIDDEN = ("hidden_1", "hidden_2")

#: The heads of each model, by its name in `implementations.interface.models`.
HEADS: Mapping[str, Mapping[str, Link]] = {
    "regression": {"loc": IDENTITY, "scale": SOFTPLUS},
    "classifier": {"logits": IDENTITY},
}


def _affine(parameters: Arrays, name: str, rows: Real) -> Real:
    result: Real = rows @ parameters[f"{name}.kernel"] + parameters[f"{name}.bias"]
    return result


def _activations(parameters: Arrays, inputs: Real) -> list[Real]:
    """Return the input of each hidden layer, and the last output."""
    rows = [inputs]
    for name in HIDDEN:
        rows.append(TANH.value(_affine(parameters, name, rows[-1])))
    return rows


def outputs(model: str, parameters: Arrays, inputs: Real) -> dict[str, Real]:
    """Map inputs to the parameters of the output distribution.

    Args:
        model: a key of `HEADS`.
        parameters: weights "NAME.kernel" and "NAME.bias".
        inputs: [examples, features].

    Returns:
        {name: [examples, event]}.

    Reference:
        The source article, section 4, `build_model`.
    """
    last = _activations(parameters, inputs)[-1]
    return {name: link.value(_affine(parameters, name, last)) for name, link in HEADS[model].items()}


def pushforward(model: str, parameters: Arrays, inputs: Real, vector: Arrays) -> dict[str, Real]:
    """Jacobian-vector product of `outputs` by the weights: J_i v of every example.

    Args:
        model: a key of `HEADS`.
        parameters: weights.
        inputs: [examples, features].
        vector: like the weights.

    Returns:
        {name: [examples, event]}.
    """

    def moved(name: str, rows: Real, change: Real) -> Real:
        return change @ parameters[f"{name}.kernel"] + _affine(vector, name, rows)

    activations = _activations(parameters, inputs)
    change = np.zeros_like(inputs)
    for name, rows, output in zip(HIDDEN, activations, activations[1:], strict=False):
        change = TANH.slope(output) * moved(name, rows, change)
    last = activations[-1]
    return {
        name: link.slope(_affine(parameters, name, last)) * moved(name, last, change)
        for name, link in HEADS[model].items()
    }


def pullback(model: str, parameters: Arrays, inputs: Real, cotangents: Arrays) -> dict[str, Real]:
    """Transposed product of `outputs` by the weights: sum_i J_i^T c_i.

    Args:
        model: a key of `HEADS`.
        parameters: weights.
        inputs: [examples, features].
        cotangents: {name: [examples, event]}.

    Returns:
        Like the weights.
    """
    found: dict[str, Real] = {}

    def back(name: str, rows: Real, upstream: Real) -> Real:
        found.update({f"{name}.kernel": rows.T @ upstream, f"{name}.bias": upstream.sum(0)})
        result: Real = upstream @ parameters[f"{name}.kernel"].T
        return result

    activations = _activations(parameters, inputs)
    last = activations[-1]
    upstream = np.zeros_like(last)
    for name, link in HEADS[model].items():
        upstream = upstream + back(name, last, link.slope(_affine(parameters, name, last)) * cotangents[name])
    for name, rows, output in zip(HIDDEN[::-1], activations[-2::-1], activations[:0:-1], strict=True):
        upstream = back(name, rows, upstream * TANH.slope(output))
    return found


def multiply(matrices: Real, tangents: Arrays) -> dict[str, Real]:
    """Multiply the matrix of each example with the tangents of its outputs.

    Args:
        matrices: [examples, numbers, numbers], as in `harness.oracle.scores.second_moment`.
        tangents: {name: [examples, *event]}.

    Returns:
        Like the tangents.
    """
    rows = np.einsum("iab,ib->ia", matrices, flat(tangents, 1))
    ends = np.cumsum([tangent[0].size for tangent in tangents.values()])
    parts = np.split(rows, ends[:-1], axis=1)
    return {name: part.reshape(tangents[name].shape) for name, part in zip(tangents, parts, strict=True)}


def product(matrices: Real, model: str, parameters: Arrays, inputs: Real, vector: Arrays) -> dict[str, Real]:
    """Product (1/n) sum_i J_i^T M_i J_i v of a network's weights.

    Args:
        matrices: M_i [examples, numbers, numbers].
        model: a key of `HEADS`.
        parameters: weights.
        inputs: [examples, features].
        vector: like the weights.

    Returns:
        Like the weights.

    Reference:
        Schraudolph, Fast curvature matrix-vector products, Neural Computation 14, 2002.
    """
    images = multiply(matrices, pushforward(model, parameters, inputs, vector))
    total = pullback(model, parameters, inputs, images)
    return {name: total[name] / len(inputs) for name in vector}

"""Every kernel of the contract on mpmath numbers, at whatever precision the caller has set.

A function here takes the kernel's core shapes: a scalar is an mpf, a vector a list, a matrix a list of rows.
Nothing is arranged for stability; at hundreds of digits the textbook form is right, and it is not the form
that the backends use. The tests hold it to quadrature, to derivatives of one another and to published digits.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

#: Kernels whose derivative is by design that of another one: their own value is piecewise constant.
STRAIGHT_THROUGH = {
    "gumbel.straight_through_gumbel_softmax": "gumbel.gumbel_softmax",
    "bernoulli.straight_through_sample": "bernoulli.relaxed_sample",
}


def find(name: str) -> Callable[..., Any]:
    """Return the oracle of kernel `name`, such as "gaussian.cdf"."""
    module, function = name.split(".")
    found: Callable[..., Any] = getattr(importlib.import_module(f"harness.oracle.kernels.{module}"), function)
    return found


def differentiated(name: str) -> Callable[..., Any]:
    """Return the function whose derivatives kernel `name` promises."""
    return find(STRAIGHT_THROUGH.get(name, name))

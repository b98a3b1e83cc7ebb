"""Valid random inputs for every kernel, made from its signature and its domains; no kernel is named one by one.

An argument's shape is its batch of `size` over the core elements of the largest argument, and then its core
dimensions; a temperature is one scalar, as in use. An argument's values follow its domain.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness import noise
from implementations.interface.contract import Kernel

Values = NDArray[np.float64]
Fill = Callable[[np.random.Generator, tuple[int, ...]], Values]

#: Length of each core dimension: n classes or coordinates, s samples. b is another name for the whole batch.
CORE = {"n": 16, "s": 16}


def _log_softmax(random: np.random.Generator, shape: tuple[int, ...]) -> Values:
    scores = random.standard_normal(shape)
    peak = scores.max(-1, keepdims=True)
    return np.asarray(scores - peak - np.log(np.exp(scores - peak).sum(-1, keepdims=True)))


#: Values by domain, well inside it in every dtype, so that no time is spent on infinities or subnormal numbers.
BY_DOMAIN: dict[str, Fill] = {
    "real": lambda random, shape: random.standard_normal(shape),
    "positive": lambda random, shape: random.uniform(0.5, 1.5, shape),
    "count": lambda random, shape: random.integers(1, 10, shape).astype(np.float64),
    "non_negative": lambda random, shape: random.uniform(0.5, 1.5, shape),
    "unit_interval": lambda random, shape: random.random(shape),
    "open_unit_interval": lambda random, shape: random.uniform(0.01, 0.99, shape),
    "probabilities": lambda random, shape: np.exp(_log_softmax(random, shape)),
    "temperature": lambda random, shape: random.uniform(0.5, 1.5, shape),
    "concentration": lambda random, shape: random.uniform(2.0, 5.0, shape),
    "beta_concentration": lambda random, shape: random.uniform(3.0, 5.0, shape),
    "binary": lambda random, shape: random.integers(0, 2, shape).astype(np.float64),
    "one_hot": lambda random, shape: np.eye(shape[-1])[random.integers(0, shape[-1], shape[:-1])],  # [*batch, n]
}

#: Values by the argument's name, where the domain does not say enough: the logarithm of a point of the simplex.
BY_ARGUMENT: dict[str, Fill] = {"log_value": _log_softmax}

#: Base noise of the argument `noise`, by kernel or else by module; standard normal where neither is listed.
NOISE = {
    "article": "gumbel",
    "bernoulli": "logistic",
    "divergences.kl_bernoulli_monte_carlo": "logistic",
    "divergences.kl_categorical_monte_carlo": "gumbel",
    "gumbel": "gumbel",
    "relaxed_categorical": "gumbel",
}


def core_dimensions(signature: str) -> list[tuple[str, ...]]:
    """Return the core dimensions of every argument, and then of the result: (n),()->() gives [("n",), (), ()]."""
    return [tuple(filter(None, dimensions.split(","))) for dimensions in re.findall(r"\(([^)]*)\)", signature)]


def _batch(kernel: Kernel, size: int) -> int:
    core = [
        math.prod(CORE.get(name, 1) for name in dimensions) for dimensions in core_dimensions(kernel.signature)[:-1]
    ]
    return max(1, size // max(core))


def _shape(dimensions: tuple[str, ...], batch: int) -> tuple[int, ...]:
    samples = (CORE["s"],) if "s" in dimensions else ()
    classes = (CORE["n"],) if "n" in dimensions else ()
    return (*samples, batch, *classes)  # [samples, batch, n], each where there is one


def shapes(kernel: Kernel, size: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every argument, of which the largest has `size` elements, rounded down to whole batches."""
    batch = _batch(kernel, size)
    dimensions = core_dimensions(kernel.signature)[:-1]
    return {
        argument: () if kernel.domain.get(argument) == "temperature" else _shape(core, batch)
        for argument, core in zip(kernel.arguments, dimensions, strict=True)
    }


def result_shape(kernel: Kernel, size: int) -> tuple[int, ...]:
    """Return the shape of the kernel's result for arguments of `shapes`."""
    return _shape(core_dimensions(kernel.signature)[-1], _batch(kernel, size))


def _fill(kernel: Kernel, argument: str) -> Fill:
    if argument == "noise":
        kind = NOISE.get(kernel.name, NOISE.get(kernel.module, "normal"))
        return lambda random, shape: noise.draw(kind, shape, random)
    return BY_ARGUMENT.get(argument, BY_DOMAIN[kernel.domain.get(argument, "real")])


def values(kernel: Kernel, size: int, seed: int) -> dict[str, Values]:
    """Return random arguments inside the kernel's domains, in float64.

    Args:
        kernel: its metadata.
        size: elements of the largest argument.
        seed: of the generator, which is keyed by kernel and argument.

    Returns:
        {argument: values}, in the order of the signature.
    """
    return {
        argument: np.asarray(_fill(kernel, argument)(noise.generator(seed, "timing", kernel.name, argument), shape))
        for argument, shape in shapes(kernel, size).items()
    }

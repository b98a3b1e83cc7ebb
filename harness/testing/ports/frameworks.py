"""Functions of NumPy, PyTorch, JAX and TensorFlow arrays, evaluated with their vector-Jacobian products.

No framework is imported here: a function of a framework's arrays has imported it, so that it is in `sys.modules`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.testing.ports.structure import flatten

Array = NDArray[np.float64]
#: Arrays in the order of the flattened inputs -> the function's result.
Call = Callable[[list[Any]], Any]
#: (index of an output, its shape) -> the cotangent [*shape] of its vector-Jacobian product.
Weight = Callable[[int, tuple[int, ...]], Array]


class Output(NamedTuple):
    """One leaf of a result.

    Attributes:
        path: of the leaf.
        leaf: an array of the framework, or a number.
        gradients: its vector-Jacobian product for each differentiated input, None where the leaf does not depend on
            it; empty where the leaf cannot be differentiated.
    """

    path: str
    leaf: Any
    gradients: list[Any]


#: Arrays in the order of the flattened inputs -> the leaves of the result.
Evaluate = Callable[[list[Any]], list[Output]]


class Framework(NamedTuple):
    """What `assert_agree` needs of a framework.

    Attributes:
        name: of its module.
        array: (NumPy array, name of a dtype) -> a new array of the framework.
        owns: whether a leaf of a result is an array of the framework.
        dtype: array -> name of its dtype, such as "float32".
        numpy: array -> float64 NumPy array.
        evaluator: (call, indices of the arrays to differentiate by, cotangents) -> evaluation of the function.
        double: a context in which arrays can be of float64.
    """

    name: str
    array: Callable[[NDArray[Any], str], Any]
    owns: Callable[[Any], bool]
    dtype: Callable[[Any], str]
    numpy: Callable[[Any], Array]
    evaluator: Callable[[Call, Sequence[int], Weight], Evaluate]
    double: Callable[[], AbstractContextManager[Any]] = nullcontext


def is_floating(dtype: str) -> bool:
    """Tell whether numbers of a dtype can be differentiated by: float16, bfloat16, float32, float64."""
    return "float" in dtype


def _torch() -> Framework:
    torch: Any = sys.modules["torch"]

    def vjp(leaf: Any, roots: list[Any], cotangent: Array) -> list[Any]:
        if not (roots and leaf.requires_grad):
            return [None] * len(roots)
        weights = torch.as_tensor(cotangent).to(leaf)
        return list(torch.autograd.grad(leaf, roots, weights, retain_graph=True, allow_unused=True))

    def evaluator(call: Call, wanted: Sequence[int], weight: Weight) -> Evaluate:
        def evaluate(arrays: list[Any]) -> list[Output]:
            # leaves of the graph, and copies of them for the function, which may work in place
            roots = [arrays[i].requires_grad_() for i in wanted]
            given = [item.clone() if i in wanted else item for i, item in enumerate(arrays)]
            with torch.enable_grad():
                leaves = flatten(call(given))
            smooth = [isinstance(leaf, torch.Tensor) and leaf.is_floating_point() for _, leaf in leaves]
            return [
                Output(path, leaf, vjp(leaf, roots, weight(index, tuple(leaf.shape))) if smooth[index] else [])
                for index, (path, leaf) in enumerate(leaves)
            ]

        return evaluate

    return Framework(
        name="torch",
        array=lambda value, dtype: torch.tensor(value).to(getattr(torch, dtype)),
        owns=lambda leaf: isinstance(leaf, torch.Tensor),
        dtype=lambda leaf: str(leaf.dtype).removeprefix("torch."),
        numpy=lambda leaf: np.asarray(leaf.detach().cpu().to(torch.float64).numpy()),
        evaluator=evaluator,
    )


def _jax() -> Framework:
    jax: Any = sys.modules["jax"]

    def array(value: NDArray[Any], dtype: str) -> Any:
        held = jax.numpy.asarray(value)  # float64 becomes float32 unless jax_enable_x64 is on
        return held if dtype == "float64" or not is_floating(dtype) else held.astype(dtype)

    def evaluator(call: Call, wanted: Sequence[int], weight: Weight) -> Evaluate:
        paths: list[str] = []
        selected: list[Callable[[list[Any]], Any]] = []

        def smooth(leaf: Any) -> bool:
            return isinstance(leaf, jax.Array) and is_floating(leaf.dtype.name)

        def run(arrays: list[Any]) -> tuple[list[Any], list[list[Any]]]:
            def function(roots: list[Any]) -> tuple[list[Any], list[Any]]:
                given = dict(enumerate(arrays)) | dict(zip(wanted, roots, strict=True))
                result = flatten(call(list(given.values())))
                paths[:] = [path for path, _ in result]
                leaves = [leaf for _, leaf in result]
                return [leaf for leaf in leaves if smooth(leaf)], leaves

            primal, product, leaves = jax.vjp(function, [arrays[i] for i in wanted], has_aux=True)
            gradients: list[list[Any]] = [[] for _ in leaves]
            for place, index in enumerate(i for i, leaf in enumerate(leaves) if smooth(leaf)):
                cotangents = [jax.numpy.zeros_like(leaf) for leaf in primal]
                weights = weight(index, tuple(primal[place].shape))
                cotangents[place] = jax.numpy.asarray(weights).astype(primal[place].dtype)
                gradients[index] = list(product(cotangents)[0]) if wanted else []
            return leaves, gradients

        def compiled(example: list[Any]) -> Callable[[list[Any]], Any]:
            places = [i for i, item in enumerate(example) if isinstance(item, jax.Array)]
            program = jax.jit(
                lambda values: run(list((dict(enumerate(example)) | dict(zip(places, values, strict=True))).values()))
            )
            return lambda arrays: program([arrays[i] for i in places])

        def evaluate(arrays: list[Any]) -> list[Output]:
            if not selected:
                selected.append(compiled(arrays))
                try:
                    selected[0](arrays)
                except Exception:  # a function of the values of its inputs, such as `if x > 0`, cannot be compiled
                    selected[0] = run
            leaves, gradients = selected[0](arrays)
            return [Output(*row) for row in zip(paths, leaves, gradients, strict=True)]

        return evaluate

    def double() -> AbstractContextManager[Any]:
        # it was in jax.experimental before jax 0.8
        owner = jax if hasattr(jax, "enable_x64") else importlib.import_module("jax.experimental")
        context: AbstractContextManager[Any] = owner.enable_x64(True)
        return context

    return Framework(
        name="jax",
        array=array,
        owns=lambda leaf: isinstance(leaf, jax.Array),
        dtype=lambda leaf: str(leaf.dtype.name),
        numpy=lambda leaf: np.asarray(leaf).astype(np.float64),
        evaluator=evaluator,
        double=double,
    )


def _tensorflow() -> Framework:
    tf: Any = sys.modules["tensorflow"]

    def vjp(tape: Any, leaf: Any, roots: list[Any], cotangent: Array) -> list[Any]:
        found = tape.gradient(leaf, roots, output_gradients=tf.cast(tf.constant(cotangent), leaf.dtype))
        return [None if item is None else tf.convert_to_tensor(item) for item in found]

    def evaluator(call: Call, wanted: Sequence[int], weight: Weight) -> Evaluate:
        def evaluate(arrays: list[Any]) -> list[Output]:
            roots = [arrays[i] for i in wanted]
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(roots)
                leaves = flatten(call(arrays))
            smooth = [isinstance(leaf, tf.Tensor | tf.Variable) and leaf.dtype.is_floating for _, leaf in leaves]
            return [
                Output(path, leaf, vjp(tape, leaf, roots, weight(index, tuple(leaf.shape))) if smooth[index] else [])
                for index, (path, leaf) in enumerate(leaves)
            ]

        return evaluate

    return Framework(
        name="tensorflow",
        array=lambda value, dtype: tf.cast(tf.constant(value), dtype),
        owns=lambda leaf: isinstance(leaf, tf.Tensor | tf.Variable),
        dtype=lambda leaf: str(leaf.dtype.name),
        numpy=lambda leaf: leaf.numpy().astype(np.float64),
        evaluator=evaluator,
    )


def _numpy() -> Framework:
    return Framework(
        name="numpy",
        array=lambda value, dtype: np.array(value, dtype=dtype),
        owns=lambda leaf: isinstance(leaf, np.ndarray | np.generic | float | int),
        dtype=lambda leaf: np.asarray(leaf).dtype.name,
        numpy=lambda leaf: np.asarray(leaf).astype(np.float64),
        evaluator=lambda call, _wanted, _weight: (
            lambda arrays: [Output(path, leaf, []) for path, leaf in flatten(call(arrays))]
        ),
    )


#: In the order in which they are tried. NumPy is last: it has no gradients, and its functions take other arrays too.
_FRAMEWORKS: dict[str, Callable[[], Framework]] = {
    "torch": _torch,
    "jax": _jax,
    "tensorflow": _tensorflow,
    "numpy": _numpy,
}

NAMES = tuple(_FRAMEWORKS)


def loaded() -> list[str]:
    """Return the names of the frameworks that this process has imported."""
    return [name for name in NAMES if name in sys.modules]


def framework(name: str) -> Framework:
    """Return what `assert_agree` needs of a framework that this process has imported."""
    return _FRAMEWORKS[name]()

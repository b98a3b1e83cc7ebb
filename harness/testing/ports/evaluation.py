"""One function of a port: which framework it is of, and all numbers that it gives: values and gradients, in float64."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from harness.errors import BadInputError, one_line
from harness.testing.ports.frameworks import NAMES, Array, Evaluate, Framework, Output, framework, is_floating, loaded
from harness.testing.ports.inputs import EPSILON, Inputs
from harness.testing.ports.mentions import mentioned
from harness.testing.ports.structure import rebuild


class Key(NamedTuple):
    """What an array is: "value" of an output, or its "gradient" by an argument; "" is a bare output."""

    kind: str
    output: str
    argument: str

    @property
    def title(self) -> str:
        """The array in messages: "value of kl", "gradient by sigma"."""
        of = f" of {self.output}" if self.output else ""
        by = f" by {self.argument}" if self.argument else ""
        return f"{self.kind}{of}{by}"


class Group(NamedTuple):
    """Numbers of one array that a function gives.

    Attributes:
        key: what the array is.
        shape: of the array.
        dtype: of the output.
        numbers: the array as a float64 vector.
        connected: False for a gradient that does not reach the input.
    """

    key: Key
    shape: tuple[int, ...]
    dtype: str
    numbers: Array
    connected: bool = True

    @property
    def title(self) -> str:
        """The array in messages."""
        return self.key.title


@dataclass(frozen=True)
class Side:
    """A function, the framework that it computes in, and the dtypes of the floating inputs that it is given.

    Attributes:
        label: "first" or "second".
        framework: of its arrays.
        evaluate: the function with its gradients.
        inputs: its inputs.
        dtypes: of the floating inputs that it is given.
        dtype: the coarsest that it computes in.
    """

    label: str
    framework: Framework
    evaluate: Evaluate
    inputs: Inputs
    dtypes: tuple[str, ...]
    dtype: str

    @property
    def name(self) -> str:
        """The function in messages: "first (torch)"."""
        return f"{self.label} ({self.framework.name})"

    def groups(self, points: Sequence[Array]) -> tuple[Group, ...]:
        """Return all numbers at an input: the outputs, and the gradient of each floating output by each input.

        The gradient of an array is its vector-Jacobian product with a fixed random cotangent.

        Args:
            points: the floating inputs.

        Raises:
            BadInputError: the result has no array of the framework, or a leaf that is not a number.
        """
        return _groups(self, self.evaluate(_arrays(self, points)))

    def in_float64(self, points: Sequence[Array]) -> tuple[Group, ...] | None:
        """Return all numbers computed in float64 at the same inputs; None where the function cannot do so."""
        side = replace(self, dtypes=("float64",) * len(self.dtypes))
        with self.framework.double():
            try:
                found = side.groups(points)
            except Exception:  # a function of float32 weights, for instance
                return None
        double = all(group.dtype == "float64" for group in found if is_floating(group.dtype))
        return found if double else None


def _arrays(side: Side, points: Sequence[Array]) -> list[Any]:
    """Return the inputs as new arrays of the framework."""
    given: list[Any] = list(side.inputs.leaves)
    for place, leaf in enumerate(given):
        if isinstance(leaf, np.ndarray) and place not in side.inputs.floating:
            given[place] = side.framework.array(leaf, side.inputs.dtypes[place])
    for place, point, dtype in zip(side.inputs.floating, points, side.dtypes, strict=True):
        given[place] = side.framework.array(point, dtype)
    return given


def _groups(side: Side, outputs: Sequence[Output]) -> tuple[Group, ...]:
    """Return the numbers of a result."""
    own = side.framework
    _require_numbers(side, outputs)
    found = []
    for path, leaf, gradients in outputs:
        dtype = own.dtype(leaf) if own.owns(leaf) else np.asarray(leaf).dtype.name
        numbers = own.numpy(leaf) if own.owns(leaf) else np.asarray(leaf, dtype=np.float64)
        found.append(Group(Key("value", path, ""), numbers.shape, dtype, numbers.reshape(-1)))
        for place, item in zip(side.inputs.floating if gradients else (), gradients, strict=True):
            shape = np.shape(side.inputs.leaves[place])
            by = np.zeros(shape) if item is None else own.numpy(item)
            name = side.inputs.paths[place]
            found.append(Group(Key("gradient", path, name), shape, dtype, by.reshape(-1), item is not None))
    return tuple(found)


def _require_numbers(side: Side, outputs: Sequence[Output]) -> None:
    """Check that a result consists of numbers, and that one of them is an array of the framework."""
    own = side.framework
    for path, leaf, _ in outputs:
        kind = "" if own.owns(leaf) else np.asarray(leaf).dtype.kind
        if kind not in "fiub":
            where = f" at {path!r}" if path else ""
            raise BadInputError(
                f"{side.name} returns {type(leaf).__name__}{where}, not numeric; allowed: arrays and numbers in any "
                "nesting of dict, list, tuple; return these"
            )
        if own.owns(leaf) and "complex" in own.dtype(leaf):
            raise BadInputError(
                f"{side.name} returns complex numbers; allowed: real ones; return their real and imaginary parts"
            )
    if not any(own.owns(leaf) for _, leaf, _ in outputs):
        kinds = ", ".join(sorted({type(leaf).__name__ for _, leaf, _ in outputs})) or "nothing"
        raise BadInputError(f"{side.name} returns {kinds}; allowed: at least one array of {own.name}; return one")


def cotangent(seed: int, index: int, shape: tuple[int, ...]) -> Array:
    """Return the fixed random weights of an output, +-[1/2, 3/2] in steps of 1/64; 1 for a scalar."""
    if not shape:
        return np.ones(())
    generator = np.random.default_rng([seed, index])
    return np.asarray(generator.choice([-1.0, 1.0], shape) * generator.integers(32, 97, shape) / 64)


def resolve(function: Any, label: str, inputs: Inputs, name: str | None, gradients: bool, seed: int) -> Side:
    """Return a function with the framework that it computes in.

    The frameworks that the process has imported are tried in turn, first those that the function's code refers to.
    A function is of a framework if, given its arrays, it returns its arrays and can be differentiated. NumPy, which
    differentiates nothing, is the last one. So a function of methods alone, such as x.sum(), is of the first framework.
    Inputs of float64 are given as float32 where a function takes no float64.

    Raises:
        BadInputError: the function is not callable, does not take the inputs, or works with no framework.
    """
    if not callable(function):
        raise BadInputError(f"{label} is {type(function).__name__}, not callable; allowed: a function; give one")
    if name is not None and name not in loaded():
        raise BadInputError(
            f"frameworks has {name!r} for the {label} function; allowed: {', '.join(loaded())}, which are imported here"
            if name in NAMES
            else f"frameworks has {name!r}; allowed: {', '.join(NAMES)}"
        )
    _require_arguments(function, label, inputs.tree)
    hints = mentioned(function) if name is None else {name}
    order = sorted(loaded(), key=lambda candidate: (candidate == "numpy", candidate not in hints))
    order = order if name is None else [name]
    given = tuple(inputs.dtypes[i] for i in inputs.floating)
    single = tuple("float32" if dtype == "float64" else dtype for dtype in given)
    failures: dict[str, Exception] = {}
    for candidate in order:
        for dtypes in dict.fromkeys((given, single)):
            try:
                return _side(function, label, framework(candidate), inputs, dtypes, gradients, seed)
            except Exception as error:
                failures.setdefault(candidate, error)
    likely = [candidate for candidate in order if candidate in hints] or order
    if all(isinstance(failures[candidate], BadInputError) for candidate in likely):
        raise failures[likely[0]]
    tried = "; ".join(
        one_line(f"{type(failures[candidate]).__name__} with {candidate}: {failures[candidate]}")
        for candidate in likely
    )
    raise BadInputError(
        f"the {label} function gives no arrays of {' or '.join(order)} from the inputs: {tried[:600]}; allowed: a "
        'function of arrays of one of these; fix it, import its framework, or name it: frameworks=("torch", "jax")'
    ) from failures[likely[0]]


def _side(
    function: Callable[..., Any],
    label: str,
    own: Framework,
    inputs: Inputs,
    dtypes: tuple[str, ...],
    gradients: bool,
    seed: int,
) -> Side:
    """Return a function as one of a framework, evaluated once to see which dtypes it computes in.

    Raises:
        Exception: whatever the function raises, given the framework's arrays.
        BadInputError: it returns others, or computes in a dtype that is not known here.
    """

    def call(leaves: list[Any]) -> Any:
        tree = rebuild(inputs.tree, iter(leaves))
        return function(**tree) if isinstance(tree, Mapping) else function(*tree)

    evaluate = own.evaluator(
        call, inputs.floating if gradients else (), lambda index, shape: cotangent(seed, index, shape)
    )
    side = Side(label, own, evaluate, inputs, dtypes, "float64")
    held = {own.dtype(own.array(point, dtype)) for point, dtype in zip(inputs.points, dtypes, strict=True)}
    held |= {group.dtype for group in side.groups(inputs.points) if is_floating(group.dtype)}
    if not held <= set(EPSILON):
        unknown = min(held - set(EPSILON))
        raise BadInputError(f"{side.name} computes in {unknown}; allowed: {', '.join(EPSILON)}; use one of these")
    return replace(side, dtype=max(held, key=lambda name: EPSILON[name]))


def _require_arguments(function: Callable[..., Any], label: str, tree: Any) -> None:
    """Check that a function takes the inputs, where its signature can be read."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        if isinstance(tree, Mapping):
            signature.bind(**tree)
        else:
            signature.bind(*tree)
    except TypeError as error:
        names = ", ".join(map(str, tree)) if isinstance(tree, Mapping) else f"{len(tree)} inputs by position"
        raise BadInputError(
            f"the {label} function does not take the inputs ({error}); given: {names}; it takes {signature}; "
            "name the inputs as its arguments are named"
        ) from None

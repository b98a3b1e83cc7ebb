"""A subject of a loss in JAX.

The loss is called as `loss(parameters, key)`. Its gradient is compiled twice: for one replicate, so that the time of a
single gradient is that of a program for one, and for a block of replicates by `vmap` over keys. The key of a replicate
is folded from the seed and the replicate's index, so that all keys differ; no global state is involved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import BadInputError, shown
from harness.subjects import losses
from harness.subjects.subject import Subject

if TYPE_CHECKING:
    import jax

# Separates the keys of a seed from those that a caller derives from `jax.random.key(seed)`
_SPAWN_KEY = (0x6A6178,)

_TRACED = (
    "while JAX traces it, so that every gradient would have the same draws; allowed: draws by jax.random from the key; "
    "fixed data is drawn outside of the loss"
)


def from_jax(loss: Callable[[Any, jax.Array], jax.Array], parameters: Any, *, name: str = "") -> Subject:
    """Return the subject of a loss: n independent gradients of `loss(parameters, key)` from one seed.

    Args:
        loss: (parameters, key) -> a scalar; a pure function that `jax.jit` and `jax.vmap` take. `key` is a typed one,
            as `jax.random.key` makes them.
        parameters: a pytree of real floating-point numbers; they are copied once, now.
        name: of the subject; without one, the function's.

    Returns:
        a subject whose pytree has the structure of `parameters` where that is a nesting of dict, list and tuple, and
        is a dict by path ("layers.0.weight") where another kind of node is in it. Each leaf is a NumPy array
        [n, *shape]. `block` is the number of replicates of one call of the program; other sizes work, and the
        last block is padded.

    Raises:
        BadInputError: JAX is not installed; the loss is not callable, is not a real scalar, or draws from the global
            generators of Python or NumPy; there is no parameter, one is not a real floating-point number, or no
            gradient reaches it. What the loss itself raises passes through.
    """
    losses.require_framework("jax")
    losses.require_function(loss, "loss(parameters, key)")
    import jax

    paths, values, structure = _flat(parameters)
    width = _traced_width(loss, paths, jax.tree.unflatten(structure, values))
    block = losses.block_size(width)
    single, blocked = _program(loss, structure, 1), _program(loss, structure, block)
    rebuild = _rebuild(parameters, paths, structure)

    def gradients(seed: int, n: int) -> Any:
        program, size = (single, 1) if n == 1 else (blocked, block)
        words = np.random.SeedSequence(seed, spawn_key=_SPAWN_KEY).generate_state(2)
        drawn = ((start, program(values, np.array([*words, start], dtype=np.uint32))) for start in range(0, n, size))
        return rebuild(_gathered(drawn, n, size, values))

    return Subject(gradients, losses.name_of(loss, name), block)


def _flat(parameters: Any) -> tuple[list[str], list[jax.Array], Any]:
    """Return paths, leaves as arrays, and structure of the parameters, checked."""
    import jax

    entries, structure = jax.tree_util.tree_flatten_with_path(parameters)
    if not entries:
        raise losses.no_parameters(parameters)
    paths = _paths([path for path, _ in entries])
    for path, (_, leaf) in zip(paths, entries, strict=True):
        dtype = getattr(leaf, "dtype", np.result_type(leaf) if isinstance(leaf, int | float | complex) else None)
        if dtype is None or not jax.numpy.issubdtype(dtype, jax.numpy.floating):
            raise BadInputError(
                f"{losses.described(path)} is {shown(leaf) if dtype is None else f'of dtype {dtype}'}; allowed: real "
                "floating-point numbers; convert it, or keep it in the loss and not among the parameters"
            )
    return paths, [jax.numpy.asarray(leaf) for _, leaf in entries], structure


def _paths(paths: Sequence[Any]) -> list[str]:
    """Return readable paths, "layers.0.weight"; JAX's own, "['layers'][0]['weight']", where two would be equal."""
    from jax.tree_util import keystr

    short = [keystr(path, simple=True, separator=".") for path in paths]
    return short if len(set(short)) == len(short) else [keystr(path) for path in paths]


def _rebuild(parameters: Any, paths: Sequence[str], structure: Any) -> Callable[[Sequence[Any]], Any]:
    """Return the function from one array per leaf to the pytree of a subject."""
    import jax

    if _plain(parameters):
        return lambda arrays: jax.tree.unflatten(structure, arrays)
    return lambda arrays: dict(zip(paths, arrays, strict=True))


def _plain(node: Any) -> bool:
    """Return whether a pytree is a nesting of dict, list and tuple, without other nodes."""
    import jax

    if type(node) is dict:
        return all(_plain(value) for value in node.values())
    if type(node) in (list, tuple):
        return all(_plain(value) for value in node)
    return isinstance(node, jax.Array | np.ndarray | np.generic | float)


def _traced_width(loss: Callable[[Any, Any], Any], paths: Sequence[str], parameters: Any) -> int:
    """Trace the loss and its gradient, check both, and return the numbers that one replicate needs at once.

    These are the coordinates of the gradient, or the elements of the largest array on the way to it if those are more:
    a loss of two parameters may pass 10^5 data points.
    """
    import jax

    key = jax.random.key(0)
    with losses.host_generators() as seed_host:
        seed_host(0)
        before = losses.host_positions()
        value = jax.eval_shape(loss, parameters, key)
        if not hasattr(value, "shape"):
            raise BadInputError(
                f"the loss returns a {type(value).__name__}; allowed: a scalar array; return the loss alone, without "
                "auxiliary values"
            )
        losses.require_scalar(value.shape, str(value.dtype), real=jax.numpy.issubdtype(value.dtype, jax.numpy.floating))
        program = jax.make_jaxpr(jax.grad(loss))(parameters, key).jaxpr
        losses.require_no_host_draws(before, _TRACED)
    zeros = [path for path, zero in zip(paths, _structural_zeros(program), strict=True) if zero]
    if zeros:
        raise losses.unreachable(zeros)
    coordinates: int = sum(math.prod(variable.aval.shape) for variable in program.outvars)
    return max([coordinates, *_sizes(program)])


def _structural_zeros(program: Any) -> list[bool]:
    """Return which outputs of the program of a gradient are zero whatever the inputs are.

    JAX's transposition keeps a cotangent that does not exist symbolic, and writes a broadcast literal 0 at the end.
    """
    makers = {variable: equation for equation in program.eqns for variable in equation.outvars}

    def is_zero(variable: Any) -> bool:
        if hasattr(variable, "val"):
            return bool(np.all(np.asarray(variable.val) == 0))
        maker = makers.get(variable)
        return maker is not None and maker.primitive.name == "broadcast_in_dim" and is_zero(maker.invars[0])

    return [is_zero(variable) for variable in program.outvars]


def _sizes(program: Any) -> Iterator[int]:
    """Yield the number of elements of every array that a program computes, those of inner programs included."""
    for equation in program.eqns:
        yield from (math.prod(getattr(variable.aval, "shape", ())) for variable in equation.outvars)
        for parameter in equation.params.values():
            for inner in parameter if isinstance(parameter, tuple | list) else (parameter,):
                inner_program = getattr(inner, "jaxpr", inner)
                if hasattr(inner_program, "eqns"):
                    yield from _sizes(inner_program)


def _program(
    loss: Callable[[Any, Any], Any], structure: Any, size: int
) -> Callable[[Sequence[jax.Array], np.ndarray], list[jax.Array]]:
    """Return the compiled program of `size` gradients.

    It maps the leaves of the parameters and three words (two of the seed, the index of the first replicate) to the
    leaves of the gradient, each [size, *shape].
    """
    import jax

    def one(values: Sequence[jax.Array], key: jax.Array) -> list[jax.Array]:
        gradient = jax.grad(loss)(jax.tree.unflatten(structure, values), key)
        return jax.tree.leaves(gradient)

    def many(values: Sequence[jax.Array], words: jax.Array) -> list[jax.Array]:
        base = jax.random.fold_in(jax.random.key(words[0]), words[1])
        if size == 1:
            return [leaf[None] for leaf in one(values, jax.random.fold_in(base, words[2]))]
        indices = words[2] + jax.numpy.arange(size, dtype=np.uint32)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(base, indices)  # [size]
        return jax.vmap(one, (None, 0))(values, keys)

    return jax.jit(many)


def _gathered(
    drawn: Iterator[tuple[int, list[jax.Array]]], n: int, size: int, values: Sequence[jax.Array]
) -> list[np.ndarray]:
    """Return the first n gradients of blocks of `size` as NumPy arrays, without a copy where there is one block."""
    if n <= size:
        return [np.asarray(leaf)[:n] for _, leaves in drawn for leaf in leaves]
    out = [np.empty((n, *value.shape), dtype=value.dtype) for value in values]

    def copy(start: int, leaves: Sequence[jax.Array]) -> None:
        for whole, leaf in zip(out, leaves, strict=True):
            whole[start : start + size] = np.asarray(leaf)[: n - start]

    # a block is copied while JAX computes the next one
    previous = next(drawn)
    for current in drawn:
        copy(*previous)
        previous = current
    copy(*previous)
    return out

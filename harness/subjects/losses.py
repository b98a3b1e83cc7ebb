"""What the constructors of subjects from a loss share: checks of the input, names of parameters, seeds of replicates.

This module imports no framework. A framework's module draws the gradient of one replicate, given one word of 64 bits;
the words, the order of the replicates and the state of Python's and NumPy's global generators are the same for all.
"""

from __future__ import annotations

import contextlib
import importlib.util
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.random import mtrand

from harness.errors import BadInputError, shown
from harness.requirements import install_command

#: Replicates that are evaluated beyond the n of a call before a parameter counts as one that no gradient reaches; a
#: layer that is skipped at random with probability 1/2 goes unseen in all of them once in 2^32.
PROBES = 32

# Separates the words of this module from whatever else a caller derives from the same seed
_SPAWN_KEY = (0x6C6F7373,)

_MULTIPLIERS = (np.uint32(0x7FEB352D), np.uint32(0x846CA68B), np.uint32(0x7FEB352D))

#: Numbers that one array of a block of replicates holds at most, and replicates of a block at most: 4 MB in float32
#: stay in a processor's cache, and 4,096 replicates make the cost of a call negligible.
BLOCK_NUMBERS = 2**20
BLOCK_REPLICATES = 4096


class Parameters(NamedTuple):
    """The parameters of a loss, flattened.

    Attributes:
        names: a path for each leaf, such as "layer.weight" or "b[0]"; "" for a bare one.
        leaves: the parameters.
        rebuild: one value per leaf -> the structure that the caller gave.
    """

    names: tuple[str, ...]
    leaves: tuple[Any, ...]
    rebuild: Callable[[Sequence[Any]], Any]


def require_framework(name: str) -> None:
    """Raise where a framework is not installed, without importing it.

    Raises:
        BadInputError: it is not installed; the message holds the command that installs it.
    """
    if importlib.util.find_spec(name) is None:
        raise BadInputError(f"{name} is not installed; install it: {install_command(name)}")


def require_function(loss: object, signature: str) -> None:
    """Raise where a loss is not callable.

    Args:
        loss: what the caller gave.
        signature: how it is called, such as "loss()".
    """
    if not callable(loss):
        raise BadInputError(
            f"the loss is {shown(loss)}, which is not callable; allowed: a function called as {signature} that returns "
            "a scalar; pass the function itself, not its value"
        )


def require_scalar(shape: Sequence[int], dtype: str, *, real: bool) -> None:
    """Raise where what a loss returns is not one real floating-point number.

    Args:
        shape: of what it returns.
        dtype: of what it returns, for the message.
        real: whether that dtype is a real floating-point one.
    """
    if len(shape):
        raise BadInputError(
            f"the loss is not scalar: it returns shape {tuple(shape)}; allowed: shape (); return its sum or its mean"
        )
    if not real:
        raise BadInputError(
            f"the loss has dtype {dtype}; allowed: a real floating-point number; return a float, such as the real part"
        )


def described(name: str) -> str:
    """Return a parameter as messages name it, "parameter 'layer.weight'"; a bare one is "the parameter"."""
    return f"parameter {name!r}" if name else "the parameter"


def unreachable(names: Sequence[str]) -> BadInputError:
    """Return the error for parameters that no gradient reaches."""
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return BadInputError(
        f"no gradient reaches {described(names[0])}{more}; allowed: parameters on which the loss depends through "
        "differentiable operations; use it without detaching or rounding it, or remove it from the parameters"
    )


def no_parameters(parameters: object) -> BadInputError:
    """Return the error for parameters without a leaf."""
    return BadInputError(
        f"the parameters are empty: {shown(parameters)}; allowed: at least one parameter that requires a gradient; "
        "pass what the loss is differentiated by"
    )


def flatten(parameters: Any, expand: Callable[[Any], Mapping[str, Any] | None]) -> Parameters:
    """Flatten a nesting of dict, list and tuple; everything else is a leaf.

    Args:
        parameters: what the caller gave.
        expand: returns the named parameters of a node that holds several, such as a network; None for any other node.

    Returns:
        the parameters; `rebuild` gives dict for dict and for what `expand` expands, list for list, tuple for tuple.

    Raises:
        BadInputError: there is no leaf.
    """
    names: list[str] = []
    leaves: list[Any] = []

    def walk(node: Any, path: str) -> Callable[[Iterator[Any]], Any]:
        expanded = expand(node)
        if expanded is not None or isinstance(node, Mapping):
            entries = dict(node if expanded is None else expanded)
            inner = {key: walk(value, f"{path}.{key}" if path else str(key)) for key, value in entries.items()}
            return lambda values: {key: build(values) for key, build in inner.items()}
        if isinstance(node, list | tuple):
            parts = [walk(value, f"{path}[{index}]") for index, value in enumerate(node)]
            kind = list if isinstance(node, list) else tuple
            return lambda values: kind(build(values) for build in parts)
        names.append(path)
        leaves.append(node)
        return next

    build = walk(parameters, "")
    if not leaves:
        raise no_parameters(parameters)
    return Parameters(tuple(names), tuple(leaves), lambda values: build(iter(values)))


def _permuted(index: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return keyed permutations of the numbers of 32 bits, applied to each index.

    Every step is a bijection of the numbers of 32 bits: a sum, a product with an odd number, x ^ (x >> k). So indices
    that differ give words that differ; a hash that is not a bijection would repeat a word within 10^5 replicates.

    Args:
        index: [n], of 32 bits.
        keys: [rounds, permutations], of 32 bits.

    Returns:
        [permutations, n].

    Reference: C. Wellons, "Prospecting for hash functions" (2018), lowbias32, here with a key before each round.
    """
    word = index
    for key, multiplier in zip(keys, _MULTIPLIERS, strict=True):
        word = word + key[:, np.newaxis]  # [permutations, n]
        word ^= word >> np.uint32(16)
        word *= multiplier
        word ^= word >> np.uint32(15)
    return word


def replicate_words(seed: int, n: int) -> list[int]:
    """Return one word of 64 bits for each of n replicates.

    Both halves of a word differ between the replicates of one seed, because some generators (PyTorch's on a CPU,
    NumPy's) are seeded by 32 bits only. The first words of a longer list are those of a shorter one.

    Args:
        seed: at least 0, of any size.
        n: number of replicates.
    """
    keys = np.random.SeedSequence(seed, spawn_key=_SPAWN_KEY).generate_state(2 * len(_MULTIPLIERS))
    halves = _permuted(np.arange(n, dtype=np.uint32), keys.reshape(-1, 2)).astype(np.uint64)  # [2, n]
    words: list[int] = ((halves[0] << np.uint64(32)) | halves[1]).tolist()
    return words


def replicates(
    one: Callable[[int], Sequence[Any]], seed: int, n: int, names: Sequence[str], reached: set[int]
) -> Iterator[Sequence[Any]]:
    """Yield the gradient of each of n replicates, and check that a gradient reaches every parameter.

    Args:
        one: the word of a replicate -> a gradient per parameter, None where the graph does not lead to it.
        seed: of the call.
        n: number of replicates.
        names: of the parameters.
        reached: indices of the parameters that some gradient has reached; this function adds to it. A parameter that
            none of the n gradients reaches is looked for in `PROBES` further ones: a loss may skip it at random.

    Raises:
        BadInputError: a parameter is reached by no gradient.
    """
    words = replicate_words(seed, n + PROBES)
    for word in words[:n]:
        gradient = one(word)
        if len(reached) < len(names):
            reached.update(index for index, part in enumerate(gradient) if part is not None)
        yield gradient
    for word in words[n:]:
        if len(reached) == len(names):
            return
        reached.update(index for index, part in enumerate(one(word)) if part is not None)
    if len(reached) < len(names):
        raise unreachable([name for index, name in enumerate(names) if index not in reached])


@contextlib.contextmanager
def host_generators() -> Iterator[Callable[[int], None]]:
    """Provide a function that seeds Python's and NumPy's global generators; put their states back on leaving.

    The function takes the word of a replicate. NumPy's generator takes its high half: PyTorch's takes the low half,
    and the two are the same algorithm, so that one seed for both would give both the same numbers.
    """
    python = random.getstate()
    bits = mtrand.get_bit_generator()
    state = np.random.get_state(legacy=False)
    if not isinstance(bits, np.random.MT19937):
        mtrand.set_bit_generator(np.random.MT19937())  # `numpy.random.seed` seeds no other

    def seed_both(word: int) -> None:
        random.seed(word & 0xFFFFFFFF)  # half the time that 64 bits take
        np.random.seed(word >> 32)

    try:
        yield seed_both
    finally:
        random.setstate(python)
        if mtrand.get_bit_generator() is not bits:
            mtrand.set_bit_generator(bits)
        np.random.set_state(state)


def host_positions() -> tuple[object, ...]:
    """Return where Python's and NumPy's global generators are: equal before and after a function that draws nothing."""
    state = np.random.get_state(legacy=False)
    return random.getstate(), state["state"]["pos"], state["state"]["key"].tobytes(), state["has_gauss"]


def require_no_host_draws(before: tuple[object, ...], reason: str) -> None:
    """Raise where a loss has drawn from Python's or NumPy's global generator.

    Args:
        before: `host_positions()` before the loss was called.
        reason: why every replicate would have the same draws, and what to do, for the message.
    """
    if host_positions() != before:
        raise BadInputError(f"the loss draws from numpy.random or random, {reason}")


def block_size(width: int) -> int:
    """Return how many replicates of `width` numbers make a block: a power of two, about `BLOCK_NUMBERS` in all."""
    fitting = max(1, min(BLOCK_REPLICATES, BLOCK_NUMBERS // max(1, width)))
    return 1 << (fitting.bit_length() - 1)


def name_of(loss: object, name: str) -> str:
    """Return the name of a subject: the given one, else that of the function unless it has none."""
    own = str(getattr(loss, "__name__", ""))
    return name or ("" if own == "<lambda>" else own)

"""A subject of a loss in TensorFlow.

The loss is called without arguments, eagerly, and draws from TensorFlow's global state. Each replicate seeds

* what `tf.random.set_seed` seeds: the operations `tf.random.normal` and the like;
* the global `tf.random.Generator`;
* every keras `SeedGenerator` that the loss draws from: those of Dropout layers, and keras' global one;
* Python's and NumPy's global generators.

All of them are as they were afterwards: the global seed and the sequence of operation seeds, the states of the
generators. One thing cannot be put back, after this as after any `tf.random.set_seed`: TensorFlow drops its cached
kernels, so that an operation with a seed of its own (`tf.random.normal(..., seed=5)`) and the random operations of a
traced `tf.function` start their sequences again.

A `tf.function` in the loss runs as Python: the random operations of a traced one repeat their numbers after each
seeding. A `tf.random.Generator` of the caller's own, and an iterator over a data set, are not seeded. Train mode,
dropout and the sampling of batches are the loss's own.
"""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import BadInputError, shown
from harness.subjects import losses
from harness.subjects.subject import Subject

if TYPE_CHECKING:
    import tensorflow as tf

_ALLOWED = "allowed: a keras model, a tf.Variable, or a dict, list or tuple of them"

#: Replicates after which the cached kernels are dropped. Each random operation leaves one behind, because its seeds are
#: part of its kernel; dropping them after every replicate takes longer than a small gradient.
_KERNELS_KEPT_FOR = 256


def from_tensorflow(loss: Callable[[], tf.Tensor], variables: Any, *, name: str = "") -> Subject:
    """Return the subject of a loss: n independent gradients of `loss()` from one seed.

    Args:
        loss: called without arguments, returns a scalar tensor; it draws from TensorFlow's global state.
        variables: a keras model (its trainable variables), a tf.Variable, or a dict, list or tuple of these.
        name: of the subject; without one, the function's.

    Returns:
        a subject whose pytree has the structure of `variables`; a keras model gives a dict by the variables' paths.
        Each leaf is a NumPy array [n, *shape]. The first gradients of a larger n are those of a smaller n.

    Raises:
        BadInputError: TensorFlow is not installed; the loss is not callable; there is no variable. When the subject is
            called: the loss is not a real scalar, or no gradient reaches a variable. What the loss itself raises passes
            through.
    """
    losses.require_framework("tensorflow")
    losses.require_function(loss, "loss()")
    flat = _flat(variables)
    reached: set[int] = set()
    _create_keras_generator()

    def gradients(seed: int, n: int) -> Any:
        out = [np.empty((n, *leaf.shape), dtype=leaf.dtype.as_numpy_dtype) for leaf in flat.leaves]
        with _eager_functions(), _seeding() as seed_all:

            def one(word: int) -> Sequence[np.ndarray | None]:
                seed_all(word)
                return _gradient(loss, flat.leaves)

            for index, gradient in enumerate(losses.replicates(one, seed, n, flat.names, reached)):
                for whole, part in zip(out, gradient, strict=True):
                    whole[index] = 0 if part is None else part
        return flat.rebuild(out)

    return Subject(gradients, losses.name_of(loss, name))


def _flat(variables: Any) -> losses.Parameters:
    """Return the variables, flattened and checked, each as the tf.Variable that a tape can watch."""
    import tensorflow as tf

    def expand(node: Any) -> Mapping[str, Any] | None:
        if isinstance(node, tf.Variable | tf.Tensor) or not hasattr(node, "trainable_variables"):
            return None
        return _named(node.trainable_variables)

    flat = losses.flatten(variables, expand)
    leaves = tuple(_watchable(leaf) for leaf in flat.leaves)
    for name, leaf in zip(flat.names, leaves, strict=True):
        if not isinstance(leaf, tf.Variable | tf.Tensor):
            raise BadInputError(f"{losses.described(name)} is {shown(leaf)}, which is not a tf.Variable; {_ALLOWED}")
        if not leaf.dtype.is_floating:
            raise BadInputError(
                f"{losses.described(name)} has dtype {leaf.dtype.name}; allowed: real floating-point ones; remove it"
            )
    return flat._replace(leaves=leaves)


def _named(variables: Sequence[Any]) -> dict[str, Any]:
    """Return variables by their paths (keras) or names; those that share one get their index too."""
    names = [str(getattr(variable, "path", variable.name)) for variable in variables]
    unique = [name if names.count(name) == 1 else f"{name}[{index}]" for index, name in enumerate(names)]
    return dict(zip(unique, variables, strict=True))


def _watchable(leaf: Any) -> Any:
    """Return the tf.Variable within a variable of keras; anything else as it is."""
    keras = sys.modules.get("keras")
    return leaf.value if keras is not None and isinstance(leaf, keras.Variable) else leaf


def _gradient(loss: Callable[[], Any], leaves: Sequence[Any]) -> Sequence[np.ndarray | None]:
    """Return the gradient of one evaluation of the loss, None for each variable to which its graph does not lead."""
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(leaves)
        value = loss()
    if not isinstance(value, tf.Tensor):
        raise BadInputError(
            f"the loss returns {shown(value)}; allowed: a scalar tensor; return it without .numpy() or float()"
        )
    losses.require_scalar(value.shape, value.dtype.name, real=value.dtype.is_floating)
    parts = tape.gradient(value, leaves)
    return [None if part is None else tf.convert_to_tensor(part).numpy() for part in parts]


@contextlib.contextmanager
def _eager_functions() -> Iterator[None]:
    """Run every tf.function as Python inside."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


@contextlib.contextmanager
def _seeding() -> Iterator[Callable[[int], None]]:
    """Provide a function that seeds all global state by a word; put it back on leaving."""
    with (
        losses.host_generators() as seed_host,
        _operation_seeds() as seed_operations,
        _global_generator() as seed_generator,
        _keras_generators() as seed_keras,
    ):

        def seed(word: int) -> None:
            seed_host(word)
            seed_operations(word)
            seed_generator(word)
            seed_keras(word)

        yield seed


@contextlib.contextmanager
def _operation_seeds() -> Iterator[Callable[[int], None]]:
    """Provide a function that seeds the operations; put the global seed and the sequence of operation seeds back.

    It does what `tf.random.set_seed` does, except that the kernels are dropped at the first of every
    `_KERNELS_KEPT_FOR` replicates only. Kernels of other replicates have other seeds and are not used again.
    """
    import tensorflow as tf
    from tensorflow.python.eager import context

    state = context.context()
    before = state._seed, getattr(state, "_rng", None)  # without a seed there is no sequence
    seeded = 0

    def seed(word: int) -> None:
        nonlocal seeded
        if seeded % _KERNELS_KEPT_FOR == 0:
            tf.random.set_seed(word)
        else:
            state._seed, state._rng = word, random.Random(word)
        seeded += 1

    try:
        yield seed
    finally:
        tf.random.set_seed(0)  # drops the last kernels
        state._seed, state._rng = before


@contextlib.contextmanager
def _global_generator() -> Iterator[Callable[[int], None]]:
    """Provide a function that seeds `tf.random.get_global_generator()` where it has moved; put its state back.

    To seed it takes as long as a small gradient does, and few losses draw from it.
    """
    import tensorflow as tf

    try:
        generator = tf.random.get_global_generator()
    except RuntimeError:
        # there is none, and TensorFlow in its deterministic mode makes none: no loss can draw from it
        yield lambda _: None
        return
    before = generator.state.numpy()
    seeded: np.ndarray | None = None

    def seed(word: int) -> None:
        nonlocal seeded
        if seeded is None or not np.array_equal(generator.state.numpy(), seeded):
            generator.reset_from_seed(word & 0x7FFFFFFFFFFFFFFF)
            seeded = generator.state.numpy()

    try:
        yield seed
    finally:
        generator.state.assign(before)


@contextlib.contextmanager
def _keras_generators() -> Iterator[Callable[[int], None]]:
    """Provide a function that tells keras' generators the word of the replicate; put their states back.

    A layer holds its `SeedGenerator`, and nothing lists them all. So `SeedGenerator.next` is wrapped: the first draw
    from a generator in a replicate sets its state from the word and from how many generators were drawn from before.
    """
    keras = sys.modules.get("keras")
    if keras is None:
        yield lambda _: None
        return
    kind = keras.random.SeedGenerator
    draw = kind.next
    before: dict[int, tuple[Any, np.ndarray]] = {}
    moved: set[int] = set()
    current = np.random.SeedSequence(0)

    def seed(word: int) -> None:
        nonlocal current
        current = np.random.SeedSequence(word)
        moved.clear()

    def seeded_draw(generator: Any, *arguments: Any, **settings: Any) -> Any:
        state = generator.state
        before.setdefault(id(generator), (state, state.value.numpy()))
        if id(generator) not in moved:
            moved.add(id(generator))
            state.assign(current.spawn(1)[0].generate_state(2) >> 1)  # two words of 31 bits
        return draw(generator, *arguments, **settings)

    kind.next = seeded_draw
    try:
        yield seed
    finally:
        kind.next = draw
        for state, value in before.values():
            state.assign(value)


def _create_keras_generator() -> None:
    """Make keras create its global generator now: its seed is drawn from Python's, which a replicate seeds."""
    keras = sys.modules.get("keras")
    if keras is not None:
        with losses.host_generators(), _keras_generators():
            keras.random.uniform(())

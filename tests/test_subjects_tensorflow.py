"""Subjects of losses in TensorFlow: seeds, state, keras, structure, statistics, errors.

A test of a mean draws once, with a fixed seed, and allows 5 standard errors: a right subject would fail it with
probability 6e-7 per coordinate if the seed were drawn anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from harness.errors import BadInputError
from harness.subjects import losses
from harness.subjects.from_tensorflow import from_tensorflow

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

LOC = (0.5, -1.0)


@pytest.fixture(autouse=True)
def unseeded() -> Iterator[None]:
    """Leave TensorFlow without a global seed."""
    yield
    tf.random.set_seed(None)


@pytest.fixture
def normal() -> tuple[Callable[[], Any], dict[str, Any]]:
    """Return a loss, E x^2 of a normal x by reparametrisation, and its variables."""
    loc, log_scale = tf.Variable(LOC), tf.Variable([0.0, 0.0])

    def square() -> Any:
        return tf.reduce_sum((loc + tf.exp(log_scale) * tf.random.normal((2,))) ** 2)

    return square, {"loc": loc, "log_scale": log_scale}


@pytest.fixture
def network() -> tuple[Callable[[], Any], Any]:
    """Return a loss with dropout, and its keras model."""
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    )
    return lambda: tf.reduce_mean(model(tf.ones((5, 3)), training=True) ** 2), model


def test_the_same_seed_gives_the_same_numbers(normal: Any) -> None:
    subject = from_tensorflow(*normal)
    first, again, fewer = subject(3, 30), subject(3, 30), subject(3, 7)
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert all(np.array_equal(first[key][:7], fewer[key]) for key in first)


def test_seeds_and_replicates_differ(normal: Any) -> None:
    subject = from_tensorflow(*normal)
    drawn = np.concatenate([subject(seed, 40)["loc"][:, 0] for seed in (0, 1, 2**32 - 1, 2**63)])
    assert len(np.unique(drawn)) == drawn.size


def test_kernels_are_dropped_on_the_way(normal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = from_tensorflow(*normal)(3, 10)["loc"]
    monkeypatch.setattr("harness.subjects.from_tensorflow._KERNELS_KEPT_FOR", 3)
    assert np.array_equal(from_tensorflow(*normal)(3, 10)["loc"], whole)


def test_mean_and_variance_of_a_known_law(normal: Any) -> None:
    # d/dloc = 2 x: mean 2 loc, variance 4; d/dlog_scale = 2 x e: mean 2, with x = loc + e
    n = 1000
    found = from_tensorflow(*normal)(7, n)
    for key, mean in (("loc", 2 * np.array(LOC)), ("log_scale", np.full(2, 2.0))):
        values = found[key].astype(float)
        assert np.abs((values.mean(0) - mean) / (values.std(0) / n**0.5)).max() < 5, key
    # 4 chi^2_n / n has the standard deviation 4 sqrt(2 / n) = 0.18
    assert np.abs(found["loc"].var(0) - 4).max() < 0.9


def test_a_caller_s_random_numbers_go_on_as_if_nothing_had_happened(normal: Any) -> None:
    subject = from_tensorflow(*normal)

    def drawn(between: Callable[[], Any]) -> list[Any]:
        tf.random.set_seed(5)
        tf.random.get_global_generator().reset_from_seed(6)
        keras.utils.set_random_seed(7)
        draws = []
        for _ in range(3):
            draws += [
                tf.random.normal(()).numpy(),
                tf.random.get_global_generator().normal(()).numpy(),
                keras.random.normal(()).numpy(),
                random.random(),
                np.random.standard_normal(),
            ]
            between()
        return draws

    assert drawn(lambda: subject(0, 2)) == drawn(lambda: None)


def test_no_global_seed_stays_none(normal: Any) -> None:
    tf.random.set_seed(None)
    from_tensorflow(*normal)(0, 2)
    unseeded = []
    for _ in range(2):
        tf.random.set_seed(None)
        unseeded.append(tf.random.normal(()).numpy())
    assert unseeded[0] != unseeded[1]


def test_state_is_as_it_was_when_the_loss_raises() -> None:
    variable = tf.Variable(1.0)
    generator = tf.random.get_global_generator()

    def broken() -> Any:
        generator.normal(()), keras.random.normal(()), random.random()
        raise KeyError("the loss's own")

    before = losses.host_positions(), generator.state.numpy().tolist()
    draw = keras.random.SeedGenerator.next
    with pytest.raises(KeyError, match="own"):
        from_tensorflow(broken, variable)(0, 3)
    assert (losses.host_positions(), generator.state.numpy().tolist()) == before
    assert keras.random.SeedGenerator.next is draw
    assert not tf.config.functions_run_eagerly()


@pytest.mark.parametrize(
    "draw",
    [
        lambda: tf.random.normal(()),
        lambda: tf.random.get_global_generator().normal(()),
        lambda: keras.random.normal(()),
        lambda: tf.cast(np.random.standard_normal(), tf.float32),
        lambda: tf.cast(random.gauss(0, 1), tf.float32),
        tf.function(lambda: tf.random.normal(())),
        tf.function(lambda: keras.random.normal(())),
    ],
    ids=["operation", "generator", "keras", "numpy", "python", "function", "function with keras"],
)
def test_every_source_of_numbers_follows_the_seed(draw: Callable[[], Any]) -> None:
    variable = tf.Variable(1.0)
    draw()  # a tf.function is traced before, with seeds of its own
    subject = from_tensorflow(lambda: variable * draw(), variable)
    found = np.concatenate([subject(0, 20), subject(1, 20)])
    assert np.array_equal(found[:20], subject(0, 20))
    assert len(np.unique(found)) == found.size


def test_a_keras_model_with_dropout(network: Any) -> None:
    loss, model = network
    states = [layer.seed_generator.state for layer in model.layers if hasattr(layer, "seed_generator")]
    before = [state.numpy().tolist() for state in states]
    subject = from_tensorflow(loss, model)
    first = subject(0, 12)
    assert list(first) == [variable.path for variable in model.trainable_variables]
    assert [value.shape[1:] for value in first.values()] == [tuple(v.shape) for v in model.trainable_variables]
    assert all(np.array_equal(value, subject(0, 12)[path]) for path, value in first.items())
    assert len(np.unique(first[model.trainable_variables[0].path], axis=0)) == 12
    assert len(states) == 1
    assert [state.numpy().tolist() for state in states] == before


def test_a_list_of_the_variables_of_a_keras_model(network: Any) -> None:
    loss, model = network
    by_path = from_tensorflow(loss, model)(0, 3)
    as_list = from_tensorflow(loss, model.trainable_variables)(0, 3)
    assert all(np.array_equal(a, b) for a, b in zip(by_path.values(), as_list, strict=True))


def test_two_dropout_layers_have_masks_of_their_own() -> None:
    first, second = keras.layers.Dropout(0.5), keras.layers.Dropout(0.5)
    variable = tf.Variable(1.0)
    ones = tf.ones(200)
    found = from_tensorflow(
        lambda: variable * tf.reduce_sum(first(ones, training=True) * second(ones, training=True)), variable
    )
    # equal masks give 4 * 100; independent ones 4 * 50 with a standard deviation of 4 * 6.1
    assert np.abs(found(0, 10) - 200).max() < 130


def test_keras_makes_its_global_generator_from_the_caller_s_state() -> None:
    from keras.src.backend.common import global_state

    name = "global_seed_generator"

    def seed_after(call: Callable[[], Any]) -> Any:
        global_state.set_global_attribute(name, None)
        random.seed(11)
        call()
        return keras.random.uniform(()).numpy()

    variable = tf.Variable(1.0)
    subject_first = seed_after(lambda: from_tensorflow(lambda: variable * keras.random.normal(()), variable)(0, 2))
    assert subject_first == seed_after(lambda: None)


def test_structures(normal: Any) -> None:
    loss, variables = normal
    loc, log_scale = variables.values()
    assert [part.shape for part in from_tensorflow(loss, [loc, log_scale])(0, 3)] == [(3, 2), (3, 2)]
    assert from_tensorflow(loss, (loc, {"s": log_scale}))(0, 3)[1]["s"].shape == (3, 2)
    assert from_tensorflow(loss, loc)(0, 3).shape == (3, 2)


def test_variables_that_share_a_name() -> None:
    class Both(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = [tf.Variable(1.0, name="same"), tf.Variable(2.0, name="same"), tf.Variable(3.0, name="other")]

    both = Both()
    found = from_tensorflow(lambda: tf.add_n([part * part for part in both.parts]), both)(0, 2)
    assert sorted(value[0] for value in found.values()) == [2.0, 4.0, 6.0]


def test_gradients_of_rows_are_dense() -> None:
    table = tf.Variable(tf.ones((5, 2)))
    found = from_tensorflow(lambda: tf.reduce_sum(tf.gather(table, tf.random.uniform((3,), 0, 5, tf.int32))), table)(
        0, 4
    )
    assert np.array_equal(found.sum((1, 2)), np.full(4, 6.0))


def test_a_layer_that_is_skipped_at_random() -> None:
    variable, other = tf.Variable(1.0), tf.Variable(1.0)
    subject = from_tensorflow(lambda: other * 1.0 + (variable if random.random() < 0.2 else 0.0), [variable, other])
    assert subject(0, 1)[0].shape == (1,)
    assert 0 < subject(0, 200)[0].mean() < 0.4


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda v: v * 2, "not scalar"),
        (lambda v: tf.reduce_sum(v) > 0, "dtype bool"),
        (lambda v: tf.cast(tf.reduce_sum(v), tf.complex64), "complex64"),
        (lambda v: float(tf.reduce_sum(v)), "without .numpy"),
        (lambda v: tf.reduce_sum(tf.stop_gradient(v)), "no gradient reaches parameter 'v'"),
        (lambda _: tf.random.normal(()), "no gradient reaches parameter 'v'"),
    ],
)
def test_bad_losses(loss: Callable[[Any], Any], words: str) -> None:
    variable = tf.Variable([1.0, 2.0])
    with pytest.raises(BadInputError, match=words) as caught:
        from_tensorflow(lambda: loss(variable), {"v": variable})(0, 2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (list, "parameters are empty"),
        (lambda: {"a": [3.0]}, r"'a\[0\]' is 3.0"),
        (lambda: tf.Variable(3), "the parameter has dtype int32"),
        (keras.layers.ReLU, "parameters are empty"),
    ],
)
def test_bad_variables(variables: Callable[[], Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words) as caught:
        from_tensorflow(lambda: tf.zeros(()), variables())
    assert "\n" not in str(caught.value)


def test_a_loss_that_is_not_callable() -> None:
    with pytest.raises(BadInputError, match="not callable"):
        from_tensorflow(3.0, tf.Variable(1.0))  # type: ignore[arg-type]


def test_tensorflow_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(
        BadInputError, match=r"tensorflow is not installed; install it: pip install 'reparam\[tensorflow\]'"
    ):
        from_tensorflow(lambda: None, [])  # type: ignore[arg-type, return-value]


class TestMutations:
    """Defects of the seeding, each of which a test above must catch."""

    def test_every_replicate_has_the_same_noise(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # a cached kernel that meets its seeds again continues its stream, so that the operations hide this defect
        words = losses.replicate_words
        monkeypatch.setattr(losses, "replicate_words", lambda seed, n: words(seed, 1) * n)
        with pytest.raises(AssertionError):
            test_every_source_of_numbers_follows_the_seed(lambda: keras.random.normal(()))

    def test_kernels_are_never_dropped(self, normal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        from tensorflow.python.eager import context

        def seed_only(seed: int) -> None:
            state = context.context()
            state._seed, state._rng = seed, random.Random(seed)

        monkeypatch.setattr(tf.random, "set_seed", seed_only)
        with pytest.raises(AssertionError):
            test_the_same_seed_gives_the_same_numbers(normal)

    def test_every_seed_has_the_same_noise(self, normal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        words = losses.replicate_words
        monkeypatch.setattr(losses, "replicate_words", lambda _, n: words(0, n))
        with pytest.raises(AssertionError):
            test_seeds_and_replicates_differ(normal)

    @pytest.mark.parametrize("part", ["_operation_seeds", "_global_generator", "_keras_generators"])
    def test_one_source_is_not_seeded(self, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
        import contextlib

        from harness.subjects import from_tensorflow as module

        draws: dict[str, Callable[[], Any]] = {
            "_operation_seeds": lambda: tf.random.normal(()),
            "_global_generator": lambda: tf.random.get_global_generator().normal(()),
            "_keras_generators": lambda: keras.random.normal(()),
        }
        monkeypatch.setattr(module, part, lambda: contextlib.nullcontext(lambda _: None))
        with pytest.raises(AssertionError):
            test_every_source_of_numbers_follows_the_seed(draws[part])

    def test_functions_stay_traced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import contextlib

        from harness.subjects import from_tensorflow as module

        monkeypatch.setattr(module, "_eager_functions", contextlib.nullcontext)
        with pytest.raises(AssertionError):
            test_every_source_of_numbers_follows_the_seed(tf.function(lambda: tf.random.normal(())))

"""Subjects of losses in PyTorch: seeds, state, structure, statistics, errors, and the same loss vectorized.

A test of a mean draws once, with a fixed seed, and allows 5 standard errors: a right subject would fail it with
probability 6e-7 per coordinate if the seed were drawn anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.errors import BadInputError
from harness.subjects import losses
from harness.subjects.from_torch import from_torch

torch = pytest.importorskip("torch")

LOC = (0.5, -1.0)


@pytest.fixture
def normal() -> tuple[Callable[[], Any], dict[str, Any]]:
    """Return a loss, E x^2 of a normal x by reparametrisation, and its parameters."""
    loc = torch.tensor(LOC, requires_grad=True)
    log_scale = torch.zeros(2, requires_grad=True)

    def square() -> Any:
        return ((loc + log_scale.exp() * torch.randn(2)) ** 2).sum()

    return square, {"loc": loc, "log_scale": log_scale}


def network() -> Any:
    """Return a small network with dropout, in train mode, whose bias does not require grad."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Dropout(0.5), torch.nn.Linear(5, 1))
    model[2].bias.requires_grad_(False)
    return model


def host_draws() -> tuple[Any, ...]:
    """Return the states of all global generators that a loss may draw from."""
    state = np.random.get_state(legacy=False)
    numbers = state["state"]["key"].tolist(), state["state"]["pos"], state["has_gauss"], state["gauss"]
    return torch.get_rng_state().tolist(), random.getstate(), numbers


@pytest.mark.parametrize("vectorized", [False, True])
class TestBoth:
    def test_the_same_seed_gives_the_same_numbers(self, normal: Any, vectorized: bool) -> None:
        subject = from_torch(*normal, vectorized=vectorized)
        first, second = subject(3, 50), subject(3, 50)
        assert all(torch.equal(first[key], second[key]) for key in first)

    def test_seeds_and_replicates_differ(self, normal: Any, vectorized: bool) -> None:
        subject = from_torch(*normal, vectorized=vectorized)
        drawn = np.concatenate([np.asarray(subject(seed, 500)["loc"])[:, 0] for seed in (0, 1, 2**32 - 1, 2**63)])
        assert len(np.unique(drawn)) > 0.999 * drawn.size  # a float32 of this size repeats by chance, a seed would not

    def test_state_is_as_it_was(self, normal: Any, vectorized: bool) -> None:
        subject = from_torch(*normal, vectorized=vectorized)
        np.random.standard_normal()  # leaves a second number in NumPy's generator
        before = host_draws()
        subject(0, 5)
        assert host_draws() == before
        assert all(leaf.grad is None for leaf in normal[1].values())

    def test_state_is_as_it_was_when_the_loss_raises(self, vectorized: bool) -> None:
        def broken() -> Any:
            torch.randn(3), random.random(), np.random.random()
            raise KeyError("the loss's own")

        before = host_draws()
        with pytest.raises(KeyError, match="own"):
            from_torch(broken, torch.ones(2, requires_grad=True), vectorized=vectorized)(0, 5)
        assert host_draws() == before

    def test_mean_and_variance_of_a_known_law(self, normal: Any, vectorized: bool) -> None:
        # d/dloc = 2 x: mean 2 loc, variance 4; d/dlog_scale = 2 x e: mean 2, with x = loc + e
        n = 4000
        found = from_torch(*normal, vectorized=vectorized)(7, n)
        for key, mean in (("loc", 2 * np.array(LOC)), ("log_scale", np.full(2, 2.0))):
            values = np.asarray(found[key], dtype=float)
            z = (values.mean(0) - mean) / (values.std(0) / n**0.5)
            assert np.abs(z).max() < 5, key
        # 4 chi^2_n / n has the standard deviation 4 sqrt(2 / n) = 0.09
        assert np.abs(np.asarray(found["loc"]).var(0) - 4).max() < 0.45
        lagged = np.corrcoef(np.asarray(found["loc"])[1:, 0], np.asarray(found["loc"])[:-1, 0])[0, 1]
        assert abs(lagged) < 5 / n**0.5

    def test_a_module_gives_a_dict_by_qualified_name(self, vectorized: bool) -> None:
        model, inputs = network(), torch.ones(4, 3)
        found = from_torch(lambda: model(inputs).square().mean(), model, vectorized=vectorized)(0, 6)
        assert {key: tuple(value.shape) for key, value in found.items()} == {
            "0.weight": (6, 5, 3),
            "0.bias": (6, 5),
            "2.weight": (6, 1, 5),
        }
        assert len(torch.unique(found["2.weight"], dim=0)) > 1  # dropout differs between the replicates
        assert model.training

    def test_the_score_function(self, vectorized: bool) -> None:
        logits = torch.tensor([0.3, -0.5, 1.0], requires_grad=True)
        reward = torch.tensor([1.0, 4.0, 9.0])

        def loss() -> Any:
            law = torch.distributions.Categorical(logits=logits)
            sample = law.sample()
            return law.log_prob(sample) * reward.gather(0, sample.reshape(1)).sum()

        n = 3000
        values = np.asarray(from_torch(loss, logits, vectorized=vectorized)(1, n), dtype=float)
        probs = torch.softmax(logits, 0).detach().double().numpy()
        truth = probs * (reward.numpy() - probs @ reward.numpy())
        assert np.abs((values.mean(0) - truth) / (values.std(0) / n**0.5)).max() < 5

    def test_a_loss_that_draws_nothing(self, vectorized: bool) -> None:
        weights = torch.ones(3, requires_grad=True)
        found = from_torch(lambda: torch.sum(2 * weights), weights, vectorized=vectorized)(0, 4)
        assert torch.equal(found, torch.full((4, 3), 2.0))

    def test_within_no_grad(self, normal: Any, vectorized: bool) -> None:
        with torch.no_grad():
            assert from_torch(*normal, vectorized=vectorized)(0, 3)["loc"].shape == (3, 2)

    @pytest.mark.parametrize(
        ("loss", "words"),
        [
            (lambda w: w * 2, "not scalar"),
            (lambda w: w.sum() > 0, "dtype torch.bool"),
            (lambda w: w.sum() * 1j, "complex64"),
            (lambda w: float(w.sum().detach()), "without .item"),
            (lambda w: w.detach().sum(), "no gradient reaches parameter 'w'"),
            (lambda _: torch.randn(()), "no gradient reaches parameter 'w'"),
        ],
    )
    def test_bad_losses(self, loss: Callable[[Any], Any], words: str, vectorized: bool) -> None:
        weights = torch.ones(3, requires_grad=True)
        with pytest.raises(BadInputError, match=words) as caught:
            from_torch(lambda: loss(weights), {"w": weights}, vectorized=vectorized)(0, 2)
        assert "\n" not in str(caught.value)

    def test_a_parameter_that_no_gradient_reaches_is_named(self, normal: Any, vectorized: bool) -> None:
        loss, parameters = normal
        unused = torch.zeros(1, requires_grad=True)
        with pytest.raises(BadInputError, match=r"'rest\[0\]'"):
            from_torch(loss, {**parameters, "rest": [unused]}, vectorized=vectorized)(0, 2)


def test_a_larger_call_begins_with_a_smaller_one(normal: Any) -> None:
    subject = from_torch(*normal)
    assert torch.equal(subject(3, 300)["loc"][:20], subject(3, 20)["loc"])
    assert torch.equal(subject(3, 2)["loc"][:1], subject(3, 1)["loc"])


def test_gradients_are_stacked_in_order_across_batches(normal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = from_torch(*normal)(3, 10)["loc"]
    monkeypatch.setattr("harness.subjects.from_torch._PENDING_NUMBERS", 12)  # three gradients of 4 numbers
    assert torch.equal(from_torch(*normal)(3, 10)["loc"], whole)


def test_structures(normal: Any) -> None:
    loss, parameters = normal
    loc, log_scale = parameters.values()
    as_list = from_torch(loss, [loc, log_scale])(0, 3)
    as_tuple = from_torch(loss, (loc, {"s": log_scale}))(0, 3)
    assert isinstance(as_list, list)
    assert isinstance(as_tuple, tuple)
    assert torch.equal(as_list[1], as_tuple[1]["s"])
    assert from_torch(loss, loc)(0, 3).shape == (3, 2)


def test_modules_in_a_dict_and_an_iterator_of_parameters() -> None:
    encoder, decoder = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)

    def loss() -> Any:
        return decoder(encoder(torch.randn(2))).sum()

    found = from_torch(loss, {"encoder": encoder, "decoder": decoder})(0, 2)
    assert set(found["encoder"]) == {"weight", "bias"}
    assert len(from_torch(loss, encoder.parameters())(0, 2)) == 2


def test_numpy_and_python_draws_follow_the_seed() -> None:
    weight = torch.ones(3, requires_grad=True)

    def loss() -> Any:
        # both functions return the last bits of one word of the generator
        return torch.dot(weight, torch.tensor([random.random(), np.random.randint(2**16), torch.randint(2**16, ())]))

    subject = from_torch(loss, weight)
    first = subject(0, 200)
    assert torch.equal(first, subject(0, 200))
    assert all(len(np.unique(np.asarray(first[:, column]))) > 190 for column in range(3))
    # one seed for PyTorch's generator and NumPy's would give both the same bits
    correlations = np.corrcoef(np.asarray(first, dtype=float).T)
    assert np.abs(correlations - np.eye(3)).max() < 5 / 200**0.5


def test_a_numpy_generator_of_another_kind_is_put_back() -> None:
    weight = torch.ones((), requires_grad=True)
    own, before = np.random.PCG64(3), np.random.get_bit_generator()
    np.random.set_bit_generator(own)
    try:
        state = own.state
        found = from_torch(lambda: weight * float(np.random.random()), weight)(0, 50)
        assert len(np.unique(np.asarray(found))) == 50
        assert np.random.get_bit_generator() is own
        assert own.state == state
    finally:
        np.random.set_bit_generator(before)


def test_a_layer_that_is_skipped_at_random() -> None:
    weight = torch.ones(2, requires_grad=True)
    other = torch.ones((), requires_grad=True)

    def loss() -> Any:
        return other * 1.0 + (weight.sum() if random.random() < 0.2 else 0.0)

    found = from_torch(loss, {"weight": weight, "other": other})
    assert set(np.asarray(found(0, 1)["weight"]).ravel()) <= {0.0, 1.0}
    assert 0 < np.asarray(found(0, 400)["weight"])[:, 0].mean() < 0.4


def test_sparse_gradients_are_dense() -> None:
    table = torch.nn.Embedding(5, 2, sparse=True)
    found = from_torch(lambda: table(torch.randint(5, (3,))).sum(), table)(0, 4)["weight"]
    assert torch.equal(found.sum((1, 2)), torch.full((4,), 6.0))


def test_a_graph_built_outside_of_the_loss() -> None:
    weight = torch.ones(2, requires_grad=True)
    outside = weight.exp()
    with pytest.raises(BadInputError, match="move that computation into it"):
        from_torch(lambda: torch.dot(outside, torch.randn(2)), weight)(0, 2)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ([], "parameters are empty"),
        (torch.nn.ReLU(), "parameters are empty"),
        ({"a": torch.zeros(2)}, "'a' does not require grad"),
        ({"a": {"b": 3.0}}, "'a.b' is 3.0"),
        ([torch.zeros(2, dtype=torch.complex64, requires_grad=True)], r"'\[0\]' has dtype torch.complex64"),
    ],
)
def test_bad_parameters(parameters: Any, words: str) -> None:
    with pytest.raises(BadInputError, match=words) as caught:
        from_torch(lambda: torch.zeros(()), parameters)
    assert "\n" not in str(caught.value)


def test_a_loss_that_is_not_callable() -> None:
    with pytest.raises(BadInputError, match="not callable"):
        from_torch(torch.zeros(()), torch.ones(1, requires_grad=True))  # type: ignore[arg-type]


def test_pytorch_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(BadInputError, match=r"torch is not installed; install it: pip install 'reparam\[torch\]'"):
        from_torch(lambda: None, [])  # type: ignore[arg-type, return-value]


def test_names(normal: Any) -> None:
    assert from_torch(*normal).name == "square"
    assert from_torch(*normal, name="mine").name == "mine"
    assert from_torch(lambda: 1.0 * normal[0](), normal[1]).name == ""


class TestVectorized:
    def test_it_agrees_with_the_loop_where_nothing_is_drawn(self) -> None:
        model, inputs = torch.nn.LSTM(3, 4), torch.ones(5, 2, 3)
        looped, mapped = (
            from_torch(lambda: model(inputs)[0].square().sum(), model, vectorized=vectorized)(0, 2)
            for vectorized in (False, True)
        )
        assert all(torch.allclose(looped[key], mapped[key], rtol=1e-4, atol=1e-6) for key in looped)

    def test_blocks(self, normal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(losses, "BLOCK_REPLICATES", 8)
        subject = from_torch(*normal, vectorized=True)
        assert subject.block == 8
        assert len(torch.unique(subject(0, 20)["loc"], dim=0)) == 20

    @pytest.mark.parametrize(
        "loss",
        [
            lambda w: w.sum() * float(torch.randn(())),
            lambda w: w.sum() * (2.0 if torch.randn(()) > 0 else 1.0),
            lambda w: (
                torch.nn.functional.batch_norm(torch.randn(4, 2) * w, torch.zeros(2), torch.ones(2), training=True)
                .square()
                .sum()
            ),
        ],
    )
    def test_what_cannot_be_mapped(self, loss: Callable[[Any], Any]) -> None:
        weights = torch.ones(2, requires_grad=True)
        from_torch(lambda: loss(weights), weights)(0, 2)
        with pytest.raises(BadInputError, match=r"cannot be vectorized.*use vectorized=False") as caught:
            from_torch(lambda: loss(weights), weights, vectorized=True)(0, 2)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("draw", [lambda: float(np.random.random()), random.random])
    def test_draws_from_the_host(self, draw: Callable[[], float]) -> None:
        weights = torch.ones(2, requires_grad=True)
        with pytest.raises(BadInputError, match="draws once for all replicates"):
            from_torch(lambda: weights.sum() * draw() * torch.randn(()), weights, vectorized=True)(0, 2)

    def test_a_parameter_in_an_operation_that_sees_no_substitution(self) -> None:
        weights = torch.ones(2, requires_grad=True)

        def loss() -> Any:
            outside = weights * torch.randn(2)
            with torch._C.DisableTorchFunction():
                return (weights * outside).sum()

        from_torch(loss, weights)(0, 2)
        with pytest.raises(BadInputError, match="does not see"):
            from_torch(loss, weights, vectorized=True)(0, 2)


class TestMutations:
    """Defects of the seeding and of the substitution, each of which a test above must catch."""

    @pytest.mark.filterwarnings("ignore:divide by zero")
    def test_every_replicate_has_the_same_noise(self, normal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        words = losses.replicate_words
        monkeypatch.setattr(losses, "replicate_words", lambda seed, n: words(seed, 1) * n)
        with pytest.raises(AssertionError):
            TestBoth().test_seeds_and_replicates_differ(normal, False)
        with pytest.raises(AssertionError):
            TestBoth().test_mean_and_variance_of_a_known_law(normal, False)

    def test_every_seed_has_the_same_noise(self, normal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        words = losses.replicate_words
        monkeypatch.setattr(losses, "replicate_words", lambda _, n: words(0, n))
        for vectorized in (False, True):
            with pytest.raises(AssertionError):
                TestBoth().test_seeds_and_replicates_differ(normal, vectorized)

    def test_seeds_of_consecutive_calls_overlap(self, normal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(losses, "replicate_words", lambda seed, n: list(range(seed, seed + n)))
        with pytest.raises(AssertionError):
            TestBoth().test_seeds_and_replicates_differ(normal, False)

    def test_one_seed_for_pytorch_and_numpy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        words = losses.replicate_words
        low = 2**32 - 1
        monkeypatch.setattr(
            losses, "replicate_words", lambda seed, n: [(word & low) * (2**32 + 1) for word in words(seed, n)]
        )
        with pytest.raises(AssertionError):
            test_numpy_and_python_draws_follow_the_seed()

    def test_a_parameter_is_not_substituted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from harness.subjects import from_torch as module

        substitution = module._substitution
        monkeypatch.setattr(module, "_substitution", lambda leaves, values: substitution(leaves[:1], values[:1]))
        model, inputs = torch.nn.Linear(2, 2), torch.ones(2)
        with pytest.raises(BadInputError, match="'bias'"):
            from_torch(lambda: torch.dot(model(inputs), torch.randn(2)), model, vectorized=True)(0, 2)


def test_words_are_distinct_in_both_halves() -> None:
    words = np.array(losses.replicate_words(5, 300_000), dtype=np.uint64)
    for half in (words >> np.uint64(32), words & np.uint64(0xFFFFFFFF)):
        assert len(np.unique(half)) == words.size
        # 32 bits of 300,000 words: a fair bit's mean has the standard deviation 0.5 / sqrt(n)
        bits = (half[:, None] >> np.arange(32, dtype=np.uint64)) & np.uint64(1)
        assert np.abs(bits.mean(0) - 0.5).max() < 5 * 0.5 / words.size**0.5


def test_a_tensor_that_is_given_twice_is_refused() -> None:
    p = torch.ones(2, requires_grad=True)
    with pytest.raises(BadInputError, match=r"'b' is the same tensor as .*'a'"):
        from_torch(lambda: p.sum() + torch.randn(()), {"a": p, "b": p})


def test_threads_take_turns_with_the_global_generators() -> None:
    from concurrent.futures import ThreadPoolExecutor

    p = torch.ones(3, requires_grad=True)
    subject = from_torch(lambda: p @ torch.randn(3), p)
    alone = subject(5, 200)
    before = torch.random.get_rng_state()
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda _: subject(5, 200), range(6)))
    assert all(torch.equal(alone, one) for one in found)
    assert torch.equal(before, torch.random.get_rng_state())

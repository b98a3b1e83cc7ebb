"""The oracle of the Fisher information against closed forms, KL divergences, differences and dense algebra."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp

from harness import noise
from harness.agreement import fisher as fisher_check
from harness.agreement import solvers as solvers_check
from harness.oracle import fisher, scores, solvers
from harness.training import models
from harness.training.weights import initial_weights

EPS = np.finfo(np.longdouble).eps
# Central difference with step eps^(1/3): truncation and rounding are both of the order eps^(2/3).
STEP = EPS ** (np.longdouble(1) / 3)
DIFFERENCE_BUDGET = 1e3 * EPS ** (2 / 3)

PARAMETERS: dict[str, dict[str, list[Any]]] = {
    "NORMAL": {"loc": [0.5, -3.0], "scale": [0.7, 1e-3]},
    "NORMAL_LOG_SCALE": {"loc": [0.5, 1e3], "log_scale": [-7.0, 0.25]},
    "NORMAL_VARIANCE": {"loc": [0.5, -3.0], "variance": [0.3, 1e-6]},
    "CATEGORICAL": {"logits": [[0.5, -1.0, 2.0], [0.0, -50.0, -100.0]]},
    "BERNOULLI": {"logits": [0.5, 40.0]},
}


def given(family: str) -> dict[str, Any]:
    return {name: np.array(value, np.longdouble) for name, value in PARAMETERS[family].items()}


def normal(second: Callable[[Any], Any], by_loc: Callable[[Any], Any]) -> Callable[[dict[str, Any]], Any]:
    def matrix(parameters: dict[str, Any]) -> Any:
        value = list(parameters.values())[1]
        return np.stack([np.diag([by_loc(v), second(v)]) for v in value])

    return matrix


def categorical(parameters: dict[str, Any]) -> Any:
    """Return diag(p) - p p^T to 60 digits, since 1 - p cancels."""
    with mp.workdps(60):
        found = []
        for row in parameters["logits"]:
            weights = [mp.exp(_exact(x)) for x in row]
            p = [weight / mp.fsum(weights) for weight in weights]
            found.append([[x * ((i == j) - y) for j, y in enumerate(p)] for i, x in enumerate(p)])
        return np.array([[[np.longdouble(mp.nstr(x, 30)) for x in row] for row in part] for part in found])


def _exact(x: Any) -> Any:
    return mp.mpf(float(x)) + mp.mpf(float(x - np.longdouble(float(x))))


CLOSED = {
    "NORMAL": normal(lambda s: 2 / s**2, lambda s: 1 / s**2),
    "NORMAL_LOG_SCALE": normal(lambda u: np.longdouble(2), lambda u: np.exp(-2 * u)),  # noqa: ARG005
    "NORMAL_VARIANCE": normal(lambda v: 1 / (2 * v**2), lambda v: 1 / v),
    "CATEGORICAL": categorical,
    "BERNOULLI": lambda q: (np.exp(-q["logits"]) / (1 + np.exp(-q["logits"])) ** 2)[:, None, None],
}


@pytest.mark.parametrize("family", scores.FAMILIES)
def test_information_is_the_closed_form(family: str) -> None:
    found, truth = scores.information(family, given(family)), CLOSED[family](given(family))
    # exp turns the rounding of a logit of 100 into 100 roundings
    assert np.all(np.abs(found - truth) <= 128 * EPS * np.abs(truth).max((1, 2), keepdims=True))


def test_three_points_are_those_of_gauss_and_hermite() -> None:
    values, weights = scores.rule("NORMAL", {"loc": np.zeros(1), "scale": np.ones(1)})
    nodes, masses = np.polynomial.hermite_e.hermegauss(3)
    np.testing.assert_allclose(values[:, 0], nodes, atol=1e-15)
    np.testing.assert_allclose(weights[:, 0], masses / masses.sum(), rtol=1e-14)


@pytest.mark.parametrize("family", scores.FAMILIES)
def test_scores_have_mean_zero_and_entries_are_independent(family: str) -> None:
    """Two entries of one example: weights sum to 1, no score has a mean, and the matrix is that of each entry."""
    parameters = {name: value[None] for name, value in given(family).items()}
    values, weights = scores.rule(family, parameters)
    rows = scores.flat(scores.FAMILIES[family].score(values, parameters), 2)
    assert abs(weights.sum() - 1) <= 16 * EPS
    mean, size = (np.einsum("ki,kia->ia", weights, part) for part in (rows, np.abs(rows)))
    # a rounded value less a loc of 1e3, over a scale of 1
    assert np.all(np.abs(mean) <= 1e5 * EPS * (size + 1))
    joint, apart = scores.information(family, parameters), scores.information(family, given(family))
    numbers = np.arange(joint.shape[1]).reshape(len(parameters), 2, -1)  # of [parameter, entry, class]
    for entry in range(2):
        mine, other = (numbers[:, at].ravel() for at in (entry, 1 - entry))
        size = np.sqrt(np.outer(np.diag(apart[entry]), np.diag(apart[entry])))
        assert np.all(np.abs(joint[0][np.ix_(mine, mine)] - apart[entry]) <= 64 * EPS * size)
        assert np.abs(joint[0][np.ix_(mine, other)]).max() <= 64 * EPS * np.abs(joint).max()


def test_categorical_has_rank_n_minus_1() -> None:
    matrix = scores.information("CATEGORICAL", {"logits": np.array([[0.5, -1.0, 2.0, 0.0]], np.longdouble)})[0]
    assert np.abs(matrix @ np.ones(4)).max() <= 8 * EPS
    assert np.linalg.matrix_rank(matrix.astype(float)) == 3
    assert np.linalg.eigvalsh(matrix.astype(float)).min() >= -1e-16


def kl(family: str, p: list[Any], q: list[Any]) -> Any:
    """KL(p || q) of one entry by its definition, parameters in the order of their names."""
    if family == "BERNOULLI":
        family, p, q = "CATEGORICAL", [mp.zero, *p], [mp.zero, *q]
    if family == "CATEGORICAL":
        totals = [mp.fsum(map(mp.exp, part)) for part in (p, q)]
        logs = [[x - mp.log(total) for x in part] for part, total in zip((p, q), totals, strict=True)]
        return mp.fsum(mp.exp(a) * (a - b) for a, b in zip(*logs, strict=True))
    scale = {"NORMAL": lambda s: s, "NORMAL_LOG_SCALE": mp.exp, "NORMAL_VARIANCE": mp.sqrt}[family]
    s, t = scale(p[1]), scale(q[1])
    return mp.log(t / s) + (s**2 + (p[0] - q[0]) ** 2) / (2 * t**2) - mp.mpf(1) / 2


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("family", scores.FAMILIES)
def test_kl_is_half_the_quadratic_form_up_to_third_order(family: str, reverse: bool) -> None:
    """KL(theta || theta + d) - d.F.d / 2 falls by 8 or more where d is halved."""
    first = {name: value[:1] for name, value in given(family).items()}
    matrix = scores.information(family, first)[0]
    with mp.workdps(60):
        point = [_exact(x) for x in scores.flat(first, 1)[0]]
        shift = [mp.mpf(i + 1) * (-1) ** i for i in range(len(point))]
        exact = [[_exact(x) for x in row] for row in matrix]
        size = abs(point[1]) if family in ("NORMAL", "NORMAL_VARIANCE") else mp.mpf(1)
        size *= mp.exp(point[1]) if family == "NORMAL_LOG_SCALE" else 1

        def remainder(step: Any) -> Any:
            d = [step * size * x for x in shift]
            moved = [x + y for x, y in zip(point, d, strict=True)]
            divergence = kl(family, moved, point) if reverse else kl(family, point, moved)
            form = mp.fsum(d[i] * exact[i][j] * d[j] for i in range(len(d)) for j in range(len(d)))
            return abs(divergence - form / 2) / form

        ratio = remainder(mp.mpf("2e-4")) / remainder(mp.mpf("1e-4"))
    assert 1.9 <= ratio <= 4.1  # the form falls by 4, so the remainder by 8, or by 16 where a cubic term is 0


def network(model: str) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Return weights with biases off zero, three inputs and a vector, in long double."""
    random = noise.generator(3, "fisher", model)
    weights = initial_weights(models.find(model).layers, 3)
    point = {name: (value + random.normal(size=value.shape) / 10) for name, value in weights.items()}
    vector = {name: random.normal(size=value.shape) for name, value in weights.items()}
    inputs = random.random((3, models.find(model).layers[0][1])).astype(np.longdouble)
    return (
        {name: value.astype(np.longdouble) for name, value in point.items()},
        inputs,
        {name: value.astype(np.longdouble) for name, value in vector.items()},
    )


def along(weights: dict[str, Any], step: Any, vector: dict[str, Any]) -> dict[str, Any]:
    return {name: value + step * vector[name] for name, value in weights.items()}


@pytest.mark.parametrize("model", fisher.HEADS)
def test_pushforward_is_the_limit_of_differences(model: str) -> None:
    weights, inputs, vector = network(model)
    found = fisher.pushforward(model, weights, inputs, vector)
    ahead, behind = (fisher.outputs(model, along(weights, step, vector), inputs) for step in (STEP, -STEP))
    for name, value in found.items():
        assert value.dtype == np.longdouble
        error = (ahead[name] - behind[name]) / (2 * STEP) - value
        # tanh has a third derivative of up to 2, times the cube of the change of its argument, |v| times the inputs
        assert np.abs(error).max() <= DIFFERENCE_BUDGET * max(np.abs(value).max() ** 3, 1)


@pytest.mark.parametrize("model", fisher.HEADS)
def test_pullback_is_the_transpose(model: str) -> None:
    weights, inputs, vector = network(model)
    images = fisher.pushforward(model, weights, inputs, vector)
    cotangents = {name: noise.generator(4, name).normal(size=part.shape) for name, part in images.items()}
    back = fisher.pullback(model, weights, inputs, cotangents)
    assert back.keys() == weights.keys()
    left = sum((cotangents[name] * part).sum() for name, part in images.items())
    right = sum((back[name] * part).sum() for name, part in vector.items())
    size = sum(np.abs(back[name] * part).sum() for name, part in vector.items())
    assert abs(left - right) <= 64 * EPS * size


@pytest.mark.parametrize("model", fisher.HEADS)
def test_product_is_the_curvature_of_the_mean_kl(model: str) -> None:
    """v.F.v is the limit of (KL(h) + KL(-h)) / h^2, KL(h) being the mean over examples from w to w + h v."""
    weights, inputs, vector = network(model)
    size = np.sqrt(sum((part**2).sum() for part in vector.values()))
    vector = {name: part / size for name, part in vector.items()}
    rows = fisher.outputs(model, weights, inputs)
    family = models.find(model).family
    product = fisher.product(scores.information(family, rows), model, weights, inputs, vector)
    form = sum((part * vector[name]).sum() for name, part in product.items())

    def mean_kl(step: Any) -> Any:
        moved = fisher.outputs(model, along(weights, step, vector), inputs)
        p, q = (scores.flat(part, 1) for part in (rows, moved))
        with mp.workdps(40):
            return np.mean(
                [float(kl(family, list(map(_exact, a)), list(map(_exact, b)))) for a, b in zip(p, q, strict=True)]
            )

    step = np.longdouble(1e-4)
    # the fourth derivative, and long double outputs under 1 / step^2
    assert (mean_kl(step) + mean_kl(-step)) / step**2 == pytest.approx(float(form), rel=1e-6)


def system() -> tuple[Any, Any]:
    rotation = np.linalg.qr(noise.generator(5, "system").normal(size=(12, 12)))[0].astype(np.longdouble)
    matrix = (rotation * np.resize([1.0, 2.0, 5.0], 12)) @ rotation.T
    return matrix, noise.generator(6, "right").normal(size=12).astype(np.longdouble)


def test_solution_solves() -> None:
    solved = solvers.solution(*system())
    assert solved.residual <= 64 * EPS
    assert solved.condition == pytest.approx(5)


def test_as_many_directions_as_distinct_eigenvalues_are_enough() -> None:
    """The basis is orthonormal to float64."""
    matrix, right = system()
    exact = solvers.solution(matrix, right).x
    residuals = [solvers.after(matrix, right, k).residual for k in range(4)]
    assert residuals[0] == 1
    assert residuals[2] > 1e-3
    assert residuals[3] <= 1e-14
    assert np.abs(solvers.after(matrix, right, 3).x - exact).max() <= 1e-14


def test_after_two_directions_no_step_in_their_span_is_better() -> None:
    matrix, right = system()
    x = solvers.after(matrix, right, 2).x
    for direction in (right, matrix @ right):
        assert abs(direction @ (right - matrix @ x)) <= 1e-14 * np.abs(direction).sum()


@pytest.mark.parametrize(
    ("case", "truth"),
    [
        ("indefinite", [0, 0]),
        ("singular", [2, 2]),
        ("singular, damped", [0.909090909090909, 10]),
        ("right-hand side of zeros", [0, 0]),
    ],
)
def test_published_solutions(case: str, truth: list[float]) -> None:
    found = solvers_check.truths("solvers.conjugate_gradient", case, "float64")["value"].high
    np.testing.assert_allclose(found, truth, rtol=1e-14)


@pytest.mark.parametrize(
    ("case", "truth"),
    [
        ("normal by log scale, scale 1e-3", {"hvp:loc": [1e6], "hvp:log_scale": [2]}),
        ("categorical, equal odds", {"hvp:logits": [[2 / 9, -1 / 9, -1 / 9]]}),
        ("categorical, null vector", {"hvp:logits": [[0, 0, 0]]}),
    ],
)
def test_published_products(case: str, truth: dict[str, Any]) -> None:
    found = fisher_check.truths("fisher.gauss_newton", case, "float64")
    for name, value in truth.items():
        np.testing.assert_allclose(found[name].high, value, rtol=1e-14, atol=1e-18)

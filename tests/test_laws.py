"""Laws of the estimators in every backend: the measured mean and variance are what theory says.

Each comparison is made at 4.3 standard errors, a false alarm in 2e-5 of comparisons under normality; the tails of the
estimated errors make it about ten times that. All backends see the same noise, so that there are about 40 independent
comparisons: one in 100 choices of seeds would fail a correct harness. The seeds are fixed; none was tried and dropped.
An estimator whose variance or mean is off by twice that distance is missed with the same probability; the distance is
asserted to be below a third of the variance, and is far below for all but the score of the scale.
"""

from __future__ import annotations

import math

import pytest

from harness.oracle import variances
from harness.problems import instance
from harness.variance.plan import plan

REPLICATES = 100_000
#: The square of the score of the scale has a variance that rests on the 16th moment of the noise.
HEAVY_TAILED_REPLICATES = {"score": 400_000}
STANDARD_ERRORS = 4.3
LOC, SCALE, K = 0.7, 1.6, -0.4
A = LOC - K
P, F0, F1 = 0.3, 0.25, 0.36

QUADRATIC = ("quadratic", {"loc": LOC, "scale": SCALE, "k": K}, None)
STANDARD = {d: ("norm_squared", {"loc": 0.0, "scale": 1.0}, d) for d in (1, 5, 20)}
BERNOULLI = ("bernoulli", {"p": P, "f0": F0, "f1": F1}, None)
_BIT = P * (1 - P) * (F1**2 * (1 - P) + F0**2 * P) - (P * (1 - P) * (F1 - F0)) ** 2

# estimator, (problem, settings, dimension), samples, {parameter: (gradient, variance)}, written out by hand
LAWS = {
    "pathwise": (
        "pathwise",
        QUADRATIC,
        1,
        {"loc": (2 * A, 4 * SCALE**2), "scale": (2 * SCALE, 4 * A**2 + 8 * SCALE**2)},
    ),
    "score": (
        "score_function",
        QUADRATIC,
        1,
        {
            "loc": (2 * A, A**4 / SCALE**2 + 14 * A**2 + 15 * SCALE**2),
            "scale": (2 * SCALE, 2 * A**4 / SCALE**2 + 60 * A**2 + 74 * SCALE**2),
        },
    ),
    "pathwise in 20": ("pathwise", STANDARD[20], 1, {"loc": (0, 4), "scale": (2, 8)}),
    **{f"score in {d}": ("score_function", STANDARD[d], 1, {"loc": (0, (d + 2) * (d + 4))}) for d in STANDARD},
    "score of a bit": ("score_function", BERNOULLI, 1, {"logits": (P * (1 - P) * (F1 - F0), _BIT)}),
    # two samples with each other as baseline: (f1 - f2)(h1 - h2) / 2, not 0 only where the bits differ
    "leave-one-out of two bits": (
        "score_function_leave_one_out",
        BERNOULLI,
        2,
        {"logits": (P * (1 - P) * (F1 - F0), (F1 - F0) ** 2 * (P * (1 - P) / 2 - (P * (1 - P)) ** 2))},
    ),
}

# estimator, (problem, settings, dimension), samples: the truth is the oracle's
MEASURED = {
    "leave-one-out": ("score_function_leave_one_out", QUADRATIC, 3),
    "leave-one-out in 5": ("score_function_leave_one_out", ("norm_squared", {"loc": 0.4, "scale": 0.5}, 5), 2),
    "score off centre in 5": ("score_function", ("norm_squared", {"loc": 0.4, "scale": 0.5}, 5), 2),
    "leave-one-out of bits": ("score_function_leave_one_out", BERNOULLI, 4),
    "relaxed": ("gumbel_softmax", BERNOULLI, 1),
    "relaxed cold": ("gumbel_softmax", ("bernoulli", {"p": P, "temperature": 0.05}, None), 2),
    "straight-through": ("straight_through_gumbel", BERNOULLI, 2),
}


def cells(name, row, backends):
    estimator, (problem, settings, dimension), samples = row[:3]
    replicates = HEAVY_TAILED_REPLICATES.get(name, REPLICATES)
    return plan(
        estimator, problem, settings, dimension=dimension, samples=samples, replicates=replicates, seed=7,
        backends=backends,
    )  # fmt: skip


@pytest.fixture(scope="module")
def records(workers, installed_backends):
    """{(backend, name of the law): {parameter: record}}, measured in one go, in float32."""
    rows = {name: cells(name, row, installed_backends) for name, row in (LAWS | MEASURED).items()}
    flat = [(cell.work.backend, name, cell) for name, found in rows.items() for cell in found]
    results = workers.run([cell for _, _, cell in flat])
    return {
        (backend, name): {row.parameter: row for row in found}
        for (backend, name, _), found in zip(flat, results, strict=True)
    }


def assert_variance(row, exact):
    """The interval, widened from 1.96 to 4.3 standard errors about the estimate, holds the exact variance."""
    wide = STANDARD_ERRORS / 1.96
    low = row.variance - wide * (row.variance - row.variance_low)
    high = row.variance + wide * (row.variance_high - row.variance)
    assert low <= exact <= high, row
    assert (high - low) / 2 <= exact / 3, row


def assert_mean(row, exact):
    assert abs(row.mean - exact) <= STANDARD_ERRORS * row.mean_standard_error, row


@pytest.mark.parametrize("name", LAWS)
def test_law(records, backend, name):
    for parameter, (gradient, variance) in LAWS[name][3].items():
        row = records[backend, name][parameter]
        # float32 rounds the settings, hence 2^-24 relative, amplified by the powers of the formulas
        assert math.isclose(row.exact_mean, gradient, rel_tol=1e-6, abs_tol=1e-12)
        assert math.isclose(row.exact_variance, variance, rel_tol=1e-5)
        assert_mean(row, gradient)
        assert_variance(row, variance)


@pytest.mark.parametrize("name", MEASURED)
def test_oracle(records, backend, name):
    estimator, (problem, _, _), _ = MEASURED[name]
    for parameter, row in records[backend, name].items():
        assert_variance(row, row.exact_variance)
        mean = row.exact_mean
        if estimator in ("gumbel_softmax", "straight_through_gumbel"):
            settings = dict(pair.split("=") for pair in row.settings.split())
            settings = {key: float(value) for key, value in settings.items()}
            parameters, constants = instance(problem, settings, 1, "float32")
            constants["temperature"] = settings["temperature"]
            mean = float(variances.relaxed_bernoulli_mean(parameters, constants)[parameter])
        assert_mean(row, mean)


def test_bias_of_the_relaxation_is_seen(records, backend):
    """At temperature 0.5 the relaxed gradient is off by a tenth: far more than 5 standard errors."""
    row = records[backend, "relaxed"]["logits"]
    assert abs(row.bias) > 5 * row.bias_standard_error

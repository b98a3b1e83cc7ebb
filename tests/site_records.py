"""Synthetic records that resemble real ones, with numbers from a fixed seed. No framework is needed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import msgspec
import numpy as np

from harness.results.run import Run
from harness.results.schema import (
    Article,
    Check,
    Coverage,
    Failure,
    Memory,
    Peak,
    Race,
    Ratio,
    Recommendation,
    Record,
    Reproduction,
    Stream,
    Throughput,
    Time,
    Train,
    TrainingVariance,
    Variance,
)

#: What a page must show as text and nothing else.
HOSTILE = "</script><script>alert(1)</script><!-- & \" ' <img src=x onerror=alert(2)>"

BACKENDS = ("jax", "tensorflow", "torch")
KERNELS = (
    *(f"gaussian.{name}" for name in ("cdf", "entropy", "icdf", "log_cdf", "log_prob", "sample_from_noise")),
    *(f"gumbel.{name}" for name in ("from_uniform", "gumbel_softmax", "hard_sample", "log_prob")),
    *(f"divergences.{name}" for name in ("kl_bernoulli", "kl_categorical", "kl_gaussian", "kl_standard_normal")),
    *(f"bernoulli.{name}" for name in ("log_prob", "relaxed_sample", "straight_through_sample")),
    *(f"estimators.{name}" for name in ("pathwise", "score_function")),
    *(f"models.{name}" for name in ("vae.loss_bernoulli", "categorical_vae.loss")),
)
#: (problem, settings, parameters, estimator -> exact variance by parameter)
PROBLEMS: tuple[tuple[str, str, tuple[str, ...], dict[str, tuple[float, ...]]], ...] = (
    (
        "quadratic",
        "k=1.0 loc=0.5 scale=1.0",
        ("loc", "scale"),
        {"pathwise": (4.0, 10.0), "score_function": (18.6, 89.1), "score_function_leave_one_out": (9.0, 40.0)},
    ),
    ("norm_squared", "dimension=16", ("loc",), {"pathwise": (4.0,), "score_function": (360.0,)}),
    (
        "bernoulli",
        "f0=0.2025 f1=0.3025 logit=0.0",
        ("logits",),
        {"score_function": (0.0160,), "gumbel_softmax": (0.0007,), "straight_through_gumbel": (0.0009,)},
    ),
)
PROVENANCE: dict[str, Any] = {
    "started": "2025-06-01T10:00:00+00:00",
    "profile": "quick",
    "seed": 20250601,
    "command": "reparam run --profile quick --seed 20250601",
    "machine": {"name": "example-2-cores", "cpu": "Example CPU", "cores": 2, "memory_gib": 7.8, "gpu": None},
    "versions": {"python": "3.12.1", "numpy": "2.3.0", "torch": "2.13.0", "jax": "0.10.2", "tensorflow": "2.21.0"},
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "dirty": False,
    "backends": {name: {"framework": name, "device": "cpu", "threads": 2, "x64": True} for name in BACKENDS},
}


def checks(random: np.random.Generator, backends: Sequence[str] = BACKENDS) -> list[Record]:
    """Return checks that all hold: each kernel, backend, dtype and mode, value and one derivative."""
    return [
        Check(
            backend=backend,
            dtype=dtype,
            device="cpu",
            kernel=kernel,
            case="bulk",
            mode=mode,
            derivative=derivative,
            error=0.0 if kernel.endswith("hard_sample") else float(8.0 * 10 ** random.uniform(-2.5, -0.1)),
            unit="ulp",
            budget=8.0,
            within_budget=True,
            worst_input="loc=0.25 scale=1.5",
            comparisons=1000,
        )
        for kernel, backend, dtype, mode, derivative in product(
            KERNELS, backends, ("float32", "float64"), ("compiled", "eager"), ("value", "vjp:loc")
        )
    ]


def variances(random: np.random.Generator) -> list[Record]:
    """Return variances near the exact ones, with 95 % intervals; relaxed estimators are biased."""
    found: list[Record] = []
    for problem, settings, parameters, estimators in PROBLEMS:
        for estimator, exact in estimators.items():
            relaxed = "gumbel" in estimator
            for parameter, truth in zip(parameters, exact, strict=True):
                for backend in BACKENDS:
                    for dtype in ("float32", "float64"):
                        value = truth * float(1 + 0.01 * random.standard_normal())
                        bias = 0.01 if relaxed else 0.0
                        speed = float(2e-9 * random.uniform(1, 3))
                        found.append(
                            Variance(
                                mode="compiled",
                                backend=backend,
                                dtype=dtype,
                                device="cpu",
                                estimator=estimator,
                                problem=problem,
                                parameter=parameter,
                                dimension=16 if problem == "norm_squared" else 1,
                                settings=f"{settings} temperature=0.5" if relaxed else settings,
                                samples=2,
                                replicates=20_000,
                                seed=20250601,
                                mean=1.0 + bias,
                                mean_standard_error=1e-3,
                                exact_mean=1.0,
                                bias=bias,
                                bias_standard_error=1e-3,
                                variance=value,
                                variance_low=value * 0.98,
                                variance_high=value * 1.02,
                                confidence=0.95,
                                exact_variance=None if relaxed else truth,
                                seconds_per_gradient=speed,
                                work_normalized_variance=value * speed,
                                bias_p_value=1e-20 if relaxed else 0.4,
                                worst_coordinate=0,
                                worst_z=bias / 1e-3,
                                distance=bias,
                                distance_low=max(bias - 2e-3, 0.0),
                                distance_high=bias + 2e-3,
                                detectable_distance=8e-3,
                            )
                        )
    return found


def times(random: np.random.Generator) -> list[Record]:
    """Return timings of two sizes: compiled is faster than eager, the backward pass doubles the time."""
    found: list[Record] = []
    modes, derivatives = (("eager", 3.0), ("compiled", 1.0)), (("value", 1.0), ("vjp", 2.2))
    for kernel, backend, (mode, cost), (derivative, passes), size in product(
        KERNELS[:14], BACKENDS, modes, derivatives, (1_000, 100_000)
    ):
        middle = float((2e-5 + 1e-9 * size) * cost * passes * 10 ** random.uniform(-0.25, 0.25))
        found.append(
            Time(
                backend=backend, dtype="float32", device="cpu", kernel=kernel, mode=mode, derivative=derivative,
                size=size, repeats=30, seconds_first_call=0.4, seconds=middle, seconds_low=0.95 * middle,
                seconds_high=1.1 * middle,
            )
        )  # fmt: skip
    return found


def peaks() -> list[Record]:
    """Return peak memory of one call: two arrays, three with the backward pass, and what a compiler takes."""
    modes, derivatives = (("eager", 0), ("compiled", 10**6)), (("value", 2), ("vjp", 3))
    return [
        Peak(
            backend=backend, dtype="float32", device="cpu", kernel=kernel, mode=mode, derivative=derivative, size=size,
            bytes=4 * size * arrays + extra, ratio=arrays + extra / (4 * size),
        )
        for kernel, backend, (mode, extra), (derivative, arrays), size in product(
            KERNELS[:5], BACKENDS, modes, derivatives, (2**20, 2**22)
        )
    ]  # fmt: skip


def trains(random: np.random.Generator, steps: int = 60) -> list[Record]:
    """Return loss curves of two models that differ between backends by rounding, more with each step."""
    found: list[Record] = []
    for model, objective, first in (
        ("vae", "bernoulli", 545.0),
        ("vae", "article", 1.0),
        ("categorical_vae", "bernoulli", 545.0),
    ):
        for dtype, eps in (("float32", 6e-8), ("float64", 1e-16)):
            for step in range(steps):
                loss = first * (0.36 + 0.64 * float(np.exp(-step / 18))) + first * 0.008 * float(np.sin(step * 1.7))
                found += [
                    Train(
                        mode="compiled",
                        backend=backend,
                        dtype=dtype,
                        device="cpu",
                        model=model,
                        objective=objective,
                        seed=20250601,
                        batch=100,
                        step=step,
                        loss=loss * (1 + eps * (step + 1) * float(random.standard_normal())),
                        temperature=1.0 if model == "categorical_vae" else None,
                        seconds=0.02,
                    )
                    for backend in BACKENDS
                ]
    return found


def articles(random: np.random.Generator) -> list[Record]:
    """Return the literal formulas and the right ones: the factor 2 of the KL, and Gumbel noise on probabilities."""
    found: list[Record] = []
    cases = (
        ("KL of N(0.5, 1.5²) from N(0, 1), nats", "article.kl_standard_normal", 1.3891, 0.6945),
        ("KL of N(0.5, 1.5²) from N(0, 1), nats", "divergences.kl_standard_normal", 0.6945, 0.6945),
        ("frequency of the likeliest class", "article.gumbel_softmax", 0.4644, 0.7),
        ("frequency of the likeliest class", "gumbel.gumbel_softmax_from_probs", 0.7, 0.7),
    )
    for quantity, formula, exact, right in cases:
        for backend in BACKENDS:
            measured = exact + 1e-3 * float(random.uniform(-1, 1))
            found.append(
                Article(
                    backend=backend,
                    dtype="float32",
                    device="cpu",
                    formula=formula,
                    quantity=quantity,
                    seed=20250601,
                    samples=100_000,
                    measured=measured,
                    measured_low=measured - 2e-3,
                    measured_high=measured + 2e-3,
                    confidence=0.95,
                    exact=exact,
                    right=right,
                )
            )
    return found


def geometries(random: np.random.Generator) -> list[Record]:
    """Return products in gradients with a library beside torch, the memory of a solve, and races of three seeds."""
    found: list[Record] = []
    network: dict[str, Any] = {
        "dtype": "float32",
        "device": "cpu",
        "network": "784-256-128-10",
        "batch": 512,
        "parameters": 235_146,
    }
    timed = [(name, "gauss_newton", mode) for name in BACKENDS for mode in ("compiled", "eager")]
    for backend, subject, mode in [*timed, ("curvlinops", "gauss_newton", "eager")]:
        ratio = float(random.uniform(0.9, 3.0))
        found.append(
            Ratio(
                backend=backend,
                subject=subject,
                mode=mode,
                reference="gradient eager",
                turns=15,
                seconds=4e-3 * ratio,
                ratio=ratio,
                ratio_low=0.9 * ratio,
                ratio_high=1.1 * ratio,
                confidence=0.95,
                **network,
            )
        )
    found.append(
        Ratio(
            backend="torch",
            subject="gauss_newton",
            mode="eager",
            reference="curvlinops gauss_newton eager",
            turns=15,
            seconds=4e-3,
            ratio=0.34,
            ratio_low=0.33,
            ratio_high=0.41,
            confidence=0.95,
            **network,
        )
    )
    for backend in BACKENDS:
        for subject, iterations, size in (("gradient", 0, 10**8), ("conjugate_gradient", 10, 4 * 10**8)):
            found.append(
                Memory(
                    backend=backend,
                    subject=subject,
                    mode="eager",
                    iterations=iterations,
                    bytes=size,
                    ratio=size / 1e8,
                    **network,
                )
            )
        found += [
            Race(
                backend=backend,
                dtype="float32",
                device="cpu",
                mode="eager",
                model="regression",
                objective="likelihood",
                batch=442,
                seed=seed,
                optimizer="natural_gradient",
                settings="damping=0.001",
                against="adam",
                against_settings="learning_rate=0.001",
                against_steps=200,
                against_seconds=0.5,
                target=0.83,
                steps=5 + seed,
                seconds=0.14 + 0.01 * seed,
            )
            for seed in range(3)
        ]
    return found


def reproductions() -> list[Record]:
    """Return one curve of a figure, at its exact values."""
    return [
        Reproduction(
            backend="torch", dtype="float64", device="cpu", name="rezende2014",
            figure="f = |x|^2, x ~ N(0, I_D), by loc", quantity="variance of one gradient", curve=curve,
            axis="dimension D", x=x, log_x=True, log_y=True,
            estimator=curve, problem="norm_squared", settings="loc=0 scale=1", samples=1, replicates=200_000, seed=0,
            measured=exact, low=0.98 * exact, high=1.02 * exact, confidence=0.95, exact=exact, deviation=0.0, limit=4.5,
            agrees=True,
        )
        for x in (1.0, 10.0, 50.0)
        for curve, exact in (("score_function", (x + 2) * (x + 4)), ("pathwise", 4.0))
    ]  # fmt: skip


def trajectories() -> list[Record]:
    """Return an estimator's variance at the start, in the middle and at the end of a training."""
    return [
        TrainingVariance(
            backend=backend, dtype="float32", device="cpu", mode="compiled", model="vae", objective="bernoulli",
            batch=128, step=step, steps=200, estimator="pathwise", problem="vae", parameter="loc", dimension=400,
            settings="", samples=2, replicates=2000, seed=0, mean=0.1, mean_standard_error=0.01, reference_mean=0.1,
            reference_standard_error=0.001, bias=0.0, bias_standard_error=0.01, squared_bias=0.0,
            squared_bias_standard_error=0.001, variance=2.0 + step, variance_low=1.5 + step, variance_high=2.5 + step,
            confidence=0.95, seconds_per_gradient=1e-4, bias_p_value=0.4, worst_coordinate=3, worst_z=0.5,
            distance=0.0, distance_low=0.0, distance_high=0.2, detectable_distance=0.3,
        )
        for backend in BACKENDS
        for step in (0, 100, 200)
    ]  # fmt: skip


def calibrations() -> list[Record]:
    """Return a coverage, two estimators ranked, the speed of the stream and a long stream."""
    where: dict[str, Any] = {"backend": "torch", "dtype": "float64", "device": "cpu"}
    problem: dict[str, Any] = {"problem": "quadratic", "settings": "k=1.0"}
    ranks: list[Record] = [
        Recommendation(
            **where, **problem, estimator=estimator, dimension=1, samples=2, replicates=2000, seed=0,
            budget_seconds=1e-3, rank=rank, gradients=1000.0, seconds_per_gradient=1e-6, mean_squared_error=error,
            low=0.9 * error, high=1.1 * error, confidence=0.95, bias_squared=0.0, trusted=True,
            as_good_as_the_best=rank == 1,
        )
        for rank, (estimator, error) in enumerate((("pathwise", 4e-3), ("score_function", 2e-2)), start=1)
    ]  # fmt: skip
    return [
        Coverage(
            **where, **problem, estimator="pathwise", parameter="loc", quantity="variance", replicates=2000,
            repeats=1000, seed=0, nominal=0.95, coverage=0.949, coverage_low=0.934, coverage_high=0.962, untrusted=0.0,
        ),
        *ranks,
        Throughput(
            **where, estimator="pathwise", problem="quadratic", dimension=1, block=4096, blocks=16, turns=15,
            gradients_per_second=2e7, loop_ratio=900.0, loop_ratio_low=850.0, loop_ratio_high=950.0, floor_ratio=0.4,
            floor_ratio_low=0.38, floor_ratio_high=0.42, confidence=0.95,
        ),
        Stream(**where, mode="compiled", estimator="pathwise", replicates=10**8, seconds=5.0, bytes=2**24),
    ]  # fmt: skip


def failure(reason: str = "RuntimeError: no such device", cell: str = "time torch gaussian.cdf float32 gpu") -> Failure:
    return Failure(backend="torch", dtype="float32", device="cpu", cell=cell, reason=reason)


def run(name: str = "quick-1", seed: int = 0, **provenance: Any) -> Run:
    """Return a run with records of every kind but failures."""
    random = np.random.default_rng(seed)
    records = [*checks(random), *variances(random), *times(random), *trains(random), *articles(random)]
    records += [*peaks(), *geometries(random), *reproductions(), *trajectories(), *calibrations()]
    return Run(name, PROVENANCE | provenance, records)


def hostile(seed: int = 1, **provenance: Any) -> Run:
    """Return a run whose names, cases, inputs, models, reasons and provenance all try to be markup."""
    random = np.random.default_rng(seed)
    records: list[Record] = [
        msgspec.structs.replace(record, kernel=HOSTILE, case=HOSTILE, worst_input=HOSTILE)
        for record in checks(random)[:4]
    ]
    records += [msgspec.structs.replace(record, problem=HOSTILE) for record in variances(random)[:2]]
    records += [msgspec.structs.replace(record, model=HOSTILE) for record in trains(random, 2)[:6]]
    records.append(failure(HOSTILE, HOSTILE))
    return Run(HOSTILE, PROVENANCE | {"command": HOSTILE, "machine": {"name": HOSTILE}} | provenance, records)

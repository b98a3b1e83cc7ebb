"""Mutations of kernels: each is a mistake that people make, and the agreement check must find every one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from conftest import Pool

from harness.agreement import evaluate, plan
from harness.results.schema import Record
from implementations import registry

Kernel = Callable[..., Any]


class Mutation(NamedTuple):
    """A row: `replacement` takes the place of `kernel` in `backend`, made from the backend and the right kernel."""

    name: str
    backend: str
    kernel: str
    replacement: Callable[[ModuleType, Kernel], Kernel]


def _lost_temperature(backend: ModuleType, right: Kernel) -> Kernel:
    """Value of the relaxation, gradient of the relaxation at temperature 1."""
    stop = backend.autodiff.stop_gradient

    def kernel(logits: Any, noise: Any, temperature: Any) -> Any:
        at_one = right(logits, noise, temperature / stop(temperature))
        return stop(right(logits, noise, temperature)) + (at_one - stop(at_one))

    return kernel


def _dropped_stop(backend: ModuleType, _right: Kernel) -> Kernel:
    def kernel(logits: Any, noise: Any, temperature: Any) -> Any:
        soft = backend.gumbel.gumbel_softmax(logits, noise, temperature)
        return (backend.gumbel.hard_sample(logits, noise) - soft) + soft

    return kernel


def _several_ones(_backend: ModuleType, _right: Kernel) -> Kernel:
    def kernel(logits: Any, noise: Any) -> Any:
        scores = logits + noise
        return (scores == scores.amax(-1, keepdim=True)).to(scores.dtype)

    return kernel


def _clamped(_backend: ModuleType, _right: Kernel) -> Kernel:
    def kernel(logits_q: Any, logits_p: Any) -> Any:
        q, p = (logits.softmax(-1).clamp(min=1e-8) for logits in (logits_q, logits_p))
        return (q * (q.log() - p.log())).sum(-1)

    return kernel


def _ratio_of_squares(_backend: ModuleType, _right: Kernel) -> Kernel:
    def kernel(loc_q: Any, scale_q: Any, loc_p: Any, scale_p: Any) -> Any:
        ratio = (scale_q / scale_p) ** 2
        return 0.5 * (ratio + ((loc_q - loc_p) / scale_p) ** 2 - 1 - ratio.log())

    return kernel


MUTATIONS = (
    Mutation("wrong sign", "torch", "divergences.kl_normal", lambda _, right: lambda *x: -right(*x)),
    Mutation(
        "missing one half",
        "tensorflow",
        "divergences.kl_standard_normal",
        lambda _, right: lambda loc, scale: 2 * right(loc, scale),
    ),
    Mutation(
        "swapped arguments of the KL",
        "torch",
        "divergences.kl_normal",
        lambda _, right: lambda loc_q, scale_q, loc_p, scale_p: right(loc_p, scale_p, loc_q, scale_q),
    ),
    Mutation(
        "swapped arguments of the categorical KL",
        "tensorflow",
        "divergences.kl_categorical",
        lambda _, right: lambda logits_q, logits_p: right(logits_p, logits_q),
    ),
    Mutation("ratio of squares in the KL", "torch", "divergences.kl_normal", _ratio_of_squares),
    Mutation("probabilities clamped in the KL", "torch", "divergences.kl_categorical", _clamped),
    Mutation("dropped stop-gradient", "torch", "gumbel.straight_through_gumbel_softmax", _dropped_stop),
    Mutation(
        "dropped stop-gradient, jax",
        "jax",
        "gumbel.straight_through_gumbel_softmax",
        _dropped_stop,
    ),
    Mutation(
        "soft in place of hard",
        "tensorflow",
        "gumbel.straight_through_gumbel_softmax",
        lambda backend, _: backend.gumbel.gumbel_softmax,
    ),
    Mutation(
        "noise on probabilities",
        "torch",
        "gumbel.gumbel_softmax_from_probs",
        lambda backend, _: backend.article.gumbel_softmax,
    ),
    Mutation(
        "noise left out",
        "torch",
        "gumbel.gumbel_softmax",
        lambda _, right: lambda logits, noise, temperature: right(logits, 0 * noise, temperature),
    ),
    Mutation("lost temperature in the gradient", "torch", "gumbel.gumbel_softmax", _lost_temperature),
    Mutation("several ones on a tie", "torch", "gumbel.hard_sample", _several_ones),
    Mutation(
        "square in place of softplus",
        "torch",
        "gaussian.scale_from_softplus",
        lambda backend, _: backend.gaussian.scale_from_square,
    ),
    Mutation(
        "logarithm of expm1",
        "torch",
        "gaussian.softplus_inverse",
        lambda _backend, _right: lambda scale: scale.expm1().log(),
    ),
    Mutation(
        "cdf by 1 + erf",
        "torch",
        "gaussian.cdf",
        lambda _backend, _right: lambda value, loc, scale: 0.5 * (1 + ((value - loc) / scale / 2**0.5).erf()),
    ),
    Mutation(
        "variance in place of the scale",
        "tensorflow",
        "gaussian.entropy",
        lambda _, right: lambda loc, scale: right(loc, scale * scale),
    ),
    Mutation(
        "additive eps in Gumbel noise",
        "torch",
        "gumbel.noise_from_uniform",
        lambda _backend, _right: lambda uniform: -(1e-10 - (uniform + 1e-10).log()).log(),
    ),
    Mutation(
        "Jacobian of the simplex left out",
        "torch",
        "relaxed_categorical.simplex_log_prob",
        lambda backend, _: backend.relaxed_categorical.log_prob,
    ),
    Mutation(
        "one temperature for the whole batch",
        "torch",
        "relaxed_categorical.log_prob",
        lambda _, right: lambda log_value, logits, temperature: right(log_value, logits, temperature.mean()),
    ),
    Mutation(
        "class itself left out of the cdf",
        "torch",
        "categorical.cdf",
        lambda backend, right: lambda value, logits: right(value, logits) - backend.categorical.prob(value, logits),
    ),
    Mutation(
        "schedule does not stop",
        "torch",
        "annealing.linear",
        lambda _backend, _right: lambda step, initial, final, steps: initial + (final - initial) * step / steps,
    ),
)


def mutated(backend: ModuleType, mutation: str, **arguments: Any) -> Any:
    """Evaluate calls with one kernel replaced; runs in the framework's process."""
    row = next(row for row in MUTATIONS if row.name == mutation)
    module, name = row.kernel.split(".")
    owner = getattr(backend, module)
    right = getattr(owner, name)
    setattr(owner, name, row.replacement(backend, right))
    try:
        return evaluate.kernels(backend, **arguments)
    finally:
        setattr(owner, name, right)


@pytest.fixture(scope="module")
def outcomes(workers: Pool, installed_backends: list[str]) -> dict[str, Sequence[Record]]:
    """The records of every mutation, by its name."""
    rows = [row for row in MUTATIONS if row.backend in installed_backends]
    cells = []
    for row in rows:
        (cell,) = plan.plan([row.kernel], backends=[row.backend], dtypes=["float32"], modes=["eager"])
        arguments = cell.work.arguments | {"mutation": row.name}
        work = dataclasses.replace(cell.work, function=f"{__name__}:mutated", arguments=arguments)
        cells.append(dataclasses.replace(cell, key=row.name, work=work))
    return dict(zip([row.name for row in rows], workers.run(cells), strict=True))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda row: row.name)
def test_mutation_is_caught(mutation: Mutation, outcomes: dict[str, Sequence[Record]]) -> None:
    if not registry.installed(mutation.backend) or mutation.name not in outcomes:
        pytest.skip(f"backend {mutation.backend} is not tested here: {registry.install_command(mutation.backend)}")
    records = outcomes[mutation.name]
    assert records
    assert {record.kernel for record in records} == {mutation.kernel}
    assert not all(record.within_budget for record in records)

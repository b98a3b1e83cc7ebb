"""Mutations of the estimators' own texts: each is a mistake that people make, and is seen replicate by replicate."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from conftest import Pool

import implementations
from harness.agreement import estimators, plan
from harness.estimators import ESTIMATORS
from harness.results.schema import Record

#: (before, after) by the backend's name.
Texts = dict[str, tuple[str, str]]


class Mutation(NamedTuple):
    """What a mutation is called.

    Attributes:
        estimator: what is mutated, and which subject sees it.
        case: in which case.
        mistake: in a few words; "" for the right text.
    """

    estimator: str
    case: str
    mistake: str = ""


def _alike(before: str, after: str) -> Texts:
    return dict.fromkeys(("torch", "jax", "tensorflow"), (before, after))


_BITS, _CLASSES = "bernoulli_quadratic", "categorical_quadratic"
_GAMMA, _BETA = "gamma_quadratic", "beta_quadratic"
_NORMAL, _ELBO, _BOUND, _BIT_BOUND = "cosine", "gaussian_elbo", "linear_gaussian_iwae", "bernoulli_iwae"

MUTATIONS: dict[Mutation, Texts] = {
    Mutation("pathwise_antithetic", _NORMAL, "the same noise twice"): {
        "torch": ("(broadcast, -noise)", "(broadcast, noise)"),
        "jax": ("[noise, -noise]", "[noise, noise]"),
        "tensorflow": ("(noise, -noise)", "(noise, noise)"),
    },
    Mutation("implicit_reparameterization", _GAMMA, "sign of the implicit term"): {
        "torch": ("sample + slope *", "sample - slope *"),
        "jax": ("sum(slope *", "sum(-slope *"),
        "tensorflow": ("upstream * slopes[name]", "-upstream * slopes[name]"),
    },
    Mutation("implicit_reparameterization", _GAMMA, "sample not held constant"): {
        "torch": ("distribution.sample(held, noise)", "distribution.sample(broadcast, noise)"),
        "jax": (
            "objective(sample(rows), rows",
            "objective(sample(rows) + distribution.sample(rows, noise) - jax.lax.stop_gradient(sample(rows)), rows",
        ),
        "tensorflow": (
            "objective(sample(*(rows[name] for name in names)), rows",
            "objective(sample(*rows.values()) + distribution.sample(rows, noise)"
            " - tf.stop_gradient(distribution.sample(rows, noise)), rows",
        ),
    },
    Mutation("implicit_reparameterization", _GAMMA, "derivatives that automatic differentiation finds, alone"): {
        "torch": ("held = autodiff.hold(broadcast)", "held = broadcast"),
        "jax": ("objective(sample(rows), rows", "objective(distribution.sample(rows, noise), rows"),
        "tensorflow": (
            "objective(sample(*(rows[name] for name in names)), ",
            "objective(distribution.sample(rows, noise), ",
        ),
    },
    Mutation("implicit_reparameterization", _BETA, "parameters exchanged"): {
        "torch": ("in derivatives(held, noise).items()", "in zip(held, reversed(derivatives(held, noise).values()))"),
        "jax": ("rows_dot[name]", "rows_dot[next(other for other in rows if other != name)]"),
        "tensorflow": (
            "axis=1, keepdims=True) for name in names",
            "axis=1, keepdims=True) for name in reversed(names)",
        ),
    },
    Mutation("score_function_constant", _BITS, "baseline added"): {
        "torch": ('return constants["baseline"]', 'return -constants["baseline"]'),
        "jax": ('f - constants["baseline"]', 'f + constants["baseline"]'),
        "tensorflow": ('f - constants["baseline"]', 'f + constants["baseline"]'),
    },
    Mutation("score_function_constant", _ELBO, "weight not held constant"): {
        "torch": ("(cost - baseline(cost)).detach()", "(cost - baseline(cost))"),
        "jax": ("stop_gradient(weight(f))", "weight(f)"),
        "tensorflow": ("tf.stop_gradient(weight)", "weight"),
    },
    Mutation("score_function_optimal", _CLASSES, "baseline added"): _alike("- constants[f", "+ constants[f"),
    Mutation("score_function_optimal", _ELBO, "sample not held constant"): {
        "torch": ("distribution.sample(broadcast, noise).detach(), ", "distribution.sample(broadcast, noise), "),
        "jax": ("stop_gradient(distribution.sample(rows, noise))", "distribution.sample(rows, noise)"),
        "tensorflow": ("tf.stop_gradient(distribution.sample(rows, noise)), ", "distribution.sample(rows, noise), "),
    },
    Mutation("measure_valued", _NORMAL, "Maxwell for Rayleigh"): {
        "torch": ("objective_at(rayleigh) - objective_at(-rayleigh)", "objective_at(maxwell) - objective_at(-maxwell)"),
        "jax": ("f_changed(rayleigh) - f_changed(-rayleigh)", "f_changed(maxwell) - f_changed(-maxwell)"),
        "tensorflow": ("changed(rayleigh) - changed(-rayleigh)", "changed(maxwell) - changed(-maxwell)"),
    },
    Mutation("measure_valued", _NORMAL, "Rayleigh for Maxwell"): {
        "torch": ("torch.copysign(maxwell, first)", "torch.copysign(rayleigh, first)"),
        "jax": ("jnp.square(noise), axis", "jnp.square(noise[:, :, :2]), axis"),
        "tensorflow": ("tf.square(noise), axis", "tf.square(noise[:, :, :2]), axis"),
    },
    Mutation("measure_valued", _NORMAL, "Maxwell without its sign"): {
        "torch": ("torch.copysign(maxwell, first)", "maxwell"),
        "jax": ("axis=2)), noise[:, :, 0])", "axis=2)), 1.0)"),
        "tensorflow": ("tf.sign(noise[:, :, 0]) * ", ""),
    },
    Mutation("measure_valued", _NORMAL, "by loc, not coupled"): {
        "torch": ("objective_at(-rayleigh)", "objective_at(-torch.sqrt(torch.square(second) + torch.square(third)))"),
        "jax": ("f_changed(-rayleigh)", "f_changed(-jnp.sqrt(jnp.sum(jnp.square(noise[:, :, 1:]), axis=2)))"),
        "tensorflow": ("changed(-rayleigh)", "changed(-tf.sqrt(tf.reduce_sum(tf.square(noise[:, :, 1:]), axis=2)))"),
    },
    Mutation("measure_valued", _NORMAL, "by scale, not coupled"): {
        "torch": ("- objective_at(first)", "- objective_at(second)"),
        "jax": ("jnp.expand_dims(f(x), 2)", "f_changed(noise[:, :, 1])"),
        "tensorflow": ("tf.reshape(here, (replicates, samples, *(1 for _ in event)))", "changed(noise[:, :, 1])"),
    },
    Mutation("exact", _BITS, "without probabilities"): {
        "torch": ("torch.exp(log_prob) * cost", "log_prob * cost"),
        "jax": ("jnp.exp(_of_point", "(_of_point"),
        "tensorflow": ("tf.exp(sum_to_rank", "(sum_to_rank"),
    },
    Mutation("sticking_the_landing", _ELBO, "parameters not held constant"): {
        "torch": ("autodiff.hold(broadcast)", "broadcast"),
        "jax": ("stop_gradient(rows)", "rows"),
        "tensorflow": ("_held_constant(rows)", "rows"),
    },
    Mutation("iwae", _BOUND, "uniform weights"): {
        "torch": ("return _bound(", "return (lambda log_weight, axis: log_weight)("),
        "jax": ("return _bound(", "return (lambda log_weights, axis: log_weights)("),
        "tensorflow": ("return _bound(", "return ("),
    },
    Mutation("iwae", _BOUND, "mean of the weights, not its logarithm"): {
        "torch": ("torch.logsumexp(log_weight,", "torch.mean(torch.exp(log_weight),"),
        "jax": ("logsumexp(log_weights,", "jnp.mean(jnp.exp(log_weights),"),
        "tensorflow": ("tf.reduce_logsumexp(log_weight,", "tf.reduce_mean(tf.exp(log_weight),"),
    },
    Mutation("dreg", _BOUND, "v for v^2"): {
        "torch": ("torch.square(share)", "share"),
        "jax": ("jnp.square(shares)", "shares"),
        "tensorflow": ("tf.square(normalised)", "normalised"),
    },
    Mutation("dreg", _BOUND, "v^2 not held constant"): {
        "torch": ("torch.softmax(log_weight, dim=1).detach()", "torch.softmax(log_weight, dim=1)"),
        "jax": ("softmax(stop_gradient(log_weights), axis=1)", "softmax(log_weights, axis=1)"),
        "tensorflow": ("tf.stop_gradient(tf.nn.softmax(log_weight, axis=1))", "tf.nn.softmax(log_weight, axis=1)"),
    },
    Mutation("dreg", _BOUND, "parameters not held constant"): {
        "torch": ("autodiff.hold(broadcast)", "broadcast"),
        "jax": ("stop_gradient(rows)", "rows"),
        "tensorflow": ("_held_constant(rows)", "rows"),
    },
    Mutation("vimco", _BIT_BOUND, "sign of the baseline"): {
        "torch": ("bound - _bound_without(log_weight)", "bound + _bound_without(log_weight)"),
        "jax": ("bound - _bounds_without(log_weights)", "bound + _bounds_without(log_weights)"),
        "tensorflow": ("bound - _bounds_without(log_weight)", "bound + _bounds_without(log_weight)"),
    },
    Mutation("vimco", _BIT_BOUND, "its own weight in the baseline"): {
        "torch": ("mean_of_others(log_weight)[", "log_weight.mean(dim=1, keepdim=True)["),
        "jax": ("jnp.where(own, 0, table)", "table * (samples - 1) / samples"),
        "tensorflow": ("mean_of_others(log_weight)[", "tf.reduce_mean(log_weight, axis=1, keepdims=True)["),
    },
    Mutation("vimco", _BIT_BOUND, "weight not held constant"): {
        "torch": ("(bound - _bound_without(log_weight)).detach()", "bound - _bound_without(log_weight)"),
        "jax": ("stop_gradient(bound - _bounds_without(log_weights))", "bound - _bounds_without(log_weights)"),
        "tensorflow": ("scores, axis", "scores * signal / tf.stop_gradient(signal), axis"),
    },
    Mutation("vimco", _BIT_BOUND, "explicit term dropped"): {
        "torch": ("keepdim=True) + bound", "keepdim=True)"),
        "jax": ("keepdims=True) + bound", "keepdims=True)"),
        "tensorflow": ("keepdims=True) + bound", "keepdims=True)"),
    },
    Mutation("gumbel_softmax", _BITS, "T inverted"): _alike('constants["temperature"]', '1 / constants["temperature"]'),
    Mutation("straight_through", _CLASSES, "nothing held constant"): {
        "torch": ("hard - soft.detach()", "hard - soft"),
        "jax": ("soft - stop_gradient(soft)", "soft - soft"),
        "tensorflow": ("hard - tf.stop_gradient(soft)", "hard - soft"),
    },
    Mutation("straight_through_gumbel", _BITS, "objective at the relaxed sample"): {
        "torch": ("_straight_through(distribution.sample(broadcast, noise), soft)", "soft"),
        "jax": ("_moving_with(soft, hard)", "soft"),
        "tensorflow": ("_forward_backward(distribution.sample(rows, noise), soft)", "soft"),
    },
    Mutation("gumbel_rao", _BITS, "unconditional noise"): {
        "torch": ("distribution.conditional_noise(of_draws, hard[:, :, None], ", "("),
        "jax": ("distribution.conditional_noise(rows_k, hard_k, ", "("),
        "tensorflow": ("distribution.conditional_noise(wide, value[:, :, tf.newaxis], ", "("),
    },
    Mutation("gumbel_rao", _BITS, "conditional noise not held constant"): {
        "torch": ("noise[:, :, 1:]).detach()", "noise[:, :, 1:])"),
        "jax": ("stop_gradient(distribution.conditional_noise", "(distribution.conditional_noise"),
        "tensorflow": ("tf.stop_gradient(given)", "given"),
    },
    Mutation("rebar", _BITS, "c dropped"): _alike('constants["coefficient"]', "1.0"),
    Mutation("rebar", _CLASSES, "sign of the conditional term"): {
        "torch": ("control_free - control_given", "control_free + control_given"),
        "jax": ("(free - given_b)", "(free + given_b)"),
        "tensorflow": ("at_free - at_given", "at_free + at_given"),
    },
    Mutation("rebar", _BITS, "z~ held constant"): {
        "torch": ("(broadcast, value, unconditional)", "(broadcast, value, unconditional).detach()"),
        "jax": ("(rows, b, second)", "(stop_gradient(rows), b, second)"),
        "tensorflow": ("in (free, given)", "in (free, tf.stop_gradient(given))"),
    },
    Mutation("rebar", _CLASSES, "z~ independent of b"): {
        "torch": ("distribution.conditional_noise(broadcast, value, unconditional)", "unconditional"),
        "jax": ("distribution.conditional_noise(rows, b, second)", "second"),
        "tensorflow": ("distribution.conditional_noise(rows, value, noise[:, :, 1])", "noise[:, :, 1]"),
    },
    Mutation("rebar", _BITS, "weight not held constant"): {
        "torch": ("(cost - control_given).detach()", "(cost - control_given)"),
        "jax": ("stop_gradient(f - given_b)", "(f - given_b)"),
        "tensorflow": ("scores + f + at", "scores * (f - at_given) / tf.stop_gradient(f - at_given) + f + at"),
    },
    Mutation("relax", _CLASSES, "c doubled"): _alike('constants["coefficient"]', '2 * constants["coefficient"]'),
    Mutation("relax", _CLASSES, "square dropped"): _alike('constants["surrogate_quadratic"]', "0.0"),
    Mutation("muprop", _BITS, "without the linear term"): {
        "torch": ("(cost - cost_at_mean - linear)", "(cost - cost_at_mean)"),
        "jax": ("at_center + over_event(slope * (b - center), f)", "at_center"),
        "tensorflow": ("f_mean + sum_to_rank(slope * (value - at), f.shape.rank)", "f_mean"),
    },
    Mutation("muprop", _BITS, "path through the mean dropped"): {
        "torch": (" + sum_within_factors(slope * mean, cost)", ""),
        "jax": (" + over_event(slope * mean, f)", ""),
        "tensorflow": (" + sum_to_rank(slope * mean, f.shape.rank)", ""),
    },
    Mutation("arm", _BITS, "u for u - 1/2"): {
        "torch": ("0.5 * torch.tanh(0.5 * noise)", "0.5 + 0.5 * torch.tanh(0.5 * noise)"),
        "jax": ("0.5 * jnp.tanh(0.5 * noise)", "0.5 + 0.5 * jnp.tanh(0.5 * noise)"),
        "tensorflow": ("0.5 * tf.tanh(0.5 * noise)", "0.5 + 0.5 * tf.tanh(0.5 * noise)"),
    },
    Mutation("arm", _BITS, "the same noise twice"): _alike("-noise)", "noise)"),
    Mutation("disarm", _BITS, "sign"): {
        "torch": ("return bits - opposite", "return opposite - bits"),
        "jax": ("(b - opposite)", "(opposite - b)"),
        "tensorflow": ("(value - mirrored)", "(mirrored - value)"),
    },
    Mutation("disarm", _BITS, "1/2 dropped"): {
        "torch": ("0.5 * difference", "difference"),
        "jax": ("0.5 * (b - opposite)", "(b - opposite)"),
        "tensorflow": ("0.5 * (value - mirrored)", "(value - mirrored)"),
    },
    Mutation("disarm", _BITS, "logits without their absolute value"): {
        "torch": ("torch.abs(parameters[", "(parameters["),
        "jax": ("jnp.abs(rows[", "(rows["),
        "tensorflow": ("tf.abs(logits)", "logits"),
    },
    Mutation("disarm", _BITS, "bits that are equal not left out"): {
        "torch": ("return bits - opposite", "return 1.0 - 2.0 * opposite"),
        "jax": ("(b - opposite)", "(1.0 - 2.0 * opposite)"),
        "tensorflow": ("(value - mirrored)", "(1.0 - 2.0 * mirrored)"),
    },
}
RIGHT = [Mutation(*subject) for subject in sorted({row[:2] for row in MUTATIONS})]
Outcomes = dict[tuple[str, Mutation], Sequence[Record]]


def text(backend: str, mutation: Mutation) -> str:
    """Return the text of the estimator's module with one expression replaced.

    The expression stands once in the module, or once in the estimator's own function.
    """
    name = mutation.estimator
    file = Path(implementations.__file__).parent / backend / "estimators" / f"{ESTIMATORS[name].module}.py"
    source = file.read_text()
    if not mutation.mistake:
        return source
    before, after = MUTATIONS[mutation][backend]
    if source.count(before) == 1:
        return source.replace(before, after)
    head, start, rest = source.partition(f"\ndef {name}(")
    own, end, tail = rest.partition("\n\n\n")
    assert own.count(before) == 1, f"{name} of {backend} does not hold {before!r} once"
    return head + start + own.replace(before, after) + end + tail


def mutated(backend: ModuleType, mutation: Mutation, **arguments: Any) -> Any:
    """Evaluate a case with the estimator from the mutated text; runs in the framework's process."""
    name = mutation.estimator
    owner = importlib.import_module(f"{backend.__name__}.estimators.{ESTIMATORS[name].module}")
    mutant = ModuleType(owner.__name__)
    source = text(backend.__name__.rpartition(".")[2], mutation)
    exec(compile(source, f"<mutant of {owner.__name__}>", "exec"), mutant.__dict__)
    right = getattr(owner, name)
    setattr(owner, name, getattr(mutant, name))
    try:
        return estimators.evaluate(backend, **arguments)
    finally:
        setattr(owner, name, right)


@pytest.fixture(scope="module")
def outcomes(workers: Pool, installed_backends: list[str]) -> Outcomes:
    """The records of every text, by backend."""
    keys = [(backend, row) for backend in installed_backends for row in [*RIGHT, *MUTATIONS]]
    cells = []
    for backend, row in keys:
        kernel = estimators.PREFIX + row.estimator
        (cell,) = plan.plan([kernel], [row.case], backends=[backend], dtypes=["float64"], modes=["eager"])
        arguments = cell.work.arguments | {"mutation": row}
        work = dataclasses.replace(cell.work, function=f"{__name__}:mutated", arguments=arguments)
        cells.append(dataclasses.replace(cell, key=f"{backend} {row}", work=work))
    return dict(zip(keys, workers.run(cells), strict=True))


@pytest.mark.parametrize("right", RIGHT, ids=lambda row: ": ".join(row[:2]))
def test_right_text_passes(right: Mutation, backend: str, outcomes: Outcomes) -> None:
    records = outcomes[backend, right]
    assert records
    assert all(record.within_budget for record in records)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=": ".join)
def test_mutation_is_caught(mutation: Mutation, backend: str, outcomes: Outcomes) -> None:
    records = outcomes[backend, mutation]
    assert {record.kernel for record in records} == {estimators.PREFIX + mutation.estimator}
    wrong = [record.observed for record in records if not record.within_budget]
    assert wrong
    assert all(said.startswith("got ") and "nan" not in said for said in wrong), "not a number: the text is broken"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=": ".join)
def test_text_occurs(mutation: Mutation, backend: str) -> None:
    assert text(backend, mutation) != text(backend, mutation._replace(mistake=""))

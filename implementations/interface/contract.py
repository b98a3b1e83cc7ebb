"""Metadata of a kernel: its core shapes, what it is differentiable in, and the domain of its arguments."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, TypeVar

#: An array of whatever framework the backend wraps. The contract does not name a framework's type.
Array = Any

#: Parameters of a distribution or weights of a network: a flat dict of arrays.
Arrays = dict[str, Array]

Function = TypeVar("Function", bound=Callable[..., Any])

#: The modules whose decorated stubs are kernels, in the order in which `reparam list kernels` shows them.
KERNEL_MODULES = (
    "gaussian",
    "gumbel",
    "categorical",
    "bernoulli",
    "relaxed_categorical",
    "divergences",
    "annealing",
    "article",
)


class Distribution(NamedTuple):
    """How an estimator sees a distribution: pure functions of a dict of parameters.

    Attributes:
        noise: the base noise that `sample` transforms, one of "normal", "logistic", "gumbel", "gamma"; the last is
            standard gamma variates of the distribution's own concentrations.
        sample: (parameters, noise) -> value of the noise's shape, less its axis of draws. Differentiable in the
            parameters for a reparameterizable distribution, piecewise constant for a discrete one.
        log_prob: (value, parameters) -> log density or log mass in nats, one number per event.
        relaxed_sample: (parameters, noise, temperature) -> the relaxation whose limit, as the temperature
            goes to 0, is `sample` of the same noise; None for a continuous distribution.
        conditional_noise: (parameters, value, noise) -> noise distributed as the base noise given that its sample is
            `value`, made of unconditional base noise: `sample(parameters, conditional_noise(parameters, value, noise))`
            is `value`. Differentiable in the parameters; None for a continuous distribution.
        mean: parameters -> E of a sample, of the event's shape; None where it is not needed.
        support: parameters -> every value of the whole event, [points, *event], constant; None for a continuous
            distribution.
        sample_derivatives: (parameters, noise) -> {parameter: d sample / d parameter at a fixed quantile}, each of
            the sample's shape, not differentiated further; None where `sample` needs no implicit differentiation.
        draws: numbers of base noise that make one number of a sample, on an axis before the event; 0 for one, and no
            axis.
    """

    noise: str
    sample: Callable[..., Array]
    log_prob: Callable[..., Array]
    relaxed_sample: Callable[..., Array] | None
    conditional_noise: Callable[..., Array] | None = None
    mean: Callable[[Arrays], Array] | None = None
    support: Callable[[Arrays], Array] | None = None
    sample_derivatives: Callable[[Arrays, Array], Arrays] | None = None
    draws: int = 0


class Family(NamedTuple):
    """An output distribution as the Fisher information sees it: pure functions of a dict of parameters.

    Parameters are {name: [examples, *event]}. An entry is what has a probability of its own: an element for normal
    and Bernoulli, a vector over the last axis for categorical.

    Attributes:
        noise: the base noise that `sample` transforms, one of "normal", "logistic", "gumbel".
        sample: (parameters, noise) -> a value of the noise's shape.
        log_prob: (value, parameters) -> log density or log mass in nats, one number per entry.
        kl: (p, q) -> KL(p || q) in nats, one number per entry, where p and q are dicts of parameters.
        fisher: (parameters, tangents) -> F tangents in closed form, F = E[score score^T] of each entry, as a dict
            like the parameters.
    """

    noise: str
    sample: Callable[..., Array]
    log_prob: Callable[..., Array]
    kl: Callable[..., Array]
    fisher: Callable[[Arrays, Arrays], Arrays]


#: What became of a linear system: `Solution.status` is an index into these.
STATUSES = ("converged", "breakdown", "out of iterations", "stagnated")
CONVERGED, BREAKDOWN, OUT_OF_ITERATIONS, STAGNATED = range(len(STATUSES))


class Solution(NamedTuple):
    """What conjugate gradient gives back.

    Attributes:
        x: the last iterate, a dict like the right-hand side; always finite where the right-hand side is.
        status: scalar integer, an index into `STATUSES`. Breakdown: a direction without positive curvature.
            Stagnated: the recursive residual met the tolerance, the true one is above it and above 10 eps.
        iterations: scalar integer, how many directions were used.
        residual: scalar, the true |b - A x| / |b|, computed anew at the end; 0 where b is 0.
    """

    x: Arrays
    status: Array
    iterations: Array
    residual: Array


class Step(NamedTuple):
    """What a natural-gradient step did; every attribute is a scalar.

    Attributes:
        loss: before the step.
        kl: KL(old || new) in nats, the mean over examples, after the step.
        predicted_kl: the same by the quadratic model, d.F.d / 2.
        length: the factor of the solution of (F + damping I) d = gradient; 0 where no length was accepted.
        halvings: how often the length was halved.
        status: of the linear system, an index into `STATUSES`.
        iterations: of conjugate gradient.
        residual: of the linear system, relative.
    """

    loss: Array
    kl: Array
    predicted_kl: Array
    length: Array
    halvings: Array
    status: Array
    iterations: Array
    residual: Array


@dataclass(frozen=True)
class Kernel:
    """What the judge needs to know of a kernel in order to call it.

    Attributes:
        module: the module that holds it, such as "gaussian".
        function: its name there, such as "cdf".
        signature: generalised-ufunc core shapes, such as "(n),(n),()->(n)".
        arguments: the names of its array arguments, in order.
        differentiable: the arguments in which it is differentiated.
        domain: for an argument whose values are restricted, one of the keys of `harness.validation.DOMAINS`.
        summary: the first line of its docstring.
    """

    module: str
    function: str
    signature: str
    arguments: tuple[str, ...]
    differentiable: tuple[str, ...]
    domain: dict[str, str] = field(hash=False)
    summary: str

    @property
    def name(self) -> str:
        """Return the name that cases, records and the command line use: "gaussian.cdf"."""
        return f"{self.module}.{self.function}"


def kernel(signature: str, differentiable: str = "", **domain: str) -> Callable[[Function], Function]:
    """Mark a stub as a kernel: attach its metadata, and change nothing else.

    Args:
        signature: generalised-ufunc core shapes.
        differentiable: the names of the arguments in which it is differentiated, separated by blanks.
        **domain: the domain of each restricted argument.
    """

    def mark(stub: Function) -> Function:
        stub.__kernel__ = Kernel(  # type: ignore[attr-defined]
            module=stub.__module__.removeprefix("implementations.interface."),
            function=stub.__name__,
            signature=signature,
            arguments=tuple(inspect.signature(stub).parameters),
            differentiable=tuple(differentiable.split()),
            domain=domain,
            summary=(stub.__doc__ or "").splitlines()[0],
        )
        return stub

    return mark


@cache
def kernels() -> dict[str, Kernel]:
    """Return every kernel by name, read from the stubs of `KERNEL_MODULES` in the order of their `__all__`."""
    found = {}
    for name in KERNEL_MODULES:
        module = importlib.import_module(f"implementations.interface.{name}")
        for function in module.__all__:
            metadata = getattr(getattr(module, function), "__kernel__", None)
            if metadata is not None:
                found[metadata.name] = metadata
    return found

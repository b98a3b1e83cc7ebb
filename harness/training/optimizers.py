"""The optimizers that train a model, as data: their settings, and the update that each makes in a backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

from harness.errors import BadInputError, unknown
from harness.validation import Setting


class Problem(NamedTuple):
    """What an optimizer sees of a model at one batch: functions of the parameters alone.

    Attributes:
        loss: parameters -> scalar.
        outputs: parameters -> the parameters of the family; None where the model has no family.
        family: of the outputs; None likewise.
    """

    loss: Callable[[Any], Any]
    outputs: Callable[[Any], Any] | None
    family: Any


#: (backend, problem, parameters, state, settings as scalars of the backend, counts as integers)
#: -> (loss, parameters, state, details as a dict of scalars)
Update = Callable[[ModuleType, Problem, Any, Any, Mapping[str, Any], Mapping[str, int]], tuple[Any, Any, Any, Any]]


def adam(
    backend: ModuleType, problem: Problem, parameters: Any, state: Any, settings: Mapping[str, Any], _: Any
) -> tuple[Any, Any, Any, Any]:
    """Adam's update."""
    value, gradients = backend.autodiff.value_and_gradient(problem.loss, parameters)
    parameters, state = backend.optimizers.adam(parameters, gradients, state, settings["learning_rate"])
    return value, parameters, state, {}


def sgd(
    backend: ModuleType, problem: Problem, parameters: Any, state: Any, settings: Mapping[str, Any], _: Any
) -> tuple[Any, Any, Any, Any]:
    """Gradient descent: x - learning_rate g."""
    value, gradients = backend.autodiff.value_and_gradient(problem.loss, parameters)
    moved = {name: part - settings["learning_rate"] * gradients[name] for name, part in parameters.items()}
    return value, moved, state, {}


def natural_gradient(
    backend: ModuleType,
    problem: Problem,
    parameters: Any,
    state: Any,
    settings: Mapping[str, Any],
    counts: Mapping[str, int],
) -> tuple[Any, Any, Any, Any]:
    """Natural gradient with a trust region, by conjugate gradient on Gauss-Newton products."""
    moved, step = backend.natural_gradient.natural_gradient(
        problem.loss, problem.family, problem.outputs, parameters, **settings, **counts
    )
    details = step._asdict()
    return details.pop("loss"), moved, state, details


@dataclass(frozen=True)
class Optimizer:
    """An optimizer.

    Attributes:
        settings: real numbers, by name.
        counts: settings that are whole numbers.
        update: what a step does.
        has_state: whether it keeps Adam's moments.
        needs_family: whether it needs a model whose outputs are the parameters of one distribution.
    """

    settings: dict[str, Setting]
    counts: dict[str, Setting]
    update: Update
    has_state: bool = False
    needs_family: bool = False


OPTIMIZERS = {
    "adam": Optimizer({"learning_rate": Setting(1e-3, "positive", "Adam's step")}, {}, adam, has_state=True),
    "sgd": Optimizer({"learning_rate": Setting(0.01, "positive", "factor of the gradient")}, {}, sgd),
    "natural_gradient": Optimizer(
        {
            "learning_rate": Setting(1.0, "positive", "largest factor of the natural gradient"),
            "radius": Setting(0.1, "positive", "trust region: KL of a step in nats per example"),
            "damping": Setting(1e-3, "non_negative", "added to the diagonal of the Fisher information"),
            "tolerance": Setting(1e-3, "non_negative", "of conjugate gradient, relative residual"),
        },
        {
            "iterations": Setting(10, "positive", "of conjugate gradient, at most"),
            "halvings": Setting(10, "non_negative", "of the step's length, at most"),
        },
        natural_gradient,
        needs_family=True,
    ),
}


def find(name: str) -> Optimizer:
    """Return the optimizer called `name`.

    Raises:
        BadInputError: there is none.
    """
    if name not in OPTIMIZERS:
        raise unknown("optimizer", name, OPTIMIZERS)
    return OPTIMIZERS[name]


def require_family(name: str, model: str, family: str) -> None:
    """Check that an optimizer can train a model.

    Raises:
        BadInputError: it needs a family of outputs, and the model has none.
    """
    if find(name).needs_family and not family:
        raise BadInputError(
            f"optimizer {name!r} needs a model whose outputs are the parameters of one distribution, and {model!r} has "
            "none; train regression or classifier, or give --optimizer adam"
        )

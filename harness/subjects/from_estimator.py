"""Subjects of the project's own estimators on an objective that someone wrote: which one for my loss?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import BadInputError, unknown
from harness.estimators import SHOWN
from harness.subjects.estimator_subject import subject, whole
from harness.subjects.expectation import expectation
from harness.subjects.fitting import resolve, rows, why_not
from harness.subjects.subject import Subject


class Fitting(dict[str, Subject]):
    """Subjects by the name of their estimator.

    Attributes:
        skipped: why each other estimator is not among them, by name.
    """

    def __init__(self, subjects: Mapping[str, Subject], skipped: Mapping[str, str]) -> None:
        super().__init__(subjects)
        self.skipped = dict(skipped)


def from_estimator(
    name: str,
    backend: str,
    *,
    distribution: str,
    objective: Callable[..., Any],
    parameters: Mapping[str, Any],
    samples: int | None = None,
    mode: str | None = None,
    log_weight: bool = False,
    block: int | None = None,
    **settings: float,
) -> Subject:
    """Return a subject: gradients of E f(x), x ~ p(x; parameters), by one of the project's estimators.

    The noise is NumPy's, `harness.noise.generator(seed, "from_estimator", distribution, estimator, block number)`, and
    so the same in every framework. Other estimators have other noise at the same seed.

    Args:
        name: of the estimator, or what the field calls it, such as "rloo".
        backend: "torch", "jax" or "tensorflow".
        distribution: "normal", "bernoulli", "categorical", "gamma" or "beta".
        objective: f, x [..., *event] -> [...], written in the framework and batched over the leading axes; or
            f(x, parameters), parameters {name: [replicates, 1, *event]}, where it depends on them explicitly. A
            deterministic function of each sample alone.
        parameters: {name: [*event]}, arrays of the framework or of NumPy, in whose dtype everything is computed. The
            names are normal "loc", "scale"; bernoulli and categorical "logits"; gamma "concentration", "rate"; beta
            "concentration1", "concentration0".
        samples: averaged in one gradient; None is the least that the estimator needs.
        mode: "eager" or "compiled"; None is the one in which the framework is mostly run: eager in PyTorch, compiled
            in JAX and TensorFlow. An objective that cannot be compiled raises; it is never run eagerly in silence.
        log_weight: whether f(x, parameters) is a log weight, log p(x, z) - log q(z; parameters), as iwae, dreg, vimco
            (the gradient of the bound with so many samples) and sticking_the_landing need.
        block: gradients that are computed at once; None is chosen by the size of a sample.
        **settings: of the estimator, such as temperature=0.5 or baseline_samples=1024.

    Returns:
        Gradients {name: [n, *event]}, NumPy arrays.

    Raises:
        BadInputError: a part cannot be used, or the estimator does not fit; the message says what it needs and which
            estimators fit.
    """
    key = resolve(name)
    goal = expectation(backend, distribution=distribution, objective=objective, parameters=parameters, mode=mode)
    lacking = why_not(goal, key, log_weight)
    if lacking:
        fitting = [other for other in rows() if not why_not(goal, other, log_weight)]
        more = f" and {len(fitting) - SHOWN} more" if len(fitting) > SHOWN else ""
        raise BadInputError(f"estimator {key!r} {lacking}; estimators that fit: {', '.join(fitting[:SHOWN])}{more}")
    return subject(goal, key, samples, settings, block)


def estimators(
    backend: str,
    *,
    distribution: str,
    objective: Callable[..., Any],
    parameters: Mapping[str, Any],
    samples: int | None = None,
    mode: str | None = None,
    log_weight: bool = False,
    bound: bool = False,
    block: int | None = None,
    **settings: float,
) -> Fitting:
    """Return subjects of all of the project's estimators that fit, for the same expectation.

    Args:
        backend: as in `from_estimator`, and so are all that are not below.
        distribution: as there.
        objective: as there.
        parameters: as there.
        samples: in one gradient of every estimator; None is the least that all of them can have, so that their
            variances are those of equally many samples.
        mode: as there.
        log_weight: as there; the expectation is that of the log weight.
        bound: whether the gradient is that of the importance-weighted bound instead; it implies `log_weight`.
        block: as there.
        **settings: each reaches the estimators that have such a setting.

    Returns:
        {estimator: subject}; its attribute `skipped` says why the others do not fit.

    Raises:
        BadInputError: a part cannot be used, or no estimator has a setting of that name.
    """
    goal = expectation(backend, distribution=distribution, objective=objective, parameters=parameters, mode=mode)
    table, weighted = rows(), log_weight or bound
    wanted = None if samples is None else whole("samples", samples, 1)
    skipped = {}
    for name, row in table.items():
        lacking = why_not(goal, name, weighted)
        if lacking or row.bound != bound:
            target = "the bound of a log weight" if row.bound else "an expectation"
            skipped[name] = lacking or f"estimates the gradient of {target}; give bound={row.bound}"
        elif wanted is not None and wanted < row.least_samples:
            skipped[name] = f"needs samples={row.least_samples} or more"
    fitting = [name for name in table if name not in skipped]
    known = {setting for name in fitting for setting in table[name].settings}
    for setting in settings:
        if setting not in known:
            raise unknown("setting of the estimators that fit", setting, sorted(known))
    common = max((table[name].least_samples for name in fitting), default=1) if wanted is None else wanted
    subjects = {}
    for name in fitting:
        own = {setting: value for setting, value in settings.items() if setting in table[name].settings}
        subjects[name] = subject(goal, name, common, own, block)
    return Fitting(subjects, skipped)

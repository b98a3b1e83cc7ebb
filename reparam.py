"""Is a stochastic gradient biased, how noisy is it, what does it cost? For any gradient, in any framework.

A subject is a function (seed, n) -> n independent gradients: a pytree of arrays [n, *shape] of NumPy, PyTorch, JAX or
TensorFlow. Importing this module loads no framework and nothing heavy: each name is loaded when it is first used.

    measure, bias, compare: mean and variance with intervals; is the mean right; which subject is the quietest.
    from_torch, from_jax, from_tensorflow, from_estimator, estimators: make a subject of a loss.
    finite_differences: a truth to compare with, from an objective.
    assert_unbiased, assert_quieter, assert_agree: the same questions in a test suite.
    backend: the kernels and estimators of this project in one framework.
    check, gradient_variance, recommend, time_kernels, train, trajectory, reproduction: this project's own kernels,
        estimators and models, measured in worker processes.
    read, columns: stored records as a DataFrame, and what its columns mean.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness import api
    from harness.api import check as check
    from harness.api import columns as columns
    from harness.api import gradient_variance as gradient_variance
    from harness.api import read as read
    from harness.api import recommend as recommend
    from harness.api import reproduction as reproduction
    from harness.api import train as train
    from harness.api import trajectory as trajectory
    from harness.errors import BadInputError as BadInputError
    from harness.errors import UndecidedError as UndecidedError
    from harness.measuring.bias import bias as bias
    from harness.measuring.compare import compare as compare
    from harness.measuring.measure import measure as measure
    from harness.measuring.results import Bias as Bias
    from harness.measuring.results import Comparison as Comparison
    from harness.measuring.results import Measurement as Measurement
    from harness.statistics.intervals import Estimate as Estimate
    from harness.subjects.finite_differences import finite_differences as finite_differences
    from harness.subjects.from_estimator import estimators as estimators
    from harness.subjects.from_estimator import from_estimator as from_estimator
    from harness.subjects.from_jax import from_jax as from_jax
    from harness.subjects.from_tensorflow import from_tensorflow as from_tensorflow
    from harness.subjects.from_torch import from_torch as from_torch
    from harness.subjects.subject import Subject as Subject
    from harness.testing.agree import assert_agree as assert_agree
    from harness.testing.assertions import assert_quieter as assert_quieter
    from harness.testing.assertions import assert_unbiased as assert_unbiased
    from implementations import registry

    time_kernels = api.time
    backend = registry.load

#: "module:attribute" of every public name. What is imported above for type checkers is the same; a test compares them.
_PLACES = {
    "BadInputError": "harness.errors:BadInputError",
    "Bias": "harness.measuring.results:Bias",
    "Comparison": "harness.measuring.results:Comparison",
    "Estimate": "harness.statistics.intervals:Estimate",
    "Measurement": "harness.measuring.results:Measurement",
    "Subject": "harness.subjects.subject:Subject",
    "UndecidedError": "harness.errors:UndecidedError",
    "assert_agree": "harness.testing.agree:assert_agree",
    "assert_quieter": "harness.testing.assertions:assert_quieter",
    "assert_unbiased": "harness.testing.assertions:assert_unbiased",
    "backend": "implementations.registry:load",
    "bias": "harness.measuring.bias:bias",
    "check": "harness.api:check",
    "columns": "harness.api:columns",
    "compare": "harness.measuring.compare:compare",
    "estimators": "harness.subjects.from_estimator:estimators",
    "finite_differences": "harness.subjects.finite_differences:finite_differences",
    "from_estimator": "harness.subjects.from_estimator:from_estimator",
    "from_jax": "harness.subjects.from_jax:from_jax",
    "from_tensorflow": "harness.subjects.from_tensorflow:from_tensorflow",
    "from_torch": "harness.subjects.from_torch:from_torch",
    "gradient_variance": "harness.api:gradient_variance",
    "measure": "harness.measuring.measure:measure",
    "read": "harness.api:read",
    "recommend": "harness.api:recommend",
    "reproduction": "harness.api:reproduction",
    "time_kernels": "harness.api:time",
    "train": "harness.api:train",
    "trajectory": "harness.api:trajectory",
}

__all__ = sorted(_PLACES)  # noqa: PLE0605 -- the table is the only list


if not TYPE_CHECKING:  # a checker that sees it takes any name for one of this module

    def __getattr__(name: str) -> Any:
        """Load a public name on first use (PEP 562), so that `import reparam` stays instant."""
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, _, attribute = _PLACES[name].partition(":")
        found = getattr(importlib.import_module(module), attribute)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    """Return what `dir(reparam)` and completion show: the public names."""
    return [*__all__, "__doc__", "__name__"]

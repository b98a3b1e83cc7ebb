"""The judge: cases, noise, truth, error budgets, statistics, timing, results, site and command line.

Importing this package loads no framework and nothing heavy: the functions below are loaded when first used.
Each measures in worker processes, one framework per process, and returns a pandas DataFrame with one row per
record; `columns` says what its columns mean.

    check: compare kernels, estimators and models with the oracle, in units of their error budgets.
    gradient_variance: mean, bias and variance of a gradient estimator, with intervals.
    recommend: estimators ranked by the mean squared error that a number of seconds buys.
    time: seconds per call of a kernel, eager and compiled.
    train: train a model with the same weights and noise in every backend.
    trajectory: the noise of gradient estimators along a training.
    reproduction: figures and laws of the literature, measured beside exact values.
    read: load the records of a results directory.
    columns: what the columns of such a table mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import (
        check,
        columns,
        gradient_variance,
        read,
        recommend,
        reproduction,
        time,
        train,
        trajectory,
    )

# no name of a subpackage: importing one would put it in the function's place
__all__ = [
    "check",
    "columns",
    "gradient_variance",
    "read",
    "recommend",
    "reproduction",
    "time",
    "train",
    "trajectory",
]


if not TYPE_CHECKING:  # a checker that sees it takes any name for one of this package

    def __getattr__(name: str) -> Any:
        """Load a public function on first use (PEP 562), so that `import harness` stays instant."""
        if name in __all__:
            from harness import api

            return getattr(api, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return what `dir(harness)` and completion show: the functions, and the submodules that are loaded."""
    return sorted({*globals(), *__all__})

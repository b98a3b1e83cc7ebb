"""Results of measurements with numbers that a test chooses; nothing is measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.measuring.results import Bias, Comparison, Measurement
from harness.measuring.tree import layout_of
from harness.statistics.intervals import UNKNOWN, Estimate

ONE = Estimate(1.0, 0.9, 1.2)


def measurement(shapes: Mapping[str, tuple[int, ...]] | None = None, **changes: Any) -> Measurement:
    """Return a measurement; by default of two leaves, "a" with three coordinates and "b" with one."""
    shapes = {"a": (3,), "b": ()} if shapes is None else shapes
    tree = {path: np.zeros((2, *shape)) for path, shape in shapes.items()}
    layout = layout_of(tree if list(shapes) != [""] else tree[""], 2)
    size = layout.size
    found: dict[str, Any] = {
        "name": "rloo",
        "layout": layout,
        "flat_mean": np.ones(size),
        "flat_variance": np.ones(size),
        "total_variance": Estimate(4.0, 3.9, 4.2, 0.1),
        "signal_to_noise": Estimate(1.75, 1.6, 1.9),
        "leaf_variances": tuple(Estimate(1.0, 0.9, 1.2) for _ in layout.leaves),
        "replicates": 10_000,
        "seed": 7,
        "seconds_per_gradient": 2e-6,
        "seconds_alone": 3e-5,
        "block": 4096,
        "tail_shape": 0.1,
        "trusted": True,
        "notes": (),
        "confidence": 0.95,
    }
    return Measurement(**(found | changes))


def bias(**changes: Any) -> Bias:
    """Return a judgement; by default that no bias was found."""
    found: dict[str, Any] = {
        "name": "rloo",
        "p_value": 0.31,
        "biased": False,
        "level": 1e-6,
        "worst": "a[1]",
        "z": 1.9,
        "value": 1.02,
        "truth": 1.0,
        "distance": Estimate(0.001, 0.0, 0.004),
        "scale": 2.0,
        "detectable": 0.031,
        "detect": 0.05,
        "replicates": 12_000,
        "seed": 7,
        "trusted": True,
        "pattern": "",
        "diagnosis": "",
        "notes": (),
    }
    return Bias(**(found | changes))


def biased(**changes: Any) -> Bias:
    """Return a judgement that a bias of 20 % was found."""
    found: dict[str, Any] = {
        "p_value": 1e-40,
        "biased": True,
        "z": 25.0,
        "value": 1.2,
        "distance": Estimate(0.2, 0.19, 0.22),
        "diagnosis": "a constant factor 1.2 (1.19 to 1.21)",
    }
    return bias(**(found | changes))


def comparison(measurements: Mapping[str, Measurement] | None = None, **changes: Any) -> Comparison:
    """Return a comparison; by default of rloo with reinforce, which has four times its variance."""
    if measurements is None:
        measurements = {
            "rloo": measurement(),
            "reinforce": measurement(total_variance=Estimate(16.0, 15.6, 16.8), name="reinforce"),
        }
    random = np.random.default_rng(3)
    found: dict[str, Any] = {
        "measurements": measurements,
        "squares": {name: random.chisquare(4, size=500) for name in measurements},
        "biases": {},
        "seconds": None,
        "errors": {name: one.total_variance for name, one in measurements.items()},
        "best": frozenset(list(measurements)[:1]),
        "level": 0.05,
    }
    return Comparison(**(found | changes))


#: Measurements of many shapes and sizes, by what is special of them.
MANY: dict[str, Measurement] = {
    "two leaves": measurement(),
    "a bare array": measurement({"": (4,)}),
    "a scalar": measurement({"": ()}),
    "300 leaves": measurement({f"layer{i}.weight": (2, 3) for i in range(300)}),
    "long names": measurement({f"{'encoder.layers.' * 20}{i}": (3,) for i in range(4)}, name="estimator " * 30),
    "other letters": measurement({"θ\n\x1b[31m": (3,), "[bold]x[/bold] :x: ＷＩＤＥ": (2, 2)}, name="∇\u202e\tq"),
    "a large leaf": measurement({"w": (10**6,)}, flat_mean=np.full(10**6, 1e-9)),
    "tiny numbers": measurement(total_variance=Estimate(1.234e-300, 1.2e-300, 1.3e-300), flat_mean=np.full(4, 1e-200)),
    "huge numbers": measurement(
        total_variance=Estimate(1.23456e30, 1.23455e30, 1.23457e30),
        leaf_variances=(Estimate(1.23456e-10, 1.23455e-10, 1.23457e-10),) * 2,
        flat_mean=np.full(4, -1.5e30),
    ),
    "wide intervals": measurement(total_variance=Estimate(1.0, 1e-9, math.inf), trusted=False, tail_shape=1.26),
    "2 replicates": measurement(
        total_variance=UNKNOWN._replace(value=2.0), leaf_variances=(UNKNOWN._replace(value=1.0),) * 2,
        signal_to_noise=UNKNOWN, replicates=2, tail_shape=None, trusted=None,
    ),
    "no variance": measurement(
        flat_variance=np.zeros(4), leaf_variances=(Estimate(0.0, 0.0, 0.0),) * 2,
        total_variance=Estimate(0.0, 0.0, 0.0), signal_to_noise=Estimate(math.inf, math.inf, math.inf),
        notes=("rloo gives the same numbers in every replicate. Its random generator may not be seeded. " * 3,),
    ),
}  # fmt: skip

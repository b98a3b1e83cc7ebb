#!/usr/bin/env python3
"""How often `assert_agree` alarms falsely on right ports, and how often it finds planted defects.

    python tests/measure_assert_agree.py false-alarms --dtype float32 --sets 50
    python tests/measure_assert_agree.py defects --dtype float64 --sets 2

`--dtype mixed` gives float64 inputs: JAX computes in float32, the others in float64.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from ports_for_tests import PORTS, Inputs, Port

from harness.errors import BadInputError, UndecidedError
from harness.testing.agree import assert_agree
from harness.testing.ports.condition import rounded
from harness.testing.ports.evaluation import resolve
from harness.testing.ports.inputs import EPSILON, prepare

Function = Callable[..., Any]
#: (function, name of its first floating argument, mean magnitude of its values) -> wrong function.
Plant = Callable[[Function, str, float], Function]


def framework(name: str) -> str:
    """Return the framework of an implementation's name: "jax:naive" -> "jax"."""
    return name.partition(":")[0]


def run(port: Port, pair: tuple[str, str], inputs: Inputs, dtype: str | None, seed: int) -> tuple[str, float, str]:
    """Return "agrees", "differs" or "undecided" of a pair of implementations, its worst ratio, and the message."""
    try:
        found = assert_agree(
            port.functions[pair[0]],
            port.functions[pair[1]],
            inputs,
            frameworks=(framework(pair[0]), framework(pair[1])),
            dtype=dtype,
            seed=seed,
        )
    except AssertionError as error:
        return "differs", math.inf, str(error)
    except UndecidedError as error:
        return "undecided", math.nan, str(error)
    return "agrees", found.worst, str(found)


def false_alarms(dtype: str, sets: int) -> None:
    """Print how often right ports are said to differ, by function."""
    given = None if dtype == "mixed" else dtype
    totals: Counter[str] = Counter()
    print(f"{'function':36s}{'cases':>6s}{'alarms':>8s}{'undecided':>11s}{'worst':>8s}{'seconds':>9s}")
    for port in PORTS:
        names = [name for name in port.functions if dtype == "float32" or name not in port.not_in_float64]
        pairs = list(itertools.combinations(names, 2))
        if dtype == "mixed":
            pairs = [pair for pair in pairs if "jax" in map(framework, pair)]
        if not pairs:
            continue
        counts: Counter[str] = Counter()
        worst, start = 0.0, time.perf_counter()
        for index in range(sets):
            inputs = port.draw(np.random.default_rng([index, 23]))
            verdict, ratio, message = run(port, pairs[index % len(pairs)], inputs, given, index)
            counts[verdict] += 1
            worst = max(worst, 0.0 if math.isnan(ratio) else ratio)
            if verdict == "differs":
                print(f"  alarm: {port.name}, set {index}, {pairs[index % len(pairs)]}: {message}")
        totals.update(counts)
        seconds = (time.perf_counter() - start) / sets
        print(
            f"{port.name:36s}{sets:6d}{counts['differs']:8d}{counts['undecided']:11d}{worst:8.2f}{seconds:9.2f}",
            flush=True,
        )
    print(f"{dtype}: {totals['differs']} false alarms in {totals.total()} cases; undecided: {totals['undecided']}")


def _mapped(function: Callable[[Any], Any], result: Any) -> Any:
    """Apply a function to every floating array of a result."""
    if isinstance(result, dict):
        return {key: _mapped(function, part) for key, part in result.items()}
    if isinstance(result, tuple):
        return tuple(_mapped(function, part) for part in result)
    floating = result.is_floating_point() if isinstance(result, torch.Tensor) else result.dtype.kind == "f"
    return function(result) if floating else result


def _detached(x: Any) -> Any:
    return x.detach() if isinstance(x, torch.Tensor) else jax.lax.stop_gradient(x)


def _first_as_second(x: Any) -> Any:
    """Return an array whose first number along the first axis is the second."""
    join = torch.cat if isinstance(x, torch.Tensor) else jnp.concatenate
    return join([x[1:2], x[1:]])


def _changed(change: Callable[[Any], Any]) -> Plant:
    """Return a defect: the first argument is changed before the function is called."""
    return lambda function, name, _: lambda **inputs: function(**{**inputs, name: change(inputs[name])})


def _scaled(factor: float) -> Plant:
    return lambda function, _, __: lambda **inputs: _mapped(lambda y: factor * y, function(**inputs))


def _extra(size: float) -> Plant:
    """Return a defect: a smooth term of a relative size."""

    def plant(function: Function, name: str, magnitude: float) -> Function:
        def wrong(**inputs: Any) -> Any:
            x = inputs[name]
            slope = (x * x).mean() / _detached((x * x).mean())
            return _mapped(lambda y: y + size * magnitude * slope, function(**inputs))

        return wrong

    return plant


def defects(dtype: str) -> dict[str, Plant]:
    """Return the planted defects."""
    small = 1e-3 if dtype == "float32" else 1e-9
    return {
        "factor 1/2": _scaled(0.5),
        "sign": _scaled(-1.0),
        f"term of relative size {small:g}": _extra(small),
        "another coordinate": _changed(_first_as_second),
        "gradient stopped": _changed(_detached),
    }


def _rare(low: float, high: float) -> Callable[[np.random.Generator], Inputs]:
    """Return a draw of logits of one likely and five rare classes, whose log probabilities are from low to high."""
    return lambda rng: {"logits": np.append(0.0, rng.uniform(low, high, 5)), "target": rng.dirichlet(np.ones(6))}


#: name -> (draw, right function of torch, wrong one of JAX)
SPECIAL: dict[str, tuple[Callable[[np.random.Generator], Inputs], Function, Function]] = {
    "1e-6 inside of a logarithm": (
        _rare(-14, -6),
        lambda logits, target: -(target * torch.log_softmax(logits, -1)).sum(),
        lambda logits, target: -(target * jnp.log(jax.nn.softmax(logits) + 1e-6)).sum(),
    ),
    "probabilities of at least 1e-8": (
        _rare(-30, -19),
        lambda logits, target: -(target * torch.log_softmax(logits, -1)).sum(),
        lambda logits, target: -(target * jnp.log(jnp.maximum(jax.nn.softmax(logits), 1e-8))).sum(),
    ),
}


def detection(dtype: str, sets: int) -> None:
    """Print how often each planted defect is found, and what its effect was where it is not.

    The effect is the largest change of a number by the defect, in units of the rounding of its array. A defect is to be
    found where its effect is above 100.
    """
    second = "jax" if dtype == "float32" else "torch"
    print(f"{'defect':34s}{'cases':>6s}{'found':>7s}{'undecided':>11s}{'missed':>8s}{'largest missed effect':>24s}")
    for name, plant in defects(dtype).items():
        counts: Counter[str] = Counter()
        largest = 0.0
        for port, index in itertools.product(PORTS, range(sets)):
            if second not in port.functions or (dtype == "float64" and "torch" in port.not_in_float64):
                continue
            inputs = port.draw(np.random.default_rng([index, 29]))
            argument = next(key for key, value in inputs.items() if isinstance(value, np.ndarray | float))
            if name == "another coordinate" and np.size(inputs[argument]) < 2:
                continue
            right = port.functions[second]
            wrong = plant(right, argument, _magnitude(right, second, inputs))
            bad = Port(port.name, port.draw, {"torch": port.functions["torch"], f"{second}:bad": wrong})
            try:
                verdict, _, message = run(bad, ("torch", f"{second}:bad"), inputs, dtype, index)
            except BadInputError:  # the defect makes a matrix singular
                continue
            counts[verdict] += 1
            if verdict == "agrees":
                effect = _effect((port.functions["torch"], right, wrong), second, inputs, dtype)
                largest = max(largest, effect)
                print(f"  missed: {name} in {port.name}, set {index}: effect {effect:.3g}; {message}")
            elif verdict == "undecided":
                print(f"  undecided: {name} in {port.name}, set {index}")
        _print_row(name, counts, largest)
    for name, (draw, good, bad_function) in SPECIAL.items():
        counts = Counter()
        for index in range(10 * sets):
            bad = Port(name, draw, {"torch": good, "jax": bad_function})
            counts[run(bad, ("torch", "jax"), draw(np.random.default_rng([index, 17])), dtype, index)[0]] += 1
        _print_row(name, counts, math.nan)


def _magnitude(function: Function, name: str, inputs: Inputs) -> float:
    """Return the mean magnitude of a function's values, computed in float64."""
    prepared = prepare(inputs, "float32")
    groups = resolve(function, "second", prepared, name, True, 0).in_float64(prepared.points)
    values = [np.mean(np.abs(group.numbers)) for group in groups or () if group.key.kind == "value"]
    return float(np.mean(values))


def _print_row(name: str, counts: Counter[str], largest: float) -> None:
    total = counts.total()
    print(
        f"{name:34s}{total:6d}{counts['differs']:7d}{counts['undecided']:11d}{counts['agrees']:8d}{largest:24.3g}",
        flush=True,
    )


def _effect(functions: tuple[Function, Function, Function], second: str, inputs: Inputs, dtype: str) -> float:
    """Return the largest change of a number by a defect, in units of the rounding of its array.

    The rounding is eps of the number's magnitude, and the largest error of both right functions in the array: that of
    their evaluation in float32, as compared with float64, scaled to the eps of the dtype.

    Args:
        functions: the first, the right second and the wrong second function.
        second: the framework of the second and third.
        inputs: where they are compared.
        dtype: of the comparison.
    """
    prepared = prepare(inputs, "float32")
    points = [rounded(point, "float32") for point in prepared.points]
    sides = [
        resolve(function, "second", prepared, name, True, 0)
        for function, name in zip(functions, ("torch", second, second), strict=True)
    ]
    exact = [side.in_float64(points) for side in sides]
    single = [side.groups(points) for side in sides]
    scale = EPSILON[dtype] / EPSILON["float32"]
    effects = [0.0]
    for groups in zip(*exact, *single, strict=True):
        one, right, wrong, one_single, right_single, _ = (group.numbers for group in groups)
        errors = np.max(np.abs(one - one_single), initial=0) + np.max(np.abs(right - right_single), initial=0)
        rounding = EPSILON[dtype] * np.abs(right) + scale * errors
        change = np.abs(wrong - right)
        effects += list(change[rounding > 0] / rounding[rounding > 0])
    return float(np.max(effects))


def main() -> None:
    """Print one of the two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=["false-alarms", "defects"])
    parser.add_argument("--dtype", choices=["float32", "float64", "mixed"], default="float32")
    parser.add_argument("--sets", type=int, default=50)
    arguments = parser.parse_args()
    importlib.import_module("tensorflow")
    torch.set_num_threads(1)
    jax.config.update("jax_enable_x64", arguments.dtype == "float64")
    if arguments.table == "false-alarms":
        false_alarms(arguments.dtype, arguments.sets)
    else:
        detection(arguments.dtype, arguments.sets)


if __name__ == "__main__":
    main()

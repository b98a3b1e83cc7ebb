"""What subjects cost beside loops by hand, side by side in one run: `python tests/benchmark_subjects.py [--rounds 15]`.

Every candidate takes its turn in each round, in an order that changes; a line gives the median over the rounds of the
ratio of two candidates in the same round, and a 95 % interval of that median. Each candidate makes the same number of
gradients of one loss of 50 coordinates: E |x|^2 of a normal x, by reparametrisation.

* JAX: gradients per second of `from_jax` over those of `lax.scan` over `jit(vmap(grad))`, 4,096 keys a step, which
  stores what it computes, as a subject does. Goal: at least 0.80.
* PyTorch: seconds of `from_torch` over those of `torch.manual_seed(i); torch.autograd.grad(loss(), parameters)`, whose
  gradients are dropped. Goal: at most 1.3. The second line compares with `torch.default_generator.manual_seed(i)`:
  `torch.manual_seed` seeds the generators of every device too, and a subject those alone that a loss can draw from.
* TensorFlow: seconds of `from_tensorflow` over those of a loop over `tf.random.set_seed(i)` and a tape, and over a
  loop that seeds nothing.

Each includes what it takes to have the numbers as NumPy arrays.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import stats

from harness.subjects.from_jax import from_jax
from harness.subjects.from_tensorflow import from_tensorflow
from harness.subjects.from_torch import from_torch

COORDINATES = 50
HALF = COORDINATES // 2
STEP = 4096


def turns(candidates: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, np.ndarray]:
    """Return the seconds of each candidate in each round, [rounds]; each is called once before."""
    for call in candidates.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    generator = np.random.default_rng(0)
    for _ in range(rounds):
        for name in generator.permutation(list(candidates)):
            start = time.perf_counter()
            candidates[name]()
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(values) for name, values in seconds.items()}


def line(text: str, ratios: np.ndarray, goal: str = "") -> str:
    """Return a line with the median of the ratios and its interval, which holds for any distribution of them."""
    ordered = np.sort(ratios)
    # the number of ratios below the median is binomial with probability 1/2
    rank = int(stats.binom.ppf(0.025, len(ordered), 0.5))
    low, high = ordered[rank - 1 if rank else 0], ordered[-rank if rank else -1]
    return f"{text:<74} {np.median(ratios):5.2f}  [{low:.2f}, {high:.2f}]  {goal}"


def of_jax(rounds: int, n: int) -> list[str]:
    """Return the lines of JAX."""
    import jax
    import jax.numpy as jnp

    def loss(parameters: Any, key: Any) -> Any:
        noise = jax.random.normal(key, (HALF,))
        return ((parameters["loc"] + jnp.exp(parameters["log_scale"]) * noise) ** 2).sum()

    parameters = {"loc": jnp.zeros(HALF), "log_scale": jnp.zeros(HALF)}
    mapped = jax.vmap(jax.grad(loss), (None, 0))

    @jax.jit
    def scan(values: Any, key: Any) -> Any:
        def step(carry: Any, step_key: Any) -> Any:
            return carry, mapped(values, jax.random.split(step_key, STEP))

        return jax.lax.scan(step, None, jax.random.split(key, n // STEP))[1]

    single = jax.jit(jax.grad(loss))
    subject = from_jax(loss, parameters)
    found = turns(
        {
            "scan": lambda: jax.tree.map(np.asarray, scan(parameters, jax.random.key(0))),
            "subject": lambda: subject(0, n),
            "blocks": lambda: [subject(seed, STEP) for seed in range(n // STEP)],
        },
        rounds,
    )
    alone = turns(
        {
            "single": lambda: [
                jax.tree.map(np.asarray, single(parameters, jax.random.fold_in(jax.random.key(0), i)))
                for i in range(100)
            ],
            "subject": lambda: [subject(seed, 1) for seed in range(100)],
        },
        rounds,
    )
    return [
        line(
            f"JAX: gradients per second over a scan's, one call of {n:,}", found["scan"] / found["subject"], ">= 0.80"
        ),
        line(f"JAX: the same, {n // STEP} calls of {STEP:,}", found["scan"] / found["blocks"], ">= 0.80"),
        line("JAX: seconds over those of jit(grad), one gradient a call", alone["subject"] / alone["single"]),
    ]


def of_torch(rounds: int, n: int) -> list[str]:
    """Return the lines of PyTorch."""
    import torch

    loc, log_scale = (torch.zeros(HALF, requires_grad=True) for _ in range(2))

    def loss() -> Any:
        return ((loc + log_scale.exp() * torch.randn(HALF)) ** 2).sum()

    def loop(seed: Callable[[int], Any]) -> None:
        for index in range(n):
            seed(index)
            for part in torch.autograd.grad(loss(), (loc, log_scale)):
                part.numpy()

    looped = from_torch(loss, {"loc": loc, "log_scale": log_scale})
    mapped = from_torch(loss, {"loc": loc, "log_scale": log_scale}, vectorized=True)
    found = turns(
        {
            "loop": lambda: loop(torch.manual_seed),
            "lean": lambda: loop(torch.default_generator.manual_seed),
            "subject": lambda: [part.numpy() for part in looped(0, n).values()],
            "mapped": lambda: [part.numpy() for part in mapped(0, n).values()],
        },
        rounds,
    )
    return [
        line(f"PyTorch: seconds over a loop's, {n:,} gradients", found["subject"] / found["loop"], "<= 1.3"),
        line("PyTorch: the same, the loop seeds the CPU's generator alone", found["subject"] / found["lean"]),
        line("PyTorch: vectorized=True over the loop", found["mapped"] / found["loop"]),
    ]


def of_tensorflow(rounds: int, n: int) -> list[str]:
    """Return the lines of TensorFlow."""
    import tensorflow as tf

    loc, log_scale = (tf.Variable(tf.zeros(HALF)) for _ in range(2))

    def loss() -> Any:
        return tf.reduce_sum((loc + tf.exp(log_scale) * tf.random.normal((HALF,))) ** 2)

    def loop(seed: Callable[[int], Any]) -> None:
        for index in range(n):
            seed(index)
            with tf.GradientTape() as tape:
                value = loss()
            for part in tape.gradient(value, (loc, log_scale)):
                part.numpy()

    subject = from_tensorflow(loss, {"loc": loc, "log_scale": log_scale})
    found = turns(
        {
            "loop": lambda: loop(tf.random.set_seed),
            "lean": lambda: loop(lambda _: None),
            "subject": lambda: subject(0, n),
        },
        rounds,
    )
    return [
        line(
            f"TensorFlow: seconds over a loop's that sets the seed, {n:,} gradients", found["subject"] / found["loop"]
        ),
        line("TensorFlow: the same, the loop seeds nothing", found["subject"] / found["lean"]),
    ]


def main() -> None:
    """Measure, and print a line per ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="Turns of each candidate; at least 6 for an interval.")
    rounds = parser.parse_args().rounds
    print(f"{'ratio':<74} median  [95 % interval]  goal")
    for text in (*of_jax(rounds, 16 * STEP), *of_torch(rounds, 1000), *of_tensorflow(rounds, 200)):
        print(text, flush=True)


if __name__ == "__main__":
    main()

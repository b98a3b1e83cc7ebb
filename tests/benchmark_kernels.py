"""The kernels under pytest-benchmark, from the same prepared calls as `reparam time` and the asv suite.

The file's name keeps it out of the test suite; it is run by name, one framework per process:

    pytest -o addopts= tests/benchmark_kernels.py --backend torch
    pytest -o addopts= tests/benchmark_kernels.py --backend jax -k "gumbel and cpu" --benchmark-json jax.json
    pytest -o addopts= tests/benchmark_kernels.py --backend jax -k gpu

A process holds the first backend and device that it meets, and skips the rest with that reason. `-o addopts=` drops
the project's `--benchmark-skip`.
"""

from __future__ import annotations

import pytest

from harness.errors import BadInputError
from harness.timing import measure, session

DEVICES = ("cpu", "gpu")
KERNELS = (
    "gaussian.reparameterize",
    "gumbel.gumbel_softmax",
    "divergences.kl_normal",
    "estimators.pathwise",
    "models.vae.loss_bernoulli",
)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("mode", ["eager", "compiled"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_seconds(benchmark, backend, device, kernel, mode):
    try:
        package = session.backend(backend, device)
    except (BadInputError, ImportError, RuntimeError) as reason:
        pytest.skip(str(reason))
    run = measure.prepare(package, kernel, dtype="float32", mode=mode, derivative="value", size=65_536, seed=0)
    run()  # compiles
    benchmark.group = f"{kernel} {device}"
    benchmark(run)

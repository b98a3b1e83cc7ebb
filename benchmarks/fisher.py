"""Fisher-vector products and conjugate gradient on the classifier 784-256-128-10 with a batch of 512."""

from collections.abc import Callable
from functools import cache
from typing import Any

from harness import modes
from harness.timing import session

from .common import BACKENDS, DEVICES, DTYPE, SEED, THREADS, Missing, require, setup_cache

WIDTHS = (784, 256, 128, 10)
BATCH = 512
PRODUCTS = 10


@cache
def prepared(subject: str, backend: str, device: str) -> Callable[[], Any]:
    """Return a call that has run once, so that it is compiled: ten products or gradients in a row, or a solve."""
    from harness.timing import curvature  # here, since a benchmark that is skipped need not load it

    return curvature.prepared(
        session.backend(backend, device, THREADS),
        subject,
        PRODUCTS,
        mode=modes.usual(backend),
        widths=WIDTHS,
        batch=BATCH,
        dtype=DTYPE,
        seed=SEED,
    )


class Time:
    """Seconds of ten products, each of the result of the last, prepared once; and of ten gradients beside them."""

    version = "2"
    timeout = 600
    setup_cache = staticmethod(setup_cache)
    unit = "seconds"
    param_names = ("product", "backend", "device")
    params = (["gradient", "gauss_newton", "kl_reverse_over_reverse"], BACKENDS, DEVICES)

    def setup(self, missing: Missing, product: str, backend: str, device: str) -> None:
        require(missing, backend, device)
        prepared(product, backend, device)

    def time_products(self, _: Missing, product: str, backend: str, device: str) -> None:
        prepared(product, backend, device)()

    time_products.pretty_name = "Fisher: time of ten products"


class Solve:
    """Conjugate gradient on (F + I) x = gradient: ten iterations."""

    version = "2"
    timeout = 600
    setup_cache = staticmethod(setup_cache)
    param_names = ("backend",)
    params = (BACKENDS,)

    def setup(self, missing: Missing, backend: str) -> None:
        require(missing, backend, "cpu")

    def peakmem_solve(self, _: Missing, backend: str) -> None:
        prepared("conjugate_gradient", backend, "cpu")

    def track_residual(self, _: Missing, backend: str) -> float:
        _, residual = prepared("conjugate_gradient", backend, "cpu")()
        return float(session.backend(backend, "cpu", THREADS).runtime.to_numpy(residual))

    peakmem_solve.pretty_name = "Fisher: peak memory of conjugate gradient"
    track_residual.pretty_name = "Fisher: residual of conjugate gradient"
    peakmem_solve.unit = "bytes"
    track_residual.unit = "relative residual"

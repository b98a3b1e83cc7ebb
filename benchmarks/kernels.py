"""Kernels: seconds per call on 65,536 elements, and error against the oracle in units of the error budget."""

from harness import modes
from harness.timing import session

from .common import BACKENDS, DEVICES, DTYPE, THREADS, Missing, prepared, require, setup_cache

#: One of each kind: a location-scale sample, two relaxed samples, a density, a divergence.
KERNELS = [
    "gaussian.reparameterize",
    "gumbel.gumbel_softmax",
    "bernoulli.relaxed_sample",
    "relaxed_categorical.log_prob",
    "divergences.kl_normal",
]


class Time:
    """Seconds per call of forward and backward, in which a slower forward pass shows too.

    Each framework as it is mostly run: PyTorch eager, the others compiled; estimators and models are always compiled.
    """

    version = "2"
    timeout = 300
    setup_cache = staticmethod(setup_cache)
    unit = "seconds"
    param_names = ("kernel", "backend", "device")
    params = (KERNELS, BACKENDS, DEVICES)

    def setup(self, missing: Missing, kernel: str, backend: str, device: str) -> None:
        require(missing, backend, device)
        prepared(kernel, backend, device, modes.usual(backend), "vjp")

    def time_call(self, _: Missing, kernel: str, backend: str, device: str) -> None:
        prepared(kernel, backend, device, modes.usual(backend), "vjp")()

    time_call.pretty_name = "Kernel: time of forward and backward"


class Agreement:
    """Largest error of values and derivatives, over its budget, in all cases of the kernels: above 1 is wrong."""

    version = "2"
    timeout = 300
    setup_cache = staticmethod(setup_cache)
    unit = "error budgets"
    param_names = ("backend",)
    params = (BACKENDS,)

    def setup(self, missing: Missing, backend: str) -> None:
        require(missing, backend, "cpu")

    def track_error(self, _: Missing, backend: str) -> float:
        from harness.agreement import plan  # the oracle's libraries, which no timed process needs

        cells = plan.plan(KERNELS, (), (backend,), (DTYPE,), ("cpu",), ("eager",))
        records = [record for cell in cells for record in session.run(cell, THREADS)]
        wrong = [record for record in records if record.error is None and not record.within_budget]
        if wrong:
            raise ValueError(f"{wrong[0].kernel} is not finite at {wrong[0].worst_input}")
        return max(record.error / record.budget for record in records if record.error)

    track_error.pretty_name = "Kernels: largest error over its budget"

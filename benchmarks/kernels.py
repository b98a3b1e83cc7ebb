"""Kernels: seconds per call on 65,536 elements, and error against the oracle in units of the error budget."""

from harness.timing import session

from .common import BACKENDS, DEVICES, DTYPE, Missing, prepared, require, setup_cache

KERNELS = ["gumbel.gumbel_softmax", "divergences.kl_normal"]


class Time:
    """Seconds per call, forward (value), and forward with backward (vjp)."""

    version = "1"
    timeout = 300
    setup_cache = staticmethod(setup_cache)
    param_names = ("kernel", "backend", "device", "mode", "derivative")
    params = (
        KERNELS,
        BACKENDS,
        DEVICES,
        ["eager", "compiled"],
        ["value", "vjp"],
    )

    def setup(self, missing: Missing, kernel: str, backend: str, device: str, mode: str, derivative: str) -> None:
        require(missing, backend, device)
        prepared(kernel, backend, device, mode, derivative)

    def time_call(self, _: Missing, kernel: str, backend: str, device: str, mode: str, derivative: str) -> None:
        prepared(kernel, backend, device, mode, derivative)()

    time_call.pretty_name = "Kernel, seconds per call"


class Agreement:
    """Largest error of values and derivatives, over its budget, in all cases of the kernels: above 1 is wrong."""

    version = "1"
    timeout = 300
    setup_cache = staticmethod(setup_cache)
    unit = "error budgets"
    param_names = ("backend", "device")
    params = (BACKENDS, DEVICES)

    def setup(self, missing: Missing, backend: str, device: str) -> None:
        require(missing, backend, device)

    def track_error(self, _: Missing, backend: str, device: str) -> float:
        from harness.agreement import plan  # the oracle's libraries, which no timed process needs

        cells = plan.plan(KERNELS, (), (backend,), (DTYPE,), (device,), ("eager",))
        records = [record for cell in cells for record in session.run(cell)]
        wrong = [record for record in records if record.error is None and not record.within_budget]
        if wrong:
            raise ValueError(f"{wrong[0].kernel} is not finite at {wrong[0].worst_input}")
        return max(record.error / record.budget for record in records if record.error)

    track_error.pretty_name = "Kernels, largest error in units of its budget"

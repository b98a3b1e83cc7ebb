"""Models: seconds and peak memory of loss and gradient of 128 images."""

from .common import BACKENDS, DEVICES, Missing, prepared, require, setup_cache


class Time:
    """Seconds of the loss and its gradient in every weight, compiled, as in training."""

    version = "2"
    timeout = 300
    setup_cache = staticmethod(setup_cache)
    unit = "seconds"
    param_names = ("model", "backend", "device")
    params = (["vae.loss_bernoulli", "categorical_vae.loss"], BACKENDS, DEVICES)

    def setup(self, missing: Missing, model: str, backend: str, device: str) -> None:
        require(missing, backend, device)
        prepared(f"models.{model}", backend, device, "compiled", "vjp")

    def time_step(self, _: Missing, model: str, backend: str, device: str) -> None:
        prepared(f"models.{model}", backend, device, "compiled", "vjp")()

    time_step.pretty_name = "Model: time of loss and gradient"


class Memory:
    """Peak resident memory of a process that loads the framework and takes one loss and gradient, eager."""

    version = "2"
    timeout = 300
    setup_cache = staticmethod(setup_cache)
    unit = "bytes"
    param_names = ("model", "backend")
    params = (["vae.loss_bernoulli"], BACKENDS)

    def setup(self, missing: Missing, _: str, backend: str) -> None:
        require(missing, backend, "cpu")

    def peakmem_step(self, _: Missing, model: str, backend: str) -> None:
        prepared(f"models.{model}", backend, "cpu", "eager", "vjp")

    peakmem_step.pretty_name = "Model: peak memory of loss and gradient"

"""Gradient estimators: variance of one gradient, and seconds of a block of gradients."""

from functools import cache

from harness.results.schema import Throughput
from harness.timing import session

from .common import BACKENDS, DEVICES, DTYPE, SEED, Missing, prepared, require, setup_cache


class Time:
    """Seconds of 32,768 compiled gradients of two samples each."""

    version = "1"
    timeout = 300
    setup_cache = staticmethod(setup_cache)
    param_names = ("estimator", "backend", "device")
    params = (["pathwise", "score_function_leave_one_out"], BACKENDS, DEVICES)

    def setup(self, missing: Missing, estimator: str, backend: str, device: str) -> None:
        require(missing, backend, device)
        prepared(f"estimators.{estimator}", backend, device, "compiled", "value")

    def time_block(self, _: Missing, estimator: str, backend: str, device: str) -> None:
        prepared(f"estimators.{estimator}", backend, device, "compiled", "value")()

    time_block.pretty_name = "Estimator, seconds of 32,768 gradients"


class Stream:
    """The streaming engine on 50 coordinates beside a loop over single samples, and beside the draw of its noise."""

    version = "1"
    timeout = 300
    setup_cache = staticmethod(setup_cache)
    unit = "ratio"
    param_names = ("estimator", "backend", "device")
    params = (["pathwise", "score_function"], BACKENDS, DEVICES)

    def setup(self, missing: Missing, _: str, backend: str, device: str) -> None:
        require(missing, backend, device)

    def track_loop(self, _: Missing, estimator: str, backend: str, device: str) -> float:
        return _throughput(estimator, backend, device).loop_ratio

    def track_draw(self, _: Missing, estimator: str, backend: str, device: str) -> float:
        return _throughput(estimator, backend, device).floor_ratio

    track_loop.pretty_name = "Stream of gradients, times the eager loop"
    track_draw.pretty_name = "Stream of gradients, share of the draw of its noise"


@cache
def _throughput(estimator: str, backend: str, device: str) -> Throughput:
    from harness.timing import throughput

    cells = throughput.plan([backend], [DTYPE], [device], estimators=[estimator], turns=7, seed=SEED)
    (record,) = session.run(cells[0])
    assert isinstance(record, Throughput)
    return record


class Variance:
    """Variance of one gradient of two samples, by the first parameter, over 20,000 gradients of the same noise."""

    version = "1"
    timeout = 300
    setup_cache = staticmethod(setup_cache)
    unit = "squared gradient"
    param_names = ("estimator on problem", "backend", "device")
    params = (
        [
            "pathwise on quadratic",
            "score_function on quadratic",
            "gumbel_softmax on bernoulli",
        ],
        BACKENDS,
        DEVICES,
    )

    def setup(self, missing: Missing, _: str, backend: str, device: str) -> None:
        require(missing, backend, device)

    def track_variance(self, _: Missing, pair: str, backend: str, device: str) -> float:
        from harness.variance import plan  # the oracle's libraries, which no timed process needs

        estimator, problem = pair.split(" on ")
        cells = plan.plan(
            estimator,
            problem,
            {},
            samples=2,
            replicates=20_000,
            backends=(backend,),
            dtypes=(DTYPE,),
            devices=(device,),
            seed=SEED,
        )
        return session.run(cells[0])[0].variance

    track_variance.pretty_name = "Estimator, variance of one gradient"

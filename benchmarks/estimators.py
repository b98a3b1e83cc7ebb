"""Gradient estimators: seconds of a block of gradients, speed of their stream, and variance of one gradient."""

from harness.timing import session

from .common import BACKENDS, DEVICES, DTYPE, SEED, THREADS, Missing, prepared, require, setup_cache


class Time:
    """Seconds of 32,768 compiled gradients of two samples each: one estimator of each family."""

    version = "2"
    timeout = 300
    setup_cache = staticmethod(setup_cache)
    unit = "seconds"
    param_names = ("estimator", "backend", "device")
    params = (["pathwise", "score_function_leave_one_out", "rebar"], BACKENDS, DEVICES)

    def setup(self, missing: Missing, estimator: str, backend: str, device: str) -> None:
        require(missing, backend, device)
        prepared(f"estimators.{estimator}", backend, device, "compiled", "value")

    def time_block(self, _: Missing, estimator: str, backend: str, device: str) -> None:
        prepared(f"estimators.{estimator}", backend, device, "compiled", "value")()

    time_block.pretty_name = "Estimator: time of 32,768 gradients"


class Stream:
    """Time of a score-function gradient of the streaming engine on 50 coordinates, over that of drawing its noise.

    It cannot be below 1, and less is better, as asv takes it.
    """

    version = "2"
    timeout = 300
    setup_cache = staticmethod(setup_cache)
    unit = "ratio of times"
    param_names = ("backend", "device")
    params = (BACKENDS, DEVICES)

    def setup(self, missing: Missing, backend: str, device: str) -> None:
        require(missing, backend, device)

    def track_over_draw(self, _: Missing, backend: str, device: str) -> float:
        from harness.timing import throughput  # here, since a benchmark that is skipped need not load it

        (record,) = throughput.measure(
            session.backend(backend, device, THREADS),
            name=backend,
            device=device,
            dtype=DTYPE,
            estimator="score_function",
            dimension=50,
            blocks=32,
            turns=7,
            seed=SEED,
            loop=1,  # the loop's time is not used
        )
        return 1 / record.floor_ratio

    track_over_draw.pretty_name = "Stream: time over that of drawing its noise"


class Variance:
    """Variance of one gradient of two samples, by the first parameter, over 20,000 gradients of the same noise."""

    version = "2"
    timeout = 300
    setup_cache = staticmethod(setup_cache)
    unit = "squared gradient"
    param_names = ("estimator on problem", "backend")
    params = (["score_function_leave_one_out on quadratic", "gumbel_softmax on bernoulli"], BACKENDS)

    def setup(self, missing: Missing, _: str, backend: str) -> None:
        require(missing, backend, "cpu")

    def track_variance(self, _: Missing, pair: str, backend: str) -> float:
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
            devices=("cpu",),
            seed=SEED,
        )
        return session.run(cells[0], THREADS)[0].variance

    track_variance.pretty_name = "Estimator: variance of one gradient"

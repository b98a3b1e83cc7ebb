"""Timing: inputs, plans, prepared calls and records. No test looks at how long anything took."""

from __future__ import annotations

import math
import sys
import timeit
from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from harness import dtypes, validation
from harness.errors import BadInputError
from harness.execution.work import Cell, Work
from harness.kernels import select
from harness.results.schema import Time, flat
from harness.timing import inputs, measure, plan, session, subjects
from implementations import registry
from implementations.interface import contract
from implementations.interface.models.network import parameter_shapes

SIZE = 512


# names


def test_select_takes_names_modules_and_globs_in_the_order_of_the_known():
    known = ["gaussian.cdf", "gaussian.prob", "gumbel.cdf", "models.vae.loss"]
    assert select(["gumbel", "gaussian.prob"], known, "kernel") == ["gaussian.prob", "gumbel.cdf"]
    assert select(["*.cdf"], known, "kernel") == ["gaussian.cdf", "gumbel.cdf"]
    assert select(["models.vae"], known, "kernel") == ["models.vae.loss"]
    assert select([], known, "kernel") == known


def test_select_does_not_take_a_prefix_for_a_module():
    with pytest.raises(BadInputError, match="unknown kernel 'gau'"):
        select(["gau"], ["gaussian.cdf"], "kernel")


def test_select_names_the_nearest_for_each_pattern_without_a_match():
    with pytest.raises(BadInputError, match=r"gausian\.cdf.*nearest: gaussian\.cdf"):
        select(["gumbel", "gausian.cdf"], ["gaussian.cdf", "gumbel.cdf"], "kernel")


# inputs


@pytest.mark.parametrize("name", contract.kernels())
@pytest.mark.parametrize("dtype", dtypes.DTYPES)
def test_every_kernel_has_inputs_inside_its_domains(name, dtype):
    kernel = contract.kernels()[name]
    values = inputs.values(kernel, SIZE, seed=1)
    assert tuple(values) == kernel.arguments
    assert max(value.size for value in values.values()) == SIZE
    for argument, value in values.items():
        validation.require(argument, dtypes.rounded(value, dtype), kernel.domain.get(argument, "real"), dtype)


def test_inputs_cover_every_domain():
    assert inputs.BY_DOMAIN.keys() == validation.DOMAINS.keys()


def test_one_hot_inputs_have_one_one():
    kernel = contract.kernels()["categorical.log_prob"]
    np.testing.assert_array_equal(inputs.values(kernel, SIZE, seed=1)["value"].sum(-1), 1)


def test_log_values_lie_on_the_simplex():
    kernel = contract.kernels()["relaxed_categorical.log_prob"]
    total = np.exp(inputs.values(kernel, SIZE, seed=1)["log_value"]).sum(-1)
    # a sum of 16 rounded exponentials is off by at most 16 rounding units, and each exponential by about one
    np.testing.assert_allclose(total, 1, rtol=32 * np.finfo(np.float64).eps)


def test_inputs_depend_on_seed_and_argument():
    kernel = contract.kernels()["divergences.kl_normal"]
    first, again, other = (inputs.values(kernel, SIZE, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first["loc_q"], again["loc_q"])
    assert not np.array_equal(first["loc_q"], other["loc_q"])
    assert not np.array_equal(first["loc_q"], first["loc_p"])


def test_samples_lead_the_batch():
    kernel = contract.kernels()["divergences.kl_categorical_monte_carlo"]
    shapes = inputs.shapes(kernel, 2 * 16 * 16)
    assert shapes == {"logits_q": (2, 16), "logits_p": (2, 16), "noise": (16, 2, 16)}
    assert inputs.result_shape(kernel, 2 * 16 * 16) == (2,)


# plan


def test_plan_has_a_cell_for_each_combination_with_its_own_key():
    cells = plan.plan(["gaussian.cdf"], ["torch", "jax"], ["float32", "float64"], sizes=(64, 128), repeats=3)
    assert len(cells) == 2 * 2 * 2 * len(plan.MODES) * len(plan.DERIVATIVES)
    assert len({cell.key for cell in cells}) == len(cells)


def test_plan_covers_everything_by_default():
    kernels = {cell.work.arguments["kernel"] for cell in plan.plan(backends=["jax"])}
    assert kernels == set(subjects.names())
    assert {"gaussian.cdf", "estimators.pathwise", "models.vae.loss_bernoulli"} <= kernels


@pytest.mark.parametrize("name", ["gumbel.hard_sample", "estimators.pathwise"])
def test_what_has_no_derivative_is_timed_forward(name):
    cells = plan.plan([name], ["jax"], modes=("eager",))
    assert [cell.work.arguments["derivative"] for cell in cells] == ["value"]


def test_models_have_their_own_size():
    cells = plan.plan(["models.vae.loss_bernoulli"], ["jax"], sizes=(64, 128), modes=("eager",), derivatives=("vjp",))
    shapes = parameter_shapes(subjects.MODELS["models.vae.loss_bernoulli"].layers).values()
    assert [cell.work.arguments["size"] for cell in cells] == [max(map(math.prod, shapes))]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"kernels": ["gausian.cdf"]}, "gaussian.cdf"),
        ({"backends": ["torhc"]}, "torch"),
        ({"dtypes": ["flaot32"]}, "float32"),
        ({"devices": ["tpu"]}, "cpu"),
        ({"modes": ["jit"]}, "eager"),
        ({"derivatives": ["vpj"]}, "vjp"),
        ({"sizes": [0]}, "size is 0"),
        ({"repeats": 0}, "repeats is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"kernels": ["gumbel.hard_sample"], "derivatives": ["vjp"]}, "no derivative"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_bad_input_is_told_with_what_is_allowed(options, says):
    with pytest.raises(BadInputError, match=says):
        plan.plan(**({"backends": ["jax"]} | options))


# measuring, on a backend of NumPy functions and a clock that is advanced by hand


@pytest.fixture
def numpy_backend(monkeypatch):
    """A backend with one kernel, which counts what the harness does to it."""
    counts = {"runs": 0, "compiled": 0, "waits": []}

    def scale_from_exp(unconstrained):
        counts["runs"] += 1
        return np.exp(unconstrained)

    def compile_(function):
        counts["compiled"] += 1
        return function

    backend, gaussian = ModuleType("numpy_backend"), ModuleType("numpy_backend.gaussian")
    gaussian.scale_from_exp = scale_from_exp
    backend.runtime = SimpleNamespace(asarray=np.asarray, compile=compile_, synchronize=counts["waits"].append)
    backend.counts = counts
    for module in (backend, gaussian):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return backend


@pytest.mark.parametrize(("mode", "compiled"), [("eager", 0), ("compiled", 1)])
def test_a_prepared_call_compiles_once_and_waits_for_each_result(numpy_backend, mode, compiled):
    run = measure.prepare(
        numpy_backend, "gaussian.scale_from_exp", dtype="float32", mode=mode, derivative="value", size=SIZE, seed=0
    )
    counts = numpy_backend.counts
    assert counts["runs"] == 0, "nothing may run before the first call, which is timed apart"
    results = [run() for _ in range(3)]
    assert (counts["runs"], counts["compiled"]) == (3, compiled)
    assert all(waited is result for waited, result in zip(counts["waits"][-3:], results, strict=True))


def test_the_first_call_is_apart_and_short_calls_are_repeated_in_one_body(monkeypatch):
    clock, calls, real_timer = [0.0], [0], timeit.Timer

    def run():
        calls[0] += 1
        clock[0] += 5.0 if calls[0] == 1 else 1e-4

    monkeypatch.setattr(measure.timeit, "Timer", lambda statement: real_timer(statement, timer=lambda: clock[0]))
    first, seconds = measure.seconds_per_call(run, repeats=4)
    assert first == 5.0
    # the clock adds 1e-4 to numbers of about 5, so differences carry a few rounding units of 5
    assert seconds == pytest.approx([1e-4] * 4, abs=8 * np.spacing(5.0))
    # the bodies of 4 and of 8 repeats differ by 4 bodies, each of at least the shortest body
    four = calls[0]
    measure.seconds_per_call(run, repeats=8)
    assert (calls[0] - four) - four >= 4 * measure.SHORTEST_BODY / 1e-4


def test_a_process_holds_one_backend(monkeypatch):
    monkeypatch.setattr(registry, "load", lambda _: SimpleNamespace(runtime=SimpleNamespace(configure=lambda *_: None)))
    session.backend.cache_clear()
    session._claim.cache_clear()
    try:
        assert session.backend("jax") is session.backend("jax")
        with pytest.raises(BadInputError, match="one framework per process"):
            session.backend("torch")
        with pytest.raises(BadInputError, match="one framework per process"):
            session.backend("jax", "gpu")
    finally:
        session.backend.cache_clear()
        session._claim.cache_clear()


# the frameworks, each in its own process


def shapes_of_results(backend, calls, mode):
    """Run in a framework's process: what every call returns, as shapes."""

    def shapes(value):
        if isinstance(value, dict):
            return {name: shapes(part) for name, part in value.items()}
        return [shapes(part) for part in value] if isinstance(value, list | tuple) else tuple(np.shape(value))

    def result(name, derivative):
        run = measure.prepare(backend, name, dtype="float32", mode=mode, derivative=derivative, size=SIZE, seed=0)
        return backend.runtime.to_numpy(run())

    return {call: shapes(result(*call)) for call in calls}


def expected_shapes(name, derivative):
    if name.startswith("estimators."):
        parameters = ("loc", "scale") if name in CONTINUOUS else ("logits",)
        return dict.fromkeys(parameters, (SIZE // subjects.SAMPLES,))
    if name in subjects.MODELS:
        return () if derivative == "value" else [(), parameter_shapes(subjects.MODELS[name].layers)]
    kernel = contract.kernels()[name]
    result = inputs.result_shape(kernel, SIZE)
    arguments = inputs.shapes(kernel, SIZE)
    return result if derivative == "value" else [result, [arguments[name] for name in kernel.differentiable]]


CONTINUOUS = {"estimators.pathwise", "estimators.score_function", "estimators.score_function_leave_one_out"}


#: A kernel of each signature and one estimator of each module forward; backward what differs in kind.
CALLS = {
    "eager": [(name, "value") for name in {row.signature: row.name for row in contract.kernels().values()}.values()]
    + [
        ("estimators.score_function_leave_one_out", "value"),
        ("estimators.straight_through_gumbel", "value"),
        ("categorical.log_prob", "vjp"),
        ("divergences.kl_normal_monte_carlo", "vjp"),
        ("models.vae.loss_bernoulli", "vjp"),
    ],
    "compiled": [("gumbel.gumbel_softmax", "vjp"), ("estimators.pathwise", "value")],
}


@pytest.fixture(scope="module")
def measured(workers):
    """What a backend's process returns, in one process for all tests: shapes, eager and compiled, and records."""

    @cache
    def of(backend):
        function = f"{__name__}:{shapes_of_results.__name__}"
        shapes = [
            Cell(f"shapes {mode}", Work(function, backend, arguments={"calls": calls, "mode": mode}))
            for mode, calls in CALLS.items()
        ]
        timed = plan.plan(["gaussian.log_prob"], [backend], sizes=(SIZE,), modes=("eager",), repeats=5)
        eager, compiled, *records = workers.run([*shapes, *timed])
        return SimpleNamespace(eager=eager, compiled=compiled, records=[record for part in records for record in part])

    return of


@pytest.mark.parametrize("mode", CALLS)
def test_prepared_calls_return_every_result_in_its_shape(measured, backend, mode):
    assert getattr(measured(backend), mode) == {call: expected_shapes(*call) for call in CALLS[mode]}


def test_a_record_says_what_was_timed(measured, backend):
    records = measured(backend).records
    assert [type(record) for record in records] == [Time, Time]
    assert [record.derivative for record in records] == ["value", "vjp"]
    for record in map(flat, records):
        told = {"backend": backend, "device": "cpu", "dtype": "float32", "kernel": "gaussian.log_prob"}
        assert told.items() <= record.items()
        assert (record["size"], record["repeats"], record["mode"]) == (SIZE, 5, "eager")
        # order and sign hold for whatever the clock says
        assert 0 < record["seconds_low"] <= record["seconds"] <= record["seconds_high"]
        assert record["seconds_first_call"] > 0

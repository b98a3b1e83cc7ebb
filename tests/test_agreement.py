"""The agreement check: its cases, its arithmetic, its plan, and the backends judged by it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import Pool

from harness import dtypes, modes, validation
from harness.agreement import budgets, checks, compare, inputs, plan
from harness.agreement.cases import find, load
from harness.agreement.snippet import snippet
from harness.errors import BadInputError
from harness.oracle.truth import Truth
from harness.results.schema import Check
from implementations.interface import contract

KERNELS = contract.kernels()


# the cases


def test_every_kernel_has_cases() -> None:
    assert set(KERNELS) <= {case.kernel for case in load()}


def test_names_of_cases_are_unique() -> None:
    names = [(case.kernel, case.name) for case in load()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("dtype", list(dtypes.DTYPES))
def test_inputs_lie_in_the_domains_and_are_representable(dtype: str) -> None:
    for case in load():
        if case.kernel not in KERNELS or dtype not in case.dtypes or not inputs.fits(case, KERNELS[case.kernel], dtype):
            continue
        built = inputs.build(case, KERNELS[case.kernel], dtype)
        for name, array in built.arguments.items():
            np.testing.assert_array_equal(array, dtypes.rounded(array, dtype))
            domain = KERNELS[case.kernel].domain.get(name)
            if domain:
                validation.require(name, array, domain, dtype)


def test_cases_reach_broadcasting_single_numbers_and_empty_batches() -> None:
    shapes = set()
    for case in load():
        if case.kernel in KERNELS:
            built = inputs.build(case, KERNELS[case.kernel], "float64")
            shapes |= {built.directions.cotangent.shape}
            shapes |= {"broadcast"} if len({a.shape for a in built.arguments.values()}) > 2 else set()
    assert {(), (0,), (2, 3), "broadcast"} <= shapes


# the arithmetic of the comparison


def _truth(high: float, low: float = 0.0, condition: float = 1.0) -> Truth:
    return Truth(np.array([high]), np.array([low]), np.array([condition]))


EPS = 2.0**-23


@pytest.mark.parametrize(
    ("got", "truth", "error"),
    [
        (1.0, _truth(1.0), 0.0),
        (1.0 + 4 * EPS, _truth(1.0), 4.0),
        (1.0 + 4 * EPS, _truth(1.0, condition=2.0), 2.0),
        (1.0, _truth(1.0, low=2.0**-60), 2.0**-37),
        (np.nan, _truth(1.0), np.inf),
        (np.inf, _truth(1.0), np.inf),
        (0.0, _truth(8.194e-40, condition=1e-38), 0.0),  # underflow
        (8.194e-40, _truth(8.194e-40, condition=1e-38), 0.0),  # subnormal
        (1e-30, _truth(0.0, condition=0.0), np.inf),
        (np.inf, _truth(5e39, condition=5e39), 0.0),  # overflow
        (-np.inf, _truth(5e39, condition=5e39), np.inf),
        (np.inf, _truth(np.inf), 0.0),
        (1e38, _truth(np.inf), np.inf),
        (np.nan, _truth(np.nan), 0.0),
        (0.5, _truth(np.nan), np.inf),
    ],
)
def test_error_in_units_of_condition(got: float, truth: Truth, error: float) -> None:
    found = compare.errors(np.array([got]), truth, "float32", budgets.RELATIVE)
    # the smallest normal number that is forgiven is 1e-31 of a unit here
    assert found[0] == pytest.approx(error, rel=1e-6, abs=1e-30)


@pytest.mark.parametrize(("got", "error"), [(1.0, 0), (1.0 + EPS, 1), (np.nan, 1), (-1.0, 1)])
def test_bits(got: float, error: int) -> None:
    assert compare.errors(np.array([got]), _truth(1.0, 2.0**-60), "float32", budgets.BITS)[0] == error


def test_zero_of_the_wrong_sign_is_no_one_hot() -> None:
    assert compare.errors(np.array([-0.0]), _truth(0.0), "float32", budgets.BITS)[0] == 1


WHERE = checks.Configuration("jax", "float32", "cpu", "eager")


def _check(got: object, derivative: str = "value", high: float = 1.0) -> Check:
    truth = _truth(high)
    budget = budgets.Budget(8, budgets.RELATIVE, "")
    array = np.asarray(got, np.float64)
    return checks.check(WHERE, "gaussian.cdf", "x", derivative, array, truth, budget, str)


def test_wrong_shape_is_out_of_budget() -> None:
    assert _check([1.0]).within_budget
    record = _check([[1.0]])
    assert (record.error, record.within_budget) == (None, False)


def test_wrong_shape_of_nothing_is_out_of_budget() -> None:
    empty = Truth(*(np.zeros((0,)) for _ in range(3)))
    budget = budgets.Budget(8, budgets.RELATIVE, "")
    right = checks.check(WHERE, "k", "x", "value", np.zeros((0,)), empty, budget, str)
    wrong = checks.check(WHERE, "k", "x", "value", np.zeros((0, 2)), empty, budget, str)
    assert (right.within_budget, right.comparisons, wrong.within_budget) == (True, 0, False)


def test_products_without_a_truth_are_not_counted() -> None:
    assert _check([3.0], "vjp:loc", high=np.nan).comparisons == 0
    assert not _check([3.0], "value", high=np.nan).within_budget


def test_literal_reads_back() -> None:
    value = {"logits": [-np.inf, 0.5, 1e-300], "temperature": 2.0}
    assert ast.literal_eval(checks.literal(value)) == value


def test_worst_keeps_the_worst_and_adds_comparisons() -> None:
    records = [_check([1.0]), _check([1.0 + 4 * EPS]), _check([np.nan]), _check([1.0 + EPS], "vjp:loc")]
    value, product = plan.worst(records)
    assert (value.error, value.comparisons, value.within_budget) == (None, 3, False)
    assert product.error == pytest.approx(1.0)


# the plan


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kernels": ["gaussian.cfd"]}, "gaussian.cdf"),
        ({"cases": ["left tial"]}, "left tail"),
        ({"backends": ["torhc"]}, "torch"),
        ({"dtypes": ["float31"]}, "float32"),
        ({"modes": ["eagre"]}, "eager"),
        ({"devices": ["gpo"]}, "gpu"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(arguments: dict[str, list[str]], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        plan.plan(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "kernels"),
    [
        ("gaussian.cdf", {"gaussian.cdf"}),
        ("annealing", {"annealing.constant", "annealing.exponential", "annealing.linear"}),
        ("*.entropy", {"gaussian.entropy"}),
    ],
)
def test_kernels_by_name_module_and_glob(pattern: str, kernels: set[str]) -> None:
    cells = plan.plan([pattern], backends=["torch"], dtypes=["float32"], modes=["eager"])
    assert {call["kernel"] for cell in cells for call in cell.work.arguments["calls"]} == kernels


def test_keys_are_unique_and_tell_choices_apart() -> None:
    everything = [cell.key for cell in plan.plan(backends=["torch", "jax"])]
    chosen = [cell.key for cell in plan.plan(["gaussian.cdf"], backends=["torch", "jax"])]
    assert len(everything) == len(set(everything))
    assert not set(everything) & set(chosen)


# the backends


def _outside(records: list[Check]) -> list[str]:
    return [
        f"{r.kernel} {r.case} {r.dtype} {r.mode} {r.derivative}: {r.error} of {r.budget} at {r.worst_input[:200]}"
        for r in plan.worst(records)
        if not r.within_budget
    ]


def _records(workers: Pool, subjects: list[str], backend: str, dtype: str, mode: str) -> list[Check]:
    cells = plan.plan(subjects, backends=[backend], dtypes=[dtype], modes=[mode])
    return [record for found in workers.run(cells) for record in found]


#: Where the usual mode takes minutes to compile what it compiles for float32 or bfloat16 too; `--full` takes both.
EAGER = {("tensorflow", "float64"), ("tensorflow", "float16")}


@pytest.mark.parametrize("dtype", list(dtypes.DTYPES))
def test_backend_agrees(backend: str, dtype: str, workers: Pool) -> None:
    """Every kernel, estimator and model: value and products of first and second order. Deterministic: no error rate."""
    mode = "eager" if (backend, dtype) in EAGER else modes.usual(backend)
    records = _records(workers, [], backend, dtype, mode)
    meant = {case.kernel for case in load() if dtype in case.dtypes}
    assert {record.kernel for record in records} == meant
    assert {record.derivative.partition(":")[0] for record in records} == {"value", "vjp", "jvp", "hvp"}
    assert _outside(records) == []


@pytest.mark.parametrize("mode", ["eager", "vmapped", "single", "compiled"])
def test_backend_agrees_in_other_modes(backend: str, mode: str, workers: Pool) -> None:
    """Modules that are fast in every mode; `reparam check --full` takes all."""
    records = _records(workers, ["bernoulli", "annealing", "article"], backend, "float32", mode)
    assert {record.mode for record in records} == {mode}
    assert _outside(records) == []


@pytest.mark.parametrize(
    ("kernel", "case", "derivative", "mode"),
    [
        ("gumbel.gumbel_softmax", "a temperature for each", "vjp:logits", "compiled"),
        ("divergences.kl_normal", "large locs", "hvp:scale_q", "vmapped"),
        ("bernoulli.prob", "even odds", "jvp", "eager"),
        ("categorical.prob", "empty batch", "jvp", "eager"),
        ("estimators.pathwise", "quadratic", "vjp:loc", "eager"),
    ],
)
def test_snippet_runs_as_it_is(backend: str, kernel: str, case: str, derivative: str, mode: str) -> None:
    worst_input = ""
    if kernel in KERNELS:
        arguments, (cotangent, tangents) = inputs.build(find(kernel, case), KERNELS[kernel], "float32")
        lists = {name: checks.listed(array) for name, array in (arguments | {"cotangent": cotangent}).items()}
        lists |= {"tangents": {name: checks.listed(array) for name, array in tangents.items()}}
        worst_input = checks.literal(lists)
    where = checks.Configuration(backend, "float32", "cpu", mode)
    record = Check(
        **where._asdict(),
        kernel=kernel,
        case=case,
        derivative=derivative,
        error=0.0,
        unit=budgets.RELATIVE,
        budget=8.0,
        within_budget=True,
        worst_input=worst_input,
    )
    program = snippet(record)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    got, expected = (_numbers(done.stdout, word) for word in ("got", "expected"))
    # float32, and cancellation in a product of some units
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


def _numbers(output: str, word: str) -> np.ndarray:
    """Read what a snippet prints after a word, up to the next word."""
    text = output.split(word, maxsplit=1)[1].split("expected", maxsplit=1)[0]
    numbers = re.findall(r"-?(?:inf|\d+\.?\d*(?:e[-+]?\d+)?)", text)
    return np.array(numbers, np.float64)

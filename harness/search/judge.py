"""Candidates judged: their results, a cheap suspicion, and the records of the full comparison with the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from mpmath import mp
from numpy.typing import NDArray

from harness import dtypes
from harness.agreement import budgets, checks, kernels
from harness.agreement.cases import Case
from harness.agreement.checks import Configuration
from harness.agreement.evaluate import Call, Result
from harness.agreement.inputs import Inputs
from harness.agreement.kernels import Member
from harness.oracle import core_shapes, derivatives, truth
from harness.oracle import kernels as oracle
from harness.oracle.truth import Truth
from harness.results.schema import Check
from harness.search import candidates
from harness.search.candidates import Candidate, Space
from implementations.alarm import time_limit

Array = NDArray[np.float64]

#: (calls, dtype) -> results: the framework's process, or whatever stands for it.
Evaluate = Callable[[Sequence[Call], str], list[Result]]

#: Candidates in one call: always so many, since a compiler works for each shape.
BATCH = 32

#: The case that a record of the search names.
CASE = "search"

#: How a record begins of an input at which the oracle, and not the backend, is wrong.
ORACLE_FAILED = "the oracle failed"

#: A truth that takes longer counts as a failure of the oracle.
TRUTH_SECONDS = 5.0


class Subject(NamedTuple):
    """What is searched, and how it is judged.

    Attributes:
        space: kernel, dtype and reach.
        where: backend, dtype, device and mode.
        evaluate: gives the results.
        wider: whether evaluating in float64 too is cheap.
    """

    space: Space
    where: Configuration
    evaluate: Evaluate
    wider: bool


def evaluated(subject: Subject, batch: Sequence[Candidate], dtype: str) -> list[Result]:
    """Evaluate candidates of one shape in a dtype; their inputs are those of the subject's own dtype."""
    kernel, signature = subject.space.kernel, subject.space.signature
    given = [candidates.inputs(candidate, subject.space.dtype) for candidate in batch]
    if max(map(len, signature.inputs)) > 1:  # such a kernel has sample axes before its batch axes
        return subject.evaluate([_call(kernel.name, [inputs], False) for inputs in given], dtype)
    filled = [given[place % len(given)] for place in range(-(-len(given) // BATCH) * BATCH)]
    calls = [_call(kernel.name, filled[start : start + BATCH], True) for start in range(0, len(filled), BATCH)]
    results = subject.evaluate(calls, dtype)
    return [_row(results[place // BATCH], place % BATCH) for place in range(len(given))]


def _call(kernel: str, given: Sequence[Inputs], batched: bool) -> Call:
    def joined(arrays: list[Array]) -> Array:
        return np.stack(arrays) if batched else arrays[0]

    (arguments, (_, tangents)) = given[0]
    return Call(
        kernel=kernel,
        arguments={name: joined([inputs.arguments[name] for inputs in given]) for name in arguments},
        cotangent=joined([inputs.directions.cotangent for inputs in given]),
        tangents={name: joined([inputs.directions.tangents[name] for inputs in given]) for name in tangents},
        batched=batched,
    )


def _row(result: Result, place: int) -> Result:
    if isinstance(result, str):
        return result
    return {name: part[place] if part.ndim else part for name, part in result.items()}


# suspicion


def suspicions(subject: Subject, batch: Sequence[Candidate], results: Sequence[Result]) -> list[float]:
    """Return how suspect each result is: its distance, in rounding units, from a better one that is cheap.

    The better one is the backend's own result in float64, and where that is the tested dtype, or has to be compiled,
    the true value alone. Neither decides anything: the full truth is asked about what is suspect.
    """
    dtype = subject.space.dtype
    if subject.wider and dtype != "float64":
        better = evaluated(subject, batch, "float64")
    else:
        better = [_true_value(subject.space, candidate) for candidate in batch]
    inputs = [candidates.inputs(candidate, dtype) for candidate in batch]
    eps, largest = dtypes.find(dtype).eps, dtypes.find(dtype).largest
    return [_distance(got, best, given, eps, largest) for got, best, given in zip(results, better, inputs, strict=True)]


def _true_value(space: Space, candidate: Candidate) -> Result:
    """Return the true value, to the digits of a float64."""
    try:
        with time_limit(TRUTH_SECONDS / 5):
            return _value(space, candidate)
    except Exception as error:  # what the oracle cannot say is judged before all else
        return f"{ORACLE_FAILED}: {type(error).__name__}: {error}"


def _value(space: Space, candidate: Candidate) -> Result:
    numbers = [mp.mpf(float(x)) for array in candidate.arguments.values() for x in array.flat]
    least, greatest = derivatives.exponents(numbers)
    with mp.workprec(128 + 2 * (greatest - least)):
        cores = [truth.nested(array) for array in candidate.arguments.values()]
        value = truth.flat(oracle.find(space.kernel.name)(*cores))
        shape = core_shapes.output_shape(space.signature, list(candidate.shape))
        return {"value": np.reshape([float(number) for number in value], shape)}


def _distance(got: Result, better: Result, given: Inputs, eps: float, largest: float) -> float:
    """Return the largest |got - better| / (eps condition), with the condition estimated from the results."""
    if isinstance(got, str) or isinstance(better, str):
        return np.inf
    with np.errstate(all="ignore"):
        sizes = _conditions(got | better, given)
        distances = [np.abs(got[name] - part) / (eps * sizes[name] + 1e-300) for name, part in better.items()]
        # what is lost where the better one stays in range is suspect before all; what leaves it is not
        lost = [~np.isfinite(got[name]) & (np.abs(part) < largest) for name, part in better.items()]
    if any(part.any() for part in lost) or any(np.isnan(part).any() for part in got.values()):
        return np.inf
    return max((float(np.nan_to_num(part, nan=0.0, posinf=0.0).max(initial=0.0)) for part in distances), default=0.0)


def _conditions(better: Mapping[str, Array], given: Inputs) -> dict[str, Array]:
    """Estimate conditions: |g| + sum |x dg/dx|, with a Hessian-vector product along x for the second derivatives."""
    products = {name.partition(":")[2]: part for name, part in better.items() if name.startswith("vjp:")}
    reach = sum((float(np.nansum(np.abs(given.arguments[name] * part))) for name, part in products.items()), 0.0)
    bends = {name: np.abs(better[f"hvp:{name}"]) for name in products}
    found = {"value": np.abs(better["value"]) + reach, "jvp": np.abs(better.get("jvp", 0.0)) + reach}
    found |= {f"vjp:{name}": np.abs(part) + bends[name] for name, part in products.items()}
    return found | {f"hvp:{name}": np.abs(products[name]) + part for name, part in bends.items()}


# judgement


def judged(subject: Subject, candidate: Candidate, result: Result) -> list[Check]:
    """Compare the result of a candidate with the truth: a record for each derivative, with the budgets of the check."""
    space = subject.space
    given = candidates.inputs(candidate, space.dtype)
    truths, result = _truths(space, given, result)
    member = Member(Case(space.kernel.name, CASE), given, None)
    return [
        checks.check(
            subject.where,
            space.kernel.name,
            CASE,
            derivative,
            result if isinstance(result, str) else result[derivative],
            true,
            budgets.of(space.kernel.name, derivative, space.dtype),
            partial(kernels.worst_input, member, space.kernel, derivative),
        )
        for derivative, true in truths.items()
    ]


def _truths(space: Space, given: Inputs, result: Result) -> tuple[dict[str, Truth], Result]:
    """Return the truth and the result; where the oracle itself fails, that in place of the result, as a finding."""
    try:
        with time_limit(TRUTH_SECONDS):
            return truth.of_kernel(space.kernel, *given, space.dtype), result
    except Exception as error:  # the oracle's own defects are worth finding too
        nothing = np.zeros(given.directions.cotangent.shape)
        return {"value": Truth(nothing, nothing, nothing)}, f"{ORACLE_FAILED}: {type(error).__name__}: {error}"


def subject_of(record: Check) -> str:
    """Return what is wrong in a record: the derivative, or the oracle."""
    return "oracle" if record.observed.startswith(ORACLE_FAILED) else record.derivative


def badness(record: Check) -> float:
    """Return the error in units of the budget."""
    if record.error is None:
        return np.inf
    return record.error / record.budget if record.budget else record.error

"""The judge: the agreement check, stage by stage, on each mutant and on the kernels as they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import NamedTuple

from harness.agreement import inputs as inputs_of
from harness.agreement import kernels as subjects
from harness.agreement.cases import load
from harness.agreement.checks import Configuration
from harness.agreement.evaluate import Result
from harness.agreement.kernels import Batch
from harness.errors import MeasurementError
from harness.execution.session import Session
from harness.modes import MODES
from harness.results.schema import Check
from implementations.interface.contract import kernels

from . import process
from .sites import Mutant


class Stage(NamedTuple):
    """A part of the agreement check.

    Attributes:
        dtype: in which.
        mode: "eager", or "vmapped": mapped over the batch, so that a kernel sees one entry, without a batch axis.
        alone: the cases that are not joined with others, for their shape.
    """

    dtype: str
    mode: str = "eager"
    alone: bool = False


#: A mutant goes on to the next stage until it is caught.
STAGES = (
    Stage("float32"),
    Stage("float64"),
    Stage("float32", alone=True),
    Stage("float64", alone=True),
    Stage("float32", "vmapped"),
)


class Verdict(NamedTuple):
    """What the judge says of a mutant.

    Attributes:
        mutant: the mutant.
        by: the first record out of its budget; a wrong shape, or what was raised on import, in words; None for a
            survivor.
    """

    mutant: Mutant
    by: Check | str | None


class Outcome(NamedTuple):
    """What came of a selection.

    Attributes:
        verdicts: in the order of the mutants.
        wrong: records out of budget of the kernels as they are, judged in the same way.
        seconds: how long it took.
    """

    verdicts: list[Verdict]
    wrong: list[Check]
    seconds: float


@cache
def _batches(name: str, dtype: str) -> list[Batch]:
    kernel = kernels()[name]
    cases = [case for case in load() if case.kernel == name and dtype in case.dtypes]
    return subjects.batches(kernel, [case for case in cases if inputs_of.fits(case, kernel, dtype)], dtype)


def _of_stage(names: Iterable[str], stage: Stage) -> list[Batch]:
    """Return the batches of kernels that a stage evaluates.

    Eager JAX compiles every operation for every shape: cases with a shape each wait until they are needed.
    """
    found = []
    for name in names:
        made = _batches(name, stage.dtype)
        first = subjects.for_mode(made, MODES["compiled"], True)
        if stage.alone:
            found += [batch for batch in made if not any(batch is other for other in first)]
        else:
            found += [batch for batch in first if batch.call["batched"]] if MODES[stage.mode].mapped else first
    return found


def _wrong_shape(batch: Batch, result: Result) -> str:
    """Say which result of a batch has not the shape of its truth, if there is one."""
    if isinstance(result, str):
        return ""
    call = batch.call
    shapes = {"value": call["cotangent"].shape, "jvp": call["cotangent"].shape}
    for product in ("vjp", "hvp"):
        shapes |= {f"{product}:{name}": array.shape for name, array in call["tangents"].items()}
    for derivative, array in result.items():
        if array.shape != shapes[derivative]:
            return f"{call['kernel']}, {derivative}: shape {array.shape}, expected {shapes[derivative]}"
    return ""


class Judge:
    """Judges mutants of one backend in one process."""

    def __init__(self, backend: str, session: Session) -> None:
        self.backend, self.session = backend, session
        self.used: dict[Stage, set[str]] = {stage: set() for stage in STAGES}

    def _records(self, made: list[Batch], stage: Stage, mutant: Mutant | None) -> list[Check] | str:
        """Return the records out of their budgets, or in words what cannot be compared."""
        arguments = {
            "calls": [batch.call for batch in made],
            "dtype": stage.dtype,
            "mapped": MODES[stage.mode].mapped,
        }
        changed = {"module": mutant.module, "source": mutant.source} if mutant else {"module": "", "source": ""}
        results = self.session.call(f"{process.__name__}:evaluate_mutant", **changed, **arguments)
        if isinstance(results, str):
            return results
        for batch, result in zip(made, results, strict=True):
            if wrong_shape := _wrong_shape(batch, result):  # a case's rows could not be cut out of it
                return wrong_shape
        where = Configuration(self.backend, stage.dtype, "cpu", stage.mode)
        return [
            record
            for batch, result in zip(made, results, strict=True)
            for record in subjects.records(batch, result, where)
            if not record.within_budget
        ]

    def verdict(self, mutant: Mutant) -> Verdict:
        """Judge a mutant: stage by stage, until a record is out of its budget."""
        for stage in STAGES:
            made = _of_stage(mutant.kernels, stage)
            if not made:
                continue
            self.used[stage].update(mutant.kernels)
            if wrong := self._records(made, stage, mutant):
                return Verdict(mutant, wrong if isinstance(wrong, str) else wrong[0])
        return Verdict(mutant, None)

    def unmutated(self) -> list[Check]:
        """Judge, as they are, the kernels that served so far, in the stages in which they served."""
        wrong: list[Check] = []
        for stage, names in self.used.items():
            records = self._records(_of_stage(sorted(names), stage), stage, None) if names else []
            if isinstance(records, str):
                raise MeasurementError(f"{self.backend} without any mutation: {records}")
            wrong += records
        return wrong


def run(backend: str, chosen: Sequence[Mutant], say: Callable[[str], None] = lambda _: None) -> Outcome:
    """Judge mutants of a backend, and the kernels as they are.

    Args:
        backend: its name.
        chosen: the mutants.
        say: is told of the progress.
    """
    start = time.monotonic()
    verdicts = []
    with Session(backend, threads=1) as session:
        judge = Judge(backend, session)
        for done, mutant in enumerate(chosen):
            say(f"[{done + 1}/{len(chosen)}] {mutant.key}")
            verdicts.append(judge.verdict(mutant))
        say("the kernels as they are")
        wrong = judge.unmutated()
    return Outcome(verdicts, wrong, time.monotonic() - start)

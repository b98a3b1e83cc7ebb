"""Mutations of the reference kernels, generated from their source text, and the judge that must find every one.

    .venv/bin/python -m tests.mutate --backend torch --count 20 --seed 0
    .venv/bin/python -m tests.mutate --backend torch --all

A mutant is the source of one module with one expression changed by one operator of `OPERATORS`. A worker process of
its backend imports the kernel modules afresh, that one from the mutated text, so that what imports from it is mutated
as well; it evaluates the agreement cases of every kernel that uses the changed function, one operation at a time, and
the driver compares them with the truth under the budgets of the agreement check. A mutant is caught when a record is
out of its budget, or when the text cannot be imported. A survivor has to stand in `equivalent_mutants.toml`, with the
reason why nobody could tell it from the original.

The selection is drawn with the given seed before anything is run, and does not depend on what is caught.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import random
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from harness.agreement import evaluate
from harness.agreement import inputs as inputs_of
from harness.agreement import kernels as subjects
from harness.agreement.cases import load
from harness.agreement.checks import Configuration
from harness.agreement.evaluate import Result
from harness.agreement.kernels import Batch
from harness.errors import MeasurementError
from harness.execution import progress
from harness.execution.session import Session
from harness.modes import MODES
from harness.results.schema import Check
from implementations import registry
from implementations.interface.contract import kernels

#: The modules that hold the mathematics of kernels, each before those that import from it in some backend.
MODULES = ("gaussian", "gumbel", "categorical", "bernoulli", "relaxed_categorical", "divergences")

#: What is not mutated, and why. Each rule is held by `_reached`, `_expressions` or `_never_mutated`.
LEFT_OUT = {
    "constants of a module": "bounds of saturation and coefficients of series: beyond the dtype nothing changes",
    "functions that no kernel reaches, and `sample`": "the agreement check judges kernels, given their noise",
    "operands of a comparison with a constant other than 0": "a switch-over point, around which both formulas hold; "
    "the comparison itself is turned around",
    "arguments of `range`": "the number of terms of a series, of which the last ones are below the dtype's precision",
    "docstrings and annotations": "no code",
}


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

_EQUIVALENT = Path(__file__).parent / "equivalent_mutants.toml"
_SELF = "tests.mutate" if __name__ == "__main__" else __name__

Nodes = Iterator[ast.expr]


# --- operators -------------------------------------------------------------------------------------------------------

_SWAPPED_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}  # fmt: skip
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
_CONSTANTS = {0.5: 1.0, 2.0: 1.0, 1.0: 2.0, 0.25: 0.5}
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)

#: Function -> the one that is taken for it, by their texts in each framework.
_OTHER_FUNCTION = {
    "torch.exp": "torch.expm1", "torch.log": "torch.log1p", "torch.log1p": "torch.log", "expm1": "torch.exp",
    "gaussian.expm1": "torch.exp", "torch.sinh": "torch.cosh", "torch.special.erfc": "torch.special.erf",
    "torch.argmax": "torch.argmin",
    "jnp.exp": "jnp.expm1", "jnp.expm1": "jnp.exp", "jnp.log": "jnp.log1p", "jnp.log1p": "jnp.log",
    "jax.lax.erfc": "jax.lax.erf", "jnp.sum": "jnp.mean", "jnp.mean": "jnp.sum", "jnp.max": "jnp.min",
    "jnp.argmax": "jnp.argmin", "jnp.maximum": "jnp.minimum", "_expm1": "jnp.exp",
    "tf.exp": "tf.math.expm1", "tf.math.expm1": "tf.exp", "tf.math.log": "tf.math.log1p",
    "tf.math.log1p": "tf.math.log", "tf.math.erfc": "tf.math.erf", "tf.reduce_sum": "tf.reduce_mean",
    "tf.reduce_mean": "tf.reduce_sum", "tf.reduce_max": "tf.reduce_min", "tf.reduce_min": "tf.reduce_max",
    "tf.reduce_all": "tf.reduce_any", "tf.maximum": "tf.minimum", "tf.minimum": "tf.maximum",
    "tf.logical_and": "tf.logical_or",
}  # fmt: skip
_OTHER_METHOD = {"sum": "mean", "mean": "sum", "any": "all"}

_IDENTITY_FOR = ("square", "sqrt", "abs")
_STOP = ("detach", "stop_gradient")

#: Functions whose first two arguments can be confused. Others are symmetric, or fail at once when they are swapped.
_TWO_ARRAYS = (
    "divide", "_divide", "saturated_quotient", "temper", "softmax", "select", "centered", "softmax_pullback",
    "kl_normal", "_kl_normal", "kl_categorical", "_kl_categorical", "_log_scale_ratio", "_log_probs_ratio",
    "_kl_and_log_ratio", "_categorical_log_ratio", "_bernoulli_log_ratios", "_weighted_excess", "_mass_difference",
    "_density", "log_prob",
)  # fmt: skip


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _with_arguments(call: ast.Call, arguments: list[ast.expr]) -> ast.Call:
    return ast.Call(call.func, arguments, call.keywords)


def _swap_operators(node: ast.expr, of: tuple[type[ast.operator], ...]) -> Nodes:
    if isinstance(node, ast.BinOp) and isinstance(node.op, of):
        yield ast.BinOp(node.left, _SWAPPED_OPERATORS[type(node.op)](), node.right)


def _keep(node: ast.expr, side: str) -> Nodes:
    if isinstance(node, ast.BinOp) and isinstance(node.op, _ARITHMETIC):
        yield getattr(node, side)


def _drop_minus(node: ast.expr) -> Nodes:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand


def _other_constant(node: ast.expr) -> Nodes:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value: Any = node.value
        if value in _CONSTANTS:
            yield ast.Constant(type(value)(_CONSTANTS[value]))


def _swap_arguments(node: ast.expr) -> Nodes:
    if isinstance(node, ast.Call):
        start = {"where": 1}.get(_name(node), 0 if _name(node) in _TWO_ARRAYS else None)
        if start is not None and len(node.args) >= start + 2:
            first, second = node.args[start : start + 2]
            if not isinstance(first, ast.Starred):
                yield _with_arguments(node, [*node.args[:start], second, first, *node.args[start + 2 :]])


def _other_function(node: ast.expr) -> Nodes:
    if isinstance(node, ast.Call):
        text = ast.unparse(node.func)
        if text in _OTHER_FUNCTION:
            yield ast.Call(ast.parse(_OTHER_FUNCTION[text], mode="eval").body, node.args, node.keywords)
        elif isinstance(node.func, ast.Attribute) and node.func.attr in _OTHER_METHOD and node.keywords:
            method = ast.Attribute(node.func.value, _OTHER_METHOD[node.func.attr], ast.Load())
            yield ast.Call(method, node.args, node.keywords)


def _drop_call(node: ast.expr, functions: tuple[str, ...]) -> Nodes:
    if isinstance(node, ast.Call) and _name(node) in functions:
        if node.args:
            yield node.args[0]
        elif isinstance(node.func, ast.Attribute):
            yield node.func.value


def _turn_comparison(node: ast.expr) -> Nodes:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield ast.Compare(node.left, [_TURNED[type(node.ops[0])]()], node.comparators)


def _drop_flag(node: ast.expr) -> Nodes:
    if isinstance(node, ast.Call) and any(word.arg == "reverse" for word in node.keywords):
        yield ast.Call(node.func, node.args, [word for word in node.keywords if word.arg != "reverse"])


#: Name -> the nodes that can take the place of an expression.
OPERATORS: Mapping[str, Callable[[ast.expr], Nodes]] = {
    "swap + -": partial(_swap_operators, of=(ast.Add, ast.Sub)),
    "swap * /": partial(_swap_operators, of=(ast.Mult, ast.Div)),
    "swap & |": partial(_swap_operators, of=(ast.BitAnd, ast.BitOr)),
    "keep left": partial(_keep, side="left"),
    "keep right": partial(_keep, side="right"),
    "drop minus": _drop_minus,
    "other constant": _other_constant,
    "swap arguments": _swap_arguments,
    "other function": _other_function,
    "identity": partial(_drop_call, functions=_IDENTITY_FOR),
    "drop stop": partial(_drop_call, functions=_STOP),
    "turn comparison": _turn_comparison,
    "drop reverse": _drop_flag,
}


# --- sites -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """One change of one module.

    Attributes:
        backend: its name.
        module: the module of kernels.
        function: of the module, at its top level.
        line: where the changed expression starts.
        operator: a key of `OPERATORS`.
        before: the expression.
        after: what takes its place.
        occurrence: 1 for the first mutant of this function, operator, before and after, 2 for the next ...
        kernels: the kernels that use the function.
        source: the whole text of the mutated module.
    """

    backend: str
    module: str
    function: str
    line: int
    operator: str
    before: str
    after: str
    occurrence: int
    kernels: tuple[str, ...]
    source: str

    @property
    def key(self) -> str:
        """What stays the same when lines move."""
        again = f" #{self.occurrence}" if self.occurrence > 1 else ""
        return f"{self.backend} {self.module}.{self.function}: {self.operator}: {self.before} -> {self.after}{again}"


def source_path(backend: str, module: str) -> Path:
    """Return where the text of a module of kernels stands."""
    package = find_spec(registry.find(backend).package)
    assert package is not None
    folders = package.submodule_search_locations
    assert folders
    return Path(folders[0]) / f"{module}.py"


def _owned(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Give top-level functions by name, and derivative rules that stand as statements by the function's."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            yield statement.name, statement
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            owner = ast.unparse(statement.value.func).partition(".")[0]
            yield owner, statement


def _uses(backend: str, module: str, tree: ast.Module) -> dict[str, set[str]]:
    """Return "module.function" -> what it names, of the functions of `MODULES`."""
    package = registry.find(backend).package
    names = {name: f"{module}.{name}" for name, _ in _owned(tree)}
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith(package):
            inside = (statement.module or "")[len(package) + 1 :]
            names |= {part.name: f"{inside}.{part.name}".strip(".") for part in statement.names}
    found: dict[str, set[str]] = {}
    for name, statement in _owned(tree):
        used = {names[node.id] for node in ast.walk(statement) if isinstance(node, ast.Name) and node.id in names}
        used |= {
            f"{names[node.value.id]}.{node.attr}"
            for node in ast.walk(statement)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names
        }
        found.setdefault(f"{module}.{name}", set()).update(used)
        for decorator in getattr(statement, "decorator_list", ()):
            if ast.unparse(decorator).endswith(".defjvp"):  # the rule belongs to the function
                found.setdefault(f"{module}.{ast.unparse(decorator).partition('.')[0]}", set()).add(f"{module}.{name}")
    return found


def _reached(backend: str, trees: Mapping[str, ast.Module]) -> dict[str, list[str]]:
    """Return the kernels that use each function, directly or not."""
    uses = {name: used for module, tree in trees.items() for name, used in _uses(backend, module, tree).items()}
    found: dict[str, list[str]] = {}
    for kernel in (name for name, row in kernels().items() if row.module in MODULES):
        waiting, seen = [kernel], {kernel}
        while waiting:
            new = uses.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        for name in seen & set(uses):
            found.setdefault(name, []).append(kernel)
    return found


def _is_switch_over(node: ast.AST) -> bool:
    """Tell whether a comparison is with a constant other than 0, or one of the module, infinity not counted."""
    if not isinstance(node, ast.Compare):
        return False
    parts = [part for part in ast.walk(node) if isinstance(part, ast.Constant | ast.Name)]
    return any(
        (isinstance(part, ast.Constant) and isinstance(part.value, int | float) and part.value != 0)
        or (isinstance(part, ast.Name) and part.id.lstrip("_").isupper())
        for part in parts
    )


def _expressions(node: ast.AST) -> Nodes:
    """Give every expression that may be mutated, outer ones first, by the rules of `LEFT_OUT`."""
    if isinstance(node, ast.expr):
        yield node
        if _is_switch_over(node) or (isinstance(node, ast.Call) and _name(node) == "range"):
            return
    children: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.FunctionDef):
        children = node.body[1:] if ast.get_docstring(node) is not None else node.body
    elif isinstance(node, ast.AnnAssign):
        children = [node.value] if node.value else []
    elif isinstance(node, ast.Lambda):
        children = [node.body]
    for child in children:
        yield from _expressions(child)


def _spliced(source: bytes, starts: Sequence[int], node: ast.expr, after: str) -> str:
    """Return the source with the text of a node replaced. Columns of the syntax tree count bytes."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    begin, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
    return (source[:begin] + f"({after})".encode() + source[end:]).decode()


def _never_mutated(name: str) -> bool:
    return name.endswith(".sample")


@cache
def generate(backend: str) -> list[Mutant]:
    """Return every mutant of a reference backend, in the order of modules, lines and operators."""
    sources = {module: source_path(backend, module).read_bytes() for module in MODULES}
    trees = {module: ast.parse(source) for module, source in sources.items()}
    reached = _reached(backend, trees)
    found = []
    for module, source in sources.items():
        starts = [0]
        for line in source.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        counts: dict[tuple[str, ...], int] = {}
        for function, statement in _owned(trees[module]):
            users = reached.get(f"{module}.{function}")
            if not users or _never_mutated(f"{module}.{function}"):
                continue
            for node in _expressions(statement):
                before = ast.unparse(node)
                for operator, change in OPERATORS.items():
                    for changed in change(node):
                        after = ast.unparse(ast.fix_missing_locations(changed))
                        same = (function, operator, before, after)
                        counts[same] = counts.get(same, 0) + 1
                        if after != before:
                            text = _spliced(source, starts, node, after)
                            found.append(
                                Mutant(
                                    backend, module, function, node.lineno, operator, before, after, counts[same],
                                    tuple(users), text,
                                )
                            )  # fmt: skip
    return found


def select(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """Draw mutants: the same number from each module, and in a module from each operator in turn.

    Args:
        mutants: of one backend.
        count: how many; fewer where there are fewer.
        seed: of the draw.
    """
    generator = random.Random(f"{seed} {mutants[0].backend}")
    queues: dict[str, list[Mutant]] = {}
    for module in generator.sample(MODULES, len(MODULES)):
        by_operator: dict[str, list[Mutant]] = {}
        for mutant in mutants:
            if mutant.module == module:
                by_operator.setdefault(mutant.operator, []).append(mutant)
        groups = [generator.sample(group, len(group)) for group in by_operator.values()]
        generator.shuffle(groups)
        rounds = range(max(map(len, groups), default=0))
        queues[module] = [group[turn] for turn in rounds for group in groups if turn < len(group)]
    rounds = range(max(map(len, queues.values())))
    chosen = [queue[turn] for turn in rounds for queue in queues.values() if turn < len(queue)][:count]
    places = {mutant.key: place for place, mutant in enumerate(mutants)}
    return sorted(chosen, key=lambda mutant: places[mutant.key])


# --- what the framework's process does -------------------------------------------------------------------------------


@contextmanager
def _replaced(package: str, module: str, source: str) -> Iterator[None]:
    """Import the kernel modules afresh, one of them from another text, and put the first ones back afterwards."""
    parent = sys.modules[package]
    names = {f"{package}.{name}": name for name in MODULES}
    kept = {full: sys.modules.pop(full) for full in names}
    for name in MODULES:
        delattr(parent, name)  # `from package import name` would find it here
    try:
        full = f"{package}.{module}"
        mutated = ModuleType(full)
        mutated.__package__, mutated.__file__ = package, f"<mutant of {full}>"
        sys.modules[full] = mutated
        setattr(parent, module, mutated)
        exec(compile(source, mutated.__file__, "exec"), mutated.__dict__)
        for other in names:
            importlib.import_module(other)
        yield
    finally:
        for full, name in names.items():
            sys.modules[full] = kept[full]
            setattr(parent, name, kept[full])


def _unheard(done: int, total: int, note: str) -> None:
    """Hear nothing."""


def evaluate_mutant(backend: ModuleType, module: str, source: str, **arguments: Any) -> list[Result] | str:
    """Evaluate calls with a module replaced; runs in the framework's process.

    Args:
        backend: the loaded backend.
        module: the module that is replaced.
        source: its text; empty for the one that is there.
        **arguments: of `evaluate.kernels`.

    Returns:
        The results, or what went wrong while the mutated text was imported.
    """
    progress.listen(_unheard)  # nobody reads a session's reports, and a full pipe would block
    if not source:
        return evaluate.kernels(backend, **arguments)
    try:
        with _replaced(backend.__name__, module, source):
            return evaluate.kernels(backend, **arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]


# --- the judge -------------------------------------------------------------------------------------------------------


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
        results = self.session.call(f"{_SELF}:evaluate_mutant", **changed, **arguments)
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


@cache
def equivalent() -> dict[str, str]:
    """Return the mutants that no input of the domain can tell from the original: key -> reason."""
    rows = tomllib.loads(_EQUIVALENT.read_text())["mutant"]
    found = {key: row["reason"] for row in rows for key in row["keys"]}
    assert len(found) == sum(len(row["keys"]) for row in rows), "a mutant stands in two rows"
    return found


# --- the command -----------------------------------------------------------------------------------------------------


def _caught_by(by: Check | str | None) -> str:
    if isinstance(by, Check):
        return f"{by.kernel}, case {by.case!r}, {by.derivative}, {by.dtype} {by.mode}: {by.observed}"
    return by or "NOT CAUGHT"


def _shown(outcome: Outcome) -> Iterator[str]:
    for mutant, by in outcome.verdicts:
        place = f"implementations/{mutant.backend}/{mutant.module}.py:{mutant.line}"
        yield f"{place} {mutant.function}: {mutant.operator}: {mutant.before} -> {mutant.after}"
        yield f"    {_caught_by(by)}"


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    references = [name for name, row in registry.backends().items() if row.kind == "reference"]
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", action="append", choices=references, help="repeatable; all of them unless given")
    parser.add_argument("--count", type=int, default=20, help="mutants of each backend (20)")
    parser.add_argument("--seed", type=int, default=0, help="of the selection (0)")
    parser.add_argument("--all", action="store_true", help="every mutant, not a selection")
    given = parser.parse_args(words)
    given.backend = given.backend or references
    if given.count < 1:
        parser.error(f"--count is {given.count}; give at least 1, or --all")
    for name in given.backend:
        if not registry.installed(name):
            parser.error(f"backend {name!r} is not installed here: {registry.install_command(name)}")
    return given


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; return 1 where a survivor is in no row of `equivalent`, or the kernels themselves are off."""
    given = _parse(words)
    status = 0
    for backend in given.backend:
        mutants = generate(backend)
        chosen = mutants if given.all else select(mutants, given.count, given.seed)
        outcome = run(backend, chosen, lambda line: print(line, file=sys.stderr, flush=True))
        for line in _shown(outcome):
            print(line)
        survivors = [verdict.mutant for verdict in outcome.verdicts if verdict.by is None]
        unexplained = [mutant for mutant in survivors if mutant.key not in equivalent()]
        stale = [verdict.mutant for verdict in outcome.verdicts if verdict.by and verdict.mutant.key in equivalent()]
        print(
            f"{backend}: {len(mutants)} sites, {len(chosen)} judged, {len(chosen) - len(survivors)} caught, "
            f"{len(survivors) - len(unexplained)} equivalent, {len(unexplained)} not caught; "
            f"{outcome.seconds:.0f} seconds"
        )
        for mutant in survivors:
            print(f"  survivor: {mutant.key}\n    {equivalent().get(mutant.key, 'NO REASON KNOWN')}")
        for mutant in stale:
            print(f"  called equivalent, but caught: {mutant.key}")
        for record in outcome.wrong:
            print(f"  out of budget without any mutation: {_caught_by(record)}")
        if unexplained or stale or outcome.wrong:
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())

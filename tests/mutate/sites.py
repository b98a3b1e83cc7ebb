"""Where the operators apply in the modules of a backend, and which of the mutants are judged."""

from __future__ import annotations

import ast
import random
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from implementations import registry
from implementations.interface.contract import kernels

from .operators import OPERATORS, Nodes, called

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


_EQUIVALENT = Path(__file__).parent / "equivalent.toml"


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
        if _is_switch_over(node) or (isinstance(node, ast.Call) and called(node) == "range"):
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


@cache
def equivalent() -> dict[str, str]:
    """Return the mutants that no input of the domain can tell from the original: key -> reason."""
    rows = tomllib.loads(_EQUIVALENT.read_text())["mutant"]
    found = {key: row["reason"] for row in rows for key in row["keys"]}
    assert len(found) == sum(len(row["keys"]) for row in rows), "a mutant stands in two rows"
    return found

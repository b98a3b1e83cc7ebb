"""Source texts as they stand in their files, read without running them, and their tokens by colour."""

from __future__ import annotations

import ast
import itertools
import symtable
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String

from implementations import registry

#: Kinds of tokens that have a colour, and the class of each in the style sheet; the first that fits counts.
_CLASSES = (
    (Comment, "c"),
    (String.Doc, "c"),
    (String, "s"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (Number, "m"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Decorator, "d"),
)


@dataclass(frozen=True)
class Source:
    """The text of a function, and what it needs of its file.

    Attributes:
        path: of the file, from the root of the source tree.
        line: where the function starts.
        text: the function's lines, with its decorators and the comment above it.
        rest: what it uses of the same file: imports, constants and helpers, and what these use; "" for nothing.
        elsewhere: functions that it uses of the same file and that are shown elsewhere, by name.
    """

    path: str
    line: int
    text: str
    rest: str
    elsewhere: tuple[str, ...]


@dataclass(frozen=True)
class _Statement:
    """A statement at the top of a module.

    Attributes:
        first: its first line, from 1; a comment right above it belongs to it.
        last: its last line.
        binds: the names that it defines or imports.
        reads: the names that it takes from outside of itself.
        extends: the names that it adds something to, such as f in "@f.defjvp".
        imports: whether it is an import.
    """

    first: int
    last: int
    binds: frozenset[str]
    reads: frozenset[str]
    extends: frozenset[str]
    imports: bool


def read(package: str, module: str, function: str, apart: frozenset[str] = frozenset()) -> Source:
    """Return the source of a function of a backend, or of the interface.

    Args:
        package: such as "implementations.torch".
        module: dotted below the package.
        function: its name.
        apart: functions of the module that are shown elsewhere; they, and what only they use, are not in the rest.

    Raises:
        LookupError: there is no such file, or no such function in it.
    """
    file = registry.source_file(package, module)
    text = file.read_text("utf-8") if file else ""
    statements = _statements(text)
    own = next((item for item in statements if function in item.binds and not item.imports), None)
    if own is None:
        raise LookupError(f"{package}.{module} has no {function}")
    lines = text.split("\n")
    needed = _needed(statements, own, apart - {function})
    rest = sorted(needed - {own}, key=lambda item: item.first)
    elsewhere = {name for item in needed for name in item.reads} & (apart - {function})
    path = "/".join([*package.split("."), *module.split(".")]) + ".py"
    return Source(path, own.first, _text(lines, [own]), _text(lines, rest), tuple(sorted(elsewhere)))


def docstring(package: str, module: str, function: str = "") -> str:
    """Return the docstring of a function, or of the module itself, its indentation removed; "" without one."""
    file = registry.source_file(package, module)
    tree = ast.parse(file.read_text("utf-8") if file else "")
    found = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)
    node = next(found, None) if function else tree
    return ast.get_docstring(node) or "" if node else ""


@cache
def coloured(text: str) -> list[tuple[str, str]]:
    """Split a Python text into parts (class in the style sheet, or "" for none; text); joined, they are the text."""
    tokens = PythonLexer(stripnl=False, ensurenl=False).get_tokens(text)
    classed = ((next((name for family, name in _CLASSES if kind in family), ""), part) for kind, part in tokens)
    runs = itertools.groupby(classed, key=lambda pair: pair[0])
    return [(name, "".join(part for _, part in run)) for name, run in runs]


def _needed(statements: Iterable[_Statement], own: _Statement, apart: frozenset[str]) -> set[_Statement]:
    """Return a statement, those that it uses, those that add something to one of them, and so on."""
    found, added = {own}, {own}
    while added:
        wanted = {name for item in found for name in item.reads} - apart
        defined = {name for item in found if not item.imports for name in item.binds}
        added = {item for item in statements if item.binds & wanted or item.extends & defined} - found
        found |= added
    return found


def _text(lines: Sequence[str], statements: Sequence[_Statement]) -> str:
    """Return the lines of statements in their order, an empty line wherever some were between them."""
    text, last = "", 0
    for item in statements:
        gap = "\n" if item.first == last + 1 else "\n\n"
        text += (gap if text else "") + "\n".join(lines[item.first - 1 : item.last])
        last = item.last
    return text


@cache
def _statements(text: str) -> tuple[_Statement, ...]:
    lines = text.split("\n")
    return tuple(_statement(node, lines) for node in ast.parse(text).body)


def _statement(node: ast.stmt, lines: Sequence[str]) -> _Statement:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    last = node.end_lineno or node.lineno
    own = "\n".join(lines[first - 1 : last])
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    table = symtable.symtable(own, "", "exec")
    binds = frozenset(name.get_name() for name in table.get_symbols() if name.is_assigned() or name.is_imported())
    actions = [*decorators, *([node.value] if isinstance(node, ast.Expr) else [])]
    extends = frozenset(name for action in actions if (name := _owner(action)))
    imports = isinstance(node, ast.Import | ast.ImportFrom)
    return _Statement(first, last, binds, frozenset(_reads(table)), extends, imports)


def _reads(table: symtable.SymbolTable) -> set[str]:
    """Return the names that a scope and those within it take from outside."""
    own = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced() and symbol.is_global()}
    return own.union(*map(_reads, table.get_children()))


def _owner(action: ast.expr) -> str:
    """Return f for the expressions f.method and f.method(...), "" for all others."""
    called = action.func if isinstance(action, ast.Call) else action
    owner = called.value if isinstance(called, ast.Attribute) else None
    return owner.id if isinstance(owner, ast.Name) else ""

"""Texts of functions, read from their files without importing them, for programs that stand alone."""

from __future__ import annotations

import ast
import copy
import importlib.util
from pathlib import Path

_Definition = ast.FunctionDef | ast.Assign


def _tree(module: str) -> ast.Module:
    package, _, name = module.rpartition(".")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(module)
    return ast.parse((Path(spec.submodule_search_locations[0]) / f"{name}.py").read_text())


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def _bound(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {alias.asname or alias.name.split(".")[0] for alias in node.names}


class _Bare(ast.NodeTransformer):
    """Takes docstrings and annotations off functions."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Visit a function and those inside it."""
        self.generic_visit(node)
        if ast.get_docstring(node):
            node.body = node.body[1:]
        node.returns = None
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        return node


def _bare(node: _Definition) -> str:
    return ast.unparse(_Bare().visit(copy.deepcopy(node)))


def standalone(module: str, names: list[str]) -> tuple[list[str], list[str]]:
    """Return the imports and definitions that functions of a module need, in the order of the file.

    Args:
        module: dotted, such as "implementations.numpyro.gaussian".
        names: of its functions.

    Returns:
        Import statements, and definitions without docstrings and annotations.
    """
    tree = _tree(module)
    definitions = {
        name: node for node in tree.body for name in _defined(node) if isinstance(node, ast.FunctionDef | ast.Assign)
    }
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in definitions and name not in needed:
            needed.add(name)
            waiting += sorted(_names(ast.parse(_bare(definitions[name]))))
    chosen = [node for node in tree.body if any(name in needed for name in _defined(node))]
    texts = [_bare(node) for node in chosen if isinstance(node, ast.FunctionDef | ast.Assign)]
    used = set().union(*(_names(ast.parse(text)) for text in texts)) if texts else set()
    imports = [
        ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) and _bound(node) & used
    ]
    return imports, texts

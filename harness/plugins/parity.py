"""Whether a module says what the interface's of the same name does: names, signatures, first docstring lines.

Read from the source text, so that no framework is needed.
"""

from __future__ import annotations

import ast

from harness.plugins.rows import source

INTERFACE = "implementations.interface"


def tree(package: str, module: str) -> ast.Module:
    """Return the text of a backend's module, parsed.

    Raises:
        LookupError: there is no such module.
    """
    file = source(f"{package}.{module}")
    if file is None:
        raise LookupError(f"{package} has no module {module}")
    return ast.parse(file.read_text("utf-8"))


def public_names(module: ast.Module) -> list[str]:
    """Return `__all__`; nothing without one."""
    for node in module.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return list(ast.literal_eval(node.value))
    return []


def functions(module: ast.Module) -> dict[str, ast.FunctionDef]:
    """Return the functions at the top of a module by name."""
    return {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}


def parameters(function: ast.FunctionDef) -> list[tuple[str, str]]:
    """Return (name, default) of every parameter."""
    arguments = function.args
    names = [a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]]
    defaults = [ast.unparse(d) for d in [*arguments.defaults, *(d for d in arguments.kw_defaults if d)]]
    padded = [""] * (len(names) - len(defaults)) + defaults
    variadic = [f"*{a.arg}" for a in (arguments.vararg, arguments.kwarg) if a]
    return [*zip(names, padded, strict=True), *((name, "") for name in variadic)]


def summary(node: ast.FunctionDef) -> str:
    """Return the first line of a docstring; "" without one."""
    return (ast.get_docstring(node) or "").partition("\n")[0]


def differences(stub: ast.Module, text: ast.Module) -> list[str]:
    """Say how a reference backend's module differs from the interface's, which it must repeat in whole."""
    found = []
    if public_names(stub) != public_names(text):
        found.append(f"__all__ is {public_names(text)}, the interface has {public_names(stub)}")
    missing = set(public_names(stub)) & set(functions(stub)) - set(functions(text))
    return [*found, *(f"{name} is missing" for name in sorted(missing)), *drifts(stub, text)]


def drifts(stub: ast.Module, text: ast.Module) -> list[str]:
    """Say how the public functions that a module shares with the interface's differ from them."""
    stubs, written = functions(stub), functions(text)
    found = []
    for name in sorted(set(public_names(stub)) & set(stubs) & set(written)):
        if parameters(stubs[name]) != parameters(written[name]):
            found.append(f"{name} takes {parameters(written[name])}, the interface {parameters(stubs[name])}")
        if not summary(written[name]):
            found.append(f"{name} has no docstring")
        elif summary(stubs[name]) != summary(written[name]):
            found.append(f"{name}: {summary(written[name])!r} is not {summary(stubs[name])!r}")
    return found


def strangers(stub: ast.Module, text: ast.Module) -> list[str]:
    """Say which public names of a library's module the interface does not have."""
    return [f"{name} is no name of the interface" for name in public_names(text) if name not in public_names(stub)]

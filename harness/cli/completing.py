"""Completion in the shell: of commands and options by click, of names from the tables that hold them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable

import click
from click.shell_completion import get_completion_class

#: What is completed, and where its names are: "module:name", a table or a function that returns the names.
TABLES = {
    "backends": "implementations.registry:backends",
    "estimators": "harness.estimators:ESTIMATORS",
    "kernels": "harness.agreement.plan:names",
    "kinds": "harness.results.export:kinds",
    "papers": "harness.reproduce.table:PAPERS",
    "problems": "harness.problems:PROBLEMS",
    "profiles": "harness.profiles:PROFILES",
}

Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def names(what: str) -> list[str]:
    """Return the names of a table.

    Args:
        what: a key of `TABLES`.
    """
    module, _, name = TABLES[what].partition(":")
    found = getattr(importlib.import_module(module), name)
    listed: Iterable[str] = found() if callable(found) else found
    return list(listed)


def completes(what: str) -> Completer:
    """Return what click asks for the names of a table that begin with what was typed.

    Args:
        what: a key of `TABLES`.
    """

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
        return [name for name in names(what) if name.startswith(incomplete)]

    return complete


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script that completes commands, options and names in a shell.

    Example: eval "$(reparam completion bash)"
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click has no completion for {shell}")
    root = ctx.find_root()
    click.echo(found(root.command, {}, "reparam", "_REPARAM_COMPLETE").source())

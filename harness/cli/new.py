"""The command that begins a package of one's own: new."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from harness.cli.options import Folder


@click.command()
@click.argument("kind", metavar="[estimator|problem|backend]")
@click.argument("name")
@click.option("--folder", type=Folder(), default=".",
              show_default=True, metavar="DIR", help="In which the package's own folder is made.")  # fmt: skip
@click.option("--backend", "backends", multiple=True, metavar="NAME",
              help="Whose framework it has a text for. Repeatable. Default: all that are installed.")  # fmt: skip
def new(kind: str, name: str, folder: Path, backends: Sequence[str]) -> None:
    """Write a package with an estimator, a problem or a backend of your own: working code, and tests that pass.

    Example: reparam new estimator my_estimator
    """
    from harness.plugins import skeleton

    place = skeleton.write(kind, name, folder, backends)
    for file in sorted(path for path in place.rglob("*") if path.is_file()):
        click.echo(file)
    click.echo(f"\nNext:\n    pip install -e {place}\n    reparam check --plugin {name}\n    pytest {place}")

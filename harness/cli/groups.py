"""A group of commands that says which names are nearest to one that it does not have."""

from __future__ import annotations

import click

from harness import errors


class Named(click.Group):
    """A group of commands."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or say which ones are nearest."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise click.UsageError(str(errors.unknown("command", args[0], self.commands, f"{ctx.command_path} --help")))
        return super().resolve_command(ctx, args)

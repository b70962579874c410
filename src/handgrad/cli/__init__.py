"""The command line: one file a command, and no logic of its own."""

from __future__ import annotations

import sys

import typer
from rich.console import Console
from rich.markup import escape

from handgrad.cli.check import check
from handgrad.errors import HandgradError

__all__ = ["app", "main"]

app = typer.Typer(
    name="handgrad",
    help="Neural networks whose every gradient is written by hand, and checked by machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(check)


@app.callback()
def _group() -> None:
    """Keep `check` a command of its own while it is the only one."""


def main() -> None:
    """Run the command line; what goes wrong on purpose is told in words, with exit status 2."""
    try:
        app()
    except HandgradError as error:
        Console(stderr=True).print(f"[bold red]handgrad:[/] {escape(str(error))}", highlight=False)
        sys.exit(2)

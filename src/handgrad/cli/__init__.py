"""The command line: one file a command, and no logic of its own."""

from __future__ import annotations

import sys

import typer
from rich.console import Console
from rich.markup import escape

from handgrad.cli.check import check
from handgrad.cli.evaluate import evaluate
from handgrad.cli.predict import predict
from handgrad.cli.train import train
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
app.command()(train)
app.command()(evaluate)
app.command()(predict)


def main() -> None:
    """Run the command line; what goes wrong on purpose is told in words, with exit status 2."""
    try:
        app()
    except (HandgradError, OSError) as error:  # OSError: a disk that is full, for instance
        Console(stderr=True).print(
            f"[bold red]handgrad:[/] {escape(str(error))}", highlight=False, soft_wrap=True
        )
        sys.exit(2)

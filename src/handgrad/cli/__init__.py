"""The command line: one file a command, and no logic of its own."""

from __future__ import annotations

import gc
import sys
import warnings
from io import TextIOWrapper
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from handgrad.cli.check import check
from handgrad.cli.evaluate import evaluate
from handgrad.cli.export import export
from handgrad.cli.predict import predict
from handgrad.cli.train import train
from handgrad.errors import HandgradError, printable

__all__ = ["app", "main"]

_MADE = 100_000
"""After so many new objects Python looks for cycles, and not after 700: a library that is loaded
makes many that stay, and to look at them all again and again takes a fifth of the time."""

app = typer.Typer(
    name="handgrad",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from handgrad import __version__
        from handgrad.kernels import in_force

        typer.echo(f"handgrad {__version__}, kernels: {in_force()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_version,
            is_eager=True,
            help="Say which release this is, and which kernels are in force.",
        ),
    ] = False,
) -> None:
    """Neural networks whose every gradient is written by hand, and checked by machine."""


app.command()(check)
app.command()(train)
app.command()(evaluate)
app.command()(predict)
app.command()(export)


def _tell(message: Warning | str, *where: Any, **more: Any) -> None:
    """Show a warning as one line, without the line of code that it comes from."""
    Console(stderr=True).print(
        f"[bold]handgrad:[/] {_shown(str(message))}", highlight=False, soft_wrap=True
    )


def main() -> None:
    """Run the command line; what goes wrong on purpose is told in words, with exit status 2."""
    gc.set_threshold(_MADE)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # so that every file's name can be printed
            stream.reconfigure(errors="surrogateescape")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _tell
            app()
    except (HandgradError, OSError) as error:  # OSError: a disk that is full, for instance
        where = [note for note in getattr(error, "__notes__", ()) if note.startswith("in process")]
        _fail("\n  ".join([str(error), *where[-1:]]))
    except UnicodeEncodeError as error:
        _fail(
            f"got an output in {error.encoding}, which has no {error.object[error.start]!a}\n"
            "  expected: UTF-8\n"
            "  to mend it: set PYTHONIOENCODING=utf-8; or write predictions into a file: --out FILE"
        )


def _shown(message: str) -> str:
    return escape(printable(message, file_names=True))


def _fail(message: str) -> NoReturn:
    Console(stderr=True).print(
        f"[bold red]handgrad:[/] {_shown(message)}", highlight=False, soft_wrap=True
    )
    sys.exit(2)

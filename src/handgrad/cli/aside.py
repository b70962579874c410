"""What a command says beside its result."""

from __future__ import annotations

import typer

from handgrad.errors import printable

__all__ = ["aside"]


def aside(text: str) -> None:
    """Say a sentence, which may hold names of the data, on the standard error output."""
    typer.echo(printable(text, file_names=True), err=True)

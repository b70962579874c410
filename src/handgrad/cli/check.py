"""``handgrad check``: whether every gradient is right."""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

__all__ = ["check"]


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Check every gradient of the library: against numerical truths, and against PyTorch.

    Exit status 0: everything agrees; 1: something is off.
    """
    from handgrad.checking.library import check_library
    from handgrad.checking.report import show, watched

    report = check_library(watch=partial(watched, console=Console(stderr=True)))
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=2))
    else:
        show(report, Console())
    raise typer.Exit(0 if report.ok else 1)

"""``handgrad check``: whether every gradient is right, and what is wrong with one that isn't."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

__all__ = ["check"]

TOGETHER = 20
"""Seconds that all searches for repairs of a file or a folder may take."""


def check(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE[:NAME] | FOLDER",
            help="A class of your own in a script or a notebook, FILE.py:NAME or "
            "NOTEBOOK.ipynb:NAME; without NAME all of which the names say what they are; or a "
            "folder that holds activations, losses, layers and model. Left out, the library "
            "itself is checked.",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="Which exercise the class is, where its name is none of ours."),
    ] = None,
    course: Annotated[
        str | None,
        typer.Option(
            metavar="NAME | FILE.toml",
            help="Whose interface the code keeps, a course that comes with handgrad or a "
            "description of yours; left out, it is seen from the names.",
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.py[:NAME]",
            help="A right implementation with the same interface, in place of handgrad's: so what "
            "handgrad has never heard of is checked, too.",
        ),
    ] = None,
    hints: Annotated[
        int,
        typer.Option(
            min=1,
            max=4,
            metavar="LEVEL",
            help="The strongest hint: 1 the symptom, 2 the property that is violated, 3 the line "
            "of the derivation, 4 the mend, with the right values.",
        ),
    ] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Write a page with heat maps as well."),
    ] = None,
    budget: Annotated[
        float,
        typer.Option(
            min=0,
            envvar="HANDGRAD_BUDGET",
            metavar="SECONDS",
            help="How long to search for the line to be changed, once the verdict is told; 0 not "
            "to search.",
        ),
    ] = 3,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="When to stop code that hangs.")
    ] = 60,
) -> None:
    """Say what is wrong with a gradient; or check every gradient of the library.

    Exit status 0: right; 1: something is wrong; 2: it could not be run.
    """
    if target is None:
        if any(each is not None for each in (kind, html, course, reference)):
            said = "--kind, --course, --reference and --html"
            raise typer.BadParameter(f"{said} belong to a FILE or FOLDER")
        _library(as_json)
    else:
        _target(target, kind, course, reference, hints, as_json, html, budget, timeout)


def _library(as_json: bool) -> None:
    from handgrad.checking.library import check_library
    from handgrad.checking.report import show, watched

    report = check_library(watch=partial(watched, console=Console(stderr=True)))
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=2))
    else:
        show(report, Console())
    raise typer.Exit(0 if report.ok else 1)


def _target(
    target: str,
    kind: str | None,
    course: str | None,
    reference: str | None,
    hints: int,
    as_json: bool,
    html: Path | None,
    budget: float,
    timeout: float,
) -> None:
    from handgrad.diagnosis.process.sandbox import repair
    from handgrad.diagnosis.report.html import document
    from handgrad.diagnosis.report.terminal import print_diagnosis, print_folder, print_repairs
    from handgrad.diagnosis.target import diagnose_target, overall, to_dict

    diagnoses = diagnose_target(target, kind, course=course, reference=reference, timeout=timeout)
    if not as_json:
        if len(diagnoses) == 1:
            print_diagnosis(diagnoses[0], hints)
        else:
            print_folder(diagnoses, hints)
    diagnoses = tuple(repair(diagnoses, budget, TOGETHER))
    if html is not None:
        pages = [diagnosis.page(hints) for diagnosis in diagnoses]
        html.write_text(document(pages), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(to_dict(diagnoses, hints), indent=2))
    else:
        print_repairs(diagnoses, hints)
    raise typer.Exit(overall(diagnoses).exit_code)

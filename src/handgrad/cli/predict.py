"""``handgrad predict``: what a trained network makes of some data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from handgrad.cli.aside import aside

__all__ = ["predict"]


def predict(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run of handgrad train.")
    ],
    data: Annotated[
        str,
        typer.Argument(help="'digits', a file of data whose target may lack, or -, the input."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="A new CSV file for the predictions. (default: stdout)")
    ] = None,
    proba: Annotated[
        bool, typer.Option("--proba", help="A column for the probability of each class.")
    ] = False,
) -> None:
    """Write a prediction for each row of some data, as CSV.

    A name that a spreadsheet would take for a formula is preceded by an apostrophe.
    """
    from handgrad.experiments import open_run, write_predictions
    from handgrad.experiments import predict as predict_run

    names, rows = predict_run(open_run(folder), data, proba=proba, say=aside)
    write_predictions(names, rows, out)

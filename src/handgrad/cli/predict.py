"""``handgrad predict``: what a trained network makes of some data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["predict"]


def predict(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run of handgrad train.")
    ],
    data: Annotated[str, typer.Argument(help="'digits', or a file of data; its target may lack.")],
    out: Annotated[
        Path | None, typer.Option(help="A new CSV file for the predictions. (default: stdout)")
    ] = None,
) -> None:
    """Write a prediction for each row of some data, as CSV."""
    from handgrad.experiments import open_run, write_predictions
    from handgrad.experiments import predict as predict_run

    names, rows = predict_run(open_run(folder), data)
    write_predictions(names, rows, out)

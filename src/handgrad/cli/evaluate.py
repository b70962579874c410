"""``handgrad evaluate``: how good a trained network is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

__all__ = ["evaluate"]

_MOST_CLASSES = 20  # a larger confusion matrix is for a file, not for a terminal
_WIDEST = 10_000


def evaluate(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run of handgrad train.")
    ],
    data: Annotated[str, typer.Argument(help="'digits', or a file of data with its target.")],
    target: Annotated[
        str | None,
        typer.Option(help="What was to be predicted, where it is not the training data's name."),
    ] = None,
) -> None:
    """Measure how good a trained network is on some data.

    Where that is the data of the training, the held-out part is measured apart.
    """
    from handgrad.experiments import evaluate as evaluate_run
    from handgrad.experiments import open_run

    run = open_run(folder)
    evaluations = evaluate_run(run, data, target=target)
    console = Console()
    table = Table("metric")
    for found in evaluations:
        table.add_column(f"{found.part} ({found.rows:,} rows)", justify="right")
    for name in evaluations[0].values:
        table.add_row(
            name.replace("_", " "), *(f"{found.values[name]:.4g}" for found in evaluations)
        )
    console.print(table)
    confusion = evaluations[0].confusion
    if confusion is None or len(confusion) > _MOST_CLASSES:
        return
    console.print(f"confusion matrix, {evaluations[0].part} (rows: true, columns: predicted)")
    matrix = Table("")
    for name in run.class_names:
        matrix.add_column(escape(name), justify="right")
    for name, row in zip(run.class_names, confusion.tolist(), strict=True):
        matrix.add_row(escape(name), *(str(count) if count else "·" for count in row))
    # Whole in a narrow terminal too: without this, columns of numbers would silently be missing.
    wide = console.measure(matrix, options=console.options.update(max_width=_WIDEST)).maximum
    console.width = max(console.width, wide)
    console.print(matrix)

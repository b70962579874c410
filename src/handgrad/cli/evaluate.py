"""``handgrad evaluate``: how good a trained network is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from handgrad.cli.aside import aside

__all__ = ["evaluate"]


def evaluate(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run of handgrad train.")
    ],
    data: Annotated[
        str, typer.Argument(help="'digits', a file of data with its target, or -, the input.")
    ],
    target: Annotated[
        str | None,
        typer.Option(help="What was to be predicted, where it is not the training data's name."),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Show these alone: accuracy, balanced_accuracy, precision, recall, f1, ...",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Measure how good a trained network is on some data.

    Where that is the data of the training, the held-out part is measured apart.
    """
    from handgrad.experiments import column_names, evaluation_to_dict, open_run
    from handgrad.experiments import evaluate as evaluate_run
    from handgrad.experiments.terminal import print_evaluations

    run = open_run(folder)
    evaluations = evaluate_run(
        run,
        data,
        target=target,
        metrics=None if metrics is None else column_names(metrics),
        say=aside,
    )
    if as_json:
        typer.echo(json.dumps(evaluation_to_dict(run, data, evaluations), indent=2))
    else:
        print_evaluations(run, evaluations, Console())

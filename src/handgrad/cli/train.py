"""``handgrad train``: a network for some data, kept in a folder."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from handgrad.errors import printable

__all__ = ["train"]

DATA, NETWORK, TRAINING, OUTPUT = "The data", "The network", "The training", "The run"


def _option(panel: str, help: str, **more: Any) -> Any:  # noqa: A002 - typer's name
    return typer.Option(help=help, rich_help_panel=panel, **more)


@contextmanager
def _said_by_one(first: bool) -> Iterator[None]:
    """Let the first of several processes tell an error that they all have; the others end."""
    try:
        yield
    except Exception:
        if first:
            raise
        raise typer.Exit(2) from None


def train(
    data: Annotated[
        str,
        typer.Argument(
            help="'digits'; a file: CSV, NPZ, NPY, MNIST's IDX, Parquet, Excel, each also packed "
            "by gzip; or -, the standard input."
        ),
    ],
    target: Annotated[
        str | None,
        _option(
            DATA,
            "What to predict: a column's name or index, an array of an NPZ, the labels' file of an "
            "IDX. (default: the last column, y, or the labels beside the images)",
        ),
    ] = None,
    task: Annotated[
        str | None,
        _option(
            DATA,
            "classes or numbers: what the target is. (default: seen from the target, and said)",
        ),
    ] = None,
    features: Annotated[
        str | None, _option(DATA, "The columns to predict from, 'a,b'. (default: all others)")
    ] = None,
    drop: Annotated[
        str | None, _option(DATA, "Columns to leave out, 'date,id'. (default: none)")
    ] = None,
    decimal: Annotated[
        str | None, _option(DATA, "What stands before decimals in a CSV, . or , (default: .)")
    ] = None,
    delimiter: Annotated[
        str | None,
        _option(DATA, "What separates the fields of a CSV. (default: tab, semicolon or comma)"),
    ] = None,
    validation: Annotated[
        float | None, _option(DATA, "Share of the data that is held out. (default: 0.2)")
    ] = None,
    model: Annotated[
        str | None,
        _option(NETWORK, "mlp, or cnn: convolutions first, for images. (default: mlp)"),
    ] = None,
    hidden: Annotated[
        str | None, _option(NETWORK, "Units of the hidden layers, '128,64'. (default: 256)")
    ] = None,
    activation: Annotated[
        str | None, _option(NETWORK, "relu, sigmoid, ... (default: relu)")
    ] = None,
    dropout: Annotated[
        float | None,
        _option(
            NETWORK,
            "Probability with which a hidden unit is dropped. (default: 0; for a cnn 0.5)",
        ),
    ] = None,
    dtype: Annotated[str | None, _option(NETWORK, "float32 or float64. (default: float32)")] = None,
    loss: Annotated[
        str | None,
        _option(TRAINING, "auto, cross-entropy (classes) or mse (numbers). (default: auto)"),
    ] = None,
    class_weight: Annotated[
        str | None,
        _option(
            TRAINING,
            "How much each class counts: balanced, or 'yes=5,no=1'. (default: each row as much)",
        ),
    ] = None,
    optimizer: Annotated[
        str | None, _option(TRAINING, "adamw, adam, rmsprop or sgd. (default: adamw)")
    ] = None,
    lr: Annotated[
        float | None, _option(TRAINING, "Learning rate. (default: 0.001; sgd 0.02)")
    ] = None,
    schedule: Annotated[
        str | None,
        _option(
            TRAINING,
            "How the learning rate changes: constant, cosine, exponential, plateau or step. "
            "(default: constant)",
        ),
    ] = None,
    weight_decay: Annotated[
        float | None, _option(TRAINING, "Weight decay. (default: the optimizer's)")
    ] = None,
    max_norm: Annotated[
        float | None,
        _option(TRAINING, "Scale gradients of a larger norm down to it. (default: none are)"),
    ] = None,
    epochs: Annotated[
        int | None,
        _option(TRAINING, "Times that each datapoint is seen, at most. (default: 200)"),
    ] = None,
    no_early_stopping: Annotated[
        bool,
        typer.Option(
            "--no-early-stopping",
            help="Train for all epochs, and keep the last one and not the best.",
            rich_help_panel=TRAINING,
        ),
    ] = False,
    patience: Annotated[
        int | None,
        _option(TRAINING, "After so many epochs that are no better it ends. (default: 20)"),
    ] = None,
    batch_size: Annotated[
        int | None,
        _option(TRAINING, "Datapoints of a step. (default: 16 to 128, a hundredth of the data)"),
    ] = None,
    seed: Annotated[
        int | None, _option(TRAINING, "Of everything that is random. (default: 0)")
    ] = None,
    out: Annotated[
        Path | None, _option(OUTPUT, "Folder for it. (default: runs/DATA, runs/DATA-2, ...)")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the run in --out, with its own options.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Say nothing but errors.", rich_help_panel=OUTPUT),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="Say all settings too.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
) -> None:
    """Train a network, and keep it in a folder with its history and a report.

    Whether the target is a class or a number is seen from it.

    Texts become columns of 0 and 1, missing numbers the mean. The best epoch is kept.

    Ctrl-C stops after the current step, and --resume goes on from there.

    Started by mpirun, all processes train one network together.
    """
    from handgrad.experiments import (
        class_weights,
        column_names,
        communicator_of_launcher,
        free_folder,
        hidden_layers,
    )
    from handgrad.experiments import train as train_run

    if resume and out is None:
        raise typer.BadParameter("name the run to go on with: --out RUN", param_hint="--resume")
    if quiet and verbose:
        raise typer.BadParameter("one of them", param_hint="--quiet, --verbose")
    folder = free_folder(data) if out is None else out
    communicator = communicator_of_launcher()
    first = communicator is None or communicator.rank == 0
    console = Console(quiet=quiet or not first)

    def say(text: str) -> None:
        """Break lines between words in a terminal, and nowhere else."""
        shown = printable(text, file_names=True)
        console.print(shown, markup=False, highlight=False, soft_wrap=not console.is_terminal)

    with _said_by_one(first):
        run = train_run(
            data,
            folder,
            communicator=communicator,
            resume=resume,
            command=shlex.join(["handgrad", *sys.argv[1:]]),
            progress=not quiet,
            say=say,
            target=target,
            task=task,
            features=None if features is None else column_names(features),
            drop=None if drop is None else column_names(drop),
            decimal=decimal,
            delimiter=delimiter,
            validation=validation,
            model=model,
            hidden=None if hidden is None else hidden_layers(hidden),
            activation=activation,
            dropout=dropout,
            dtype=dtype,
            loss=loss,
            class_weight=None if class_weight is None else class_weights(class_weight),
            optimizer=optimizer,
            lr=lr,
            schedule=schedule,
            weight_decay=weight_decay,
            max_norm=max_norm,
            epochs=epochs,
            early_stopping=False if no_early_stopping else None,
            patience=patience,
            batch_size=batch_size,
            seed=seed,
        )
    if not first:
        raise typer.Exit(130 if run.trainer.history.interrupted else 0)
    shown = shlex.quote(str(folder))
    if run.trainer.history.interrupted:
        say(f"go on with: handgrad train {shlex.quote(data)} --out {shown} --resume")
        raise typer.Exit(130)
    for name, value in run.details() if verbose else ():
        say(f"{name}: {value}")
    for text in run.summary():
        say(text)
    say(f"next: handgrad evaluate {shown} DATA, or handgrad predict {shown} DATA")

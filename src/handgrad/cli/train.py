"""``handgrad train``: a network for some data, kept in a folder."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["train"]


def _option(text: str, name: str, **more: Any) -> Any:
    return typer.Option(name, help=text, show_default=False, **more)


def train(
    data: Annotated[
        str, typer.Argument(help="'digits', or a file: CSV, NPZ, NPY, or MNIST's IDX (.gz too).")
    ],
    target: Annotated[
        str | None,
        _option(
            "What to predict: a column's name or index, an array of an NPZ, the labels' file of "
            "an IDX. (default: the last column, y, or the labels beside the images)",
            "--target",
        ),
    ] = None,
    hidden: Annotated[
        str | None, _option("Units of the hidden layers, '128,64'. (default: 256)", "--hidden")
    ] = None,
    activation: Annotated[
        str | None, _option("relu, sigmoid, ... (default: relu)", "--activation")
    ] = None,
    dropout: Annotated[
        float | None,
        _option(
            "Probability with which a hidden unit is dropped. (default: 0.5 for classes, else 0)",
            "--dropout",
        ),
    ] = None,
    loss: Annotated[
        str | None,
        _option("auto, cross-entropy (classes) or mse (numbers). (default: auto)", "--loss"),
    ] = None,
    optimizer: Annotated[
        str | None, _option("adamw, adam, rmsprop or sgd. (default: adamw)", "--optimizer")
    ] = None,
    lr: Annotated[
        float | None,
        _option("Learning rate. (default: 0.001; sgd 0.02)", "--lr"),
    ] = None,
    epochs: Annotated[
        int | None, _option("Times that each datapoint is seen. (default: 40)", "--epochs")
    ] = None,
    batch_size: Annotated[
        int | None,
        _option(
            "Datapoints of a step. (default: 16 to 128, a hundredth of the data)", "--batch-size"
        ),
    ] = None,
    dtype: Annotated[
        str | None, _option("float32 or float64. (default: float32)", "--dtype")
    ] = None,
    validation: Annotated[
        float | None, _option("Share of the data that is held out. (default: 0.2)", "--validation")
    ] = None,
    seed: Annotated[
        int | None, _option("Of everything that is random. (default: 0)", "--seed")
    ] = None,
    out: Annotated[
        Path | None,
        _option("Folder for the run. (default: runs/DATA, runs/DATA-2, ...)", "--out"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, with its own options.")
    ] = False,
) -> None:
    """Train a network, and keep it in a folder with its history.

    Whether the target is a class or a number is seen from it.

    Ctrl-C stops after the current step, and --resume goes on from there.
    """
    from handgrad.experiments import free_folder, hidden_layers
    from handgrad.experiments import train as train_run

    if resume and out is None:
        raise typer.BadParameter("name the run to go on with: --out RUN", param_hint="--resume")
    folder = free_folder(data) if out is None else out
    run = train_run(
        data,
        folder,
        resume=resume,
        command=shlex.join(["handgrad", *sys.argv[1:]]),
        say=typer.echo,
        target=target,
        hidden=None if hidden is None else hidden_layers(hidden),
        activation=activation,
        dropout=dropout,
        loss=loss,
        optimizer=optimizer,
        lr=lr,
        epochs=epochs,
        batch_size=batch_size,
        dtype=dtype,
        validation=validation,
        seed=seed,
    )
    shown = shlex.quote(str(folder))
    if run.trainer.history.interrupted:
        typer.echo(f"go on with: handgrad train {shlex.quote(data)} --out {shown} --resume")
        raise typer.Exit(130)
    for text in run.summary():
        typer.echo(text)
    typer.echo(f"next: handgrad evaluate {shown} DATA, or handgrad predict {shown} DATA")

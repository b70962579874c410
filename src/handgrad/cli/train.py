"""``handgrad train``: a network for some data, kept in a folder."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["train"]


def train(
    data: Annotated[
        str, typer.Argument(help="'digits', or a file: CSV, NPZ, NPY, or MNIST's IDX (.gz too).")
    ],
    target: Annotated[
        str | None,
        typer.Option(
            help="What to predict: a column's name or index, an array of an NPZ, the labels' file "
            "of an IDX. (default: the last column, y, or the labels beside the images)"
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="mlp, or cnn: convolutions first, for images. (default: mlp)"),
    ] = None,
    hidden: Annotated[
        str | None, typer.Option(help="Units of the hidden layers, '128,64'. (default: 256)")
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="relu, sigmoid, ... (default: relu)")
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(help="Probability with which a hidden unit is dropped. (default: 0; cnn 0.5)"),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(help="auto, cross-entropy (classes) or mse (numbers). (default: auto)"),
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="adamw, adam, rmsprop or sgd. (default: adamw)")
    ] = None,
    lr: Annotated[
        float | None, typer.Option(help="Learning rate. (default: 0.001; sgd 0.02)")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Times that each datapoint is seen. (default: 40)")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Datapoints of a step. (default: 16 to 128, a hundredth of the data)"),
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="float32 or float64. (default: float32)")
    ] = None,
    validation: Annotated[
        float | None, typer.Option(help="Share of the data that is held out. (default: 0.2)")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of everything that is random. (default: 0)")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the run. (default: runs/DATA, runs/DATA-2, ...)")
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
        model=model,
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

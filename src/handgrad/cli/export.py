"""``handgrad export``: a trained network, for where handgrad is not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["export"]


def export(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run of handgrad train.")
    ],
    onnx: Annotated[
        Path | None, typer.Option(help="Write this file of ONNX, for every runtime that reads it.")
    ] = None,
    numpy: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write predict.py and network.npz into this folder: they need NumPy alone.",
        ),
    ] = None,
    prepare: Annotated[
        bool,
        typer.Option("--prepare", help="ONNX: take features as they were in the data."),
    ] = False,
    proba: Annotated[
        bool, typer.Option("--proba", help="ONNX: give the probabilities of the classes.")
    ] = False,
    dtype: Annotated[
        str | None,
        typer.Option(help="ONNX: compute in float32 or float64. (default: as in the run)"),
    ] = None,
) -> None:
    """Write the network of a run for where handgrad is not."""
    from handgrad.errors import ArgumentError
    from handgrad.experiments import open_run

    if onnx is None and numpy is None:
        raise ArgumentError(
            "an export to nowhere",
            "--onnx FILE or --numpy FOLDER",
            "say what to write: --onnx model.onnx",
        )
    alone = {"--prepare": prepare, "--proba": proba, "--dtype": dtype}
    if onnx is None and (given := [name for name, value in alone.items() if value]):
        raise ArgumentError(
            f"{given[0]} without a file of ONNX",
            "an export for NumPy, which prepares its input and has probabilities, too",
            f"leave {given[0]} out, or say where that file goes: --onnx model.onnx",
        )
    run = open_run(folder)
    if onnx is not None:
        from handgrad.interop.onnx import export_run as export_onnx

        export_onnx(run, onnx, prepare=prepare, proba=proba, dtype=dtype)
        typer.echo(f"{onnx}: {run.trainer.model.parameters.size:,} parameters")
    if numpy is not None:
        from handgrad.interop.numpy import export_run as export_numpy

        export_numpy(run, numpy)
        typer.echo(f"{numpy}: predict.py, network.npz")

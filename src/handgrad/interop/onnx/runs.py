"""Writing the network of a run, with what the run knows about its data."""

from __future__ import annotations

import os

import numpy.typing as npt

from handgrad.errors import ArgumentError
from handgrad.experiments import Run
from handgrad.interop.onnx.exporting import export

__all__ = ["export_run"]


def export_run(
    run: Run,
    path: str | os.PathLike[str],
    *,
    prepare: bool = False,
    proba: bool = False,
    dtype: npt.DTypeLike | None = None,
) -> None:
    """Write the network of a run as a file of ONNX.

    The names of the features, of the target and of the classes are in the file's metadata, as JSON.

    Parameters
    ----------
    run
        What `handgrad.load` or `open_run` returned.
    path
        The file, which replaces one that is there.
    prepare
        Whether the file takes the features as they were in the data, float64, and standardizes
        them itself; a number that is predicted then comes out as it was in the data, too.
    proba
        Whether the probabilities of the classes come out instead of their scores.
    dtype
        float32 or float64; the run's, where it is None.

    Raises
    ------
    ArgumentError
        Probabilities are wanted of a run whose target is a number.

    Examples
    --------
    >>> from handgrad import load
    >>> from handgrad.interop.onnx import export_run
    >>> export_run(load("runs/digits"), "digits.onnx", prepare=True)  # doctest: +SKIP
    """
    if proba and not run.class_names:
        raise ArgumentError(
            f"probabilities of a run whose target, {run.target_name}, is a number",
            "a run whose target is a class",
            "leave out proba; prepare gives the number as it was in the data",
        )
    told = {
        "feature_names": list(run.feature_names),
        "target_name": run.target_name,
        "class_names": list(run.class_names),
    }
    export(
        run.trainer.model,
        path,
        (None, *run.shape),
        softmax=proba,
        prepare=run.inputs if prepare else None,
        restore=run.outputs if prepare and not run.class_names else None,
        dtype=dtype,
        metadata=told,
    )

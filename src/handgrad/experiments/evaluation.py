"""What a trained network says about data, and how good that is."""

from __future__ import annotations

import csv
import math
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import ArgumentError, DataError
from handgrad.experiments.data import fingerprint, read_data, split
from handgrad.experiments.run import Run
from handgrad.losses import CrossEntropy
from handgrad.training.metrics import (
    R2,
    Accuracy,
    ConfusionMatrix,
    MeanAbsoluteError,
    Metric,
    TopK,
)

__all__ = ["Evaluation", "evaluate", "predict", "write_predictions"]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How good a network is on some rows.

    Parameters
    ----------
    part : str
        Which rows: ``all``, or ``training`` and ``held out`` of the data that the run has seen.
    rows : int
        How many.
    values : dict of str to float
        The metrics by name, of the target in its own unit.
    confusion : Array, (K, K), optional
        A row for each true class, a column for each named; None where the target is a number.
    """

    part: str
    rows: int
    values: dict[str, float]
    confusion: Array | None


def evaluate(run: Run, data: str, *, target: str | None = None) -> list[Evaluation]:
    """Measure how good a network is.

    Parameters
    ----------
    run
        The network.
    data
        ``digits``, or the path of a file. Where it is what the run was trained on, the part that
        was held out and the part that was trained on are measured apart.
    target
        Where the file has another target than the training's file.

    Returns
    -------
    list of Evaluation
        One for all rows, or one for each part.

    Raises
    ------
    DataError
        The data cannot be read, have other features, unknown classes or no target.

    Examples
    --------
    >>> import tempfile
    >>> from handgrad.experiments import train
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = train("digits", folder, hidden=[], epochs=1, progress=False)
    >>> [(found.part, found.rows) for found in evaluate(run, "digits")]
    [('held out', 359), ('training', 1438)]
    """
    dataset = read_data(
        data,
        run.target_name if target is None else target,
        run.feature_names,
        run.class_names or False,
    )
    if not dataset.y.size:
        raise DataError(
            f"{data} without the target {run.target_name!r}",
            "a target to hold the predictions against",
            "name it with --target; or use handgrad predict",
        )
    settings = run.settings
    parts = {"all": np.arange(len(dataset))}
    if settings.validation and fingerprint(dataset) == run.fingerprint:
        training, held_out = split(dataset, settings.validation, settings.seed)
        parts = {"held out": held_out, "training": training}
    scores, y = run.scores(dataset), dataset.y
    return [_measure(run, name, scores[rows], y[rows]) for name, rows in parts.items()]


def predict(run: Run, data: str) -> tuple[list[str], Iterable[tuple[Any, ...]]]:
    """Say what a network makes of some data, whether its target is there or not.

    Parameters
    ----------
    run
        The network.
    data
        ``digits``, or the path of a file.

    Returns
    -------
    names : list of str
        The names of the columns: the target's, and for a class ``probability``.
    rows : iterable of tuple
        A row for each of the data's.

    Raises
    ------
    DataError
        The data cannot be read, or have other features.

    Examples
    --------
    >>> import tempfile
    >>> from handgrad.experiments import train
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = train("digits", folder, hidden=[], epochs=20, progress=False)
    >>> names, rows = predict(run, "digits")
    >>> names, next(iter(rows))[0]
    (['digit', 'probability'], '0')
    """
    try:
        dataset = read_data(data, None, run.feature_names)
    except DataError:  # its target may be there, in a column that only the training's name tells
        dataset = read_data(data, run.target_name, run.feature_names)
    scores = run.scores(dataset)
    if not run.class_names:
        return [run.target_name], ((number,) for number in scores[:, 0].tolist())
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    named = [run.class_names[k] for k in p.argmax(axis=1)]
    return [run.target_name, "probability"], zip(named, p.max(axis=1).tolist(), strict=True)


def write_predictions(
    names: Sequence[str], rows: Iterable[Sequence[Any]], path: str | os.PathLike[str] | None = None
) -> None:
    """Write what `predict` has returned as CSV.

    Parameters
    ----------
    names, rows
        The names of the columns, and the rows.
    path
        A file that is not there yet; the standard output where it is None.

    Raises
    ------
    ArgumentError
        The file is there already, or cannot be written.

    Examples
    --------
    >>> write_predictions(["kind", "probability"], [("iris", 0.75)])
    kind,probability
    iris,0.75
    """
    try:
        with nullcontext(sys.stdout) if path is None else _new_file(path) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(names)
            writer.writerows(rows)
    except FileExistsError as error:
        raise ArgumentError(
            f"{path}, which is there already",
            "a new file for the predictions",
            "choose another --out, or delete it first",
        ) from error
    except OSError as error:
        if path is None:
            raise
        raise ArgumentError(
            f"{path}, which cannot be written: {error.strerror}",
            "a new file in a folder that is there",
            "choose another --out",
        ) from error


def _new_file(path: str | os.PathLike[str]) -> TextIO:
    return open(path, "x", encoding="utf-8", newline="")


def _measure(run: Run, part: str, scores: Array, y: Array) -> Evaluation:
    """Return how good the scores of some rows are."""
    if not run.class_names:
        numbers = scores[:, 0]
        error = math.sqrt(np.square(numbers - y).mean())
        values = {"root_mean_squared_error": error}
        for metric in (MeanAbsoluteError(), R2()):
            values[metric.name] = _result(metric, numbers, y)
        return Evaluation(part, len(y), values, None)
    values = {"loss": float(CrossEntropy()(scores, y))}
    metrics = [Accuracy(), *([TopK(3)] if len(run.class_names) > 3 else [])]
    values |= {metric.name: _result(metric, scores, y) for metric in metrics}
    return Evaluation(part, len(y), values, _result(ConfusionMatrix(), scores, y))


def _result(metric: Metric, predictions: Array, targets: Array) -> Any:
    metric.reset()
    metric.update(predictions, targets)
    return metric.result()

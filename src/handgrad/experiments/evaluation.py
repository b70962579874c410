"""What a trained network says about data, and how good that is."""

from __future__ import annotations

import csv
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TextIO

import numpy as np

from handgrad.arguments import Array
from handgrad.datasets import Dataset
from handgrad.datasets.cells import to_number
from handgrad.datasets.source import open_source, reading
from handgrad.errors import ArgumentError, DataError, printable
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
from handgrad.training.metrics.scores import class_scores, mean_scores

__all__ = [
    "Evaluation",
    "evaluate",
    "evaluation_to_dict",
    "measure",
    "predict",
    "write_predictions",
]

_FORMULA = (*"=+-@", "\t", "\r", *"\uff1d\uff0b\uff0d\uff20")
"""With what a formula may begin; the last four are the first four as wide as East Asian letters."""


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
    classes : mapping
        Precision, recall and F1 of each class by its name, and how many rows it has.
    """

    part: str
    rows: int
    values: dict[str, float]
    confusion: Array | None = None
    classes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        confusion = None if self.confusion is None else self.confusion.tolist()
        return {**asdict(self), "confusion": confusion}


def evaluate(
    run: Run,
    data: str,
    *,
    target: str | None = None,
    metrics: Sequence[str] | None = None,
    say: Callable[[str], Any] = lambda text: None,
) -> list[Evaluation]:
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
    metrics
        The names of those that are wanted; all where it is None.
    say
        Called with sentences about what is odd in the data.

    Returns
    -------
    list of Evaluation
        One for all rows, or one for each part.

    Raises
    ------
    ArgumentError
        There is no metric of such a name.
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
        run.columns,
        run.class_names or False,
        **run.settings.marks,
    )
    for note in dataset.notes:
        say(note)
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
    found = [measure(run, name, scores[rows], y[rows]) for name, rows in parts.items()]
    return [_only(each, metrics) for each in found] if metrics else found


def _only(found: Evaluation, metrics: Sequence[str]) -> Evaluation:
    """Return an evaluation with some of its metrics alone."""
    unknown = [name for name in metrics if name not in found.values]
    if unknown:
        raise ArgumentError(
            f"the metric {unknown[0]!r}", f"one of {', '.join(found.values)}", "choose among these"
        )
    return replace(found, values={name: found.values[name] for name in metrics})


def evaluation_to_dict(run: Run, data: str, found: Sequence[Evaluation]) -> dict[str, Any]:
    """Return evaluations as JSON has them.

    Parameters
    ----------
    run, data, found
        What was measured, on what, and what came of it.

    Examples
    --------
    >>> import tempfile
    >>> from handgrad.experiments import train
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = train("digits", folder, hidden=[], epochs=1, progress=False)
    >>> made = evaluation_to_dict(run, "digits", evaluate(run, "digits", metrics=["f1"]))
    >>> list(made), [part["rows"] for part in made["parts"]]
    (['run', 'data', 'target', 'class_names', 'parts'], [359, 1438])
    """
    return {
        "run": str(run.folder),
        "data": data,
        "target": run.target_name,
        "class_names": list(run.class_names),
        "parts": [each.to_dict() for each in found],
    }


def predict(
    run: Run, data: str, *, proba: bool = False, say: Callable[[str], Any] = lambda text: None
) -> tuple[list[str], Iterable[tuple[Any, ...]]]:
    """Say what a network makes of some data, whether its target is there or not.

    Parameters
    ----------
    run
        The network.
    data
        ``digits``, or the path of a file.
    proba
        Whether there is a column for the probability of each class, and not only for that of the
        one that is named.
    say
        Called with sentences about what is odd in the data.

    Returns
    -------
    names : list of str
        The names of the columns: the target's, and for a class ``probability``, or that of each.
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
    dataset = _unlabelled(run, data)
    for note in dataset.notes:
        say(note)
    scores = run.scores(dataset)
    if not run.class_names:
        return [run.target_name], ((number,) for number in scores[:, 0].tolist())
    p = _probabilities(scores)
    named = [run.class_names[k] for k in p.argmax(axis=1)]
    if proba:
        names = [run.target_name, *(f"p({name})" for name in run.class_names)]
        return names, ((name, *row) for name, row in zip(named, p.tolist(), strict=True))
    return [run.target_name, "probability"], zip(named, p.max(axis=1).tolist(), strict=True)


def _unlabelled(run: Run, data: str) -> Dataset:
    """Return the data without its target."""
    marks = run.settings.marks
    if data == "digits":
        return read_data(data, None, run.columns)
    with reading(data), open_source(data) as source:
        try:
            return read_data(source, None, run.columns, **marks)
        except DataError as error:
            try:  # the target may be there, in a column that only the training's name tells
                return read_data(source, run.target_name, run.columns, **marks)
            except DataError:
                raise error from None


def _probabilities(scores: Array) -> Array:
    p: Array = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p


def write_predictions(
    names: Sequence[str], rows: Iterable[Sequence[Any]], path: str | os.PathLike[str] | None = None
) -> None:
    """Write what `predict` has returned as CSV.

    Parameters
    ----------
    names, rows
        The names of the columns, and the rows. A text that a spreadsheet would take for a formula
        is preceded by an apostrophe, and control characters are written out in a terminal.
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
            writer, terminal = csv.writer(file, lineterminator="\n"), file.isatty()
            writer.writerow(_harmless(name, terminal) for name in names)
            writer.writerows([_harmless(cell, terminal) for cell in row] for row in rows)
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


def _harmless(cell: Any, terminal: bool) -> Any:
    """Return a cell that no spreadsheet takes for a formula, and no terminal for a command."""
    if terminal and isinstance(cell, str):
        cell = printable(cell)
    if isinstance(cell, str) and cell[:1] in _FORMULA and to_number(cell) is None:
        return f"'{cell}"
    return cell


def measure(run: Run, part: str, scores: Array, y: Array) -> Evaluation:
    """Return how good the scores of some rows are."""
    if not run.class_names:
        numbers = scores[:, 0]
        error = math.sqrt(np.square(numbers - y).mean())
        values = {"root_mean_squared_error": error}
        for metric in (MeanAbsoluteError(), R2()):
            values[metric.name] = _result(metric, numbers, y)
        return Evaluation(part, len(y), values)
    confusion = _result(ConfusionMatrix(), scores, y)
    values = {"loss": float(CrossEntropy()(scores, y))}
    metrics = [Accuracy(), *([TopK(3)] if len(run.class_names) > 3 else [])]
    values |= {metric.name: _result(metric, scores, y) for metric in metrics}
    values |= mean_scores(confusion, _probabilities(scores), y)
    each = {**class_scores(confusion), "rows": confusion.sum(axis=1)}
    classes = {
        name: {score: found[k].item() for score, found in each.items()}
        for k, name in enumerate(run.class_names)
    }
    return Evaluation(part, len(y), values, confusion, classes)


def _result(metric: Metric, predictions: Array, targets: Array) -> Any:
    metric.reset()
    metric.update(predictions, targets)
    return metric.result()

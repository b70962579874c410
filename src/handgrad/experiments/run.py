"""A run's folder: a trained network, and what it takes to show it data as it saw the first."""

from __future__ import annotations

import os
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from handgrad import checkpoint
from handgrad.activations import Softmax
from handgrad.arguments import Array
from handgrad.datasets import Column, Dataset, Standardizer, from_rows
from handgrad.datasets.preparation import row_slices
from handgrad.errors import ArgumentError, CheckpointError, DataError, cause, shorten
from handgrad.experiments.settings import Settings
from handgrad.kernels import in_force
from handgrad.training.callbacks.early_stopping import put_best_back
from handgrad.training.state import CLASSES, fill_trainer
from handgrad.training.trainer import Trainer

__all__ = ["Run", "open_run"]


@dataclass(frozen=True, eq=False)
class Run:
    """A trained network, and what it takes to show it data as it saw the first.

    Parameters
    ----------
    folder : path
        Where it is saved.
    trainer : Trainer
        The model, and the state of its training.
    settings : Settings
        What the training was told.
    columns : tuple of Column
        What becomes of the columns of a table.
    class_names : tuple of str
        Of the data; empty where the target is a number.
    target_name : str
        Of the data.
    fingerprint : str
        The SHA-256 of the data.
    inputs, outputs : Standardizer
        Fitted on the training part; `outputs` on the target, where that is a number. A number that
        is missing becomes the mean.
    shape : tuple of int
        Of a datapoint, as the network takes it: (D,), or an image's (H, W, C).
    kernels : str
        Which form of the kernels it was trained with, see `handgrad.kernels`.
    """

    folder: Path
    trainer: Trainer
    settings: Settings
    columns: tuple[Column, ...]
    class_names: tuple[str, ...]
    target_name: str
    fingerprint: str
    inputs: Standardizer
    outputs: Standardizer
    shape: tuple[int, ...]
    kernels: str = field(default_factory=in_force)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the numbers that the network is given."""
        return tuple(name for column in self.columns for name in column.names)

    def prepare(self, rows: Any) -> Array:
        """Return raw rows, a DataFrame or (N, ...), as the network takes them."""
        data = from_rows(rows, self.columns)
        for note in data.notes:  # of texts and gaps that the training had not
            warnings.warn(note, stacklevel=3)
        return self.x(data, np.arange(len(data)))

    def x(self, data: Dataset, rows: Array) -> Array:
        """Return the features of some rows as the network takes them."""
        if data.image and len(self.shape) > 1 and (*data.image, 1)[:3] != self.shape:
            raise DataError(
                f"images of shape {data.image} in {data.description}",
                f"images of the shape {self.shape} that the network was trained on",
                "put their axes in that order, height, width and channels",
            )
        x = np.empty((len(rows), data.x.shape[1]), self.settings.dtype)
        with np.errstate(over="ignore"):  # what comes of it is looked at in `_scores`
            for part in row_slices(len(rows)):
                x[part] = self.inputs.transform(data.x[rows[part]])
        return x.reshape(-1, *self.shape)

    def y(self, data: Dataset, rows: Array) -> Array:
        """Return the targets of some rows as the loss takes them."""
        y = data.y[rows]
        if self.class_names:
            return y
        return self.outputs.transform(y[:, None]).astype(self.settings.dtype)

    def scores(self, data: Dataset, rows: Array | None = None) -> Array:
        """Return what the network says of rows, or all: logits, (N, K), or numbers, (N, 1)."""
        return self._scores(self.x(data, np.arange(len(data)) if rows is None else rows))

    def _scores(self, x: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            scores: Array = self.trainer.predict(x).astype(np.float64)
        finite = np.isfinite(scores).all(axis=1)
        if not finite.all():
            n = int(np.argmin(finite))
            raise DataError(
                f"row {n} (counted from 0), of which no prediction can be computed: it has a "
                f"number {np.abs(x[n]).max():.2g} standard deviations from the mean",
                "numbers of about the size of those that the network was trained on",
                "mend the row, or leave it out",
            )
        return scores if self.class_names else self.outputs.restore(scores)

    def predict(self, rows: Any) -> Array:
        """Return the class, by its name, or the number that the network predicts for raw rows.

        Parameters
        ----------
        rows : DataFrame, or Array, (N, ...)
            Rows as they were in the data that the run was trained on: by the columns' names, or in
            their order without the target.
        """
        scores = self._scores(self.prepare(rows))
        if not self.class_names:
            return scores[:, 0]
        named: Array = np.array(self.class_names)[scores.argmax(axis=1)]
        return named

    def predict_proba(self, rows: Any) -> Array:
        """Return the probability of each class for raw rows, (N, K), in `class_names`' order.

        Parameters
        ----------
        rows : DataFrame, or Array, (N, ...)
            As `predict` takes them.

        Raises
        ------
        ArgumentError
            The target is a number.
        """
        if not self.class_names:
            raise ArgumentError(
                f"predict_proba of a run whose target, {self.target_name}, is a number",
                "a run whose target is a class",
                "ask for predict",
            )
        return Softmax().apply(self._scores(self.prepare(rows)))[0]

    @property
    def best_epoch(self) -> int:
        """The epoch that the network is of, counted from 1; 0 before the first."""
        history = self.trainer.history
        if self.settings.early_stopping and "validation_loss" in history:
            return int(np.argmin(history["validation_loss"])) + 1
        return history.epochs

    def summary(self) -> list[str]:
        """Return in lines how the training ended, and where its result is."""
        history = self.trainer.history
        metric = "accuracy" if self.class_names else "r2"
        name, rows = f"validation_{metric}", "held-out data"
        if name not in history:
            name, rows = metric, "training data, while it was trained"
        value, best = history[name][self.best_epoch - 1], self.best_epoch
        shown = f"accuracy {value:.2%}" if self.class_names else f"R2 {value:.4f}"
        when = f"after {history.epochs} epochs"
        if best < history.epochs:
            when = f"in epoch {best}, the best of {history.epochs}"
        files = sorted(path.name for path in self.folder.iterdir() if path.name[0] != ".")
        return [f"{shown} on the {rows}, {when}", f"{self.folder}: {', '.join(files)}"]

    def details(self) -> list[tuple[str, str]]:
        """Return all settings by name, and what stands where one was left to handgrad."""
        told = asdict(self.settings) | {
            "epochs": f"{self.trainer.epochs_done} of {self.settings.epochs}",
            "optimizer": repr(self.trainer.optimizer),
        }
        lists = {name: ", ".join(map(str, v)) for name, v in told.items() if isinstance(v, tuple)}
        words = {name: "" if v is None else str(v) for name, v in (told | lists).items()}
        words["kernels"] = self.kernels
        words["parameters"] = f"{self.trainer.model.parameters.size:,}"
        return [(name.replace("_", " "), text) for name, text in words.items()]

    def facts(self) -> dict[str, Any]:
        """Return all but folder and trainer, as a checkpoint can hold it."""
        return {
            "settings": asdict(self.settings),
            "columns": [column.state() for column in self.columns],
            "class_names": list(self.class_names),
            "target_name": self.target_name,
            "fingerprint": self.fingerprint,
            "inputs": self.inputs.state_dict(),
            "outputs": self.outputs.state_dict(),
            "shape": list(self.shape),
            "kernels": in_force(),
        }


def open_run(folder: str | os.PathLike[str], *, best: bool = True) -> Run:
    """Return the run in a folder.

    Parameters
    ----------
    folder
        Where `train` put it.
    best
        Whether the network is that of the best epoch, where early stopping has watched the
        training; else that of the last one, from which a training goes on.

    Raises
    ------
    CheckpointError
        There is none, or it is damaged, or its parts do not fit each other.
    ArgumentError
        The checkpoint there is not a run's.

    Examples
    --------
    >>> import tempfile
    >>> from handgrad.experiments import train
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = train("digits", folder, hidden=[], epochs=1, progress=False)
    ...     open_run(folder).settings.data
    'digits'
    """
    trainer = fill_trainer(Trainer, checkpoint.load(folder, classes=CLASSES))
    try:
        facts = dict(trainer.extra["run"])
        settings = Settings(**facts.pop("settings"))
        facts["columns"] = tuple(map(Column.from_state, facts["columns"]))
        for name in ("class_names", "shape"):
            facts[name] = tuple(facts[name])
        for name in ("inputs", "outputs"):
            standardizer = Standardizer(missing=True)
            standardizer.load_state_dict(facts[name])
            facts[name] = standardizer
        run = Run(Path(folder), trainer, settings, **facts)
    except (KeyError, TypeError, ValueError) as error:
        raise ArgumentError(
            f"{os.fspath(folder)}, which holds a checkpoint that `handgrad train` has not written",
            "the folder of a run",
            "load it in Python: handgrad.Trainer.resume(folder)",
        ) from error
    _check(run, best)
    return run


def _check(run: Run, best: bool) -> None:
    """Raise `CheckpointError` where names, scales and network do not fit each other."""
    x = np.zeros((1, len(run.feature_names)))
    try:
        if best:
            put_best_back(run.trainer)
        names = (*run.feature_names, *run.class_names, run.target_name, run.fingerprint)
        x = run.inputs.transform(x).astype(run.settings.dtype).reshape(1, *run.shape)
        scores = run.trainer.predict(x)
        values = scores if run.class_names else run.outputs.restore(scores)
        shapes = values.shape == (1, len(run.class_names) or 1) and min(run.shape) > 0
        fits = shapes and "".join(names)
    except Exception as error:
        raise _misfit(error) from cause(error)
    if not fits:
        raise _misfit(f"{len(run.class_names)} classes, and outputs of shape {values.shape}")


def _misfit(what: object) -> CheckpointError:
    return CheckpointError(
        f"a run whose parts do not fit each other ({shorten(what)})",
        "names of features and classes, and scales, as the network has inputs and outputs",
        "train anew, or take an older copy",
    )

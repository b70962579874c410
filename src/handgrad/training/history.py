"""What happened in a training, epoch by epoch."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.errors import ArgumentError
from handgrad.training.plotting import plot_history

__all__ = ["History", "in_short"]


class History:
    """Every value of a training, by name: a list with one entry for each epoch.

    Names are ``loss`` and each metric's, the same with ``validation_`` in front where there is
    validation data, ``lr`` (the rate that the epoch was trained with), ``gradient_norm`` and
    ``gradient_norm.0``, ``gradient_norm.1.layer``, ... for each component with parameters of its
    own, by its place in the model: the Euclidean norm of the gradient of the epoch's last step, as
    the optimizer was given it; the first is that of all that is not frozen.

    Attributes
    ----------
    values : dict of str to list
        The values; None in an epoch that has none of that name.
    interrupted : bool
        Whether the last `fit` was ended by Ctrl-C.
    ended : str
        Why the last `fit` ended, in a sentence.

    Examples
    --------
    >>> history = History()
    >>> history.append({"loss": 0.5})
    >>> history.append({"loss": 0.25, "accuracy": 0.75})
    >>> history["loss"], history["accuracy"], history.epochs
    ([0.5, 0.25], [None, 0.75], 2)
    >>> history
    History(2 epochs: loss 0.25, accuracy 0.75)
    """

    def __init__(self) -> None:
        self.values: dict[str, list[Any]] = {}
        self.interrupted = False
        self.ended = ""

    @property
    def epochs(self) -> int:
        """How many epochs there are."""
        return max(map(len, self.values.values()), default=0)

    def __getitem__(self, name: str) -> list[Any]:
        try:
            return self.values[name]
        except KeyError:
            raise ArgumentError(
                f"the name {name!r} asked of a history",
                f"one of {', '.join(self.values) or 'none, since nothing has been trained yet'}",
                "look at history.values for what there is",
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def append(self, row: Mapping[str, Any]) -> None:
        """Add the values of an epoch."""
        epochs = self.epochs
        for name, value in row.items():
            self.values.setdefault(name, [None] * epochs).append(value)
        for column in self.values.values():
            column.extend([None] * (epochs + 1 - len(column)))

    def row(self, epoch: int = -1) -> dict[str, Any]:
        """Return the values of one epoch, counted from 0; of the last one by default."""
        return {name: v[epoch] for name, v in self.values.items() if v[epoch] is not None}

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a table with a line for each epoch, replacing the file at once.

        Parameters
        ----------
        path
            The file. Numbers are written with all their digits, arrays as JSON.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["epoch", *self.values])
        for i in range(self.epochs):
            writer.writerow([i + 1, *(_cell(column[i]) for column in self.values.values())])
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")  # always this: a kill's is written over
        try:
            part.write_text(text.getvalue(), encoding="utf-8")
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw loss, metrics, learning rate and the gradients' norms over the epochs.

        Parameters
        ----------
        path
            Where the picture goes; it is not written where this is None.

        Returns
        -------
        matplotlib.figure.Figure
            The figure, which a notebook shows.

        Raises
        ------
        ArgumentError
            There is no epoch yet, or matplotlib is not installed.
        """
        return plot_history(self.values, path)

    def state_dict(self) -> dict[str, Any]:
        """Return the values as JSON has them."""
        return {
            name: [v.tolist() if isinstance(v, np.ndarray) else v for v in column]
            for name, column in self.values.items()
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the values that `state_dict` returned in place of these."""
        self.values = {
            name: [np.array(v) if isinstance(v, list) else v for v in column]
            for name, column in state.items()
        }

    def __repr__(self) -> str:
        if not self.epochs:
            return "History(no epochs)"
        last = ", ".join(f"{name} {value}" for name, value in in_short(self.row()).items())
        plural = "" if self.epochs == 1 else "s"
        how = ", interrupted" if self.interrupted else ""
        return f"History({self.epochs} epoch{plural}{how}: {last})"


def in_short(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the values that fit a line, as texts: no arrays, and of the gradients nothing."""
    return {
        name: f"{value:.4g}"
        for name, value in values.items()
        if np.ndim(value) == 0 and not name.startswith("gradient_norm")
    }


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return json.dumps(value.tolist()) if isinstance(value, np.ndarray) else repr(value)

"""Write the history as a table."""

from __future__ import annotations

import os
import warnings
from typing import Any

from handgrad.training.callbacks.callback import Callback
from handgrad.training.callbacks.pace import Pace

__all__ = ["CSVLog"]


class CSVLog(Callback):
    """Write the history as a table after each epoch.

    Where the file system refuses (a full disk), there is a warning, and another try after the next
    epoch; the training goes on.

    Parameters
    ----------
    path : path
        The file. It always holds the whole history, also after a training was resumed.
    seconds : float, default 0
        How much time lies between two of them, at least; the last epoch is written whenever it
        comes.

    Raises
    ------
    ArgumentError
        `seconds` is below 0.

    Examples
    --------
    >>> CSVLog("history.csv").path
    'history.csv'
    """

    writes = True

    def __init__(self, path: str | os.PathLike[str], seconds: float = 0.0) -> None:
        self.path = os.fspath(path)
        self._pace = Pace(seconds, "a CSVLog")
        self._written = 0  # epochs
        self._refused = False

    def on_epoch(self, trainer: Any) -> None:
        if trainer.ending or self._pace.due():
            self._write(trainer)

    def on_end(self, trainer: Any) -> None:
        if self._written != trainer.epochs_done:
            self._write(trainer)

    def _write(self, trainer: Any) -> None:
        try:
            trainer.history.to_csv(self.path)
        except OSError as error:
            if not self._refused:
                warnings.warn(
                    f"{self.path} is not written: {error.strerror or error}; the training goes "
                    "on, and tries again after the next epoch",
                    stacklevel=2,
                )
            self._refused = True
        else:
            self._pace.begin()
            self._written, self._refused = trainer.epochs_done, False

    def __repr__(self) -> str:
        return f"CSVLog({self.path!r})"

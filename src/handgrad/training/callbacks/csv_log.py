"""Write the history as a table."""

from __future__ import annotations

import os
from typing import Any

from handgrad.training.callbacks.callback import Callback

__all__ = ["CSVLog"]


class CSVLog(Callback):
    """Write the history as a table after each epoch.

    Parameters
    ----------
    path : path
        The file. It always holds the whole history, also after a training was resumed.

    Examples
    --------
    >>> CSVLog("history.csv").path
    'history.csv'
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)

    def on_epoch(self, trainer: Any) -> None:
        trainer.history.to_csv(self.path)

    def __repr__(self) -> str:
        return f"CSVLog({self.path!r})"

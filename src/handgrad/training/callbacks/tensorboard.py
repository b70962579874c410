"""Write the history for TensorBoard."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from handgrad.errors import ArgumentError
from handgrad.training.callbacks.callback import Callback

__all__ = ["TensorBoard"]


class TensorBoard(Callback):
    """Write every number of the history for TensorBoard, after each epoch.

    It needs ``pip install "handgrad[tensorboard]"``; ``tensorboard --logdir FOLDER`` shows it.

    Parameters
    ----------
    folder : path
        Where the events go; a folder for each training, below one that TensorBoard is given.

    Raises
    ------
    ArgumentError
        TensorBoard is not installed, which `fit` says before the first step.

    Examples
    --------
    >>> TensorBoard("logs/first")
    TensorBoard('logs/first')
    """

    writes = True

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = os.fspath(folder)
        self._writer: Any = None

    def on_start(self, trainer: Any) -> None:
        try:
            from tensorboard.summary import Writer
        except ImportError as error:
            raise ArgumentError(
                f"{self!r} without the package tensorboard",
                "the package, which writes its files",
                'install it: pip install "handgrad[tensorboard]"',
            ) from error
        self._writer = Writer(self.folder)

    def on_epoch(self, trainer: Any) -> None:
        for name, value in trainer.history.row().items():
            if value is not None and np.ndim(value) == 0:
                # Training and validation in one picture, under the name that they share.
                tag = name.removeprefix("validation_").replace(".", "/")
                part = "validation" if name.startswith("validation_") else "training"
                self._writer.add_scalar(f"{tag}/{part}", float(value), trainer.epochs_done)
        self._writer.flush()

    def on_end(self, trainer: Any) -> None:
        self._writer.close()
        self._writer = None

    def __repr__(self) -> str:
        return f"TensorBoard({self.folder!r})"

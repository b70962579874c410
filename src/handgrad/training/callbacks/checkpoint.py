"""Save every few epochs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from handgrad.arguments import positive_size
from handgrad.training.callbacks.callback import Callback

if TYPE_CHECKING:
    from handgrad.training.trainer import Trainer

__all__ = ["Checkpoint"]


class Checkpoint(Callback):
    """Save the trainer every few epochs, at the end, and where Ctrl-C ends the training.

    It is called after all other callbacks, so that what it saves is all of the epoch.

    Parameters
    ----------
    folder : path
        Where to save; the checkpoint there is replaced at once. `Trainer.resume` goes on from it.
    every : int, default 1
        After how many epochs to save.

    Attributes
    ----------
    saved : str
        What was saved last, in a few words; empty before.

    Raises
    ------
    ArgumentError
        `every` is not a positive integer.

    Examples
    --------
    >>> Checkpoint("run", every=5)
    Checkpoint('run', every=5)
    """

    def __init__(self, folder: str | os.PathLike[str], every: int = 1) -> None:
        self.folder = os.fspath(folder)
        self.every = positive_size(every, "every", "Checkpoint")
        self.saved = ""

    def on_epoch(self, trainer: Trainer) -> None:
        if trainer.epochs_done % self.every == 0 or trainer.ending:
            self._save(trainer)

    def on_end(self, trainer: Trainer) -> None:
        # Not otherwise: another callback may have put older parameters back by now, and a training
        # goes on from where it was, not from there.
        if trainer.history.interrupted:
            self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        trainer.save(self.folder)
        done = trainer.epochs_done
        where = f"step {trainer.step} of epoch {done + 1}" if trainer.under_way else f"epoch {done}"
        self.saved = f"everything up to the end of {where}"

    def __repr__(self) -> str:
        return f"Checkpoint({self.folder!r}, every={self.every})"

"""Save every few epochs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from typing import Any

from handgrad.arguments import positive_size
from handgrad.checkpoint import check
from handgrad.errors import CheckpointError
from handgrad.training.callbacks.callback import Callback
from handgrad.training.callbacks.monitored import Monitored
from handgrad.training.callbacks.pace import Pace

__all__ = ["ModelCheckpoint", "reached", "what_is_saved"]


class ModelCheckpoint(Monitored):
    """Save the trainer every few epochs, at the end, and where Ctrl-C ends the training.

    It is called after all other callbacks, so that what it saves is all of the epoch. What it
    saves is where the training goes on from: with `EarlyStopping` too, the parameters are the last
    epoch's, not the best ones; those a ``trainer.save`` after `Trainer.fit` saves.

    What could never be saved, such as a loss that does not keep its arguments, is refused before
    the first step. Where the file system refuses (a full disk), there is a warning, another try
    after the next epoch, and an error only if the training has ended by then.

    Parameters
    ----------
    folder : path
        Where to save; the checkpoint there is replaced at once. `Trainer.resume` goes on from it.
    every : int, default 1
        After how many epochs to save.
    seconds : float, default 0
        How much time lies between two of them, at least; the end of the training is saved whenever
        it comes.
    best_only : bool, default False
        Whether to save after each epoch that is the best so far, and after no other; then the
        checkpoint is the best epoch's, and a training that is resumed goes on from that.
    monitor : str, optional
        The name in the history of the value that tells; ``validation_loss`` where there is
        validation data, else ``loss``.
    mode : {"min", "max"}, optional
        Whether less or more of it is better; less for losses and errors, more for everything else.

    Attributes
    ----------
    saved : str
        What was saved last, in a few words; empty before.

    Raises
    ------
    ArgumentError
        `every` is not a positive integer, `seconds` is below 0, or there is no such value or mode.
    CheckpointError
        Something can't be saved.

    Examples
    --------
    >>> ModelCheckpoint("run", every=5)
    ModelCheckpoint('run', every=5)
    """

    writes = True

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every: int = 1,
        seconds: float = 0.0,
        *,
        best_only: bool = False,
        monitor: str | None = None,
        mode: str | None = None,
    ) -> None:
        self._watch_for(monitor, 0.0, mode)
        self.folder, self.best_only = os.fspath(folder), bool(best_only)
        self.every = positive_size(every, "every", "ModelCheckpoint")
        self._pace = Pace(seconds, "a ModelCheckpoint")
        self.saved = ""
        self._refused: CheckpointError | None = None

    def on_start(self, trainer: Any) -> None:
        check(trainer.model, trainer.state_dict())
        self._pace.begin()

    def on_epoch(self, trainer: Any) -> None:
        if self.best_only:
            due = self.is_best(trainer)
        else:
            due = trainer.epochs_done % self.every == 0 and self._pace.due()
            due = due or trainer.ending or bool(self._refused)
        if not due:
            return
        try:
            self._save(trainer)
        except CheckpointError as error:
            if not isinstance(error.__cause__, OSError):
                raise
            self._refused = error
            warnings.warn(
                f"epoch {trainer.epochs_done} is not saved: {error}\n"
                "the training goes on, and saves after the next epoch if it can",
                stacklevel=2,
            )

    def on_end(self, trainer: Any) -> None:
        # Not otherwise: another callback may have put older parameters back by now, and a training
        # goes on from where it was, not from there.
        if trainer.history.interrupted and not self.best_only:
            self._save(trainer)
        elif self._refused:
            raise self._refused

    def _save(self, trainer: Any) -> None:
        trainer.save(self.folder)
        self._refused = None
        self._pace.begin()
        self.saved = f"everything up to the end of {reached(trainer)}"

    def __repr__(self) -> str:
        best = ", best_only=True" if self.best_only else ""
        return f"ModelCheckpoint({self.folder!r}, every={self.every}{best})"

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() if self.best_only else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.best_only and state:
            super().load_state_dict(state)


def reached(trainer: Any) -> str:
    """Return the step, or the epoch, that was the last one to be done."""
    done = trainer.epochs_done
    if trainer.under_way:
        return f"step {trainer.steps_done} of epoch {done + 1}"
    return f"epoch {done}"


def what_is_saved(callbacks: Iterable[Callback]) -> str:
    """Return a sentence that says where a training is saved, and up to where."""
    checkpoints = [c for c in callbacks if isinstance(c, ModelCheckpoint)]
    for callback in checkpoints:
        if callback.saved:
            return f"{callback.folder} holds {callback.saved}"
    if checkpoints:
        return "nothing is saved yet"
    return "nothing is saved, since there is no ModelCheckpoint among the callbacks"

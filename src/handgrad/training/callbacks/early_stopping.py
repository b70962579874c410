"""Stop when nothing improves any more."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import positive_size
from handgrad.errors import ArgumentError
from handgrad.training.callbacks.monitored import Monitored
from handgrad.walk import buffers, parameters, restore, snapshot

__all__ = ["EarlyStopping", "put_best_back"]


class EarlyStopping(Monitored):
    """Stop when a value has not improved for some epochs, and restore the best model.

    Parameters and buffers of the best epoch are put back whenever the training ends, whether it was
    stopped early or not; not where Ctrl-C ends it, since it may go on. A `ModelCheckpoint` beside
    it holds the last epoch's parameters, and the best ones for when the training has gone on from
    it and ended; to save a model with the best, call ``trainer.save`` after `Trainer.fit`.

    Parameters
    ----------
    monitor : str, optional
        The value's name in the history: ``validation_loss`` where there is validation data,
        else ``loss``.
    patience : int, default 10
        After how many epochs in a row without an improvement the training stops.
    min_delta : float, default 0
        By how much a value must be better than the best one to count as an improvement.
    mode : {"min", "max"}, optional
        Whether less or more is better; less for losses and errors, more for everything else.

    Attributes
    ----------
    best : float or None
        The best value so far.
    bad_epochs : int
        Epochs in a row without an improvement.
    best_epoch : int
        The epoch that it belongs to, counted from 1.

    Raises
    ------
    ArgumentError
        An argument is outside what it may be, or the history has no value of that name.

    Examples
    --------
    >>> EarlyStopping("validation_accuracy", patience=3)
    EarlyStopping(monitor='validation_accuracy', patience=3)
    """

    def __init__(
        self,
        monitor: str | None = None,
        *,
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str | None = None,
    ) -> None:
        self._watch_for(monitor, min_delta, mode)
        self.patience = positive_size(patience, "patience", "EarlyStopping")
        self._best: Any = None

    def on_start(self, trainer: Any) -> None:
        self._check(trainer.model)
        self._stop_if_due(trainer)

    def _check(self, model: Any) -> None:
        places = (*parameters(model), *buffers(model))
        shapes = {place.name: place.array.shape for place in places}
        if self._best is not None and shapes != {n: a.shape for n, a in self._best.items()}:
            raise ArgumentError(
                f"{self!r}, which has watched another model",
                "one for each model",
                "make a new EarlyStopping()",
            )

    def on_epoch(self, trainer: Any) -> None:
        if self.is_best(trainer):
            self._best = snapshot(trainer.model)
        self._stop_if_due(trainer)

    def on_end(self, trainer: Any) -> None:
        if self._best is not None and not trainer.history.interrupted:
            restore(trainer.model, self._best)

    def _stop_if_due(self, trainer: Any) -> None:
        if self.bad_epochs >= self.patience:
            trainer.stop(
                f"no improvement for {self.bad_epochs} epochs; "
                f"the parameters are those of epoch {self.best_epoch}"
            )

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        return state if self._best is None else state | {"arrays": self._best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._best = {
            name: np.array(array) for name, array in state.get("arrays", {}).items()
        } or None

    def __repr__(self) -> str:
        return f"EarlyStopping(monitor={self.monitor!r}, patience={self.patience})"


def put_best_back(trainer: Any) -> None:
    """Give a trainer that was saved the parameters and buffers of its best epoch, if it has one."""
    for saved in trainer._waiting.get("callbacks", ()):
        if saved["class"] == EarlyStopping.__name__:
            stopping = EarlyStopping()
            stopping.load_state_dict(saved["state"])
            stopping._check(trainer.model)
            if stopping._best is not None:
                restore(trainer.model, stopping._best)

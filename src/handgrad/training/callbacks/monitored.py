"""The value of the history that a callback watches for its best epoch."""

from __future__ import annotations

from typing import Any

from handgrad.arguments import is_real
from handgrad.errors import ArgumentError
from handgrad.optimizers.checks import load_numbers
from handgrad.optimizers.schedules.best import BestSoFar
from handgrad.training.callbacks.callback import Callback

__all__ = ["Monitored"]


class Monitored(BestSoFar, Callback):
    """A callback that knows in which epoch a value was the best.

    The value is that of `monitor`, or the validation loss, or the training loss where there is no
    validation; less of it is better where its name ends in loss or error, unless `mode` says so.
    """

    best_epoch = 0

    def _watch_for(self, monitor: str | None, min_delta: float, mode: str | None) -> None:
        owner = type(self).__name__
        if not is_real(min_delta) or min_delta < 0:
            raise ArgumentError(
                f"min_delta={min_delta!r} for {owner}", "a number >= 0", "0 is a good start"
            )
        if mode not in (None, "min", "max"):
            raise ArgumentError(
                f"mode={mode!r} for {owner}",
                '"min", "max" or None',
                'use "min" where less is better, and "max" where more is',
            )
        self.monitor, self.min_delta, self.mode = monitor, float(min_delta), mode

    def is_best(self, trainer: Any) -> bool:
        """Take the value of the epoch that has just ended, and return whether it is the best."""
        name = self.monitor
        if name is None:
            name = "validation_loss" if "validation_loss" in trainer.history else "loss"
        value = trainer.history[name][-1]
        if not is_real(value):
            raise ArgumentError(
                f"{value!r} as the {name} of epoch {trainer.epochs_done} for {self!r}",
                "a finite number in every epoch",
                "monitor a value that each epoch has, such as the loss",
            )
        more = self.mode == "max" if self.mode else not name.endswith(("loss", "error"))
        found = self.improves(value, more=more, min_delta=self.min_delta)
        if found:
            self.best_epoch = trainer.epochs_done
        return found

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = {"best_epoch": self.best_epoch, "bad_epochs": self.bad_epochs}
        return state if self.best is None else state | {"best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        numbers = {"best_epoch": int, "bad_epochs": int, "best": float}
        vars(self).update(load_numbers(state, self, numbers, optional=["best"]))

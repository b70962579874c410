"""What a trainer calls between the steps and epochs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Callback", "FunctionCallback"]


class Callback:
    """What a trainer calls; each method does nothing until it is overridden.

    Attributes
    ----------
    writes : bool
        Whether it writes files, or anything else of which one is enough: then, where several
        processes train together, the first alone calls it.

    Examples
    --------
    >>> class StopAtOne(Callback):
    ...     def on_epoch(self, trainer):
    ...         if trainer.history["loss"][-1] < 1:
    ...             trainer.stop("the loss is below 1")
    """

    writes: bool = False

    def on_start(self, trainer: Any) -> None:
        """Act when `fit` begins, before the first step.

        Parameters
        ----------
        trainer
            Who calls. Its ``model``, ``optimizer``, ``history``, ``epochs_done`` and
            ``steps_done`` say where it is; its ``stop`` ends the training.
        """

    def on_gradients(self, trainer: Any, gradients: Any) -> None:
        """Act between the gradients of a step and the update of the parameters.

        Parameters
        ----------
        trainer
            Who calls.
        gradients
            What the optimizer is about to be given; may be changed in place, for instance
            ``gradients.flat`` as a whole.
        """

    def on_step(self, trainer: Any) -> None:
        """Act after each step."""

    def on_epoch(self, trainer: Any) -> None:
        """Act after each epoch, when the history has its values."""

    def on_end(self, trainer: Any) -> None:
        """Act when `fit` ends, also where Ctrl-C ends it, but not where an error does."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training needs to know, JSON values and arrays."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""


class FunctionCallback(Callback):
    """A plain function, called with the trainer after each epoch."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def on_epoch(self, trainer: Any) -> None:
        self.function(trainer)

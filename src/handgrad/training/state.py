"""What of a trainer is saved, and a trainer made of what was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from handgrad.checkpoint import Restored, exported_classes, generator_state, restore_global_state
from handgrad.errors import CheckpointError, HandgradError
from handgrad.training.flight import Flight
from handgrad.training.metrics import R2, Accuracy, ConfusionMatrix, MeanAbsoluteError, TopK

if TYPE_CHECKING:
    from handgrad.training.callbacks import Callback
    from handgrad.training.trainer import Trainer

__all__ = ["METRICS", "apply_waiting", "fill_trainer", "state_of"]

METRICS = (Accuracy, TopK, MeanAbsoluteError, R2, ConfusionMatrix)
"""Classes of this package that a checkpoint may hold."""

T = TypeVar("T", bound="Trainer")

_STATEFUL = ("optimizer", "schedule")


def state_of(trainer: Trainer) -> dict[str, Any]:
    """Return all of a trainer but its model.

    Parameters
    ----------
    trainer
        The trainer.

    Examples
    --------
    >>> from handgrad import Linear, Model, MSELoss
    >>> from handgrad.optimizers import SGD
    >>> from handgrad.training import Trainer
    >>> state = state_of(Trainer(Model([Linear(1, 1)]), MSELoss(), SGD(lr=0.1)))
    >>> state["loss"], state["states"]
    (MSELoss(), {'optimizer': {'steps': 0, 'lr': 0.1}})
    """
    waiting, flight = trainer._waiting, trainer._flight
    states = {
        name: thing.state_dict()
        for name in _STATEFUL
        if hasattr(thing := getattr(trainer, name), "state_dict")
    }
    callbacks = waiting.get("callbacks") or [
        {"class": type(callback).__name__, "state": callback.state_dict()}
        for callback in trainer._callbacks
    ]
    return {
        "loss": trainer.loss,
        "optimizer": trainer.optimizer,
        "metrics": list(trainer.metrics),
        "schedule": trainer.schedule,
        "rng": trainer.rng,
        "numpy": waiting.get("numpy") or generator_state(),
        "states": states,
        "callbacks": callbacks,
        "history": trainer.history.state_dict(),
        "flight": None if flight is None else flight.state_dict(),
        "extra": trainer.extra,
    }


def fill_trainer(cls: type[T], found: Restored) -> T:
    """Return a trainer made of what was saved.

    Parameters
    ----------
    cls
        Its class.
    found
        The checkpoint.

    Raises
    ------
    CheckpointError
        It was not saved by a trainer, or does not fit together.
    """
    state: Any = found.training
    try:
        trainer = cls(
            found.model,
            state["loss"],
            state["optimizer"],
            metrics=state["metrics"],
            schedule=state["schedule"],
            rng=state["rng"],
        )
        for name, values in state["states"].items():
            getattr(trainer, name).load_state_dict(values)
        trainer.history.load_state_dict(state["history"])
        trainer.extra = dict(state["extra"])
        if state["flight"] is not None:
            trainer._flight = Flight.restored(state["flight"], len(trainer.metrics))
        trainer._waiting = {"numpy": dict(state["numpy"]), "callbacks": list(state["callbacks"])}
    except (HandgradError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"a checkpoint that no trainer can go on from ({type(error).__name__}: {error})",
            "what Trainer.save has written, unchanged",
            "use handgrad.checkpoint.load for a model that was saved without a trainer",
        ) from error
    return trainer


def apply_waiting(trainer: Trainer) -> None:
    """Put NumPy's global state and the callbacks' states back, if they were saved.

    Parameters
    ----------
    trainer
        A trainer that `fill_trainer` has made, with the callbacks that it is given now.

    Raises
    ------
    CheckpointError
        A state does not fit.
    """
    waiting = trainer._waiting
    if not waiting:
        return
    free: list[Callback] = list(trainer._callbacks)
    for saved in waiting["callbacks"]:
        for i, callback in enumerate(free):
            if type(callback).__name__ == saved["class"]:
                free.pop(i).load_state_dict(saved["state"])
                break
    restore_global_state(waiting["numpy"])
    trainer._waiting = {}  # last, so that where something does not fit, nothing is lost

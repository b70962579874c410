"""What of a trainer is saved, and a trainer made of what was saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import handgrad.training.metrics as metrics
import handgrad.training.step as step
from handgrad.checkpoint import Restored, exported_classes, generator_state, restore_global_state
from handgrad.errors import CheckpointError, cause
from handgrad.training.epoch_state import EpochState
from handgrad.training.step import TrainStep

__all__ = ["CLASSES", "apply_waiting", "fill_trainer", "state_of"]

CLASSES = tuple(
    cls
    for module in (metrics, step)
    for cls in exported_classes(module)
    if issubclass(cls, metrics.Metric | TrainStep)
)
"""Classes of this package that a checkpoint may hold: all that it exports."""

_STATEFUL = ("optimizer", "schedule")


def state_of(trainer: Any) -> dict[str, Any]:
    """Return all of a trainer but its model."""
    waiting, under_way = trainer._waiting, trainer._epoch_state
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
        "metrics": [metric for metric in trainer.metrics if _stored(metric)],
        "schedule": trainer.schedule,
        "step": None if type(trainer.step) is TrainStep else trainer.step,
        "first_loss": trainer._first_loss,
        "rng": trainer.rng,
        "numpy": waiting.get("numpy") or generator_state(),
        "states": states,
        "callbacks": callbacks,
        "history": trainer.history.state_dict(),
        "epoch": None if under_way is None else _stored_epoch(under_way, trainer.metrics),
        "extra": trainer.extra,
    }


def _stored(metric: metrics.Metric) -> bool:
    """Return whether a metric is kept; a function is code, which no checkpoint holds."""
    return not isinstance(metric, metrics.FunctionMetric)


def _stored_epoch(under_way: EpochState, measured: Iterable[metrics.Metric]) -> dict[str, Any]:
    """Return an epoch's state with that of the metrics that are kept."""
    state = under_way.state_dict()
    each = zip(measured, state["metrics"], strict=False)  # none before the first step
    return state | {"metrics": [found for metric, found in each if _stored(metric)]}


def fill_trainer(cls: Any, found: Restored) -> Any:
    """Return a trainer made of what was saved."""
    state: Any = found.training
    with _explained():
        trainer = cls(
            found.model,
            state["loss"],
            state["optimizer"],
            metrics=state["metrics"],
            schedule=state["schedule"],
            step=state["step"],
            rng=state["rng"],
        )
        for name in _STATEFUL:
            if hasattr(thing := getattr(trainer, name), "state_dict"):
                thing.load_state_dict(state["states"][name])
        trainer.history.load_state_dict(state["history"])
        trainer.extra = dict(state["extra"])
        if state["first_loss"] is not None:
            trainer._first_loss = float(state["first_loss"])
        if state["epoch"] is not None:
            trainer._epoch_state = EpochState.restored(state["epoch"], len(trainer.metrics))
        trainer._waiting = {"numpy": dict(state["numpy"]), "callbacks": list(state["callbacks"])}
    return trainer


def apply_waiting(trainer: Any) -> None:
    """Put NumPy's global state and the callbacks' states back, if they were saved."""
    waiting = trainer._waiting
    if not waiting:
        return
    free = list(trainer._callbacks)
    with _explained():
        for saved in waiting["callbacks"]:
            for i, callback in enumerate(free):
                if type(callback).__name__ == saved["class"]:
                    free.pop(i).load_state_dict(saved["state"])
                    break
    restore_global_state(waiting["numpy"])
    trainer._waiting = {}  # last, so that where something does not fit, nothing is lost


@contextmanager
def _explained() -> Iterator[None]:
    """Raise `CheckpointError` for whatever a damaged state makes somebody's methods raise."""
    try:
        yield
    except Exception as error:
        raise CheckpointError(
            f"a checkpoint that no trainer can go on from ({type(error).__name__}: {error})",
            "what Trainer.save has written, unchanged",
            "use handgrad.checkpoint.load for a model that was saved without a trainer",
        ) from cause(error)

"""Epoch after epoch: what `Trainer.fit` does once everything has been checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from handgrad.component import Component
from handgrad.errors import ArgumentError, CallOrderError
from handgrad.flat import Gradients
from handgrad.model import Model
from handgrad.modes import evaluating_here
from handgrad.randomness import Sources
from handgrad.training.batches import Batches
from handgrad.training.callbacks import ModelCheckpoint
from handgrad.training.callbacks.model_checkpoint import reached
from handgrad.training.epoch import run_steps, score
from handgrad.training.epoch_state import EpochState
from handgrad.training.finite import check_parameters
from handgrad.training.interrupt import Interrupt
from handgrad.training.metrics import Metric
from handgrad.training.processes import checksum
from handgrad.training.progress import Progress, make_progress
from handgrad.training.state import apply_waiting
from handgrad.training.step import TrainStep
from handgrad.walk import buffers, walk

__all__ = ["check_parts", "run_epochs", "training_mode"]


def check_parts(model: Any, loss: Any, optimizer: Any, schedule: Any, step: Any) -> None:
    """Raise `ArgumentError` where something that a trainer is made of is not what it should be."""
    if not isinstance(model, Model):
        raise ArgumentError(
            f"{type(model).__name__} as the model of a Trainer",
            "a handgrad.Model",
            "write Model([component, ...]); components of your own may stand in it",
        )
    for role, thing, methods in (
        ("loss", loss, ("__call__", "grad")),
        ("optimizer", optimizer, ("update",)),
        ("schedule", schedule, ("step",)),
        ("step", step, ("start", "__call__", "finish", "state_dict", "load_state_dict")),
    ):
        if thing is None and role in ("schedule", "step"):
            continue
        if isinstance(thing, type | dict | Component) or not all(
            hasattr(thing, name) for name in methods
        ):
            raise ArgumentError(
                f"{thing!r} as the {role} of a Trainer",
                f"an object with {' and '.join(methods)}",
                "make an object of the class first, with brackets behind its name",
            )


@contextmanager
def training_mode(model: Model) -> Iterator[None]:
    """Put a model into training mode, and give every component back the mode that it had."""
    if evaluating_here():
        raise CallOrderError(
            "a training within evaluating(), where every component is in evaluation mode",
            "a training outside of it",
            "call fit where that context has ended",
        )
    modes = [(component, component.training) for _, component in walk(model)]
    model.train()
    try:
        yield
    finally:
        for component, training in modes:
            component.training = training


def run_epochs(
    trainer: Any,
    batches: Batches,
    held_out: Batches | None,
    batch_size: int,
    weigh: Any,
    progress: bool,
) -> None:
    """Train epoch after epoch, until the training ends or Ctrl-C ends it, and say why it has."""
    processes = batches.processes
    with (
        training_mode(trainer.model),
        Interrupt(shared=processes.count > 1) as interrupt,
        make_progress(progress and processes.first) as show,
    ):
        processes.watch(interrupt, [trainer.rng, trainer.model, trainer.loss])
        _start(trainer)
        facts = _data(batches, held_out) if processes.count > 1 else {}
        while not trainer.ending and not interrupt.requested:
            state = trainer._epoch_state
            if state is None or not state.fits(batches, batch_size):
                state = EpochState(batches.order(trainer.rng), batch_size)
            trainer._epoch_state = None  # where an error ends the epoch, nothing is left of it
            number = trainer.epochs_done + 1
            _check_same(trainer, **_facts(trainer, state), **facts)
            show.begin(number, trainer._goal, batches.steps, state.steps)
            processes.part_ways(number, state.steps)
            row = run_steps(trainer, batches, state, weigh, show, interrupt)
            processes.meet()
            check_parameters(trainer.model, f"epoch {number}", trainer.saved)
            trainer._epoch_state = state
            if interrupt.requested:
                break
            if held_out is not None:
                held = score(trainer, held_out, interrupt)
                if held is None:
                    break
                row |= {f"validation_{name}": value for name, value in held.items()}
            trainer._epoch_state = None
            row["lr"] = float(getattr(trainer.optimizer, "lr", np.nan))
            trainer.history.append(row | state.norms)
            if trainer.schedule is not None:
                trainer.schedule.step(trainer.optimizer, row.get("validation_loss", row["loss"]))
            _tell(trainer, "on_epoch")
            show.end(row)
        _check_same(trainer)
        trainer._reason = processes.any_text(trainer._reason)  # of a step that was interrupted too
        _end(trainer, interrupt.requested and not trainer.ending, show)


def _start(trainer: Any) -> None:
    """Bring back what was saved, and let the schedule and the callbacks begin."""
    # Not a number, until a component has written one there.
    flat = np.full_like(trainer.model.parameters, np.nan)
    trainer._gradients = Gradients(trainer.model.layout, flat)
    apply_waiting(trainer)
    if hasattr(trainer.schedule, "start"):
        trainer.schedule.start(trainer.optimizer)
    if trainer._processes.count > 1:
        _check_shared(trainer)
    _tell(trainer, "on_start")
    trainer._sources, trainer._settled = Sources([trainer.rng, trainer.model, trainer.loss]), False


def _tell(trainer: Any, event: str) -> None:
    """Call the callbacks, and what saves when all processes know whether the training ends."""
    processes = trainer._processes
    saving = [one for one in trainer._callbacks if isinstance(one, ModelCheckpoint)]
    for callback in trainer._callbacks[: len(trainer._callbacks) - len(saving)]:
        getattr(callback, event)(trainer)
    trainer._reason = processes.any_text(trainer._reason)
    for callback in saving:  # which stand last
        getattr(callback, event)(trainer)
    trainer._told = processes.from_first(lambda: trainer.saved)


def _check_shared(trainer: Any) -> None:
    """Raise `ArgumentError` where something is not made for several processes."""
    for metric in trainer.metrics:
        if type(metric).merge is Metric.merge:
            metric.merge({})  # which says what is missing
    if not isinstance(trainer.step, TrainStep):
        raise ArgumentError(
            f"{trainer.step!r} as the step of several processes",
            "a TrainStep, whose differentiate adds up their gradients",
            "derive its class from handgrad.training.TrainStep",
        )


def _data(batches: Batches, held_out: Batches | None) -> dict[str, Any]:
    """Return what is to be the same of the data; of the rows a few, for there may be many."""
    held = "none" if held_out is None else checksum(held_out.some())
    return {
        "rows": batches.rows or "an unknown number",
        "rows with the checksum": checksum(batches.some()),
        "validation rows with the checksum": held,
    }


def _facts(trainer: Any, state: EpochState) -> dict[str, Any]:
    """Return what is to be the same in all processes before an epoch, by the words for it."""
    return {
        "epochs done": trainer.epochs_done,
        "epochs": trainer._goal,
        "steps done": state.steps,
        "a batch size of": state.batch_size,
        "the optimizer": _said(trainer.optimizer),
        "the loss": _said(trainer.loss),
        "the schedule": _said(trainer.schedule),
        "the step": _said(trainer.step),
        "the metrics": ", ".join(metric.name for metric in trainer.metrics) or "none",
    }


def _said(thing: Any) -> str:
    """Return the repr of something, without where it lies in the memory of this process."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))


def _check_same(trainer: Any, **facts: Any) -> None:
    """Raise `ArgumentError` where several processes do not train the same model in the same way."""
    model = trainer.model
    if trainer._processes.count > 1:
        arrays = (model.parameters, *(buffer.array for buffer in buffers(model)))
        trainer._processes.check_same(arrays, **facts)


def _end(trainer: Any, interrupted: bool, progress: Progress) -> None:
    """Say why the training has ended, to the history, the callbacks and the screen."""
    history, done = trainer.history, trainer.epochs_done
    history.interrupted = interrupted
    _tell(trainer, "on_end")
    if interrupted:
        history.ended = f"stopped by Ctrl-C after {reached(trainer)}; {trainer.saved}"
    else:
        history.ended = trainer._reason or f"{done} epoch{'' if done == 1 else 's'} done"
    progress.say(history.ended)

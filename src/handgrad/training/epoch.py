"""One epoch: the steps of a training, and nothing in them that a step does not need."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from inspect import signature
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from handgrad.component import Array
from handgrad.errors import ArgumentError, TrainingError
from handgrad.randomness import Sources
from handgrad.training.batches import Batches
from handgrad.training.finite import all_finite, find_culprit, training_error
from handgrad.training.flight import Average, Flight, gradient_norms
from handgrad.training.interrupt import Interrupt
from handgrad.training.metrics import Metric
from handgrad.training.parts import evaluating
from handgrad.training.progress import Progress

if TYPE_CHECKING:
    from handgrad.training.trainer import Trainer

__all__ = ["run_steps", "score"]

_QUIET = {"over": "ignore", "invalid": "ignore", "divide": "ignore"}
"""What is not finite is found by a look at the loss and the gradient, not by NumPy's warnings."""


def loss_of(loss: Any, predictions: Array, targets: Array, weights: Array | None) -> Any:
    """Return the loss, of weighted rows where there are weights, which not every loss knows."""
    if weights is None:
        return loss(predictions, targets)
    try:
        return loss(predictions, targets, weights)
    except TypeError as error:
        try:
            signature(loss).bind(predictions, targets, weights)
        except TypeError:
            raise ArgumentError(
                f"weights for {loss!r}",
                "a loss that can be called with predictions, targets and weights",
                "leave the weights out, or give the loss a third argument",
            ) from error
        raise


def results(average: Average, metrics: Sequence[Metric]) -> dict[str, Any]:
    """Return the loss and the metrics by name."""
    return {"loss": average.value, **{metric.name: metric.result() for metric in metrics}}


def run_steps(
    trainer: Trainer,
    batches: Batches,
    flight: Flight,
    weigh: Callable[[Array, Any], Array] | None,
    hooks: Sequence[Callable[[Trainer], None]],
    progress: Progress,
    interrupt: Interrupt,
) -> dict[str, Any]:
    """Train for an epoch, or for what is left of it, or until Ctrl-C.

    Parameters
    ----------
    trainer
        Whose model is trained.
    batches
        The batches.
    flight
        How much of the epoch is done; brought up to date when this returns.
    weigh
        Gives the rows' weights their classes' weights.
    hooks
        What is called after each step.
    progress
        What shows it.
    interrupt
        Whether there was a Ctrl-C.

    Returns
    -------
    dict of str to float or Array
        The loss and the metrics.

    Raises
    ------
    TrainingError
        A loss or a gradient was not finite. The parameters are those before that step.
    """
    model, loss, metrics = trainer.model, trainer.loss, trainer.metrics
    update, forward, backward = trainer.optimizer.update, model.forward, model.backward
    parameters, gradients = model.parameters, trainer._gradients
    flat, dot, isfinite, clock = gradients.flat, np.vdot, math.isfinite, perf_counter
    average = Average(loss)
    average.total, average.rows = flight.total, flight.rows
    for i, metric in enumerate(metrics):
        metric.reset()
        if flight.steps:
            metric.load_state_dict(flight.metrics[i])
    sources = Sources([trainer.rng, model, loss])
    settled = False
    step, rows_before, due = flight.steps, flight.rows, progress.due

    with np.errstate(**_QUIET):  # type: ignore[arg-type]
        for x, y, weights in batches.run(flight.order, step):
            if weigh is not None:
                weights = weigh(y, weights)
            before = sources.now()
            predictions = forward(x)
            value = loss_of(loss, predictions, y, weights)
            backward(loss.grad(), gradients)
            if not settled:  # from now on only those states are read that a step changes
                before, settled = sources.keep_changed(before), True
            # A square that overflows is no reason to stop, if what is squared is finite.
            if not (isfinite(value) and (isfinite(dot(flat, flat)) or all_finite(flat))):
                sources.go_back(before)
                raise _stopped(trainer, flight, step, value, (x, y, weights))
            update(parameters, flat)
            step += 1
            average.add(float(value), len(x))
            for metric in metrics:
                metric.update(predictions, y)
            if hooks:
                trainer.step = step
                for hook in hooks:
                    hook(trainer)
            if clock() >= due:
                rows = average.rows - rows_before
                progress.step(step, rows, results(average, metrics))
                due = progress.due
            if interrupt.requested:
                break
    _some_rows(average)
    if step > flight.steps:
        flight.norms = gradient_norms(gradients)
    trainer.step = flight.steps = step
    flight.total, flight.rows = average.total, average.rows
    flight.metrics = [metric.state_dict() for metric in metrics]
    progress.count(step, average.rows - rows_before)
    return results(average, metrics)


def _some_rows(average: Average) -> None:
    if not average.rows:
        raise ArgumentError(
            "an iterable without batches", "at least one batch (x, y)", "yield some batches"
        )


def _stopped(
    trainer: Trainer, flight: Flight, step: int, value: Any, batch: tuple[Any, Any, Any]
) -> TrainingError:
    """Return the error for a step whose loss or gradient is not finite."""
    rows = None
    if flight.order is not None:
        rows = flight.order[step * flight.batch_size :]
    culprit = find_culprit(trainer.model, trainer.loss, *batch, rows=rows)
    where = f"epoch {trainer.epochs_done + 1}, step {step + 1}"
    return training_error(where, value, culprit, trainer.saved)


def score(
    trainer: Trainer,
    batches: Batches,
    interrupt: Interrupt | None = None,
) -> dict[str, Any] | None:
    """Return the loss and the metrics over some batches, in evaluation mode.

    Within a training, that is with `interrupt`, a loss that is not finite is an error.

    Parameters
    ----------
    trainer
        Whose model, loss and metrics are used.
    batches
        The batches.
    interrupt
        Whether there was a Ctrl-C, after which nothing is returned.

    Returns
    -------
    dict of str to float or Array, or None
        The loss and the metrics by name.

    Raises
    ------
    TrainingError
        A loss was not finite, within a training.
    """
    model, loss, metrics = trainer.model, trainer.loss, trainer.metrics
    average = Average(loss)
    under_way = [metric.state_dict() for metric in metrics]  # a callback may ask during an epoch
    for metric in metrics:
        metric.reset()
    with evaluating(model), np.errstate(**_QUIET):  # type: ignore[arg-type]
        for x, y, weights in batches.run(None):
            predictions = model.forward(x)
            value = loss_of(loss, predictions, y, weights)
            average.add(float(value), len(x))
            for metric in metrics:
                metric.update(predictions, y)
            if interrupt is not None and interrupt.requested:
                return None
            if interrupt is not None and not math.isfinite(value):
                where = f"the validation after epoch {trainer.epochs_done + 1}"
                culprit = find_culprit(model, loss, x, y, weights)
                raise training_error(where, value, culprit, trainer.saved)
    _some_rows(average)
    found = results(average, metrics)
    for metric, state in zip(metrics, under_way, strict=True):
        metric.load_state_dict(state)
    return found

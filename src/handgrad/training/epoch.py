"""One epoch: the steps of a training, and nothing in them that a step does not need."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import ArgumentError, ShapeError, TrainingError
from handgrad.modes import evaluating
from handgrad.training.batches import Batches
from handgrad.training.callbacks.order import overridden
from handgrad.training.epoch_state import Average, EpochState, gradient_norms
from handgrad.training.finite import all_finite, find_culprit, find_unwritten, training_error
from handgrad.training.foreign_loss import as_loss, weighted
from handgrad.training.interrupt import Interrupt
from handgrad.training.metrics import Metric
from handgrad.training.metrics.gathering import GatheringMetric
from handgrad.training.metrics.metric import measured
from handgrad.training.processes import Processes
from handgrad.training.progress import Progress
from handgrad.training.step import Refused, largest_loss
from handgrad.walk import buffers

__all__ = ["predictions", "run_steps", "score"]

_QUIET = {"over": "ignore", "invalid": "ignore", "divide": "ignore"}
"""What is not finite is found by a look at the loss and the gradient, not by NumPy's warnings."""


def results(average: Average, metrics: Sequence[Metric]) -> dict[str, Any]:
    """Return the loss and the metrics by name."""
    return {"loss": average.value, **{metric.name: measured(metric) for metric in metrics}}


def merged(average: Average, metrics: Sequence[Metric], processes: Processes) -> dict[str, Any]:
    """Return in all processes the results of what they have gathered, which the first adds up."""
    if processes.count > 1:
        for others in processes.to_first([metric.state_dict() for metric in metrics]):
            for metric, state in zip(metrics, others, strict=True):
                metric.merge(state)
    return dict(processes.from_first(lambda: results(average, metrics)))


def run_steps(
    trainer: Any,
    batches: Batches,
    state: EpochState,
    weigh: Callable[[Array, Array, Any], Array] | None,
    progress: Progress,
    interrupt: Interrupt,
) -> dict[str, Any]:
    """Train for an epoch, or for what is left of it, or until Ctrl-C; return loss and metrics.

    Where that ends with a `TrainingError`, the parameters are those before the last step.
    """
    model, metrics = trainer.model, trainer.metrics
    hooks = overridden(trainer._callbacks, "on_step")
    take, gradients, clock = trainer.step, trainer._gradients, perf_counter
    processes = batches.processes
    average = Average(trainer.loss, state.total, state.count)
    for i, metric in enumerate(metrics):
        metric.reset()
        # Not where one has joined since the epoch began; and what all have gathered, the first has.
        if i < len(state.metrics) and processes.first:
            metric.load_state_dict(state.metrics[i])
    take.load_state_dict(state.step)
    take.start(trainer, gradients, weigh)
    sources, updated = trainer._sources, False
    first = trainer._first_loss
    step, rows, due = state.steps, 0, progress.due

    with np.errstate(**_QUIET):  # type: ignore[arg-type]
        for x, y, weights in batches.run(state.order, step):
            before = sources.now()
            try:
                value, count, said = take(x, y, weights)
            except Refused as refused:
                sources.go_back(before)
                raise _stopped(trainer, state, step, refused.value, (x, y, weights)) from None
            here = said is not None  # whether this process has rows of the batch
            if not trainer._settled and here:  # only states that a step changes are read from now
                sources.keep_changed(before)
                trainer._settled = True
            if first is None and count:  # of a batch in which nothing counts the loss is 0
                first = trainer._first_loss = value
                take.limit = largest_loss(value)
            step += 1
            rows += len(y) * processes.count
            average.add(value, count)
            for metric in metrics if here else ():
                weighted(metric.update, metric, said, y, weights)
            if hooks:
                trainer.steps_done = step
                for hook in hooks:
                    hook(trainer)
            if clock() >= due:
                # Not those that look at all rows at once: a part may be none of their business.
                shown = [metric for metric in metrics if not isinstance(metric, GatheringMetric)]
                progress.step(step, rows, results(average, shown))
                due = progress.due
            if interrupt.requested:
                break
        else:
            _some(step)
            updated = take.finish()
    if updated or step > state.steps:
        state.norms = gradient_norms(model, gradients.flat)
    if model.has_buffers:
        processes.average(buffer.array for buffer in buffers(model))
    found = merged(average, metrics, processes)
    trainer.steps_done = state.steps = step
    state.total, state.count = average.total, average.count
    state.metrics = [metric.state_dict() for metric in metrics]
    state.step = take.state_dict()
    progress.count(step, rows)
    return found


def _some(batches: int) -> None:
    if not batches:
        raise ArgumentError(
            "an iterable without batches", "at least one batch (x, y)", "yield some batches"
        )


def _stopped(
    trainer: Any, state: EpochState, step: int, value: float, batch: tuple[Any, Any, Any]
) -> TrainingError:
    """Return the error for a step that was refused."""
    processes = trainer._processes
    where = f"epoch {trainer.epochs_done + 1}, step {step + 1}{processes.where}"
    if largest_loss(trainer._first_loss) < value < math.inf and all_finite(batch[1]):
        return TrainingError(
            f"a loss of {value:.6g} in {where}, where it was {trainer._first_loss:.6g} at first: "
            "the training has diverged",
            "a loss that does not grow a hundred million times as large",
            f"try a smaller learning rate, or max_norm=1.0 for the optimizer; {trainer.saved}",
        )
    rows = None
    if state.order is not None:
        rows = state.order[step * state.batch_size :][: state.batch_size]
        rows = rows[processes.share(len(rows))]
    culprit = find_culprit(trainer.model, as_loss(trainer.loss), *batch, rows=rows)
    if culprit is None and math.isfinite(value):
        culprit = find_unwritten(trainer.model, trainer._gradients.flat)
    return training_error(where, value, culprit, trainer.saved)


def score(trainer: Any, batches: Batches, interrupt: Any = None) -> dict[str, Any] | None:
    """Return the loss and the metrics over some batches, in evaluation mode; None after Ctrl-C.

    Nothing is written to the model or the metrics, so that several threads may do this at once.
    Within a training, which is where there is an `interrupt`, the loss must be finite.
    """
    model, loss, metrics = trainer.model, as_loss(trainer.loss), copy.deepcopy(trainer.metrics)
    average, done, processes = Average(loss), 0, batches.processes
    for metric in metrics:
        metric.reset()
    with evaluating(), np.errstate(**_QUIET):  # type: ignore[arg-type]
        for x, y, weights in batches.run(None):
            if processes.count == 1 or len(y):
                said, _ = model.apply(x)
                value = float(weighted(loss.apply, loss, said, y, weights)[0])
                average.add(value, loss.count(said, y, weights))
                for metric in metrics:
                    weighted(metric.update, metric, said, y, weights)
                if interrupt is not None and not math.isfinite(value):
                    where = f"the validation after epoch {trainer.epochs_done + 1}"
                    culprit = find_culprit(model, loss, x, y, weights)
                    raise training_error(where + processes.where, value, culprit, trainer.saved)
            done += 1
            processes.add_up(step=True)
            if interrupt is not None and interrupt.requested:
                return None
    _some(done)
    average.total, average.count = processes.add_up(average.total, average.count)
    return merged(average, metrics, processes)


def predictions(trainer: Any, batches: Batches) -> Array:
    """Return what the model says of some batches, in evaluation mode; nothing is written to it."""
    with evaluating():
        # Copies, since an output may be the very buffer that the next inputs go into.
        outputs = [trainer.model.apply(x)[0].copy() for x, _, _ in batches.run(None)]
    _some(len(outputs))
    shapes = {y.shape[1:]: None for y in outputs}
    if len(shapes) > 1:
        raise ShapeError(
            f"outputs of shapes {', '.join(map(str, shapes))} for the rows of several batches",
            "rows of one shape, which are put together into one array",
            "pad all batches to one length, or predict each by itself",
        )
    return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

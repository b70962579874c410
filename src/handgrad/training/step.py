"""What a training does with one batch; a step of another kind can take its place."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from handgrad.arguments import Array, positive_size
from handgrad.errors import ArgumentError
from handgrad.heap import make_room
from handgrad.optimizers import Optimizer
from handgrad.optimizers.checks import load_numbers, load_vectors
from handgrad.training.callbacks.order import overridden
from handgrad.training.foreign_loss import as_loss, weighted

__all__ = ["AccumulateGradients", "Refused", "Result", "TrainStep", "largest_loss"]


_TAKEN = {
    *("trainer", "gradients", "weigh", "model", "optimizer", "loss"),
    *("parameters", "limit", "processes", "_first", "_flat", "_hooks", "_open", "_keeps"),
}


def largest_loss(first: float | None) -> float:
    """Return the largest loss of a training that has not diverged, given the loss at first."""
    return sys.float_info.max if first is None else 1e8 * max(first, 1.0)


class Refused(Exception):  # noqa: N818 (the loop turns it into an error that says why)
    """A step whose loss or gradient is not what one could go on from; nothing was changed."""

    def __init__(self, value: float) -> None:
        self.value = value


class Result(NamedTuple):
    """What came out of a batch."""

    value: float  # of the loss
    weight: float  # by how much it counts in a mean over several batches
    predictions: Array | None  # None where this process has no rows of the batch


class TrainStep:
    """Forward pass, loss, backward pass, a look at whether all is well, and the update.

    It is made of three methods, of which another kind of step is made too.

    Attributes
    ----------
    trainer : Trainer
        Whose step it is.
    gradients : Gradients
        Of the last batch; ``gradients.flat`` is one vector.
    parameters : Array, (P,)
        The model's.
    limit : float
        The largest loss that `accept` takes.

    Examples
    --------
    A step whose gradient has noise added to it, once it is known to be finite:

    >>> class Noisy(TrainStep):
    ...     def __call__(self, x, y, weights):
    ...         result, saved = self.differentiate(x, y, weights)
    ...         self.accept(result.value, saved)
    ...         flat = self.gradients.flat
    ...         flat += 0.01 * self.trainer.rng.standard_normal(flat.shape)
    ...         self.update()
    ...         return result
    >>> from handgrad import Linear, Model, MSELoss
    >>> from handgrad.optimizers import SGD
    >>> from handgrad.training import Trainer
    >>> rng = np.random.default_rng(0)
    >>> model = Model([Linear(1, 1, rng=rng)])
    >>> trainer = Trainer(model, MSELoss(), SGD(lr=0.1), step=Noisy(), rng=rng)
    >>> x = np.linspace(0, 1, 40)[:, None]
    >>> trainer.fit(x, 2 * x, epochs=30, progress=False)["loss"][-1] < 0.1
    True
    """

    def start(self, trainer: Any, gradients: Any, weigh: Any) -> None:
        """Take hold of what a step works with, at the beginning of an epoch.

        Parameters
        ----------
        trainer
            Whose step it is.
        gradients
            Where the gradients go.
        weigh
            Gives the sample weights their classes' weights; None where those have none.
        """
        self.trainer, self.gradients, self.weigh = trainer, gradients, weigh
        self.model, self.optimizer = trainer.model, trainer.optimizer
        self.loss, self.processes = as_loss(trainer.loss), trainer._processes
        self.parameters, self._flat = self.model.parameters, gradients.flat
        if self.model.layout.groups.frozen and not isinstance(self.optimizer, Optimizer):
            raise ArgumentError(
                f"{self.optimizer!r} for a model with {self.model.layout.groups.frozen} parameters",
                "an optimizer that leaves what is frozen as it is",
                "derive its class from handgrad.optimizers.Optimizer, or unfreeze the model",
            )
        self._hooks = overridden(trainer._callbacks, "on_gradients")
        # Whether somebody may put another array into a gradient's place before the update.
        self._open = bool(self._hooks) or type(self).__call__ is not TrainStep.__call__
        self._keeps = self.model.has_buffers
        self._first = True
        self.limit = largest_loss(trainer._first_loss)

    def __call__(self, x: Any, y: Array, weights: Array | None) -> Result:
        """Take the step.

        Raises
        ------
        Refused
            The loss or the gradient is not finite, or the loss has diverged.
        """
        result, saved = self.differentiate(x, y, weights)
        self.accept(result.value, saved)
        self.update()
        return result

    def differentiate(self, x: Any, y: Array, weights: Array | None) -> tuple[Result, Any]:
        """Run forwards and backwards; ``self.gradients`` then are the loss' gradients.

        Where several processes train together, loss, weight and gradients are those of the whole
        batch, and the predictions those of this process' rows.

        Returns
        -------
        Result
            What came out.
        saved
            For `accept`.
        """
        result, saved = self._differentiate(x, y, weights)
        together = self.processes
        if together.count > 1 and not self._finite(result.value):
            raise Refused(result.value)  # here, where there is the batch that it is of
        value, weight = together.average_gradient(*result[:2], self._flat, self.loss.average)
        return result._replace(value=value, weight=weight), saved

    def _differentiate(self, x: Any, y: Array, weights: Array | None) -> tuple[Result, Any]:
        """Differentiate the loss of this process' rows."""
        if self.processes.count > 1 and not len(y):
            self._flat[...] = 0
            return Result(0.0, 0.0, None), None
        model, loss = self.model, self.loss
        predictions, saved = model.apply(x)
        if self._first:
            self._first = False
            make_room(predictions, saved)
        if self.weigh is not None:
            weights = self.weigh(predictions, y, weights)
        value, kept = weighted(loss.apply, loss, predictions, y, weights)
        model.backpropagate(loss.pullback(kept), saved, self.gradients)
        return Result(float(value), loss.count(predictions, y, weights), predictions), saved

    def accept(self, value: float, saved: Any) -> None:
        """Do to the model's buffers what the pass does, or refuse the step.

        Raises
        ------
        Refused
            The loss or the gradient is not finite, or the loss has diverged.
        """
        if not value <= self.limit or not self._finite(value):
            raise Refused(value)
        if self._keeps and saved is not None:
            self.model.update_buffers(saved)

    def _finite(self, value: float) -> bool:
        """Return whether the loss and all of the gradient are finite."""
        flat = self._flat
        # A square that overflows is no reason to stop, if what is squared is finite.
        return math.isfinite(value) and bool(
            math.isfinite(np.vdot(flat, flat)) or np.isfinite(flat).all()
        )

    def update(self) -> None:
        """Let the callbacks see the gradients, and update the parameters with them."""
        if self._open:
            for hook in self._hooks:
                hook(self.trainer, self.gradients)
            self.gradients.settle()
        self.optimizer.update(self.parameters, self._flat)

    def finish(self) -> bool:
        """Do what is left to do at the end of an epoch, and return whether there was an update."""
        return False

    def __getstate__(self) -> dict[str, Any]:
        # What `start` takes hold of are others' things, and some of them cannot be pickled.
        return {name: value for name, value in vars(self).items() if name not in _TAKEN}

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training needs to know, JSON values and arrays."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class AccumulateGradients(TrainStep):
    r"""Update only after several batches, as if they had been one.

    .. math:: g = \frac{\sum_b c_b \, g_b}{\sum_b c_b}

    where :math:`c_b` is what batch :math:`b` counts in a mean, its rows or the sum of its weights;
    where the loss is a sum, so is :math:`g`. What is left at the end of an epoch is one update
    more. Buffers are updated with every batch.

    Parameters
    ----------
    batches : int
        How many batches an update has.

    Raises
    ------
    ArgumentError
        It is not a positive integer.

    Examples
    --------
    >>> from handgrad import Linear, Model, MSELoss
    >>> from handgrad.optimizers import SGD
    >>> from handgrad.training import Trainer
    >>> x = np.linspace(0, 1, 40)[:, None]
    >>> trainer = Trainer(
    ...     Model([Linear(1, 1)]), MSELoss(), SGD(lr=0.1), step=AccumulateGradients(4)
    ... )
    >>> _ = trainer.fit(x, 2 * x, epochs=1, batch_size=8, progress=False)
    >>> trainer.optimizer.steps
    2
    """

    def __init__(self, batches: int) -> None:
        self.batches = positive_size(batches, "batches", "AccumulateGradients")
        self._sum: Array | None = None
        self._count, self._done = 0.0, 0

    def start(self, trainer: Any, gradients: Any, weigh: Any) -> None:
        super().start(trainer, gradients, weigh)
        fits = self._sum is None or self._sum.shape == self._flat.shape
        if not fits or self._done >= self.batches:
            raise ArgumentError(
                f"a state after {self._done} batches for {self!r}",
                f"one with fewer than {self.batches}, of a model with as many parameters",
                "make the step with the argument that the state was saved with",
            )

    def __call__(self, x: Any, y: Array, weights: Array | None) -> Result:
        result, saved = self.differentiate(x, y, weights)
        self.accept(result.value, saved)
        share = result.weight if self.loss.average else 1.0
        total = share * self._flat
        self._sum = total if self._sum is None else self._sum + total
        self._count += share
        self._done += 1
        if self._done == self.batches:
            self.finish()
        return result

    def finish(self) -> bool:
        if self._sum is None:
            return False
        divisor = (self._count or 1.0) if self.loss.average else 1.0
        np.divide(self._sum, divisor, out=self._flat)
        self._sum, self._count, self._done = None, 0.0, 0
        self.update()
        return True

    def state_dict(self) -> dict[str, Any]:
        if self._sum is None:
            return {}
        return {"sum": self._sum, "count": self._count, "done": self._done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._sum, self._count, self._done = None, 0.0, 0
        if state:
            numbers = load_numbers(state, self, {"count": float, "done": int})
            self._sum = load_vectors({"sum": state.get("sum")}, self, ["sum"])["sum"]
            self._count, self._done = numbers["count"], numbers["done"]

    def __repr__(self) -> str:
        return f"AccumulateGradients({self.batches})"

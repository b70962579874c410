"""The trainer: a model, a loss and an optimizer, and the loop that brings them together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from handgrad import checkpoint
from handgrad.arguments import positive_size
from handgrad.component import Array
from handgrad.errors import ArgumentError
from handgrad.flat import Gradients
from handgrad.model import Model
from handgrad.training.batches import Batches, make_batches
from handgrad.training.callbacks import Callback, Checkpoint
from handgrad.training.callbacks.order import check_callbacks
from handgrad.training.class_weights import class_weighter
from handgrad.training.epoch import run_steps, score
from handgrad.training.finite import check_parameters
from handgrad.training.flight import Flight
from handgrad.training.history import History
from handgrad.training.interrupt import Interrupt
from handgrad.training.metrics.metric import check_metrics
from handgrad.training.parts import evaluating, restoring_modes
from handgrad.training.progress import Progress, make_progress
from handgrad.training.randomness import default_generator
from handgrad.training.state import METRICS, apply_waiting, fill_trainer, state_of

__all__ = ["Trainer"]


class Trainer:
    r"""Trains a model: batch by batch, epoch by epoch, and goes on after a break where it was.

    Parameters
    ----------
    model : Model
        What is trained.
    loss : Loss
        How far its predictions are from the targets; any object with the exercise's calls.
    optimizer : Optimizer
        How its parameters change.
    metrics : iterable of Metric
        What else is measured, in training and validation.
    schedule : Schedule, optional
        How the learning rate changes from epoch to epoch; a `ReduceOnPlateau` sees the validation
        loss, or the training loss where there is none.
    rng : numpy.random.Generator, optional
        Shuffles the rows, with one ``rng.permutation(N)`` at the beginning of each epoch. Where it
        is None, a generator that is seeded from NumPy's global state.

    Attributes
    ----------
    history : History
        The values of all epochs so far.
    epochs_done : int
        How many epochs are done.
    step : int
        How many steps of the epoch are done; brought up to date for callbacks.
    extra : dict
        What is to be saved beside the rest: JSON values and arrays, by name. Yours.

    Raises
    ------
    ArgumentError
        Something is not what it should be.

    Notes
    -----
    **What a step is.** Forward pass, loss, backward pass, a look at whether the loss and the
    gradient are finite, update of the parameters, metrics. The metrics of an epoch in training
    are taken on the way, in training mode, while the parameters change; those of the validation
    after the epoch, in evaluation mode.

    **The loss of a set** is what the loss would be for all of its rows at once: the mean of the
    batches' losses by their numbers of rows, or their sum where the loss has ``average=False``.

    **Reproducible.** The same seeds, data and arguments give the same parameters, bit for bit, on
    the same machine with the same number of threads; so do an interrupted training that goes on
    and one that was never interrupted.

    **Precision.** A batch's inputs are converted to the type of the model's parameters.

    Examples
    --------
    >>> from handgrad import CrossEntropy, Linear, Model, ReLU
    >>> from handgrad.optimizers import Adam
    >>> from handgrad.training import Accuracy, Trainer
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((300, 2))
    >>> y = (x[:, 0] > x[:, 1]).astype(int)
    >>> model = Model([Linear(2, 16, rng=rng), ReLU(), Linear(16, 2, rng=rng)])
    >>> trainer = Trainer(model, CrossEntropy(), Adam(lr=0.01), metrics=[Accuracy()], rng=rng)
    >>> history = trainer.fit(x, y, epochs=20, batch_size=32, progress=False)
    >>> history["accuracy"][-1] > 0.97
    True
    >>> trainer.predict([[3.0, 1.0], [1.0, 3.0]]).argmax(axis=1)
    array([1, 0])
    """

    def __init__(
        self,
        model: Model,
        loss: Any,
        optimizer: Any,
        *,
        metrics: Iterable[Any] = (),
        schedule: Any = None,
        rng: np.random.Generator | None = None,
    ) -> None:
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
        ):
            missing = [name for name in methods if not hasattr(thing, name)]
            if isinstance(thing, type) or (missing and not (role == "schedule" and thing is None)):
                raise ArgumentError(
                    f"{thing!r} as the {role} of a Trainer",
                    f"an object with {' and '.join(methods)}",
                    "make an object of the class first, with brackets behind its name",
                )
        if rng is not None and not isinstance(rng, np.random.Generator):
            raise ArgumentError(
                f"rng={rng!r} for a Trainer",
                "a numpy.random.Generator",
                "write rng=np.random.default_rng(seed)",
            )
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.metrics, self.schedule = check_metrics(metrics), schedule
        self.rng = default_generator() if rng is None else rng
        self.history = History()
        self.extra: dict[str, Any] = {}
        self.step = 0
        self._flight: Flight | None = None  # the epoch that Ctrl-C has interrupted
        self._callbacks: list[Callback] = []
        self._goal, self._reason = 0, ""
        # What was saved and waits for `fit`: the callbacks' states, and NumPy's global one.
        self._waiting: dict[str, Any] = {}

    @property
    def epochs_done(self) -> int:
        """How many epochs are done."""
        return self.history.epochs

    @property
    def ending(self) -> bool:
        """Whether the training ends with this epoch."""
        return bool(self._reason) or self.epochs_done >= self._goal

    @property
    def under_way(self) -> bool:
        """Whether an epoch is under way: begun, and not yet done."""
        return self._flight is not None

    @property
    def saved(self) -> str:
        """A sentence that says where the training is saved, and up to where."""
        checkpoints = [c for c in self._callbacks if isinstance(c, Checkpoint)]
        for callback in checkpoints:
            if callback.saved:
                return f"{callback.folder} holds {callback.saved}"
        if checkpoints:
            return "nothing is saved yet"
        return "nothing is saved, since there is no Checkpoint among the callbacks"

    def stop(self, reason: str = "a callback stopped it") -> None:
        """End the training with this epoch; for callbacks.

        Parameters
        ----------
        reason
            Why, for `History.ended`.
        """
        self._reason = reason

    def fit(
        self,
        x: Any,
        y: npt.ArrayLike | None = None,
        *,
        epochs: int,
        batch_size: int = 128,
        validation_data: Any = None,
        callbacks: Iterable[Any] = (),
        progress: bool = True,
        sample_weight: npt.ArrayLike | None = None,
        class_weight: Mapping[int, float] | npt.ArrayLike | None = None,
    ) -> History:
        """Train until `epochs` epochs are done, counting those of earlier calls.

        So a call with ``epochs=10`` after one with ``epochs=10`` does nothing, one with
        ``epochs=15`` trains for 5 more, and the call that a resumed training needs is the one
        that started it.

        Parameters
        ----------
        x : Array, (N, ...), or iterable
            Inputs: an array, or a `numpy.memmap`, of which no more than a few batches are in
            memory at a time. Or anything that yields batches ``(x, y)`` or ``(x, y, weights)``
            each time it is iterated over; `y` is None then, and shuffling is its own affair.
        y : Array, (N, ...)
            Targets, in the form that the loss expects.
        epochs : int
            After how many epochs, in total, the training ends.
        batch_size : int, default 128
            Rows of a batch; the last batch of an epoch has what is left.
        validation_data
            Held-out data, ``(x, y)`` or ``(x, y, weights)``, or an iterable of such batches.
        callbacks : iterable of Callback or function
            What is done besides. A function is called with the trainer after each epoch.
        progress : bool, default True
            Whether to show a bar in a terminal, or lines elsewhere.
        sample_weight : Array, (N,), optional
            How much each row counts: its terms of the loss are multiplied with it.
        class_weight : mapping or Array, (K,), optional
            The same for each class; in training only, as it is no part of the question how good
            the model is.

        Returns
        -------
        History
            The values of all epochs. ``history.interrupted`` says whether Ctrl-C ended the
            training, which it does after the step that runs; `fit` then goes on from there, and
            so does `resume` if there is a `Checkpoint` among the callbacks. A second Ctrl-C
            raises KeyboardInterrupt at once.

        Raises
        ------
        TrainingError
            A loss or a gradient was not finite. The parameters are as before that step, and what
            was saved last stays.
        ShapeError, DtypeError, ArgumentError
            The data do not fit each other, the model or the loss; or an argument is not what it
            should be.
        """
        self._goal = positive_size(epochs, "epochs", "fit")
        size = positive_size(batch_size, "batch_size", "fit")
        batches = self._batches(x, y, sample_weight, size)
        held_out = None
        if isinstance(validation_data, tuple) and len(validation_data) in (2, 3):
            held_out = self._batches(*validation_data)
        elif validation_data is not None:
            held_out = self._batches(validation_data)
        for each in (batches, held_out):
            if each is not None:
                each.check_passes(self._goal - self.epochs_done)
        weigh = class_weighter(class_weight)
        self._callbacks = check_callbacks(callbacks)
        self._hooks = [
            callback.on_step
            for callback in self._callbacks
            if type(callback).on_step is not Callback.on_step
        ]
        self._gradients = Gradients(self.model.layout, np.empty_like(self.model.parameters))
        self._reason, self.history.interrupted, self.history.ended = "", False, ""
        with restoring_modes(self.model), Interrupt() as interrupt, make_progress(progress) as show:
            self.model.train()
            apply_waiting(self)
            if hasattr(self.schedule, "start"):
                self.schedule.start(self.optimizer)
            for callback in self._callbacks:
                callback.on_start(self)
            while not self.ending and not interrupt.requested:
                self._epoch(batches, held_out, size, weigh, show, interrupt)
            self._end(interrupt.requested and not self.ending, show)
        return self.history

    def _epoch(
        self,
        batches: Batches,
        held_out: Batches | None,
        size: int,
        weigh: Any,
        show: Progress,
        interrupt: Interrupt,
    ) -> None:
        """Train for one epoch, or for the rest of one, and record it; or stop on the way."""
        flight = self._flight
        if flight is None or not flight.fits(batches, size):
            flight = Flight(batches.order(self.rng), size)
        self._flight = None  # where an error ends the epoch there is nothing to go on with
        number = self.epochs_done + 1
        show.begin(number, self._goal, batches.steps, flight.steps)
        row = run_steps(self, batches, flight, weigh, self._hooks, show, interrupt)
        check_parameters(self.model, f"epoch {number}", self.saved)
        self._flight = flight
        if interrupt.requested:
            return
        if held_out is not None:
            held = score(self, held_out, interrupt=interrupt)
            if held is None:
                return
            row |= {f"validation_{name}": value for name, value in held.items()}
        self._flight = None
        row["lr"] = float(getattr(self.optimizer, "lr", np.nan))
        self.history.append(row | flight.norms)
        if self.schedule is not None:
            self.schedule.step(self.optimizer, row.get("validation_loss", row["loss"]))
        for callback in self._callbacks:
            callback.on_epoch(self)
        show.end(row)

    def _end(self, interrupted: bool, show: Progress) -> None:
        """Say why the training has ended, to the history, the callbacks and the screen."""
        history, done = self.history, self.epochs_done
        history.interrupted = interrupted
        for callback in self._callbacks:
            callback.on_end(self)
        if interrupted:
            where = f"after step {self.step} of epoch {done + 1}" if self.under_way else ""
            history.ended = f"stopped by Ctrl-C {where or f'after epoch {done}'}; {self.saved}"
        else:
            history.ended = self._reason or f"{done} epoch{'' if done == 1 else 's'} done"
        show.say(history.ended)

    def evaluate(
        self,
        x: Any,
        y: npt.ArrayLike | None = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
        batch_size: int = 512,
    ) -> dict[str, Any]:
        """Return the loss and the metrics on some data, in evaluation mode.

        Parameters
        ----------
        x, y, sample_weight
            The data, in any of the forms that `fit` takes.
        batch_size : int, default 512
            How many rows go through the model at a time.

        Returns
        -------
        dict of str to float or Array
            By name.

        Raises
        ------
        ShapeError, DtypeError, ArgumentError
            The data do not fit.
        """
        rows = positive_size(batch_size, "batch_size", "evaluate")
        found = score(self, self._batches(x, y, sample_weight, rows))
        assert found is not None  # nobody interrupts it
        return found

    def predict(self, x: Any, *, batch_size: int = 512) -> Array:
        """Return what the model says, in evaluation mode.

        Parameters
        ----------
        x : Array, (N, ...), or iterable
            Inputs, or anything that yields batches of them; targets beside them are left aside.
        batch_size : int, default 512
            How many rows go through the model at a time.

        Returns
        -------
        Array, (N, ...)
            The outputs.

        Raises
        ------
        ShapeError, DtypeError, ArgumentError
            The data do not fit.
        """
        rows = positive_size(batch_size, "batch_size", "predict")
        batches = make_batches(x, None, None, rows, self.model.parameters.dtype, labelled=False)
        with evaluating(self.model):
            # Copies, since an output may be the very buffer that the next inputs go into.
            outputs = [self.model.apply(inputs)[0].copy() for inputs, _, _ in batches.run(None)]
        if not outputs:
            raise ArgumentError(
                "an iterable without batches", "at least one batch", "yield some batches"
            )
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save the model and the state of the training, so that `resume` can go on from here.

        Parameters
        ----------
        folder : path
            Where; a checkpoint that is there is replaced at once, or stays as it is.

        Raises
        ------
        CheckpointError
            Something can't be saved, or the file system refuses.
        """
        checkpoint.save(folder, self.model, state_of(self))

    @classmethod
    def resume(cls, folder: str | os.PathLike[str], *, classes: Iterable[type] = ()) -> Self:
        """Return the trainer that was saved, ready to go on.

        Its model is that of the last epoch, also where `EarlyStopping` was at work; its `fit` puts
        the best parameters back when it ends.

        Call its `fit` with the arguments of the first time: the same `epochs`, since that counts
        from the beginning, and callbacks of the same kinds in the same order, which then go on
        from their own states. NumPy's global random state is put back when `fit` begins, so that
        what is drawn before, for example to make the data, does not matter.

        Parameters
        ----------
        folder : path
            Where it was saved.
        classes : iterable of type
            Classes of your own that the model, the loss, the optimizer, the schedule or the metrics
            are made of; no others are built.

        Returns
        -------
        Trainer
            With model, loss, optimizer, metrics, schedule, history and random state.

        Raises
        ------
        CheckpointError
            There is no checkpoint, or it is damaged, or it holds a class that was not passed, or
            it was not saved by a trainer.

        Examples
        --------
        >>> import tempfile
        >>> from handgrad import Linear, Model, MSELoss
        >>> from handgrad.optimizers import SGD
        >>> x = np.linspace(0, 1, 40)[:, None]
        >>> trainer = Trainer(Model([Linear(1, 1)]), MSELoss(), SGD(lr=0.1))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = trainer.fit(x, 2 * x, epochs=3, progress=False)
        ...     trainer.save(folder)
        ...     resumed = Trainer.resume(folder)
        >>> resumed.epochs_done
        3
        >>> one, two = (t.fit(x, 2 * x, epochs=5, progress=False) for t in (trainer, resumed))
        >>> one["loss"] == two["loss"]
        True
        """
        return fill_trainer(cls, checkpoint.load(folder, classes=(*METRICS, *classes)))

    def _batches(self, x: Any, y: Any = None, weights: Any = None, size: int = 512) -> Batches:
        return make_batches(x, y, weights, size, self.model.parameters.dtype)

    def __repr__(self) -> str:
        return f"Trainer({self.loss!r}, {self.optimizer!r}, {self.epochs_done} epochs done)"

"""The trainer: a model, a loss and an optimizer, and the loop that brings them together."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from handgrad import checkpoint
from handgrad.arguments import positive_size
from handgrad.model import Model
from handgrad.randomness import check_rng, default_generator
from handgrad.training.asking import Asking
from handgrad.training.batches import Inputs, given_data
from handgrad.training.callbacks import Callback
from handgrad.training.callbacks.model_checkpoint import what_is_saved
from handgrad.training.callbacks.order import check_callbacks
from handgrad.training.class_weight import class_weighter
from handgrad.training.epoch_state import EpochState
from handgrad.training.history import History
from handgrad.training.loop import check_parts, run_epochs
from handgrad.training.metrics.metric import Metric, check_metrics
from handgrad.training.named_metrics import MetricName, made_metrics
from handgrad.training.names import (
    ExerciseLoss,
    LossName,
    OptimizerName,
    Updates,
    loss_named,
    optimizer_named,
)
from handgrad.training.processes import ALONE, Processes, processes_of
from handgrad.training.splitting import hold_out
from handgrad.training.state import CLASSES, fill_trainer, state_of
from handgrad.training.step import TrainStep

__all__ = ["Trainer"]


class Trainer(Asking):
    r"""Trains a model: batch by batch, epoch by epoch, and goes on after a break where it was.

    Parameters
    ----------
    model : Model
        What is trained.
    loss : Loss or str
        How far its predictions are from the targets; any object with the exercise's calls, or a
        name: one of `handgrad.training.names.LossName`, as ``"mse"``.
    optimizer : Optimizer or str
        How its parameters change; or the name of one with its usual learning rate, as ``"adam"``.
    metrics : iterable of Metric, str or function
        What else is measured, in training and validation. A name is one of `MetricName`, and a
        function is called once an epoch with all targets and all that the model has said; a
        checkpoint does not hold it, so a resumed training measures it once it has joined
        ``trainer.metrics`` again, as ``FunctionMetric(function)``.
    schedule : Schedule, optional
        How the learning rate changes from epoch to epoch; a `ReduceOnPlateau` sees the validation
        loss, or the training loss where there is none.
    step : TrainStep, optional
        What is done with a batch: a plain `TrainStep`, or `AccumulateGradients`, or your own.
    rng : numpy.random.Generator, optional
        Shuffles the rows, with one ``rng.permutation(N)`` at the beginning of each epoch. Where it
        is None, a generator that is seeded from NumPy's global state.
    communicator : mpi4py.MPI.Comm, optional
        The processes that train the model together, ``MPI.COMM_WORLD`` for all that ``mpirun`` has
        started. A copy of the trainer has none.

    Attributes
    ----------
    history : History
        The values of all epochs so far.
    epochs_done : int
        How many epochs are done.
    steps_done : int
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
    gradient are finite, update of the buffers, of the parameters, and of the metrics. The metrics
    of an epoch in training are taken on the way, in training mode, while the parameters change;
    those of the validation after the epoch, in evaluation mode.

    **What a refused step leaves.** Where a loss or a gradient is not finite, or the loss is more
    than 10^8 times that of the first step (or 10^8, where that was less than 1), the training ends
    with an error; parameters and buffers are as before that step.

    **The loss of a set** is what the loss would be for all of it at once: the mean of the batches'
    losses by what they count, which is their datapoints or the sum of their weights; or their sum,
    where the loss has ``average=False``. Metrics see the sample weights too, but not the classes'.

    **Threads.** `predict` and `evaluate` write to nothing, the model's mode included.

    **Reproducible.** The same seeds, data and arguments give the same parameters, bit for bit, on
    the same machine with the same number of threads; so do an interrupted training that goes on
    and one that was never interrupted.

    **Several processes.** With a `communicator` each process calls `fit` with the same data, and
    takes its share of the rows of each batch. Their gradients are added up by what their rows
    count, so that parameters, losses and metrics are those of one process, up to rounding; what is
    random within a step, as the masks of `Dropout`, is drawn by each for itself, and anew where a
    training goes on within an epoch. A layer that looks at several rows at once, as `BatchNorm`,
    sees those of its process; buffers become their means over the processes at the end of each
    epoch. The first process alone calls the callbacks that write, shows progress and saves.
    Whatever ends the training of one ends that of all. `predict` and `evaluate` know nothing of it.

    **Inputs.** Floats are converted to the type of the model's parameters, and so are integers,
    unless the model takes integers. A tuple of arrays is one input of several arrays, for a model
    that takes a tuple.

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

    communicator: Any = None
    _processes: Processes = ALONE
    _told = ""  # what the first of several processes has saved

    def __init__(
        self,
        model: Model,
        loss: ExerciseLoss | LossName,
        optimizer: Updates | OptimizerName,
        *,
        metrics: Iterable[Metric | MetricName | Callable[[Any, Any], Any]] = (),
        schedule: Any = None,
        step: TrainStep | None = None,
        rng: np.random.Generator | None = None,
        communicator: Any = None,
    ) -> None:
        self.loss: Any = loss_named(loss) if isinstance(loss, str) else loss
        self.optimizer: Any = (
            optimizer_named(optimizer) if isinstance(optimizer, str) else optimizer
        )
        check_parts(model, self.loss, self.optimizer, schedule, step)
        check_rng(rng, "a Trainer")
        processes_of(communicator)
        self.model, self.schedule = model, schedule
        self.metrics = check_metrics(made_metrics(metrics))
        self.rng = default_generator() if rng is None else rng
        self.history = History()
        self.extra: dict[str, Any] = {}
        self.communicator = communicator
        self.step = TrainStep() if step is None else step
        self.steps_done = 0
        self._first_loss: float | None = None
        self._epoch_state: EpochState | None = None  # the epoch that Ctrl-C has interrupted
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
        return self._epoch_state is not None

    @property
    def saved(self) -> str:
        """A sentence that says where the training is saved, and up to where."""
        return what_is_saved(self._callbacks) if self._processes.first else self._told

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
        validation_split: float | None = None,
        callbacks: Iterable[Any] = (),
        progress: bool = True,
        sample_weight: npt.ArrayLike | None = None,
        class_weight: Mapping[int, float] | npt.ArrayLike | Literal["balanced"] | None = None,
    ) -> History:
        """Train until `epochs` epochs are done, counting those of earlier calls.

        So a call with ``epochs=10`` after one with ``epochs=10`` does nothing, one with
        ``epochs=15`` trains for 5 more, and the call that a resumed training needs is the one
        that started it.

        Parameters
        ----------
        x : Array, (N, ...), tuple of them, or iterable
            Inputs: an array, or a `numpy.memmap`, of which no more than a few batches are in
            memory at a time; or a tuple of them, for a model that takes one. Or anything that
            yields batches ``(x, y)`` or ``(x, y, weights)`` each time it is iterated over; `y` is
            None then, and shuffling is its own affair.
        y : Array, (N, ...)
            Targets, in the form that the loss expects.
        epochs : int
            After how many epochs, in total, the training ends.
        batch_size : int, default 128
            Rows of a batch; the last batch of an epoch has what is left.
        validation_data
            Held-out data, ``(x, y)`` or ``(x, y, weights)``, or an iterable of such batches.
        validation_split : float, optional
            The share of `x` and `y` that is held out instead, of each class the same: always the
            same rows, whatever the order of the training.
        callbacks : iterable of Callback or function
            What is done besides. A function is called with the trainer after each epoch.
        progress : bool, default True
            Whether to show a bar in a terminal, or lines elsewhere.
        sample_weight : Array, (N,) or (N, T) or ..., optional
            How much each row counts, or each entry of more leading axes: loss and metrics become
            weighted means, so that a mask of 0 and 1 leaves out what it masks.
        class_weight : mapping, Array, (K,), or "balanced", optional
            The same for each class; for the loss in training only, as it is no part of the
            question how good the model is. With ``"balanced"`` each class counts as much as the
            others, however rare it is: N / (K n_k).

        Returns
        -------
        History
            The values of all epochs. ``history.interrupted`` says whether Ctrl-C ended the
            training, which it does after the step that runs; `fit` then goes on from there, and
            so does `resume` if there is a `ModelCheckpoint` among the callbacks. A second Ctrl-C
            raises KeyboardInterrupt at once.

        Raises
        ------
        TrainingError
            A loss or a gradient was not finite, or the loss has diverged. The parameters are as
            before that step, and what was saved last stays.
        ShapeError, DtypeError, ArgumentError
            The data do not fit each other, the model or the loss; or an argument is not what it
            should be.
        """
        with processes_of(self.communicator) as self._processes:
            self._goal = positive_size(epochs, "epochs", "fit")
            size = positive_size(batch_size, "batch_size", "fit")
            passes = self._goal - self.epochs_done
            if validation_split is not None and validation_data is None:
                data = hold_out(x, y, sample_weight, validation_split, Inputs.of(self.model))
                (x, y, sample_weight), validation_data = data
            batches = self._batches(x, y, sample_weight, size, passes=passes)
            held_out = None
            if validation_data is not None:
                held_out = self._batches(*given_data(validation_data), passes=passes)
                held_out.processes = self._processes
            batches.processes = self._processes
            weigh = class_weighter(class_weight, y, sample_weight)
            self._callbacks = [
                callback
                for callback in check_callbacks(callbacks)
                if self._processes.first or not callback.writes
            ]
            self._reason, self.history.interrupted, self.history.ended = "", False, ""
            run_epochs(self, batches, held_out, size, weigh, progress)
        return self.history

    def __getstate__(self) -> dict[str, Any]:
        # What `fit` makes anew is of no use to a copy, and a large part of it.
        made = ("_gradients", "_sources", "_processes", "communicator")
        return {name: value for name, value in vars(self).items() if name not in made}

    def state_dict(self) -> dict[str, Any]:
        """Return all but the model, as a checkpoint can hold it."""
        return state_of(self)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save the model and the state of the training, so that `resume` can go on from here.

        Of several processes that train together the first alone writes.

        Parameters
        ----------
        folder : path
            Where; a checkpoint that is there is replaced at once, or stays as it is.

        Raises
        ------
        CheckpointError
            Something can't be saved, or the file system refuses.
        """
        if processes_of(self.communicator).first:
            checkpoint.save(folder, self.model, self.state_dict())

    @classmethod
    def resume(
        cls,
        folder: str | os.PathLike[str],
        *,
        classes: Iterable[type] = (),
        communicator: Any = None,
    ) -> Self:
        """Return the trainer that was saved, ready to go on.

        For predictions on raw rows of a run of ``handgrad train`` call `handgrad.load`, which knows
        how the run has prepared them; a warning says so.

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
        communicator : mpi4py.MPI.Comm, optional
            The processes that go on with it, as many as there are now.

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
        trainer: Self = fill_trainer(cls, checkpoint.load(folder, classes=(*CLASSES, *classes)))
        processes_of(communicator)
        trainer.communicator = communicator
        if isinstance(trainer.extra.get("run"), Mapping):
            warnings.warn(
                f"{os.fspath(folder)} is a run of handgrad train, whose network takes rows that "
                "are encoded and standardized; handgrad.load(folder) gives it back with that, "
                "ready to predict of raw rows",
                stacklevel=2,
            )
        return trainer

    def __repr__(self) -> str:
        return f"Trainer({self.loss!r}, {self.optimizer!r}, {self.epochs_done} epochs done)"

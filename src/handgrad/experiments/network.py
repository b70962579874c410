"""What makes a network and its training, for whoever trains one by settings.

`handgrad train` and the estimators build with these functions alone, so that the same settings
mean the same network.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from handgrad import activations
from handgrad.arguments import is_real, positive_size
from handgrad.errors import ArgumentError
from handgrad.layers import Conv2d, Dropout, Flatten, Linear, MaxPool2d
from handgrad.model import Model
from handgrad.optimizers import Optimizer
from handgrad.optimizers.schedules import Schedule
from handgrad.shapes import Shape
from handgrad.training.callbacks import Callback, EarlyStopping
from handgrad.training.names import OptimizerName, ScheduleName, optimizer_named, schedule_named
from handgrad.training.trainer import Trainer

__all__ = ["ACTIVATIONS", "NetworkSettings", "build_model", "build_trainer"]

ACTIVATIONS: Mapping[str, Callable[[], Any]] = {
    name.lower(): getattr(activations, name) for name in activations.__all__
}


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """A network of affine layers and how it is trained.

    Parameters
    ----------
    hidden : sequence of int, default (256,)
        Units of each hidden affine layer; may be empty.
    activation : str, default "relu"
        What follows each convolution and each hidden layer: the name of an activation, in lower
        case.
    dropout : float, optional
        The probability with which the output of a hidden unit is dropped; None for 0.5 behind
        convolutions, else 0.
    optimizer : {"adamw", "adam", "rmsprop", "sgd"}
        The optimizer; ``sgd`` has a momentum of 0.9.
    lr : float, optional
        Learning rate; None for 0.02 with ``sgd``, and 0.001 with the others.
    schedule : {"constant", "cosine", "exponential", "plateau", "step"}
        How the learning rate changes; see `handgrad.training.names.schedule_named`.
    weight_decay : float, optional
        The optimizer's weight decay; None for its own default.
    max_norm : float, optional
        Gradients with a larger norm are scaled down to it.
    epochs : int, default 200
        How often each datapoint is seen, at most.
    batch_size : int, optional
        Rows of a minibatch; None for all where they are at most 64, else for a power of two from 16
        to 128, with which an epoch has about a hundred steps.
    early_stopping : bool, default True
        Whether the training ends when the held-out loss has not improved for `patience` epochs, and
        the network is that of the best epoch. Without held-out data it changes nothing.
    patience : int, default 20
        After how many epochs without an improvement.
    class_weight : "balanced" or mapping, optional
        How much each class counts in the training's loss, by its name; ``balanced`` for classes
        that count as much as each other, however rare.
    dtype : {"float32", "float64"}
        The floating type.

    Raises
    ------
    ArgumentError
        One of them is not what it may be.

    Examples
    --------
    >>> NetworkSettings(hidden=[32]).hidden
    (32,)
    """

    hidden: Sequence[int] = (256,)
    activation: str = "relu"
    dropout: float | None = None
    optimizer: str = "adamw"
    lr: float | None = None
    schedule: str = "constant"
    weight_decay: float | None = None
    max_norm: float | None = None
    epochs: int = 200
    batch_size: int | None = None
    early_stopping: bool = True
    patience: int = 20
    class_weight: str | Mapping[str, float] | None = None
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if isinstance(self.dtype, type | np.dtype):
            object.__setattr__(self, "dtype", np.dtype(self.dtype).name)
        for name, choices in (
            ("activation", ACTIVATIONS),
            ("optimizer", get_args(OptimizerName)),
            ("schedule", get_args(ScheduleName)),
            ("dtype", ("float32", "float64")),
        ):
            self._check(name, getattr(self, name) in choices, f"one of {', '.join(choices)}")
        if self.dropout is not None:
            self._check_share("dropout")
        self._check("lr", self.lr is None or is_real(self.lr), "a number >= 0")
        self._check(
            "early_stopping", isinstance(self.early_stopping, bool | np.bool_), "True or False"
        )
        weight = self.class_weight
        good = weight is None or weight == "balanced" or isinstance(weight, Mapping)
        self._check("class_weight", good, '"balanced", or a weight for each class')
        for name in ("epochs", "patience", "batch_size"):
            if getattr(self, name) is not None:
                positive_size(getattr(self, name), name, "a training")
        units = "units of each hidden layer, such as (100, 50)"
        sizes = isinstance(self.hidden, Iterable) and not isinstance(self.hidden, str | bytes)
        self._check("hidden", sizes, units)
        object.__setattr__(self, "early_stopping", bool(self.early_stopping))
        hidden = tuple(positive_size(units, "hidden", "a training") for units in self.hidden)
        object.__setattr__(self, "hidden", hidden)  # a list comes back from a checkpoint

    def _check(self, name: str, right: bool, expected: str) -> None:
        if not right:
            raise ArgumentError(
                f"{name}={getattr(self, name)!r} for a training",
                expected,
                f"choose another {name.replace('_', ' ')}",
            )

    def _check_share(self, name: str) -> None:
        share = getattr(self, name)
        self._check(name, is_real(share) and 0 <= share < 1, "a share, 0 <= share < 1")

    def batch_rows(self, rows: int) -> int:
        """Return how many rows a minibatch has, where there are so many to train on."""
        if self.batch_size is not None:
            return self.batch_size
        if rows <= 64:  # the gradient of all of them costs no more than that of a few
            return rows
        return int(2 ** np.clip(np.rint(np.log2(rows / 100)), 4, 7))

    def make_optimizer(self) -> Optimizer:
        """Return the optimizer."""
        return optimizer_named(
            self.optimizer, self.lr, weight_decay=self.weight_decay, max_norm=self.max_norm
        )

    def make_schedule(self) -> Schedule | None:
        """Return the schedule; None where the learning rate stays as it is."""
        constant = self.schedule == "constant"
        return None if constant else schedule_named(self.schedule, self.epochs)

    def make_callbacks(self, held_out: bool) -> list[Callback]:
        """Return the callbacks of a training with held-out data, or without."""
        return [EarlyStopping(patience=self.patience)] if self.early_stopping and held_out else []


def build_trainer(
    model: Model, loss: Any, settings: NetworkSettings, rng: np.random.Generator, **more: Any
) -> Trainer:
    """Return the trainer of a model, with the optimizer and the schedule that the settings name."""
    optimizer, schedule = settings.make_optimizer(), settings.make_schedule()
    return Trainer(model, loss, optimizer, schedule=schedule, rng=rng, **more)


def build_model(
    shape: Sequence[int], outputs: int, settings: NetworkSettings, rng: np.random.Generator
) -> Model:
    """Return a network of affine layers, each hidden one with activation and dropout.

    Where `shape`, of a datapoint, is (H, W, C), two convolutions stand before them. Biases begin at
    0, and weights as He or, where no ReLU follows, Glorot would have them: so the outputs of all
    layers are of about one size, however many there are (`handgrad.initializers`). Glorot's are
    also those of a layer that is given a table's few features: He's, which do not look at how many
    units there are, make a wider function of them than most tables are of.
    """
    options: dict[str, Any] = {"bias_init": "zeros", "rng": rng, "dtype": settings.dtype}
    init = "he" if settings.activation == "relu" else "glorot"
    activation = ACTIVATIONS[settings.activation]
    components: list[Any] = []
    if len(shape) > 1:
        components = _convolutions(shape, activation, {"init": init, **options})
        made: Shape = (1, *shape)
        for component in components:
            made = component.output_shape(made)
        shape = made[1:]
    p = (0.5 if components else 0.0) if settings.dropout is None else settings.dropout
    sizes = [*shape, *settings.hidden]
    for D, K in itertools.pairwise(sizes):
        hidden = activation()
        components.append(Linear(D, K, init=init if components else "glorot", **options))
        components.append(Dropout(hidden, p, rng=rng) if p else hidden)
    components.append(Linear(sizes[-1], outputs, init="glorot", **options))
    return Model(components)


def _convolutions(
    shape: Sequence[int], activation: Callable[[], Any], options: dict[str, Any]
) -> list[Any]:
    """Return two convolutions of 16 and 32 channels, which look at 3 x 3 pixels.

    Every second row and column is pooled away in the end, and between them where an image has more
    than 16 rows or columns.
    """
    *sides, channels = shape
    first = Conv2d(channels, 16, 3, padding="same", **options)
    second = Conv2d(16, 32, 3, padding="same", **options)
    between = [MaxPool2d(2)] if max(sides) > 16 else []
    return [first, activation(), *between, second, activation(), MaxPool2d(2), Flatten()]

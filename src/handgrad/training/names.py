"""Losses, optimizers and schedules by name, each as it is most often wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, Protocol, get_args

from handgrad.errors import ArgumentError
from handgrad.loss import Loss
from handgrad.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    HingeLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
)
from handgrad.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from handgrad.optimizers.schedules import (
    Constant,
    Cosine,
    Exponential,
    ReduceOnPlateau,
    Schedule,
    Step,
)

__all__ = [
    "LEARNING_RATES",
    "ExerciseLoss",
    "LossName",
    "OptimizerName",
    "ScheduleName",
    "Updates",
    "loss_named",
    "optimizer_named",
    "schedule_named",
]

LossName = Literal["binary_cross_entropy", "cross_entropy", "hinge", "huber", "l1", "mse"]
OptimizerName = Literal["sgd", "adam", "adamw", "rmsprop"]
ScheduleName = Literal["constant", "cosine", "exponential", "plateau", "step"]


class ExerciseLoss(Protocol):
    """What a loss can do, ours or somebody else's: the exercise's two calls."""

    def __call__(self, predictions: Any, targets: Any, /) -> Any:
        """Return the value."""

    def grad(self) -> Any:
        """Return the gradient of the last value with respect to its predictions."""


class Updates(Protocol):
    """What an optimizer can do, ours or somebody else's."""

    def update(self, parameters: Any, gradients: Any, /) -> Any:
        """Take one step, in place."""


_LOSSES: Mapping[str, Callable[[], Loss]] = {
    "binary_cross_entropy": BinaryCrossEntropy,
    "cross_entropy": CrossEntropy,
    "hinge": HingeLoss,
    "huber": HuberLoss,
    "l1": L1Loss,
    "mse": MSELoss,
}
_OPTIMIZERS: Mapping[str, Callable[..., Optimizer]] = {
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSprop,
    "sgd": partial(SGD, momentum=0.9),
}
LEARNING_RATES: Mapping[str, float] = {"adam": 0.001, "adamw": 0.001, "rmsprop": 0.001, "sgd": 0.02}


def _known(name: str, role: str, names: Any) -> str:
    known = get_args(names)
    plain = name.replace("-", "_").lower() if isinstance(name, str) else name
    if plain not in known:
        raise ArgumentError(
            f"{name!r} as the name of {role}",
            f"one of {', '.join(known)}",
            "choose one of these, or make the object yourself",
        )
    return str(plain)


def loss_named(name: str) -> Loss:
    """Return a new loss.

    Parameters
    ----------
    name
        One of `LossName`; ``cross-entropy`` is ``cross_entropy``.

    Raises
    ------
    ArgumentError
        There is none of that name.

    Examples
    --------
    >>> loss_named("mse"), loss_named("cross-entropy")
    (MSELoss(), CrossEntropy(average=True))
    """
    return _LOSSES[_known(name, "a loss", LossName)]()


def optimizer_named(name: str, lr: float | None = None, **options: Any) -> Optimizer:
    """Return a new optimizer; ``sgd`` has a momentum of 0.9.

    Parameters
    ----------
    name
        One of `OptimizerName`.
    lr
        Learning rate; None for 0.02 with ``sgd``, and 0.001 with the others.
    **options
        Further arguments of its class; one that is None has its default.

    Raises
    ------
    ArgumentError
        There is none of that name, or an option is outside its range.

    Examples
    --------
    >>> optimizer_named("sgd", weight_decay=0.1)
    SGD(lr=0.02, momentum=0.9, nesterov=False, weight_decay=0.1, max_norm=None, decay='all', l1=0.0)
    """
    plain = _known(name, "an optimizer", OptimizerName)
    given = {key: value for key, value in options.items() if value is not None}
    return _OPTIMIZERS[plain](lr=LEARNING_RATES[plain] if lr is None else lr, **given)


def schedule_named(name: str, epochs: int) -> Schedule:
    """Return a new schedule for a training of so many epochs.

    Parameters
    ----------
    name
        One of `ScheduleName`: ``cosine`` falls to 0 in the end, ``exponential`` to a hundredth,
        ``step`` to a tenth after each third; ``plateau`` is a `ReduceOnPlateau`.
    epochs
        How many epochs there are.

    Raises
    ------
    ArgumentError
        There is none of that name.

    Examples
    --------
    >>> schedule_named("cosine", 40), schedule_named("step", 40)
    (Cosine(epochs=40, warmup=0, min_lr=0.0), Step(step_size=14, gamma=0.1))
    """
    match _known(name, "a schedule", ScheduleName):
        case "cosine":
            return Cosine(epochs)
        case "exponential":
            return Exponential(0.01 ** (1 / epochs))
        case "step":
            return Step(-(-epochs // 3))
        case "plateau":
            return ReduceOnPlateau()
        case _:
            return Constant()

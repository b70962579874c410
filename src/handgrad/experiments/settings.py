"""What `handgrad train` can be told, and the network, loss and optimizer that follow from it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from handgrad import activations
from handgrad.arguments import is_real, positive_size
from handgrad.errors import ArgumentError
from handgrad.layers import Dropout, Linear
from handgrad.losses import CrossEntropy, MSELoss
from handgrad.model import Model
from handgrad.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop

__all__ = ["Settings", "build_model", "hidden_layers"]

ACTIVATIONS: Mapping[str, Callable[[], Any]] = {
    name.lower(): getattr(activations, name) for name in activations.__all__
}
LOSSES: Mapping[str, Callable[[], Any]] = {"cross-entropy": CrossEntropy, "mse": MSELoss}
OPTIMIZERS: Mapping[str, Callable[..., Optimizer]] = {
    "sgd": partial(SGD, momentum=0.9),
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSprop,
}
LEARNING_RATES = {"sgd": 0.02, "adam": 0.001, "adamw": 0.001, "rmsprop": 0.001}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run is told; together with the data it fixes the run bit for bit.

    Parameters
    ----------
    data : str
        ``digits``, or the path of a file that `handgrad.datasets.read` understands.
    target : str, optional
        What is to be predicted, as `handgrad.datasets.read` has it; None for its default.
    hidden : sequence of int, default (256,)
        Units of each hidden layer; empty for a linear model.
    activation : str, default "relu"
        What follows each hidden layer: the name of an activation, in lower case.
    dropout : float, optional
        The probability with which the output of a hidden unit is dropped; None for 0.5 where the
        target is a class, and 0 where it is a number.
    loss : {"auto", "cross-entropy", "mse"}
        ``auto`` is the cross-entropy where the target is a class, and the mean squared error where
        it is a number.
    optimizer : {"adamw", "adam", "rmsprop", "sgd"}
        The optimizer; ``sgd`` has a momentum of 0.9.
    lr : float, optional
        Learning rate; None for 0.02 with ``sgd``, and 0.001 with the others.
    epochs : int, default 40
        How often each datapoint is seen.
    batch_size : int, optional
        Rows of a minibatch; None for a power of two from 16 to 128, with which an epoch has about a
        hundred steps.
    dtype : {"float32", "float64"}
        The floating type.
    validation : float, default 0.2
        The share of the data that is held out, 0 <= validation < 1.
    seed : int, default 0
        Of the one generator that splits, draws and shuffles.

    Raises
    ------
    ArgumentError
        One of them is not what it may be.

    Examples
    --------
    >>> Settings(data="digits", hidden=[32]).hidden
    (32,)
    """

    data: str
    target: str | None = None
    hidden: Sequence[int] = (256,)
    activation: str = "relu"
    dropout: float | None = None
    loss: str = "auto"
    optimizer: str = "adamw"
    lr: float | None = None
    epochs: int = 40
    batch_size: int | None = None
    dtype: str = "float32"
    validation: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in (
            ("activation", ACTIVATIONS),
            ("loss", ("auto", *LOSSES)),
            ("optimizer", OPTIMIZERS),
            ("dtype", ("float32", "float64")),
        ):
            _check(self, name, getattr(self, name) in choices, f"one of {', '.join(choices)}")
        shares = {"validation": self.validation, "dropout": self.dropout or 0}
        for name, share in shares.items():
            _check(self, name, is_real(share) and 0 <= share < 1, "a share, 0 <= share < 1")
        seed = self.seed
        _check(self, "seed", isinstance(seed, int) and seed >= 0, "an integer >= 0")
        _check(self, "lr", self.lr is None or is_real(self.lr), "a number >= 0")
        positive_size(self.epochs, "epochs", "a training")
        if self.batch_size is not None:
            positive_size(self.batch_size, "batch_size", "a training")
        hidden = tuple(positive_size(units, "hidden", "a training") for units in self.hidden)
        object.__setattr__(self, "hidden", hidden)  # a list comes back from a checkpoint

    def batch_rows(self, rows: int) -> int:
        """Return how many rows a minibatch has, where there are so many to train on."""
        if self.batch_size is not None:
            return self.batch_size
        return int(2 ** np.clip(np.rint(np.log2(rows / 100)), 4, 7))

    def make_optimizer(self) -> Optimizer:
        """Return the optimizer."""
        lr = LEARNING_RATES[self.optimizer] if self.lr is None else self.lr
        return OPTIMIZERS[self.optimizer](lr=lr)


def _check(settings: Settings, name: str, right: bool, expected: str) -> None:
    if not right:
        raise ArgumentError(
            f"{name}={getattr(settings, name)!r} for a training",
            expected,
            f"choose another {name.replace('_', ' ')}",
        )


def build_model(features: int, classes: int, settings: Settings, rng: np.random.Generator) -> Model:
    """Return a network of affine layers, each hidden one with activation and dropout.

    Where `classes` is 0, one number comes out. Biases begin at 0, and the weights of a layer with D
    inputs with variance :math:`2/D` before a ReLU, which halves the mean square, and :math:`1/D`
    elsewhere: so the outputs of all layers are of one size, however many there are (He, Zhang, Ren
    and Sun, "Delving deep into rectifiers", ICCV 2015, eq. 10).
    """
    sizes = [features, *settings.hidden, classes or 1]
    p = settings.dropout
    if p is None:
        p = 0.5 if classes else 0.0
    components: list[Any] = []
    for i, (D, K) in enumerate(itertools.pairwise(sizes)):
        hidden = i < len(settings.hidden)
        layer = Linear(D, K, rng=rng, dtype=settings.dtype)
        gain = 2 if hidden and settings.activation == "relu" else 1
        layer.weights = rng.standard_normal((D, K)) * math.sqrt(gain / D)
        layer.bias = np.zeros((1, K))
        components.append(layer)
        if hidden:
            activation = ACTIVATIONS[settings.activation]()
            components.append(Dropout(activation, p, rng=rng) if p else activation)
    return Model(components)


def hidden_layers(text: str) -> tuple[int, ...]:
    """Return the sizes of the hidden layers that a text names.

    Parameters
    ----------
    text
        Numbers with commas between them; empty for no hidden layers.

    Raises
    ------
    ArgumentError
        Something in it is not a whole number.

    Examples
    --------
    >>> hidden_layers("128,64"), hidden_layers("")
    ((128, 64), ())
    """
    try:
        return tuple(int(part) for part in text.split(",")) if text.strip() else ()
    except ValueError as error:
        raise ArgumentError(
            f"{text!r} as hidden layers",
            "numbers with commas between them",
            "write --hidden 128,64",
        ) from error

"""What `handgrad train` can be told, and the network, loss and optimizer that follow from it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from handgrad import activations
from handgrad.arguments import is_real, positive_size
from handgrad.errors import ArgumentError
from handgrad.layers import Conv2d, Dropout, Flatten, Linear, MaxPool2d
from handgrad.losses import CrossEntropy, MSELoss
from handgrad.model import Model
from handgrad.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from handgrad.shapes import Shape

__all__ = ["Settings", "build_model", "hidden_layers"]

ACTIVATIONS: Mapping[str, Callable[[], Any]] = {
    name.lower(): getattr(activations, name) for name in activations.__all__
}
MODELS = ("mlp", "cnn")
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
    model : {"mlp", "cnn"}
        The network: affine layers alone, or behind two convolutions, where a datapoint is an image.
    hidden : sequence of int, default (256,)
        Units of each hidden affine layer; may be empty.
    activation : str, default "relu"
        What follows each convolution and each hidden layer: the name of an activation, in lower
        case.
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
    model: str = "mlp"
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
            ("model", MODELS),
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


def build_model(
    shape: Sequence[int], classes: int, settings: Settings, rng: np.random.Generator
) -> Model:
    """Return a network of affine layers, each hidden one with activation and dropout.

    Where `shape`, of a datapoint, is (H, W, C), two convolutions stand before them. Where `classes`
    is 0, one number comes out. Biases begin at 0, and weights as He or, where no ReLU follows,
    Glorot would have them: so the outputs of all layers are of about one size, however many there
    are (`handgrad.initializers`).
    """
    options: dict[str, Any] = {"bias_init": "zeros", "rng": rng, "dtype": settings.dtype}
    kept = {"init": "he" if settings.activation == "relu" else "glorot", **options}
    activation = ACTIVATIONS[settings.activation]
    components: list[Any] = []
    if len(shape) > 1:
        components = _convolutions(shape, activation, kept)
        made: Shape = (1, *shape)
        for component in components:
            made = component.output_shape(made)
        shape = made[1:]
    p = settings.dropout
    if p is None:
        p = 0.5 if classes else 0.0
    sizes = [*shape, *settings.hidden]
    for D, K in itertools.pairwise(sizes):
        hidden = activation()
        components.append(Linear(D, K, **kept))
        components.append(Dropout(hidden, p, rng=rng) if p else hidden)
    components.append(Linear(sizes[-1], classes or 1, init="glorot", **options))
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

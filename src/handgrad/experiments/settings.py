"""What `handgrad train` can be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handgrad.errors import ArgumentError
from handgrad.experiments.network import NetworkSettings

__all__ = ["Settings", "class_weights", "column_names", "hidden_layers"]

MODELS = ("mlp", "cnn")
LOSSES = {"cross-entropy": True, "mse": False}
"""Whether each is for classes."""
TASKS = {"classes": True, "numbers": False}
"""Whether each means that the target is a class."""


@dataclass(frozen=True, kw_only=True)
class Settings(NetworkSettings):
    """What a run is told; together with the data it fixes the run bit for bit.

    Parameters
    ----------
    data : str
        ``digits``, or the path of a file that `handgrad.datasets.read` understands.
    target : str, optional
        What is to be predicted, as `handgrad.datasets.read` has it; None for its default.
    task : {"auto", "classes", "numbers"}
        Whether the target is a class or a number; ``auto`` sees it from the target.
    features, drop : sequence of str
        Columns of the data: those that are used, all of them where there are none here; and those
        that are left out.
    decimal : {".", ","}
        What stands before a number's decimals in a CSV.
    delimiter : str, optional
        What separates the fields of a CSV; None where that is to be seen from it.
    model : {"mlp", "cnn"}
        The network: affine layers alone, or behind two convolutions, where a datapoint is an image.
    loss : {"auto", "cross-entropy", "mse"}
        ``auto`` is the cross-entropy where the target is a class, and the mean squared error where
        it is a number.
    validation : float, default 0.2
        The share of the data that is held out, 0 <= validation < 1.
    seed : int, default 0
        Of the one generator that splits, draws and shuffles.
    **network
        Fields of `NetworkSettings`.

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
    task: str = "auto"
    features: Sequence[str] = ()
    drop: Sequence[str] = ()
    decimal: str = "."
    delimiter: str | None = None
    model: str = "mlp"
    loss: str = "auto"
    validation: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, choices in (
            ("model", MODELS),
            ("loss", ("auto", *LOSSES)),
            ("task", ("auto", *TASKS)),
        ):
            self._check(name, getattr(self, name) in choices, f"one of {', '.join(choices)}")
        for name in ("features", "drop"):
            object.__setattr__(self, name, tuple(map(str, getattr(self, name))))
        wanted = {TASKS.get(self.task), LOSSES.get(self.loss)} - {None}
        self._check("loss", len(wanted) < 2, f"one that fits --task {self.task}")
        self._check(
            "class_weight", self.classes is not False or self.class_weight is None, "classes"
        )
        self._check_share("validation")
        self._check("seed", isinstance(self.seed, int) and self.seed >= 0, "an integer >= 0")

    @property
    def classes(self) -> bool | None:
        """Whether the target is a class, or a number; None where it is to be seen from it."""
        return {**TASKS, "auto": LOSSES.get(self.loss)}[self.task]

    @property
    def marks(self) -> dict[str, Any]:
        """How a table is read, as `handgrad.datasets.read` has it."""
        return {"decimal": self.decimal, "delimiter": self.delimiter}


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


def class_weights(text: str) -> str | Mapping[str, float]:
    """Return the weights of classes that a text names.

    Parameters
    ----------
    text
        ``balanced``, or names and weights: ``yes=5,no=1``.

    Raises
    ------
    ArgumentError
        It is neither.

    Examples
    --------
    >>> class_weights("balanced"), class_weights("yes=5, no=0.5")
    ('balanced', {'yes': 5.0, 'no': 0.5})
    """
    if text == "balanced":
        return text
    try:
        pairs = (part.rpartition("=") for part in text.split(","))
        return {name.strip(): float(weight) for name, _, weight in pairs}
    except ValueError as error:
        raise ArgumentError(
            f"{text!r} as the weights of classes",
            "balanced, or a name and a number for each class",
            "write --class-weight balanced, or --class-weight yes=5,no=1",
        ) from error


def column_names(text: str) -> tuple[str, ...]:
    """Return the names that a text lists, with commas between them.

    Parameters
    ----------
    text
        The names.

    Examples
    --------
    >>> column_names("date, id")
    ('date', 'id')
    """
    return tuple(part.strip() for part in text.split(",") if part.strip())

"""What `handgrad train` can be told."""

from __future__ import annotations

from dataclasses import dataclass

from handgrad.errors import ArgumentError
from handgrad.experiments.network import NetworkSettings

__all__ = ["Settings", "hidden_layers"]

MODELS = ("mlp", "cnn")
LOSSES = ("cross-entropy", "mse")


@dataclass(frozen=True, kw_only=True)
class Settings(NetworkSettings):
    """What a run is told; together with the data it fixes the run bit for bit.

    Parameters
    ----------
    data : str
        ``digits``, or the path of a file that `handgrad.datasets.read` understands.
    target : str, optional
        What is to be predicted, as `handgrad.datasets.read` has it; None for its default.
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
    model: str = "mlp"
    loss: str = "auto"
    validation: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, choices in (("model", MODELS), ("loss", ("auto", *LOSSES))):
            self._check(name, getattr(self, name) in choices, f"one of {', '.join(choices)}")
        self._check_share("validation")
        self._check("seed", isinstance(self.seed, int) and self.seed >= 0, "an integer >= 0")


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

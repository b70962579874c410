"""The kinds of component that can be diagnosed."""

from __future__ import annotations

from handgrad.diagnosis.kinds.activation import ReLUKind, SigmoidKind
from handgrad.diagnosis.kinds.base import Kind
from handgrad.diagnosis.kinds.dropout.kind import DropoutKind
from handgrad.diagnosis.kinds.linear.kind import LinearKind
from handgrad.diagnosis.kinds.loss import CrossEntropyKind, MSEKind
from handgrad.diagnosis.kinds.model.kind import ModelKind

__all__ = ["KINDS", "Kind", "kind_of"]

KINDS: dict[str, type[Kind]] = {
    kind.name: kind
    for kind in (
        MSEKind,
        CrossEntropyKind,
        LinearKind,
        ReLUKind,
        SigmoidKind,
        DropoutKind,
        ModelKind,
    )
}

_WORDS = {
    "mse": ("mse", "meansquared"),
    "cross_entropy": ("crossentropy", "xent", "softmaxloss"),
    "dropout": ("dropout",),
    "linear": ("linear", "dense", "affine", "fullyconnected"),
    "relu": ("relu",),
    "sigmoid": ("sigmoid", "logistic"),
    "model": ("model", "network", "sequential", "mlp"),
}


def kind_of(name: str) -> str | None:
    """Return which kind a class of this name is, None where it doesn't say.

    Examples
    --------
    >>> kind_of("MyReLU"), kind_of("CrossEntropy"), kind_of("Thing")
    ('relu', 'cross_entropy', None)
    """
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    return next(
        (kind for kind, words in _WORDS.items() if any(word in plain for word in words)), None
    )

"""What a mistake is: words, and a function that makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from handgrad.component import Array
from handgrad.diagnosis.result import Cause

__all__ = [
    "Backward",
    "Behaviour",
    "Forward",
    "Given",
    "Mistake",
    "Results",
    "behaviour",
    "convention",
    "mistake",
]

Results = dict[str, Array]
"""What a component gives, by the name of the quantity: "output", "dx", "dW", ..."""

_NOTHING = np.empty(0)


@dataclass
class Given:
    """What a component is given in one trial. Which fields are used is the kind's affair.

    Parameters
    ----------
    label
        The sizes, "N = 7, D = 3".
    sizes
        The same as numbers, to recognise a factor by.
    x
        The input, (N, D): the logits or predictions where it is a loss.
    dy
        The upstream gradient.
    y
        The targets of a loss.
    W, b
        Weights (D, K) and bias (K,).
    p
        The probability with which dropout drops an entry.
    keep, fresh
        Which entries dropout kept, 0 or 1, in the forward pass, and in a mask that was drawn anew.
    average
        Whether a loss is asked for its mean.
    layers
        The components of a model.
    lr
        The learning rate of a step.
    seed
        Of NumPy's and Python's global random state before the run.
    extra
        What only one kind needs.
    """

    label: str
    sizes: dict[str, int]
    x: Array
    dy: Array = field(default_factory=lambda: _NOTHING)
    y: Array = field(default_factory=lambda: _NOTHING)
    W: Array = field(default_factory=lambda: _NOTHING)
    b: Array = field(default_factory=lambda: _NOTHING)
    p: float = 0.0
    keep: Array = field(default_factory=lambda: _NOTHING)
    fresh: Array = field(default_factory=lambda: _NOTHING)
    average: bool = True
    layers: tuple[Any, ...] = ()
    lr: float = 0.0
    seed: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


Wrong = Callable[[Given, Results], Results]


@dataclass(frozen=True)
class Mistake:
    """A mistake, or a convention, that can be carried out.

    Parameters
    ----------
    cause
        What it is, in words.
    wrong
        From what was given and the right results to the quantities that come out differently.
        The results that it gets may hold another mistake already, which is how two are combined.
    convention
        Whether it is another convention, and as right as ours.

    Examples
    --------
    >>> @mistake("a factor of 3", "It is three times too large.", "a", "b", "c", "d")
    ... def threefold(given, right):
    ...     return {"dx": 3 * right["dx"]}
    >>> threefold.apply(None, {"output": 1.0, "dx": 2.0})
    {'output': 1.0, 'dx': 6.0}
    """

    cause: Cause
    wrong: Wrong
    convention: bool = False

    def apply(self, given: Given, right: Results) -> Results:
        """Return all results, those of the mistake in place of the right ones."""
        return {**right, **self.wrong(given, right)}


def mistake(
    name: str, explanation: str, symptom: str, violated: str, derivation: str, mend: str
) -> Callable[[Wrong], Mistake]:
    """Make a `Mistake` of the function below, with its words."""
    cause = Cause(name, explanation, (symptom, violated, derivation, mend))
    return lambda wrong: Mistake(cause, wrong)


def convention(name: str, explanation: str) -> Callable[[Wrong], Mistake]:
    """Make a `Mistake` of the function below that is none, but another convention."""
    cause = Cause(name, explanation, ("nothing is wrong",) * 4)
    return lambda other: Mistake(cause, other, convention=True)


Forward = Callable[[Array], Array]
Backward = Callable[[Array], Results]
Spoil = Callable[[Forward, Backward, dict[str, Array]], tuple[Forward, Backward]]


@dataclass(frozen=True)
class Behaviour:
    """A mistake that one call alone does not show.

    Parameters
    ----------
    cause
        What it is, in words.
    spoil
        From a right forward pass (x to output), backward pass (dy to results) and the parameters
        to a wrong forward and backward pass.
    """

    cause: Cause
    spoil: Spoil


def behaviour(
    name: str, explanation: str, symptom: str, violated: str, derivation: str, mend: str
) -> Callable[[Spoil], Behaviour]:
    """Make a `Behaviour` of the function below, with its words."""
    cause = Cause(name, explanation, (symptom, violated, derivation, mend))
    return lambda spoil: Behaviour(cause, spoil)

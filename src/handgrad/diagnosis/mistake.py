"""What a mistake is: words, and a function that makes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.component import Array
from handgrad.diagnosis.findings import Cause
from handgrad.diagnosis.given import Given, Results

__all__ = [
    "Backward",
    "Behaviour",
    "Formula",
    "Forward",
    "Mistake",
    "Spoil",
    "by_name",
    "convention",
    "known_convention",
    "mistake",
]

Wrong = Callable[[Given, Results], Results]
Formula = Callable[..., Any]
"""A function whose arguments are named after what it needs: results such as "dW" or "output",
inputs, "dy", parameters, options, sizes, "N" for the rows; or all of it, "given" and "right"."""


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
    """

    cause: Cause
    wrong: Wrong
    convention: bool = False

    def apply(self, given: Given, right: Results) -> Results:
        """Return all results, those of the mistake in place of the right ones."""
        return {**right, **self.wrong(given, right)}


def mistake(
    name: str,
    formula: Formula | Mapping[str, Formula],
    explanation: str,
    symptom: str,
    violated: str,
    derivation: str,
    mend: str,
) -> Mistake:
    """Make a `Mistake` of the formula that the code computes by it, and its words.

    Parameters
    ----------
    name
        A few words.
    formula
        A `Formula` for each quantity that comes out differently; or one that returns them all.
    explanation, symptom, violated, derivation, mend
        What the code does, and the four hints.

    Raises
    ------
    KeyError
        When it is carried out: there is nothing of one of the names that the formula asks for.

    Examples
    --------
    >>> threefold = mistake("threefold", {"dx": lambda dx: 3 * dx}, "It is.", "a", "b", "c", "d")
    >>> threefold.apply(Given(), {"output": np.array(1.0), "dx": np.array(2.0)})
    {'output': array(1.), 'dx': array(6.)}
    """
    return Mistake(Cause(name, explanation, (symptom, violated, derivation, mend)), _wrong(formula))


def convention(name: str, formula: Formula | Mapping[str, Formula], explanation: str) -> Mistake:
    """Make a `Mistake` that is none, but another convention, as `mistake` does."""
    return Mistake(known_convention(name, explanation), _wrong(formula), convention=True)


def known_convention(name: str, explanation: str) -> Cause:
    """Return the words of a convention, which needs no hints."""
    return Cause(name, explanation, ("nothing is wrong",) * 4)


def _wrong(formula: Formula | Mapping[str, Formula]) -> Wrong:
    if not isinstance(formula, Mapping):
        return by_name(formula)
    formulas = {quantity: by_name(each) for quantity, each in formula.items()}
    return lambda given, right: {
        quantity: np.asarray(each(given, right)) for quantity, each in formulas.items()
    }


def by_name(formula: Formula) -> Callable[[Given, Results], Any]:
    """Return the formula as a function of everything, from which it gets what it names."""
    names = list(inspect.signature(formula).parameters)

    def wrong(given: Given, right: Results) -> Any:
        everything = {"given": given, "right": right, **right}
        found = [everything[n] if n in everything else given[n] for n in names]
        return formula(*found)

    return wrong


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

"""What a mistake is: words, and a function that makes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from handgrad.diagnosis.findings import Cause
from handgrad.diagnosis.given import Given, Results

__all__ = ["Formula", "Mistake", "by_name", "convention", "known_convention", "mistake"]

Formula = Callable[..., Any]
"""A function whose arguments are named after what it needs: results such as "dW" or "output",
inputs, "dy", parameters, options, sizes, "N" for the rows; or all of it, "given" and "right"."""


@dataclass(frozen=True)
class Mistake:
    """A mistake, or a convention, that can be carried out.

    `wrong` goes from what was given and the right results to the quantities that come out
    differently. The results may hold another mistake already, which is how two are combined.
    """

    cause: Cause
    wrong: Callable[[Given, Results], Results]
    convention: bool = False
    each: bool = False
    """Whether every quantity may have it by itself, so that it says nothing of the others."""
    options: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Which options of the input are others under a convention: the order of gates. Of a mistake,
    the options with which alone it can be made: a mask."""
    needs: frozenset[str] = field(default=frozenset({"right"}), compare=False)
    """What its formulas ask for, by name."""

    def settled(self, given: Given) -> Given:
        """Return the input with these options, which other mistakes then find in it."""
        return given.changed(**self.options) if self.options else given

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
    """Make a `Mistake` of what the code computes by it, and its words.

    `formula` is a `Formula` for each quantity that comes out differently, or one that returns them
    all. Where it asks for a name of which there is nothing, carrying it out raises a KeyError.
    """
    cause = Cause(name, explanation, (symptom, violated, derivation, mend))
    return Mistake(cause, _wrong(formula), needs=_needs(formula))


def convention(
    name: str,
    formula: Formula | Mapping[str, Formula],
    explanation: str,
    options: Mapping[str, Any] | None = None,
) -> Mistake:
    """Make a `Mistake` that is none, but another convention, as `mistake` does."""
    return Mistake(
        known_convention(name, explanation), _wrong(formula), True, options=options or {}
    )


def known_convention(name: str, explanation: str) -> Cause:
    """Return the words of a convention, which needs no hints."""
    return Cause(name, explanation, ("nothing is wrong",) * 4)


def _needs(formula: Formula | Mapping[str, Formula]) -> frozenset[str]:
    formulas = formula.values() if isinstance(formula, Mapping) else [formula]
    return frozenset(name for each in formulas for name in _asked(each))


def _asked(formula: Formula) -> tuple[str, ...]:
    """Return the names of a formula's arguments."""
    if not inspect.isfunction(formula):  # a method, or a function with some arguments given
        return tuple(inspect.signature(formula).parameters)
    code = formula.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _wrong(
    formula: Formula | Mapping[str, Formula],
) -> Callable[[Given, Results], Results]:
    if not isinstance(formula, Mapping):
        return by_name(formula)
    formulas = {quantity: by_name(each) for quantity, each in formula.items()}
    return lambda given, right: {
        quantity: np.asarray(each(given, right)) for quantity, each in formulas.items()
    }


def by_name(formula: Formula, *extra: str) -> Callable[..., Any]:
    """Return the formula as a function of everything, from which it gets what it names.

    It is called with what was given and the right results; `extra` are the names of what it is told
    beside that.
    """
    names = [name for name in _asked(formula) if name not in extra]

    def wrong(given: Given, right: Results, **told: Any) -> Any:
        everything = {"given": given, "right": right, **right}
        found = {n: everything[n] if n in everything else given[n] for n in names}
        return formula(**found, **told)

    return wrong

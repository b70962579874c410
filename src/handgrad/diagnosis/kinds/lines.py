"""Components as lines, of which a mistake replaces some.

A line is the formula of one intermediate result; its arguments are named after the lines before it
and after what was given. So a mistake is written as the line that it is, and everything that
follows from it comes out as it does in the student's code.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.mistake import Formula, Mistake, convention, mistake

__all__ = ["Line", "Lines", "Program", "Ready", "Renamed", "Straight", "evaluate", "ready"]


@dataclass(frozen=True)
class Renamed:
    """A formula whose arguments have other names.

    Examples
    --------
    >>> ready({"y": Renamed(np.tanh, ("a",))})
    {'y': (<ufunc 'tanh'>, ('a',))}
    """

    formula: Formula
    names: tuple[str, ...]


Line = Formula | Renamed
Lines = Mapping[str, Line]
"""Formulas by the name of their result, in the order in which they are worked out."""
Ready = Mapping[str, tuple[Formula, tuple[str, ...]]]
"""The same, each formula with the names of its arguments."""


def ready(lines: Lines) -> Ready:
    """Return lines with the names of their arguments.

    Examples
    --------
    >>> [names for _, names in ready({"y": lambda x, w: x * w}).values()]
    [('x', 'w')]
    """
    return {
        name: (line.formula, line.names)
        if isinstance(line, Renamed)
        else (line, tuple(inspect.signature(line).parameters))
        for name, line in lines.items()
    }


def evaluate(lines: Ready, instead: Ready, known: dict[str, Any]) -> None:
    """Work out the lines, or those in place of them, and add their results to what is known.

    Examples
    --------
    >>> known = {"x": 1}
    >>> lines = {"double": lambda x: 2 * x, "more": lambda double: double + 1}
    >>> evaluate(ready(lines), ready({"double": lambda x: 3 * x}), known)
    >>> known
    {'x': 1, 'double': 3, 'more': 4}
    """
    for name, line in lines.items():
        formula, arguments = instead.get(name, line)
        known[name] = formula(*[known[argument] for argument in arguments])


class Program(ABC):
    """A component that is worked out line by line.

    Parameters
    ----------
    absent
        What stands for inputs and parameters that are not given: lines of their own.
    quantities
        Which results there are.
    """

    def __init__(self, absent: Lines, quantities: Sequence[str]) -> None:
        self.absent, self.quantities = ready(absent), tuple(quantities)
        self.right = _remembered(self.run)

    @abstractmethod
    def worked_out(self, known: dict[str, Any], instead: Ready) -> Mapping[str, Any]:
        """Return all results, with some lines in place of the right ones."""

    def run(self, given: Given, instead: Ready | None = None) -> Results:
        """Return the results with some lines in place of the right ones."""
        known = given.known()
        evaluate({n: line for n, line in self.absent.items() if n not in known}, {}, known)
        found = self.worked_out(known, instead or {})
        return {name: np.asarray(found[name]) for name in self.quantities}

    def instead(self, name: str, lines: Lines, *words: str) -> Mistake:
        """Make the mistake that some lines stand in place of the right ones.

        Only what changes is among its results, so that another mistake may change the rest.
        """
        others = ready(lines)

        def wrong(given: Given) -> Results:
            right = self.right(given)
            return {n: a for n, a in self.run(given, others).items() if not _equal(a, right[n])}

        return mistake(name, _remembered(wrong), *words)

    def under(self, name: str, explanation: str, **options: Any) -> Mistake:
        """Make the convention that options are others."""
        return convention(
            name, lambda given: self.run(given.changed(**options)), explanation, options
        )


def _remembered(run: Callable[[Given], Results]) -> Callable[[Given], Results]:
    """Return a function that works each of the last inputs out once, for many will ask."""
    kept: deque[tuple[dict[str, Any], Results]] = deque(maxlen=4)

    def found(given: Given) -> Results:
        asked = given.known()
        for known, results in kept:
            if known.keys() == asked.keys() and all(asked[n] is known[n] for n in known):
                return dict(results)
        results = run(given)
        kept.append((asked, results))
        return dict(results)

    return found


def _equal(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool((a == b).all())


class Straight(Program):
    """A component that works out each line once, those of the forward pass first."""

    def __init__(self, lines: Lines, absent: Lines, quantities: Sequence[str]) -> None:
        super().__init__(absent, quantities)
        self.lines = ready(lines)

    def worked_out(self, known: dict[str, Any], instead: Ready) -> Mapping[str, Any]:
        evaluate(self.lines, instead, known)
        return known

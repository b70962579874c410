"""What a column of a table means, and the numbers that a network is given of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from handgrad.arguments import Array
from handgrad.datasets.cells import Cells, class_name, is_missing, is_odd

__all__ = ["Column", "bad_cells", "cells_of", "describe"]

_MOST_VALUES = 100  # a text of more different values is no kind of thing
_FEW = 5  # so many values are few, however few rows there are
_NUMBERED = 10  # so many rows, and more, may have been numbered by a column
_SHOWN = 3  # cells that a message shows
_DATE = re.compile(r"(\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([T ]\d.*)?")

_NUMBER = re.compile(
    r"(^|[^A-Za-z])([Ii][Dd]|[Ii]ndex|[Rr]ow|[Nn][Rr]|[Kk]ey)$|[a-z]I[Dd]$|^Unnamed"
)


@dataclass(frozen=True)
class Column:
    """How a column of a table becomes numbers.

    Parameters
    ----------
    name : str
        What it is called.
    values : tuple of str
        Where it holds texts, those that are known: each becomes a column of its own, of 0 and 1.
        Any other text is 0 in all of them.
    missing : bool
        Whether there is one column more, which is 1 where there is no value.

    Examples
    --------
    >>> Column("colour", ("blue", "red"), missing=True).names
    ('colour=blue', 'colour=red', 'colour missing')
    """

    name: str
    values: tuple[str, ...] = ()
    missing: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns of numbers that become of it."""
        own = [f"{self.name}={value}" for value in self.values] or [self.name]
        return (*own, *[f"{self.name} missing"] * self.missing)

    @property
    def measured(self) -> list[bool]:
        """Which of these columns hold a quantity, and not 0 and 1 alone."""
        return [not self.values and i == 0 for i in range(len(self.names))]

    def encode(self, cells: Cells, out: Array) -> None:
        """Write the numbers into `out`, (N, columns); NaN for a number that is missing."""
        if self.values:
            known = {value: k for k, value in enumerate(self.values)}
            labels, codes = cells.labels, cells.codes
            if codes is None:  # texts that happen to be numbers, all of them
                unique, codes = np.unique(cells.numbers, return_inverse=True)
                labels = [class_name(number) if number == number else "" for number in unique]
            place = np.array([known.get(label, -1) for label in labels], dtype=np.int64)[codes]
            out[:, : len(known)] = 0
            rows = np.flatnonzero(place >= 0)
            out[rows, place[rows]] = 1
        else:
            out[:, 0] = cells.as_numbers()[0]
        if self.missing:
            out[:, -1] = cells.missing()

    def unknown(self, cells: Cells) -> list[str]:
        """Return the texts that are none of the values."""
        known = {*self.values}
        return [v for v in cells_of(cells) if v not in known] if self.values else []

    def state(self) -> str | dict[str, Any]:
        """Return it as JSON has it: the name alone, where it holds numbers and none is missing."""
        plain = not (self.values or self.missing)
        return self.name if plain else asdict(self)

    @classmethod
    def from_state(cls, state: str | Mapping[str, Any]) -> Self:
        """Return what `state` was made of."""
        if isinstance(state, str):
            return cls(state)
        return cls(str(state["name"]), tuple(map(str, state["values"])), bool(state["missing"]))


def cells_of(cells: Cells) -> list[str]:
    """Return the different texts, without those that stand for no value, sorted."""
    texts = cells.labels or [class_name(n) for n in np.unique(cells.numbers) if n == n]
    return sorted(text for text in texts if not is_missing(text))


def describe(name: str, cells: Cells, lines: Sequence[int]) -> tuple[Column, str, str]:
    """Return what a column means, what is wrong with it, and what is to be pointed out.

    The last two are empty where there is nothing; `lines` say where each cell stands.
    """
    missing = cells.missing()
    found, N = Column(name, missing=bool(missing.any())), len(cells)
    if missing.all():
        return found, "no value at all", ""
    if cells.codes is None:
        return found, "", _numbering(name, cells.numbers)
    _, bad = cells.as_numbers()
    values, present = cells_of(cells), N - int(missing.sum())
    if not bad.any():
        return found, "", ""
    if all(map(_DATE.fullmatch, cells.words)):
        return found, f"dates, such as {cells.words[0]!r}", ""
    if 2 * int(bad.sum()) <= present or all(map(is_odd, cells.words)):
        return found, bad_cells(cells, bad, lines), ""
    if len(values) > max(_FEW, min(_MOST_VALUES, present / 2)):
        return found, f"{len(values):,} different texts in {present:,} rows", ""
    return Column(name, tuple(values), found.missing), "", ""


def bad_cells(cells: Cells, bad: Array, lines: Sequence[int]) -> str:
    """Return how many cells of a column are bad, and the first of them."""
    texts, rows = cells.texts(), np.flatnonzero(bad)
    more = ", ..." if len(rows) > _SHOWN else ""
    plural = "s" * (len(rows) > 1)
    if not any(texts[n] for n in rows):
        where = ", ".join(str(lines[n]) for n in rows[:_SHOWN])
        return f"{len(rows):,} missing cell{plural}, on line{plural} {where}{more}"
    shown = ", ".join(f"{texts[n][:40]!r} on line {lines[n]}" for n in rows[:_SHOWN])
    return f"{len(rows):,} bad cell{plural}: {shown}{more}"


def _numbering(name: str, numbers: Array) -> str:
    """Return the name of a column that numbers the rows; "" of any other."""
    N = len(numbers)
    if N < _NUMBERED or (numbers != np.rint(numbers)).any() or len(np.unique(numbers)) < N:
        return ""
    counted = np.ptp(numbers) == N - 1
    return name if counted or _NUMBER.search(name) else ""

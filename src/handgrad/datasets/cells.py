"""The cells of a column of a table: numbers, or texts, or nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from handgrad.arguments import Array

__all__ = [
    "MISSING",
    "Cells",
    "class_name",
    "has_comma",
    "is_code",
    "is_missing",
    "is_odd",
    "to_number",
]

MISSING = ("", "?", "na", "n/a", "#n/a", "<na>", "nan", "null", "none")
"""What stands, in small letters, for no value."""

_BOOLEANS = {"false": 0.0, "true": 1.0}
_CODE = re.compile(r"[+-]?0\d+")
_SWAPPED = str.maketrans({",": ".", ".": ","})


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a column.

    Parameters
    ----------
    numbers : Array, (N,)
        Float64; NaN where a cell holds no finite number.
    words : sequence of str
        The different texts that are no numbers, and do not stand for a missing one.
    labels : sequence of str
        All different texts, numbers among them as `class_name` has them, but for the codes that
        were to be kept; empty where there are neither words nor such codes.
    codes : Array, (N,), optional
        Which of the labels stands in each cell, where there are any.
    """

    numbers: Array
    words: Sequence[str] = ()
    labels: Sequence[str] = ()
    codes: Array | None = None

    @classmethod
    def of_texts(cls, texts: Iterable[str], decimal: str = ".", keep_codes: bool = False) -> Self:
        """Return cells of what stands in them, which is stripped of blanks at its ends."""
        places: dict[str, int] = {}
        codes = np.array([places.setdefault(text, len(places)) for text in texts], dtype=np.int64)
        return cls.of_codes(list(places), codes, decimal, keep_codes)

    @classmethod
    def of_codes(
        cls, texts: Sequence[str], codes: Array, decimal: str = ".", keep_codes: bool = False
    ) -> Self:
        """Return cells of different texts, and of which of them stands in each cell.

        With `keep_codes`, the label of a number such as 007 is its text.
        """
        labels: dict[str, int] = {}
        words: dict[str, None] = {}  # an ordered set
        numbers, index = np.empty(len(texts)), np.empty(len(texts), dtype=np.int64)
        for k, text in enumerate(map(str.strip, texts)):
            number = to_number(text, decimal)
            numbers[k] = math.nan if number is None else number
            kept = number is None or (keep_codes and is_code(text))
            label = text if kept else class_name(number or 0.0)
            index[k] = labels.setdefault(label, len(labels))
            if number is None and not is_missing(text):
                words[label] = None
        if not words and not (keep_codes and any(map(is_code, labels))):
            return cls(numbers[codes])
        return cls(numbers[codes], list(words), list(labels), index[codes])

    @property
    def code(self) -> str:
        """The first label that is a number in a form that numbers have not; "" where none is."""
        return next(filter(is_code, self.labels), "")

    def __len__(self) -> int:
        return len(self.numbers)

    def texts(self) -> list[str]:
        """Return what stands in each cell; "" where that is nothing."""
        if self.codes is None:
            return ["" if math.isnan(n) else class_name(n) for n in self.numbers.tolist()]
        return [self.labels[k] for k in self.codes.tolist()]

    def missing(self) -> Array:
        """Return which cells hold nothing."""
        if self.codes is None:
            return np.isnan(self.numbers)
        table: Array = np.array([is_missing(label) for label in self.labels])[self.codes]
        return table

    def as_numbers(self) -> tuple[Array, Array]:
        """Return numbers, of which those of ``true`` and ``false`` are 1 and 0, and which aren't.

        Neither a number nor a truth value are those of the second array, and not missing.
        """
        if self.codes is None:
            return self.numbers, np.zeros(len(self), dtype=bool)
        truth = np.array([_BOOLEANS.get(label.lower(), math.nan) for label in self.labels])
        numbers = np.where(np.isnan(self.numbers), truth[self.codes], self.numbers)
        return numbers, np.isnan(numbers) & ~self.missing()


def class_name(value: float) -> str:
    """Return the name of a class that is a number: 3 and 3.0 are "3", 0.5 is "0.5"."""
    number = float(value)
    return str(int(number)) if number.is_integer() else repr(number)


def is_code(text: str) -> bool:
    """Return whether a text is a number with zeros in front, such as 007, which is a name."""
    return _CODE.fullmatch(text) is not None


def is_missing(text: str) -> bool:
    """Return whether a text stands for no value."""
    return text.lower() in MISSING


def to_number(text: str, decimal: str = ".") -> float | None:
    """Return the number that a text holds; None where it is not a finite one."""
    try:
        number = float(text if decimal == "." else text.translate(_SWAPPED))
    except ValueError:
        return None
    # To Python 1_000 is a number; in a table it is more likely a name.
    return number if math.isfinite(number) and "_" not in text else None


def has_comma(text: str) -> bool:
    """Return whether a text would be a number but for the commas in it, or what parts thousands."""
    return to_number(text) is None and to_number(re.sub(r"[,'\u2019\s]", "", text)) is not None


def is_odd(text: str) -> bool:
    """Return whether a text was meant for a number, and is none that can be used."""
    try:
        return to_number(text) is None and isinstance(float(text), float)
    except ValueError:
        return has_comma(text)

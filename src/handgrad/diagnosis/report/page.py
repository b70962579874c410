"""What every rendering of a diagnosis shows, in the order in which it is shown."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.findings import Example, Failure, Finding, Status, Verdict
from handgrad.errors import printable

__all__ = ["LEVELS", "Page", "marked", "matrices", "told", "visible"]

LEVELS = ("symptom", "property", "derivation", "mend")
"""What each level of the hints tells."""

T = TypeVar("T")


class Page(NamedTuple):
    """One diagnosis, ready to be shown, with nothing beyond its level."""

    subject: str
    status: Status
    headline: str
    explanations: tuple[str, ...]
    failure: Failure | None
    findings: tuple[Finding, ...]
    hints: dict[str, list[tuple[str, str]]]
    """For each cause the level's name and the text of each hint."""
    notes: tuple[str, ...]
    level: int


def told(page: Page) -> list[Finding]:
    """Return the findings whose evidence is shown: what is right fills no page."""
    return [f for f in page.findings if f.evidence and f.verdict is not Verdict.RIGHT]


def matrices(example: Example | None, level: int) -> dict[str, Array]:
    """Return what is shown of an example: the student's, at level 4 the truth and the difference.

    There is nothing to show where nothing differs.
    """
    if example is None or not example.differs.any():
        return {}
    shown = {"yours": example.student}
    if level >= len(LEVELS) and example.truth is not None and example.difference is not None:
        shown |= {"right": example.truth, "difference": example.difference}
    return shown


def marked(array: Array, differs: Array) -> tuple[Array, Array]:
    """Return an array and which of its entries differ, as matrices: all, where it is not known."""

    def matrix(array: Array) -> Array:
        return np.atleast_2d(array) if array.ndim < 3 else array.reshape(-1, array.shape[-1])

    values, marks = matrix(np.asarray(array)), matrix(np.asarray(differs))
    return values, marks if marks.shape == values.shape else np.ones(values.shape, dtype=bool)


def visible(shown: T) -> T:
    """Return a text, or whatever is made of texts, as `printable` has it."""
    new: Any = shown
    if isinstance(shown, Enum):
        pass
    elif isinstance(shown, str):
        new = printable(shown)
    elif isinstance(shown, dict):
        new = {visible(key): visible(value) for key, value in shown.items()}
    elif isinstance(shown, tuple | list):
        made = [visible(each) for each in shown]
        new = type(shown)(*made) if hasattr(shown, "_fields") else type(shown)(made)
    elif is_dataclass(shown) and not isinstance(shown, type):
        new = replace(shown, **{f.name: visible(getattr(shown, f.name)) for f in fields(shown)})
    return cast(T, new)

"""A small change of the student's own code that makes everything right, in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from handgrad.diagnosis.findings import Hint
from handgrad.diagnosis.student.source import place

__all__ = ["Repair", "RepairedLine"]


@dataclass(frozen=True)
class RepairedLine:
    """One line that is to be changed.

    Parameters
    ----------
    file
        The file, or what Python calls a notebook's cell.
    number
        The line in it.
    how
        "replace", "remove", or "before" or "after" for lines that are missing beside it.
    words
        What is wrong with it, without what is right.
    old
        The line as it is; "" where lines are missing.
    new
        The line as it should be; "" where it should not be there, or its form is not known.
    place
        The cell of a notebook, or the file where that is another than the one asked about.

    Examples
    --------
    >>> RepairedLine("a.py", 14, "replace", "the factor `/ m`", "dW = x.T @ dy / m", "").mend
    'line 14 is the one to change'
    """

    file: str
    number: int
    how: str
    words: str
    old: str = ""
    new: str = ""
    place: str = ""

    @property
    def mend(self) -> str:
        """What is to be done, in a sentence without its full stop."""
        first, *more = self.old.splitlines() or [""]
        last = self.number + len(more)
        where = f"lines {self.number} to {last}" if more else f"line {self.number}"
        where += _of(self.place)
        if self.how == "remove":
            return f"{where}, `{first}{' ...' if more else ''}`, should not be there"
        if not self.new:
            return f"{where} {'are the ones' if more else 'is the one'} to change"
        if self.how == "replace":
            return f"{where}: `{self.new}`"
        return f"{self.how} {where}: `{self.new}`"


@dataclass(frozen=True)
class Repair:
    """A change of a few lines with which everything is right: it has been run.

    Parameters
    ----------
    quantities
        The short names of what is wrong without it.
    about
        The same in words: "the gradient of the weights".
    lines
        What is changed.
    others
        The lines of which a change would make everything right as well, none of them likelier.

    Examples
    --------
    >>> line = RepairedLine("a.py", 14, "replace", "the factor `/ m`", "dW = g / m", "dW = g")
    >>> for hint in Repair(("dW",), "the gradient of the weights", (line,)).hints("a factor"):
    ...     print(hint.level, hint.text)
    3 Line 14: the factor `/ m`, in the gradient of the weights.
    4 With one line changed everything is right, which has been tried. Line 14: `dW = g`.
    """

    quantities: tuple[str, ...]
    about: str
    lines: tuple[RepairedLine, ...]
    others: tuple[int, ...] = ()

    @property
    def count(self) -> str:
        """How many lines are changed, in words."""
        return "one line" if len(self.lines) == 1 else f"{len(self.lines)} lines"

    def hints(self, about: str) -> tuple[Hint, Hint]:
        """Return the line and what is wrong with it, and the line as it should be."""
        said: dict[tuple[str, str], list[int]] = {}
        for line in self.lines:
            said.setdefault((line.words, line.place), []).append(line.number)
        wrong = "; ".join(f"{_lines(n)}{_of(there)}: {words}" for (words, there), n in said.items())
        mend = "; ".join(line.mend for line in self.lines)
        many = "" if len(self.lines) == 1 else f"This is a change of {self.count}. "
        other = f" It could also be {_lines(self.others, 'or')}." if self.others else ""
        return (
            Hint(3, about, f"{many}{wrong[:1].upper()}{wrong[1:]}, in {self.about}.{other}"),
            Hint(
                4,
                about,
                f"With {self.count} changed everything is right, which has been tried. "
                f"{mend[:1].upper()}{mend[1:]}.",
            ),
        )

    def seen_from(self, files: Collection[str]) -> Repair:
        """Return the same for somebody who asks about code in these files."""
        lines = (replace(line, place=place(line.file, files)) for line in self.lines)
        return replace(self, lines=tuple(lines))

    def to_dict(self, level: int = 4) -> dict[str, Any]:
        """Return it as strings, numbers, lists and dicts; below level 4 without the mend."""
        plain = asdict(self)
        for line in plain["lines"]:
            line["new"] = line["new"] if level >= 4 else ""
        return plain

    @classmethod
    def rebuilt(cls, plain: dict[str, Any]) -> Repair:
        """Return what `to_dict` made a dict of."""
        lines = tuple(RepairedLine(**line) for line in plain["lines"])
        return cls(tuple(plain["quantities"]), plain["about"], lines, tuple(plain["others"]))


def _of(place: str) -> str:
    return f" of {place}" if place else ""


def _lines(numbers: Sequence[int], last: str = "and") -> str:
    distinct = [str(number) for number in dict.fromkeys(numbers)]
    if len(distinct) == 1:
        return f"line {distinct[0]}"
    many = "lines" if last == "and" else "line"
    return f"{many} {', '.join(distinct[:-1])} {last} {distinct[-1]}"

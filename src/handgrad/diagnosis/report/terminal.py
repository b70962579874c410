"""A diagnosis as a page on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handgrad.component import Array
from handgrad.diagnosis.result import Diagnosis, Example, Failure, Finding, Status, Verdict

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["LEVELS", "print_diagnosis", "print_folder"]

LEVELS = ("symptom", "property", "derivation", "mend")
"""What each level of the hints tells."""

STYLES = {
    Verdict.RIGHT: "green",
    Verdict.CONVENTION: "cyan",
    Verdict.WRONG: "bold red",
    Verdict.UNKNOWN: "yellow",
    Status.RIGHT: "green",
    Status.WRONG: "bold red",
    Status.FAILED: "bold yellow",
}

ROWS, COLUMNS = 8, 6  # of a matrix that is shown; the rest is left out


def print_diagnosis(diagnosis: Diagnosis, level: int = 2, console: Console | None = None) -> None:
    """Print a diagnosis as a page.

    Parameters
    ----------
    diagnosis
        What to print.
    level
        The strongest hint to give, 1 to 4; no reference value is shown below 4.
    console
        Where to; the terminal where it is None.

    Examples
    --------
    >>> from rich.console import Console
    >>> print_diagnosis(Diagnosis("ReLU", "relu", Status.RIGHT), console=Console(width=40))
    ReLU is right
    """
    from rich.console import Console

    console = console or Console()
    for part in _page(diagnosis, level):
        console.print(part)


def print_folder(
    diagnoses: Sequence[Diagnosis], level: int = 2, console: Console | None = None
) -> None:
    """Print the diagnoses of a folder: a table of all, then a page for each that is not right.

    Parameters
    ----------
    diagnoses
        One for each thing in the folder.
    level, console
        As in `print_diagnosis`.

    Examples
    --------
    >>> from rich.console import Console
    >>> right = [Diagnosis("ReLU", "relu", Status.RIGHT), Diagnosis("Linear", "", Status.RIGHT)]
    >>> print_folder(right, console=Console(width=40))  # doctest: +NORMALIZE_WHITESPACE
      ReLU    right
      Linear  right
    """
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = console or Console()
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for diagnosis in diagnoses:
        said = diagnosis.headline.removeprefix(f"{diagnosis.subject} ")
        said = said.removeprefix("is ").removeprefix(f"{diagnosis.subject}: ")
        table.add_row(diagnosis.subject, Text(said, STYLES[diagnosis.status]))
    console.print(Padding(table, (0, 0, 0, 2)))
    for diagnosis in diagnoses:
        if diagnosis.status is not Status.RIGHT or diagnosis.notes:
            console.rule(diagnosis.subject)
            for part in _page(diagnosis, level):
                console.print(part)


def _page(diagnosis: Diagnosis, level: int) -> Iterable[RenderableType]:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    yield Text(diagnosis.headline, STYLES[diagnosis.status])
    for explanation in explanations(diagnosis):
        yield Padding(Text(explanation), (0, 0, 0, 2))
    if diagnosis.failure:
        yield from _failure(diagnosis.failure)
    if diagnosis.findings:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for f in diagnosis.findings:
            table.add_row(
                f.quantity, f.title, Text(str(f.verdict), STYLES[f.verdict]), Text(f.summary)
            )
        yield Padding(table, (1, 0, 0, 2))
    for f in diagnosis.findings:
        if f.evidence and f.verdict is not Verdict.RIGHT:
            yield Text(f"\n{f.title}, {f.quantity}", "bold")
            yield from _evidence(f, level)
    if hints := diagnosis.hints(level):
        yield Text("\nHints", "bold")
        for cause in diagnosis.causes:
            if len(diagnosis.causes) > 1:
                yield Text(f"  {cause.name}")
            yield Padding(
                _items((LEVELS[h.level - 1], h.text) for h in hints if h.about == cause.name),
                (0, 0, 0, 2),
            )
        if level < len(LEVELS):
            yield Text(f"  (a stronger one: --hints {level + 1}, {LEVELS[level]})", "dim")
    for i, note in enumerate(diagnosis.notes):
        yield Padding(_items([("note", note)]), (0 if i else 1, 0, 0, 2))


def _items(items: Iterable[tuple[str, str]]) -> RenderableType:
    """Return labels and texts in two columns, the second wrapped within itself."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for label, text in items:
        table.add_row(Text(label, "dim"), Text(text))
    return table


def _failure(failure: Failure) -> Iterable[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    yield Text(f"  while {failure.doing}")
    for file, number, source in failure.lines:
        yield Padding(
            Text.assemble((f"{Path(file).name}:{number}", "dim"), f"  {source}"), (0, 0, 0, 4)
        )
    if failure.hint:
        yield Padding(_items([("hint", failure.hint)]), (0, 0, 0, 2))


def _evidence(finding: Finding, level: int) -> Iterable[RenderableType]:
    from rich.padding import Padding

    yield Padding(_items(("•", sentence) for sentence in finding.evidence), (0, 0, 0, 2))
    example = finding.example
    if example is None or not example.differs.any():
        return
    matrices = [(f"yours at {example.case}, what differs in brackets", example.student)]
    if level >= len(LEVELS) and example.truth is not None and example.difference is not None:
        matrices += [("right", example.truth), ("difference", example.difference)]
    for name, matrix in matrices:
        yield Padding(_matrix(name, matrix, example), (1, 0, 0, 2))


def _matrix(title: str, matrix: Array, example: Example) -> RenderableType:
    """Return a matrix as text, the entries that differ in red and in brackets."""
    from rich.text import Text

    values, differs = as_matrix(matrix), as_matrix(example.differs)
    if differs.shape != values.shape:
        differs = np.ones(values.shape, dtype=bool)
    text = Text.assemble((f"{title}\n", "dim"))
    for row, marks in zip(values[:ROWS], differs[:ROWS], strict=True):
        for value, mark in zip(row[:COLUMNS], marks[:COLUMNS], strict=True):
            shown = f"[{value:.4g}]" if mark else f"{value:.4g} "
            text.append(f"{shown:>12}", "bold red" if mark else "green")
        text.append("  ...\n" if values.shape[1] > COLUMNS else "\n")
    if len(values) > ROWS:
        text.append(f"{'...':>12}\n")
    text.rstrip()
    return text


def explanations(diagnosis: Diagnosis) -> list[str]:
    """Return what each named mistake or convention is, in a sentence or two."""
    causes = (cause for finding in diagnosis.findings for cause in finding.causes)
    return list(dict.fromkeys(cause.explanation for cause in causes))


def as_matrix(array: Array) -> Array:
    """Return an array of any shape as rows and columns."""
    array = np.asarray(array)
    return np.atleast_2d(array) if array.ndim < 3 else array.reshape(-1, array.shape[-1])

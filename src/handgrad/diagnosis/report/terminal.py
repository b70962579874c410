"""A diagnosis as a page on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from handgrad.arguments import Array
from handgrad.diagnosis.advice import listed
from handgrad.diagnosis.findings import Failure, Finding, Status, Verdict
from handgrad.diagnosis.report.page import LEVELS, Page, marked, matrices, told, visible
from handgrad.diagnosis.result import Diagnosis

__all__ = ["print_diagnosis", "print_folder", "print_repairs"]

STYLES = {
    Verdict.RIGHT: "green",
    Verdict.CONVENTION: "cyan",
    Verdict.WRONG: "bold red",
    Verdict.UNKNOWN: "yellow",
    Status.RIGHT: "green",
    Status.WRONG: "bold red",
    Status.FAILED: "bold yellow",
    Status.UNWRITTEN: "yellow",
}

ROWS, COLUMNS = 8, 6  # of a matrix that is shown; the rest is left out


def print_diagnosis(diagnosis: Diagnosis, level: int = 2, console: Console | None = None) -> None:
    """Print a diagnosis as a page; no reference value is shown below hints of level 4."""
    console = console or Console()
    for part in _page(diagnosis.page(level)):
        console.print(part)


def print_folder(
    diagnoses: Sequence[Diagnosis], level: int = 2, console: Console | None = None
) -> None:
    """Print several diagnoses: a table of all, a page for each that is not right, the counts.

    A note that several have, such as one on the file, is printed once.
    """
    console = console or Console()
    whose: dict[str, list[str]] = {}
    for diagnosis in diagnoses:
        for note in dict.fromkeys(diagnosis.notes):
            whose.setdefault(note, []).append(diagnosis.subject)
    shared = {note: names for note, names in whose.items() if len(names) > 1}
    diagnoses = [
        replace(each, notes=tuple(note for note in each.notes if note not in shared))
        for each in diagnoses
    ]
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for page in (diagnosis.page(level) for diagnosis in diagnoses):
        said = page.headline.removeprefix(f"{page.subject} ")
        said = said.removeprefix("is ").removeprefix(f"{page.subject}: ")
        table.add_row(Text(page.subject), Text(said, STYLES[page.status]))
    console.print(Padding(table, (0, 0, 0, 2)))
    for note, names in shared.items():
        of = "" if len(names) == len(diagnoses) else f"{listed(names)}: "
        console.print(Padding(_items([("note", visible(of + note))]), (1, 0, 0, 2)))
    for diagnosis in diagnoses:
        if diagnosis.status in (Status.WRONG, Status.FAILED) or diagnosis.notes:
            console.rule(Text(diagnosis.page(level).subject))
            print_diagnosis(diagnosis, level, console)
    console.rule()
    counts = Counter(diagnosis.status for diagnosis in diagnoses)
    counted = (f"{counts[status]} {status}" for status in Status if counts[status])
    console.print(Text(", ".join(counted)))


def print_repairs(
    diagnoses: Sequence[Diagnosis], level: int = 2, console: Console | None = None
) -> None:
    """Print the repairs that were found once the diagnoses were printed, no more than the level."""
    console = console or Console()
    for diagnosis in diagnoses:
        for repair in visible(diagnosis.repairs):
            whose = f" of {diagnosis.subject}" if len(diagnoses) > 1 else ""
            console.print(Text(f"\nRepair{whose}", "bold"))
            told = [hint for hint in repair.hints("") if hint.level <= level]
            items = [("line" if hint.level == 3 else "mend", hint.text) for hint in told]
            if items:
                console.print(Padding(_items(items), (0, 0, 0, 2)))
            else:
                found = f"  With {repair.count} changed everything is right (--hints 3 says where)"
                console.print(Text(found))


def _page(page: Page) -> Iterable[RenderableType]:

    yield Text(page.headline, STYLES[page.status])
    for explanation in page.explanations:
        yield Padding(Text(explanation), (0, 0, 0, 2))
    if page.failure:
        yield from _failure(page.failure)
    if page.findings:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for f in page.findings:
            said = Text(str(f.verdict), STYLES[f.verdict])
            table.add_row(Text(f.quantity), Text(f.title), said, Text(f.summary))
        yield Padding(table, (1, 0, 0, 2))
    for f in told(page):
        yield Text(f"\n{f.title}, {f.quantity}", "bold")
        yield from _evidence(f, page.level)
    if page.hints:
        yield Text("\nHints", "bold")
        for name, hints in page.hints.items():
            if len(page.hints) > 1:
                yield Text(f"  {name}")
            yield Padding(_items(hints), (0, 0, 0, 2))
        if page.level < len(LEVELS):
            yield Text(f"  (a stronger one: --hints {page.level + 1}, {LEVELS[page.level]})", "dim")
    for i, note in enumerate(page.notes):
        yield Padding(_items([("note", note)]), (0 if i else 1, 0, 0, 2))


def _items(items: Iterable[tuple[str, str]]) -> RenderableType:
    """Return labels and texts in two columns, the second wrapped within itself."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for label, text in items:
        table.add_row(Text(label, "dim"), Text(text))
    return table


def _failure(failure: Failure) -> Iterable[RenderableType]:

    yield Text(f"  while {failure.doing}")
    for file, number, source in failure.lines:
        yield Padding(
            Text.assemble((f"{Path(file).name}:{number}", "dim"), f"  {source}"), (0, 0, 0, 4)
        )
    if failure.hint:
        yield Padding(_items([("hint", failure.hint)]), (0, 0, 0, 2))


def _evidence(finding: Finding, level: int) -> Iterable[RenderableType]:

    yield Padding(_items(("•", sentence) for sentence in finding.evidence), (0, 0, 0, 2))
    example = finding.example
    for name, matrix in matrices(example, level).items():
        assert example is not None
        title = f"yours at {example.case}, what differs in brackets" if name == "yours" else name
        yield Padding(_matrix(title, matrix, example.differs), (1, 0, 0, 2))


def _matrix(title: str, matrix: Array, differs: Array) -> RenderableType:
    """Return a matrix as text, the entries that differ in red and in brackets."""
    values, differs = marked(matrix, differs)
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

"""Tables, for a terminal and for Markdown, of what was measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.contestants import FAST, OURS
from benchmarks.tasks import Task
from benchmarks.timing import Timing, ratio, ratio_of_minimums

__all__ = [
    "Table",
    "epoch_table",
    "faults_text",
    "machine_table",
    "memory_table",
    "size_table",
    "step_tables",
    "time_text",
]

FLOOR = "floor"


@dataclass(frozen=True)
class Table:
    """A title, the heads of the columns, and rows of text; the first column names the row."""

    title: str
    heads: list[str]
    rows: list[list[str]]
    note: str = ""

    def rich(self) -> Any:
        """Return the table for rich's console."""
        from rich.table import Table as RichTable

        table = RichTable(title=self.title, caption=self.note or None)
        for i, head in enumerate(self.heads):
            table.add_column(head, justify="right" if i else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """Return the table as Markdown."""
        lines = [self.heads, ["---", *["---:"] * (len(self.heads) - 1)], *self.rows]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"### {self.title}\n\n{body}\n" + (f"\n{self.note}\n" if self.note else "")


def step_tables(timings: list[Timing]) -> list[Table]:
    """Return a table for each precision and optimizer."""
    variants = list(dict.fromkeys((t.task.dtype, t.task.optimizer) for t in timings))
    tables = []
    for dtype, optimizer in variants:
        chosen = [t for t in timings if (t.task.dtype, t.task.optimizer) == (dtype, optimizer)]
        tasks = list(dict.fromkeys(t.task for t in chosen))
        names = list(dict.fromkeys(t.contestant for t in chosen))
        found = {(t.contestant, t.task): t for t in chosen}
        rows = [[name, *(_cell(found, name, task) for task in tasks)] for name in names]
        if FLOOR in names:
            cells = [_ratio(found.get((OURS, t)), found.get((FLOOR, t))) for t in tasks]
            rows.append([f"{OURS} / {FLOOR}", *cells])
        for name in (OURS, FAST):
            faults = [faults_text(found.get((name, task))) for task in tasks]
            if any(faults):
                rows.append([f"page faults, {name}", *faults])
        title = f"One step, {dtype}, {optimizer}"
        tables.append(Table(title, ["", *(task.network for task in tasks)], rows, NOTE))
    return tables


NOTE = (
    f"Median time, and how many times as long as {OURS}: the ratio of the minimums, then the "
    "median of the rounds' ratios."
)


def epoch_table(timings: list[Timing]) -> Table:
    """Return the table of the epoch."""
    task = timings[0].task
    found = {(t.contestant, t.task): t for t in timings}
    rows = [
        [t.contestant, time_text(t.median), _ratio(t, found.get((OURS, task)))]
        for t in sorted(timings, key=lambda t: t.median)
    ]
    title = f"One epoch over {task.samples:,} rows, {task.network}, {task.dtype}, {task.optimizer}"
    return Table(title, ["", "time", f"times {OURS}"], rows, NOTE)


def memory_table(found: Iterable[dict[str, Any]]) -> Table:
    """Return the table of the resident sizes."""
    rows = [[f["contestant"], f"{f['imported']:,.0f} MB", f"{f['peak']:,.0f} MB"] for f in found]
    return Table("Peak resident size", ["", "after the import", "after an epoch"], rows)


def size_table(found: Iterable[dict[str, Any]]) -> Table:
    """Return the table of the sizes on disk."""
    rows = [[f["contestant"], f"{f['size']:,.0f} MB"] for f in found]
    return Table("Size on disk of a fresh environment", ["", "size"], rows)


def machine_table(machine: dict[str, Any]) -> Table:
    """Return the table of what the numbers belong to."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    rows = [[key, str(value)] for key, value in machine.items() if key != "versions"]
    return Table("Measured on", ["", ""], [*rows, ["versions", versions]])


def _cell(found: dict[tuple[str, Task], Timing], name: str, task: Task) -> str:
    timing = found.get((name, task))
    return (
        f"{time_text(timing.median)} ({_ratio(timing, found.get((OURS, task)))})" if timing else "-"
    )


def faults_text(timing: Timing | None) -> str:
    """Return the page faults of a step, where they were counted."""
    return "" if timing is None or timing.faults is None else f"{timing.faults:.1f}"


def _ratio(one: Timing | None, other: Timing | None) -> str:
    return f"{ratio_of_minimums(one, other):.2f}, {ratio(one, other):.2f}" if one and other else "-"


def time_text(seconds: float) -> str:
    """Return a time in the unit that fits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"

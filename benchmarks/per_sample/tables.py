"""The table of what is found of each sample."""

from __future__ import annotations

from itertools import groupby

from benchmarks.contestants import OURS, PER_SAMPLE
from benchmarks.tables import Table, time_text
from benchmarks.timing import Timing, ratio, ratio_of_minimums

__all__ = ["per_sample_table"]

OTHERS = [name for name in PER_SAMPLE if name != OURS]

HEADS = ["", OURS, *(head for name in OTHERS for head in (name, "minimums", "medians"))]

NOTE = (
    f"Minimum time over the rounds of forward pass, loss and gradients of each sample, float32; "
    f"then how many times {OURS}'s time the others take: the ratio of the minimums, and the median "
    f"of the rounds' ratios. In place means over the array of the step before."
)


def per_sample_table(timings: list[Timing]) -> Table:
    """Return the table of all tasks."""
    rows = [_row(task.title, list(group)) for task, group in groupby(timings, lambda t: t.task)]
    return Table("Gradients of each sample", HEADS, rows, NOTE)


def _row(title: str, timings: list[Timing]) -> list[str]:
    found = {timing.contestant: timing for timing in timings}
    ours, cells = found[OURS], [title, time_text(found[OURS].minimum)]
    for name in OTHERS:
        other = found.get(name)
        cells += [
            time_text(other.minimum) if other else "-",
            f"{ratio_of_minimums(other, ours):.2f}" if other else "-",
            f"{ratio(other, ours):.2f}" if other else "-",
        ]
    return cells

"""The table of the updates."""

from __future__ import annotations

from itertools import groupby

from benchmarks.contestants import FAST, OURS
from benchmarks.tables import Table, time_text
from benchmarks.timing import Timing, ratio, ratio_of_minimums

__all__ = ["update_table"]

HEADS = ["", FAST, OURS, "PyTorch, fused", "its time to fast: minimums", "medians"]

NOTE = "Minimum time over the rounds; then how many times the compiled loop's time PyTorch's takes."


def update_table(timings: list[Timing]) -> Table:
    """Return the table of all lengths."""
    rows = []
    for task, group in groupby(timings, lambda timing: timing.task):
        found = {timing.contestant: timing for timing in group}
        times = [found.get(name) for name in (FAST, OURS, "torch")]
        fast, _, torch = times
        both = (ratio_of_minimums(torch, fast), ratio(torch, fast)) if fast and torch else ()
        rows.append(
            [
                task.title,
                *(time_text(timing.minimum) if timing else "-" for timing in times),
                *([f"{number:.2f}" for number in both] or ["-", "-"]),
            ]
        )
    return Table("Adam's update", HEADS, rows, NOTE)

"""The table of the layers, with the bars beside the figures."""

from __future__ import annotations

from itertools import groupby

from benchmarks.contestants import FAST, OURS
from benchmarks.layers.tasks import LayerTask
from benchmarks.tables import Table, faults_text, time_text
from benchmarks.timing import Timing, ratio, ratio_of_minimums

__all__ = ["layer_table"]

HEADS = [
    *("", OURS, FAST, "torch", "torch.compile", "jax"),
    *("to torch: minimums", "medians", "bar", "to jax: minimums", "medians", "bar"),
    *("page faults", FAST),
]

NOTE = (
    f"Minimum time over the rounds of one forward and backward pass, or of a step with Adam; then "
    f"{OURS}'s time as a multiple of torch's (eager) and of jax's (jit): the ratio of the "
    f"minimums, and the median of the rounds' ratios. A bar is the largest ratio of minimums that "
    f"is allowed: at 2.75 {OURS} may take 2.75 times as long. torch is the faster of two layouts "
    f"wherever it has two; with * it is channels last, or steps first. The block is a "
    f"transformer's, causal with 4 heads; the CNN has two convolutions, of 16 and 32 channels, two "
    f"pools and an affine map. Page faults are of one pass or step, where they were counted."
)


def layer_table(timings: list[Timing]) -> Table:
    """Return the table of all layers."""
    rows = [_row(task, list(group)) for task, group in groupby(timings, lambda t: t.task)]
    return Table("Layers, forward and backward, and steps with Adam", HEADS, rows, NOTE)


def _row(task: LayerTask, timings: list[Timing]) -> list[str]:
    found = {timing.contestant: timing for timing in timings}
    both = [t for t in timings if t.contestant.partition(",")[0] == "torch"]
    eager = min(both, key=lambda t: t.minimum, default=None)
    cells = [_time(found.get(name)) for name in (OURS, FAST, "torch.compile", "jax")]
    star = "*" if eager and eager.contestant != "torch" else ""
    cells.insert(2, _time(eager) + star)
    ours = found.get(OURS)
    cells += _against(ours, eager, task.bar) + _against(ours, found.get("jax"), task.jax_bar)
    return [task.name, *cells, *(faults_text(found.get(name)) for name in (OURS, FAST))]


def _time(timing: Timing | None) -> str:
    return time_text(timing.minimum) if timing else "-"


def _against(ours: Timing | None, theirs: Timing | None, bar: float) -> list[str]:
    if not ours or not theirs:
        return ["-", "-", f"{bar:g}" if bar else ""]
    least = ratio_of_minimums(ours, theirs)
    verdict = f"{bar:g} {'met' if least <= bar else 'MISSED'}" if bar else ""
    return [f"{least:.2f}", f"{ratio(ours, theirs):.2f}", verdict]

"""The plots of what was measured."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import Any

from benchmarks.contestants import NAMES, OURS
from benchmarks.growth import where
from benchmarks.scaling.cost import ASSUMED, ETHERNETS, MACHINES, rate
from benchmarks.tasks import Task
from benchmarks.timing import Timing, ratio

__all__ = ["plot_growth", "plot_scaling", "plot_steps"]

UNITS = {
    "width": "width of 2 hidden layers, batch 128",
    "depth": "hidden layers of 128, batch 128",
    "batch": "batch, 784-256-128-10",
    "samples": "samples, one epoch, 784-256-128-10 at 128, Adam",
}


def plot_steps(timings: list[Timing], path: Path) -> None:
    """Draw how many times as long as ours a step takes, a panel for each variant."""
    from matplotlib.figure import Figure

    variants = list(dict.fromkeys((t.task.dtype, t.task.optimizer) for t in timings))
    networks = list(dict.fromkeys(t.task.network for t in timings))
    names = [n for n in NAMES if n != OURS and any(t.contestant == n for t in timings)]
    figure = Figure(figsize=(11, 2.6 * len(variants)), layout="constrained")
    axes = figure.subplots(len(variants), 1, sharex=True, squeeze=False)[:, 0]
    for panel, (dtype, optimizer) in zip(axes, variants, strict=True):
        chosen = {
            (t.contestant, t.task.network): t
            for t in timings
            if (t.task.dtype, t.task.optimizer) == (dtype, optimizer)
        }
        for i, name in enumerate(names):
            places, heights = [], []
            for j, network in enumerate(networks):
                ours, theirs = chosen.get((OURS, network)), chosen.get((name, network))
                if ours and theirs:
                    places.append(j + (i - (len(names) - 1) / 2) * 0.8 / len(names))
                    heights.append(ratio(theirs, ours))
            panel.bar(places, heights, 0.75 / len(names), label=name, color=_colour(name))
        panel.axhline(1, color=_colour(OURS), label=OURS)
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter("")
        panel.grid(axis="y", alpha=0.3)
        panel.set_ylabel(f"time / {OURS}'s")
        panel.set_title(f"One step, {dtype}, {optimizer}")
        panel.set_xticks(range(len(networks)), networks)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=len(names) + 1, loc="outside lower center")
    figure.savefig(path, dpi=120)


def plot_growth(timings: dict[str, list[Timing]], path: Path) -> None:
    """Draw the time against what grows, a panel for each."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    panels: Any = figure.subplots(2, 2)
    for panel, (axis, found) in zip(panels.flat, timings.items(), strict=True):
        for name in dict.fromkeys(t.contestant for t in found):
            mine = [t for t in found if t.contestant == name]
            places = [where(axis, t.task) for t in mine]
            medians = [t.median for t in mine]
            panel.plot(places, medians, "o-", label=name, color=_colour(name))
        panel.set(xscale="log", yscale="log", xlabel=UNITS[axis], ylabel="seconds")
        panel.grid(alpha=0.3)
    panels[0, 0].legend()
    figure.suptitle("Time of an SGD step, and of an epoch with Adam, float32")
    figure.savefig(path, dpi=120)


def plot_scaling(found: list[dict[str, Any]], path: Path) -> None:
    """Draw what more machines would do, a panel for each way to share the work."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.4), layout="constrained")
    panels: Any = figure.subplots(1, 2, sharex=True, sharey=True)
    titles = ("the machines share a batch", "each machine has a batch")
    for grows, (panel, title) in enumerate(zip(panels, titles, strict=True)):
        panel.plot(MACHINES, MACHINES, color="0.8", label="as many as there are machines")
        for i, row in enumerate(found):
            for link, line in zip(ETHERNETS, ("--", "-"), strict=True):
                rates = [rate(row, machines, link, bool(grows)) for machines in MACHINES]
                label = f"{Task.from_json(row['task']).network}, {link.name}"
                panel.plot(MACHINES, rates, line, color=f"C{i}", label=label)
        panel.set(xscale="log", yscale="log", title=title, xlabel="machines")
        panel.set_xticks(MACHINES, map(str, MACHINES))
        panel.grid(alpha=0.3)
        panel.minorticks_off()
    panels[0].set_ylabel("rows a second, as a multiple of one machine's")
    panels[0].yaxis.set_major_formatter("{x:g}")
    panels[0].legend(fontsize="small")
    figure.supxlabel(fill(f"A prediction. {ASSUMED}", 150), fontsize="small")
    figure.savefig(path, dpi=120)


def _colour(name: str) -> str:
    return f"C{list(NAMES).index(name)}"

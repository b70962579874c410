"""The picture of a history; loaded only when it is asked for, as matplotlib is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from handgrad.errors import ArgumentError

__all__ = ["plot_history"]

_VALIDATION = "validation_"
_FEW = 30
"""Up to so many epochs, each of them gets a dot; more of them would hide the lines."""
_TICKS = 5
"""So many intervals of an axis tell its scale; each costs about as much as a line."""


def plot_history(
    values: Mapping[str, Sequence[Any]], path: str | os.PathLike[str] | None = None
) -> Any:
    """Draw a panel for the loss, for each metric, for the learning rate and for the gradients.

    `values` are ``history.values``; `History.plot` says the rest.
    """
    from handgrad.training.figure import NotebookFigure

    panels = _panels(values)
    if not panels:
        raise ArgumentError(
            "a request for a plot of no epochs", "at least one epoch", "call fit first"
        )
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    across = min(len(panels), 2)
    down = -(-len(panels) // across)
    figure = NotebookFigure(figsize=(5.2 * across, 3.2 * down))
    # Places of its own too, since to measure every text first takes as long as to draw it all.
    width, height = figure.get_size_inches()
    figure.subplots_adjust(
        left=0.75 / width,
        right=1 - 0.15 / width,
        bottom=0.5 / height,
        top=1 - 0.35 / height,
        wspace=0.25,
        hspace=0.4,
    )
    epochs = np.arange(1, len(next(iter(values.values()))) + 1)
    dot = "." if len(epochs) <= _FEW else None
    for i, (title, names) in enumerate(panels.items()):
        axes = figure.add_subplot(down, across, i + 1, xlabel="epoch")
        axes.set_title(title, y=1.0)  # a place of its own too
        for name in names:
            y = _column(values[name])
            held_out = name.startswith(_VALIDATION)
            label = _label(name, title, held_out)
            axes.plot(epochs, y, marker=dot, linestyle="--" if held_out else "-", label=label)
        if title == "gradient norm" and min(np.nanmin(_column(values[n])) for n in names) > 0:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
            axes.yaxis.set_minor_locator(NullLocator())
        else:
            axes.yaxis.set_major_locator(MaxNLocator(_TICKS))
        axes.yaxis.set_major_formatter("{x:.4g}")
        axes.xaxis.set_major_locator(MaxNLocator(_TICKS, integer=True))
        axes.grid(alpha=0.3)
        if len(names) > 1:
            axes.legend(fontsize="small")
    if path is not None:
        figure.savefig(path, dpi=100)
    return figure


def _label(name: str, title: str, held_out: bool) -> str:
    if title == "gradient norm":
        _, dot, place = name.partition(".")
        return f"component {place}" if dot else "all"
    return "validation" if held_out else "training"


def _column(values: Sequence[Any]) -> Any:
    return np.array(values, dtype=float)  # None becomes NaN, a gap in the line


def _panels(values: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
    """Return what stands in each panel.

    A value that is not a number has none, nor has a learning rate that never changes.
    """
    panels: dict[str, list[str]] = {}
    for name, column in values.items():
        if name == "lr" and len({*column}) == 1 and len(values) > 1:
            continue
        if all(value is None or np.ndim(value) == 0 for value in column):
            title = name.removeprefix(_VALIDATION).partition(".")[0].replace("_", " ")
            title = "learning rate" if title == "lr" else title
            panels.setdefault(title, []).append(name)
    return panels

"""Pictures of how good a network is; loaded only when they are drawn, as matplotlib is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from handgrad.arguments import Array

__all__ = ["draw_confusion", "draw_predictions"]

_COUNTED = 20  # so many classes leave room for the counts
_NAMED = 40  # and so many for the names
_LONGEST = 20  # letters of a name
_POINTS = 2000


def draw_confusion(confusion: Array, names: Sequence[str], title: str, path: Path) -> None:
    """Draw a confusion matrix; the darker a cell, the larger its share of the true class."""
    K = len(names)
    shown = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in names]
    edge = 0.6 + 0.08 * max(map(len, shown)) * (K <= _NAMED)  # inches, for the names
    side = min(max(0.34 * K, 2.5), 9.0)
    figure = Figure(figsize=(side + edge + 0.3, side + edge + 0.5))
    axes = figure.add_axes(_inches(figure, edge, edge, side, side))
    axes.set(title=title, xlabel="predicted", ylabel="true")
    total = confusion.sum(axis=1, keepdims=True).clip(min=1)
    share = confusion / total
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if K <= _NAMED:
        upright = 90 if max(map(len, shown)) > 3 else 0
        # Neither is a name a formula, nor a dollar sign.
        shown = [name.replace("$", r"\$") for name in shown]
        axes.set_xticks(range(K), shown, rotation=upright)
        axes.set_yticks(range(K), shown)
    if K <= _COUNTED:
        for true, row in enumerate(confusion.tolist()):
            for said, count in enumerate(row):
                if count:
                    colour = "white" if share[true, said] > 0.5 else "black"
                    axes.text(said, true, count, ha="center", va="center", color=colour, size=8)
    _save(figure, path)


def draw_predictions(predicted: Array, true: Array, name: str, title: str, path: Path) -> None:
    """Draw the predicted numbers over the true ones; right ones lie on the line."""
    figure = Figure(figsize=(5.2, 5))
    shown = name.replace("$", r"\$")
    axes = figure.add_axes(_inches(figure, 0.9, 0.6, 4.1, 4.0))
    axes.set(title=title, xlabel=f"true {shown}", ylabel=f"predicted {shown}")
    ends = [float(true.min()), float(true.max())]
    axes.plot(ends, ends, color="0.6", linewidth=1)
    step = -(-len(true) // _POINTS)
    axes.plot(true[::step], predicted[::step], ".", alpha=0.5)
    axes.grid(alpha=0.3)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    """Write a picture, of which nobody is told that its font lacks a letter of some name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(path, dpi=100)


def _inches(figure: Figure, left: float, bottom: float, width: float, height: float) -> Any:
    """Return a place in a figure, which is quicker than to have it found."""
    across, down = figure.get_size_inches()
    return left / across, bottom / down, width / across, height / down

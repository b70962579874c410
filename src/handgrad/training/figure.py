"""Figures of matplotlib that a notebook shows; loaded only when one is drawn, as matplotlib is."""

from __future__ import annotations

import io

try:
    from matplotlib.figure import Figure
except ImportError as error:
    from handgrad.errors import ArgumentError

    raise ArgumentError(
        "a request for a plot without matplotlib",
        "matplotlib, which draws it",
        'install it: pip install "handgrad[plot]"',
    ) from error

__all__ = ["NotebookFigure"]


class NotebookFigure(Figure):
    """A figure that shows in a notebook without a magic line.

    It is no figure of pyplot's: nothing global changes, and no window opens. A notebook knows how
    to show a plain one only once pyplot, or ``%matplotlib inline``, has told it.
    """

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=100)
        return picture.getvalue()

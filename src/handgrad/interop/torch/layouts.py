"""Where PyTorch's tensors have the features, which are last in ours.

PyTorch has the channels of images and of what a `Conv1d` reads on the second axis, (N, C, H, W),
and the features of everything else on the last one. A flattening puts an image's numbers in a row
in the order in which they lie, so that the features behind it are the same in another order, and so
are the rows of the weights that they are multiplied by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handgrad.arguments import Array
from handgrad.errors import ShapeError
from handgrad.shapes import Shape

__all__ = ["LAST", "Form", "Layout", "given"]

Form = Literal["last", "first", "flat", "pooled"]


@dataclass(frozen=True)
class Layout:
    """How PyTorch's tensor lies at a place of a network.

    Attributes
    ----------
    form : {"last", "first", "flat", "pooled"}
        Features last, as ours; channels first; channels first, and then flattened; or channels
        first with one entry each, which a flattening is to follow.
    axes : int, optional
        How many axes there are, where that is known.
    channels : int, optional
        How many channels there are, or were before the flattening.
    """

    form: Form
    axes: int | None = None
    channels: int | None = None

    def theirs(self, rows: Array) -> Array:
        """Return the rows of our features, (D, ...), in the order of PyTorch's.

        >>> import numpy as np
        >>> Layout("flat", 2, 3).theirs(np.arange(6))  # two pixels of three channels
        array([0, 3, 1, 4, 2, 5])
        """
        return self._exchanged(rows, -1, self.order)

    def ours(self, rows: Array) -> Array:
        """Return the rows of PyTorch's features, (D, ...), in the order of ours.

        >>> import numpy as np
        >>> Layout("flat", 2, 3).ours(np.arange(6))
        array([0, 2, 4, 1, 3, 5])
        """
        return self._exchanged(rows, self.order, -1)

    def _exchanged(self, rows: Array, outer: int, inner: int) -> Array:
        return rows.reshape(outer, inner, *rows.shape[1:]).swapaxes(0, 1).reshape(rows.shape)

    @property
    def order(self) -> int:
        """What the order of the features depends on: the channels before a flattening, else 1."""
        return (self.channels or 1) if self.form == "flat" else 1

    def axes_in_order(self) -> list[int] | None:
        """Return PyTorch's number of each of our axes, where it is known.

        >>> Layout("first", 4).axes_in_order()
        [0, 2, 3, 1]
        """
        if self.axes is None:
            return None
        own = [*range(self.axes)]
        return [0, *own[2:], 1] if self.form == "first" else own


LAST = Layout("last")


def given(shape: Shape | None, form: Form, axes: int | None) -> Layout:
    """Return the layout of an input, for its shape in ours and what is done with it first.

    >>> given((None, 28, 28, 3), "last", None)
    Layout(form='first', axes=4, channels=3)
    """
    if shape is not None and not isinstance(shape, tuple | list):
        raise ShapeError(
            f"input_shape={shape!r}",
            "a size for each axis, or None where any will do",
            "write them as a tuple, such as (None, 28, 28, 1)",
        )
    shape = () if shape is None or ... in shape else shape
    axes = len(shape) or axes
    if form == "first" or axes == 4:
        channels = shape[-1] if shape else None
        return Layout("first", axes, channels if isinstance(channels, int) else None)
    return Layout("last", axes)

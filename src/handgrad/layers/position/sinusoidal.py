"""Positions as sines and cosines."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from handgrad.arguments import Array, positive_size
from handgrad.component import Component
from handgrad.layers.position.steps import check_steps
from handgrad.shapes import Shape

__all__ = ["PositionalEncoding"]


class PositionalEncoding(Component):
    r"""Adds to each step of a sequence sines and cosines of its position.

    .. math::
        y_{ntd} = x_{ntd} + p_{td}, \qquad
        p_{t, 2i} = \sin \frac{t}{10000^{2i / D}}, \qquad
        p_{t, 2i + 1} = \cos \frac{t}{10000^{2i / D}}

    where steps and features are counted from 0.

    Parameters
    ----------
    max_length : int
        The most steps that a sequence may have.
    features : int
        Features, D. Where it is odd, the last one is a sine without its cosine.

    Raises
    ------
    ArgumentError
        A size is not a positive integer.
    ShapeError
        A sequence is longer than `max_length`, or its features are not D.

    Notes
    -----
    **Gradient.** :math:`dx_{ntd} = dy_{ntd}`.

    **Derivation.** :math:`p` is a constant, so :math:`\partial y_{ntd} / \partial x_{mse} =
    [n = m][t = s][d = e]`, and the sum over all outputs has one term.

    **Why these.** An angle of step :math:`t + k` is that of :math:`t` plus a constant, so the pair
    of a sine and its cosine is turned by a matrix that depends on :math:`k` alone: what stands
    :math:`k` steps before is a linear function of where one is. The wavelengths go from
    :math:`2 \pi` to almost :math:`10000 \cdot 2 \pi`.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (..., T, D), with any
    :math:`T` up to `max_length`.

    **Saved.** Nothing. The table is made once for each power of two up to which :math:`T` may go,
    and is neither a parameter nor a buffer.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5.

    Examples
    --------
    >>> import numpy as np
    >>> encoding = PositionalEncoding(max_length=50, features=4)
    >>> encoding(np.zeros((1, 3, 4))).round(2)
    array([[[ 0.  ,  1.  ,  0.  ,  1.  ],
            [ 0.84,  0.54,  0.01,  1.  ],
            [ 0.91, -0.42,  0.02,  1.  ]]])
    """

    def __init__(self, max_length: int, features: int) -> None:
        self.max_length = positive_size(max_length, "max_length", "PositionalEncoding")
        self.features = positive_size(features, "features", "PositionalEncoding")

    def apply(self, x: Array) -> tuple[Array, None]:
        """Return ``x + p[:T]``, in the precision of `x`."""
        self.output_shape(x.shape)
        T = x.shape[-2]
        table = _table(1 << (T - 1).bit_length(), self.features)
        return x + np.asarray(table[:T], x.dtype, like=x), None

    def pullback(
        self, dy: Array, saved: None, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return `dy`."""
        return dy, {}

    def output_shape(self, input_shape: Shape) -> Shape:
        return check_steps(input_shape, self.max_length, self.features, self)

    def __repr__(self) -> str:
        return f"PositionalEncoding({self.max_length}, {self.features})"


@lru_cache(maxsize=32)
def _table(T: int, D: int) -> Array:
    """Return the first T rows of :math:`p`, (T, D)."""
    angles = np.arange(T)[:, None] / 10000 ** (np.arange(0, D, 2) / D)
    table: Array = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(T, -1)[:, :D]
    table.flags.writeable = False
    return table

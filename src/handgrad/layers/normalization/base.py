"""What the norms share: a scale and a shift for each feature, and sums over rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, in_short, is_real, positive_size
from handgrad.component import Component
from handgrad.errors import ArgumentError, ShapeError
from handgrad.initializers import Drawn, Initializer, draw_parameters, floating_type
from handgrad.kernels.compiling import inlined
from handgrad.parameter import Parameter
from handgrad.per_sample.summands import check_samples, over_places
from handgrad.shapes import Shape, shape_text

__all__ = ["SHORT", "Normalization", "blocks", "glued", "repeated", "stacked", "sums"]

_MANY = 1024  # rows, above which gluing them together saves more than it costs
SHORT = 256
"""Rows whose sum a compiled loop takes for itself before it is added to the total. What rounding
takes from a sum grows with what it has become: of 100,000 rows, one after the other in float32, the
mean has three digits that are right."""
_BLOCK = 65536  # entries of a block, which stays in a core's cache with what is made of it


class Normalization(Component):
    """Gives its input mean 0 and size 1 over some axes, then scales and shifts each feature.

    Parameters
    ----------
    features : int or tuple of int
        The size of the last axis, or of the last axes: each of their entries is a feature.
    epsilon : float
        What is added to the variance.
    affine : bool
        Whether the features are scaled and shifted.
    init : mapping of str to Initializer
        The parameters by name, and how each of them is drawn.
    rng, dtype
        As every layer takes them.

    Examples
    --------
    >>> from handgrad import LayerNorm, RMSNorm
    >>> isinstance(LayerNorm(3), Normalization), list(RMSNorm(3).parameters)
    (True, ['gamma'])
    """

    gamma = Parameter()
    beta = Parameter()

    def __init__(
        self,
        features: int | tuple[int, ...],
        epsilon: float,
        affine: bool,
        init: Mapping[str, Initializer],
        rng: np.random.Generator | None,
        dtype: npt.DTypeLike,
    ) -> None:
        name = type(self).__name__
        several = isinstance(features, tuple | list) and len(features) > 0
        sizes: Any = features if several else (features,)
        axes = tuple(positive_size(size, "features", name) for size in sizes)
        if not is_real(epsilon) or epsilon <= 0:
            raise ArgumentError(
                f"epsilon={epsilon!r} for {name}",
                "a positive number, which keeps entries that are all the same finite",
                "use 1e-5, as is the custom",
            )
        if not isinstance(affine, bool):
            raise ArgumentError(
                f"affine={affine!r} for {name}",
                "True or False",
                "say whether the features are scaled and shifted by parameters",
            )
        self.features = axes if several else axes[0]
        self.epsilon, self.affine = float(epsilon), affine
        self.rng, self.dtype = rng, floating_type(dtype, name)
        wanted = {key: Drawn(axes, drawn, 1, 1) for key, drawn in init.items()} if affine else {}
        self.parameters = draw_parameters(wanted, name, rng, dtype)
        self._axes, self._size = axes, int(np.prod(axes))

    def _row(self, name: str, like: Array) -> Array:
        """Return a parameter as a row, (1, D); where it has none, what changes nothing."""
        if like.shape[-1] != self._size:  # a compiled loop would read past the end of the row
            raise ShapeError(
                f"what a norm of {like.shape[-1]} features has saved for {self!r}",
                f"what one of {self._size} features has",
                "give a pullback what the apply of the same layer has returned",
            )
        if self.affine:
            row: Array = self.parameters[name].reshape(1, -1)
            return row
        return np.full_like(like, 1 if name == "gamma" else 0, shape=(1, self._size))

    def _offered(self, out: dict[str, Array] | None, **gradients: Array) -> dict[str, Array]:
        """Return the gradients in the parameters' shape, in the arrays offered where there are."""
        given = {} if out is None else out
        for name in self.parameters:
            gradient = gradients[name].reshape(self._axes)
            if name in given:
                given[name][...] = gradient
            else:
                given[name] = gradient
        return given

    @abstractmethod
    def _normal(self, saved: Any) -> Array:
        """Return what is scaled and shifted, as rows in the order of the input's."""

    def pullback_per_sample(
        self, dy: Array, saved: Any, need_dx: bool = True
    ) -> tuple[Array | None, dict[str, Array]]:
        r"""Return `dx`, and of each sample the sums over its rows alone.

        Of a sample with the rows :math:`t` they are :math:`d\gamma_{nd} = \sum_t dy_{ntd} \,
        \hat{x}_{ntd}` and :math:`d\beta_{nd} = \sum_t dy_{ntd}`: the derivation on a norm's page,
        without the last sum.
        """
        dx, _ = self.pullback(dy, saved, need_dx)
        N = len(check_samples(dy, axes=1 + len(self._axes)))
        rows = dy.reshape(N, -1, self._size)
        found = {"beta": over_places(rows)}
        found["gamma"] = over_places(rows * self._normal(saved).reshape(rows.shape))
        return dx, {name: found[name] for name in self.parameters}

    def output_shape(self, input_shape: Shape) -> Shape:
        any_axes = input_shape[:1] == (...,)
        known = input_shape[1:] if any_axes else input_shape
        pairs = zip(reversed(known), reversed(self._axes), strict=False)
        short = not any_axes and len(known) < len(self._axes)
        if short or any(size not in (None, mine) for size, mine in pairs):
            text = ", ".join(map(str, self._axes))
            raise ShapeError(
                f"an input of shape {shape_text(input_shape)} for {in_short(self)}",
                f"features last, (..., {text})",
                "make it with as many features as its input has",
            )
        return input_shape

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.features})"


def blocks(rows: Array) -> Iterator[slice]:
    """Yield slices of so many rows that what is made of them stays in the cache.

    Examples
    --------
    >>> list(blocks(np.ones((70, 1000))))
    [slice(0, 65, None), slice(65, 130, None)]
    """
    step = max(1, _BLOCK // rows.shape[-1])
    return (slice(start, start + step) for start in range(0, len(rows), step))


def stacked(row: Array, rows: Array) -> Array:
    """Return a row, (1, D), as often below itself as a block of `rows` has rows.

    NumPy multiplies two arrays of one shape in half the time of an array and a row.

    Examples
    --------
    >>> stacked(np.array([[1.0, 2.0]]), np.ones((3, 2)))
    array([[1., 2.],
           [1., 2.],
           [1., 2.]])
    """
    return np.repeat(row, min(len(rows), max(1, _BLOCK // rows.shape[-1])), axis=0)


def glued(rows: Array, features: int, length: int = 8192) -> Array:
    """Return short rows as fewer long ones, (..., N, D) as (..., N / k, k D), a view.

    To multiply all rows by one, or add it to them, NumPy copies that one into its buffer, again for
    every 8192 entries of the result, unless it is as long as the buffer itself. Short rows cost
    something each on top.

    Parameters
    ----------
    rows
        Rows, the last axis contiguous.
    features
        D.
    length
        How long they may become.

    Examples
    --------
    >>> glued(np.ones((2, 3000, 16)), 16).shape
    (2, 6, 8000)
    """
    N = rows.shape[-2]
    most = max(1, length // features) if rows.size // features > _MANY else 1
    k = next(k for k in range(most, 0, -1) if N % k == 0)
    return rows.reshape(*rows.shape[:-2], N // k, k * features)


def repeated(row: Array, rows: Array) -> Array:
    """Return a row, (..., 1, D), as often beside itself as there are rows glued together.

    Examples
    --------
    >>> repeated(np.array([[1.0, 2.0]]), np.ones((5, 4)))
    array([[1., 2., 1., 2.]])
    """
    k = rows.shape[-1] // row.shape[-1]
    return row if k == 1 else np.tile(row, k)


def sums(rows: Array, features: int) -> Array:
    """Return the sum of all rows, glued together or not, (..., 1, D).

    A product with a row of ones is several times as fast as NumPy's sum along that axis.

    Parameters
    ----------
    rows
        Rows, (..., M, k D).
    features
        D.

    Examples
    --------
    >>> sums(np.arange(8.0).reshape(2, 4), 2)
    array([[12., 16.]])
    """
    long = np.ones_like(rows, shape=(1, rows.shape[-2])) @ rows
    short = long.reshape(*rows.shape[:-2], -1, features)
    total: Array = short.sum(axis=-2, keepdims=True)
    return total


@inlined
def row_sum(a: Any, b: Any, times: bool) -> Any:
    """Return the sum of a row, or of its products with another, for compiled loops.

    Eight sums stand side by side, which the processor takes at once, and in an order that is
    written here, so that it is the same in every loop.
    """
    zero = a[0] * 0
    s0, s1, s2, s3 = zero, zero, zero, zero
    s4, s5, s6, s7 = zero, zero, zero, zero
    whole = a.size // 8 * 8
    for i in range(0, whole, 8):
        s0 += a[i] * b[i] if times else a[i]
        s1 += a[i + 1] * b[i + 1] if times else a[i + 1]
        s2 += a[i + 2] * b[i + 2] if times else a[i + 2]
        s3 += a[i + 3] * b[i + 3] if times else a[i + 3]
        s4 += a[i + 4] * b[i + 4] if times else a[i + 4]
        s5 += a[i + 5] * b[i + 5] if times else a[i + 5]
        s6 += a[i + 6] * b[i + 6] if times else a[i + 6]
        s7 += a[i + 7] * b[i + 7] if times else a[i + 7]
    for i in range(whole, a.size):
        s0 += a[i] * b[i] if times else a[i]
    return ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))


@inlined
def moved(part: Any, total: Any) -> None:
    """Add the sum of a few rows to the total, and start the next one from 0, in compiled loops."""
    for d in range(total.size):
        total[d] += part[d]
        part[d] = 0

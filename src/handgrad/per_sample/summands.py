r"""The gradients of a parameter, one for each sample, before they are added up or written down.

A parameter's gradient is a sum over samples, and a sample's share of it most often a product of two
small arrays. For a layer :math:`y_n = x_n W` it is :math:`dW_n = x_n^T dy_n`, which has D K entries
and is known from D + K. So what a component says of each sample is kept as these factors, and made
only where the gradients themselves are wanted, in their place; their norms do not need that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, Self

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import ShapeError

__all__ = ["Made", "Products", "Summands", "check_samples", "over_places", "total"]

_BLOCK = 1 << 20
"""Entries of what is made at a time, of some of the samples."""


class Summands(ABC):
    """The gradients of one parameter, one for each of N samples.

    Examples
    --------
    >>> isinstance(Made(np.ones((7, 3))), Summands)
    True
    """

    @abstractmethod
    def write(self, out: Array) -> None:
        """Write the gradients into an array, (N, ...), each in the parameter's shape."""

    @abstractmethod
    def squares(self) -> Array:
        """Return the sum of squares of each gradient, (N,)."""

    @abstractmethod
    def __add__(self, other: Any) -> Self:
        """Return the sums with those of the same kind that another use of the parameter has."""


class Made(Summands):
    """Gradients that are there already: those of a bias are no larger than `dy`.

    Parameters
    ----------
    array : Array, (N, ...)
        The gradients.

    Examples
    --------
    >>> made = Made(np.array([[3.0, 4.0], [0.0, 2.0]]))
    >>> made.squares(), (made + made).squares()
    (array([25.,  4.]), array([100.,  16.]))
    """

    def __init__(self, array: Array) -> None:
        self.array = array

    def write(self, out: Array) -> None:
        out[...] = self.array.reshape(out.shape)

    def squares(self) -> Array:
        flat = self.array.reshape(len(self.array), -1)
        squares: Array = np.vecdot(flat, flat)
        return squares

    def __add__(self, other: Any) -> Self:
        return type(self)(self.array + other.array)


class Products(Summands):
    r"""Gradients that are sums of outer products over a sample's places: steps, windows, or one.

    .. math:: dW_{nik} = \sum_t x_{nti} \, dy_{ntk}, \qquad \text{or} \quad dW_n = x_n^T dy_n

    Parameters
    ----------
    x : Array, (N, ..., D) or (N, groups, ..., D)
        The left factors. The axes in between are places, but for the one of the groups, if there
        are any; of the last entries each place has D, along one axis or several.
    dy : Array, (N, ..., K)
        The right factors, at the same places.
    groups : int
        Of which groups of neighbours in K each has left factors of its own.

    Notes
    -----
    **Norms.** The square of a norm needs the products of all pairs of places, and no gradient:

    .. math::
        \sum_{ik} dW_{nik}^2
            = \sum_{ik} \sum_t x_{nti} \, dy_{ntk} \sum_s x_{nsi} \, dy_{nsk}
            = \sum_{ts} \Bigl( \sum_i x_{nti} \, x_{nsi} \Bigr)
                        \Bigl( \sum_k dy_{ntk} \, dy_{nsk} \Bigr).

    For a single place that is :math:`|x_n|^2 |dy_n|^2`. Else it takes :math:`T^2 (D + K)`
    multiplications, and the gradients themselves :math:`T D K`, so the smaller number decides;
    where it is the second, they are made for a few samples at a time.

    **Twice.** What a parameter does at two places of a network is a sum over the places of both.

    References
    ----------
    Goodfellow, "Efficient per-example gradient computations" (2015), for a single place.

    Examples
    --------
    >>> products = Products(np.array([[1.0, 2.0]]), np.array([[3.0, 0.0, 4.0]]))
    >>> products.squares()
    array([125.])
    >>> out = np.empty((1, 2, 3))
    >>> products.write(out)
    >>> out
    array([[[3., 0., 4.],
            [6., 0., 8.]]])
    """

    def __init__(self, x: Array, dy: Array, groups: int = 1) -> None:
        check_samples(dy)
        self.factors, self.groups = [(x, dy)], groups

    def __add__(self, other: Any) -> Self:
        both = type(self)(*self.factors[0], self.groups)
        both.factors = self.factors + other.factors
        return both

    def _blocks(self) -> Iterator[tuple[slice, Array, Array]]:
        """Yield some samples and their factors, (n, groups, T, ...), each group its own."""
        N, G = len(self.factors[0][1]), self.groups
        places = [prod(dy.shape[1:-1]) for _, dy in self.factors]
        D, K, T = self.factors[0][0][0].size // places[0] // G, self._features, sum(places)
        step = max(1, _BLOCK // (G * max(T * D, T * K, min(T * T, D * K))))
        for start in range(0, N, step):
            rows = slice(start, start + step)
            pairs = list(zip(self.factors, places, strict=True))
            left = [x[rows].reshape(-1, G, T, D) for (x, _), T in pairs]
            right = [dy[rows].reshape(-1, T, G, K).swapaxes(1, 2) for (_, dy), T in pairs]
            yield rows, _beside(left), _beside(right)

    @property
    def _features(self) -> int:
        return self.factors[0][1].shape[-1] // self.groups  # type: ignore[no-any-return]

    def write(self, out: Array) -> None:
        for rows, x, dy in self._blocks():
            place = out[rows].reshape(len(x), -1, self.groups, self._features).swapaxes(1, 2)
            if x.shape[2] == 1:  # NumPy hands a product over two places to BLAS, but none over one
                x, dy = _beside([x, np.zeros_like(x)]), _beside([dy, np.zeros_like(dy)])
            np.matmul(x.mT, dy, out=place)

    def squares(self) -> Array:
        found = []
        for _, x, dy in self._blocks():
            T, D, K = *x.shape[2:], dy.shape[3]
            if T == 1:
                squares = np.vecdot(x, x) * np.vecdot(dy, dy)
            elif T * (D + K) <= D * K:
                squares = (x @ x.mT) * (dy @ dy.mT)
            else:
                squares = np.square(x.mT @ dy)
            found.append(squares.reshape(len(x), -1).sum(axis=1))
        # Sums of products of either sign may end a rounding below 0.
        total: Array = np.maximum(np.concatenate(found), 0)
        return total


def _beside(arrays: Sequence[Array]) -> Array:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=2)


def check_samples(dy: Array, axes: int = 2) -> Array:
    """Return a gradient that has an axis of samples before at least `axes` - 1 others, or raise.

    Parameters
    ----------
    dy
        The gradient.
    axes : int
        How many axes it has at least.

    Examples
    --------
    >>> check_samples(np.ones((7, 3))).shape
    (7, 3)
    """
    if dy.ndim < axes:
        raise ShapeError(
            f"an upstream gradient of shape {dy.shape}, of one sample",
            f"an axis of samples before the {axes - 1} of each, or more",
            "give one sample as x[None], and its gradient as dy[None]",
        )
    return dy


def over_places(dy: Array) -> Array:
    """Return for each sample the sum over all its places, (N, K).

    Parameters
    ----------
    dy : Array, (N, ..., K)
        What is summed.

    Examples
    --------
    >>> over_places(np.arange(12.0).reshape(2, 3, 2))
    array([[ 6.,  9.],
           [24., 27.]])
    """
    check_samples(dy)
    total: Array = dy.reshape(len(dy), -1, dy.shape[-1]).sum(axis=1)
    return total


def total(found: Sequence[Any], like: Array, shape: tuple[int, ...]) -> Summands:
    """Return what all uses of a parameter give, arrays or summands, in one.

    Parameters
    ----------
    found
        One for each use.
    like
        An array of the type that is wanted.
    shape
        That of the gradients, (N, ...).

    Examples
    --------
    >>> x = np.array([[2.0]])
    >>> parts = [Products(x, x), Products(x, x), x]
    >>> total(parts, x, (1, 1)).squares()
    array([100.])
    """
    first, *others = (
        one if isinstance(one, Summands) else Made(one.reshape(shape)) for one in found
    )
    for other in others:
        if type(first) is not type(other):
            first, other = (_made(one, like, shape) for one in (first, other))
        first += other
    return first


def _made(summands: Summands, like: Array, shape: tuple[int, ...]) -> Made:
    summands.write(array := np.empty_like(like, shape=shape))
    return Made(array)

"""Questions about arrays: are they the same, were they written to, does a map of them add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from handgrad.component import Array

__all__ = ["Copies", "close", "distance", "identical", "linearity"]


def identical(a: Array, b: Array) -> bool:
    """Return whether two arrays hold the same numbers, bit for bit; NaN equals NaN.

    Examples
    --------
    >>> identical(np.array([1.0, np.nan]), np.array([1.0, np.nan]))
    True
    """
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def distance(a: Array, b: Array, floor: float = 0.0) -> float:
    """Return the largest difference, relative to the larger one's largest entry, or the floor.

    Infinite where the shapes differ, or NaN or infinity do not stand in the same places.

    Examples
    --------
    >>> distance(np.array([8.0, 1.0]), np.array([8.0, 3.0]))
    0.25
    """
    if a.shape != b.shape:
        return np.inf
    with np.errstate(invalid="ignore"):
        difference = np.abs(a - b)
    if not np.isfinite(difference).all():
        keep = np.isfinite(a)
        if not np.array_equal(keep, np.isfinite(b)) or not identical(a[~keep], b[~keep]):
            return np.inf
        a, b, difference = a[keep], b[keep], difference[keep]
    largest = float(difference.max(initial=0))
    return largest / float(max(np.abs(a).max(), np.abs(b).max(), floor)) if largest else 0.0


def close(a: Array, b: Array, tolerance: float = 1e-10) -> bool:
    """Return whether two arrays are the same up to rounding, of which small numbers have 1's.

    Examples
    --------
    >>> close(np.array([1e-12]), np.array([0.0]))
    True
    """
    return distance(a, b, 1.0) <= tolerance


class Copies:
    """Copies of arrays, which tell afterwards which of the arrays were written to.

    Parameters
    ----------
    arrays : mapping of str to Array
        What is watched, by name.

    Examples
    --------
    >>> x, dy = np.zeros(2), np.ones(2)
    >>> copies = Copies({"x": x, "dy": dy})
    >>> dy *= 2
    >>> copies.written()
    ['dy']
    >>> copies.put_back()
    >>> dy
    array([1., 1.])
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = dict(arrays)
        self._copies = {name: array.copy() for name, array in arrays.items()}

    def written(self) -> list[str]:
        """Return the names of the arrays that are not what they were."""
        return [n for n, array in self._arrays.items() if not identical(array, self._copies[n])]

    def put_back(self) -> None:
        """Write what they were into the arrays."""
        for name, array in self._arrays.items():
            array[...] = self._copies[name]


def linearity(
    back: Callable[[Array], Mapping[str, Array]], g: Array, h: Array, scale: float = -3.0
) -> dict[str, tuple[float, float]]:
    """Return how far a map B is from being linear, as every pullback is in its upstream gradient.

    Parameters
    ----------
    back
        The map: arrays by name, the same ones for every argument.
    g, h
        Two arguments.
    scale : float
        The number `a` below.

    Returns
    -------
    dict of str to (float, float)
        By name, the distances of B(ag) from aB(g) and of B(g + h) from B(g) + B(h).

    Examples
    --------
    >>> linearity(lambda dy: {"dx": dy + 1}, np.zeros(1), np.ones(1))  # doctest: +ELLIPSIS
    {'dx': (1.333..., 0.333...)}
    """
    at_g, at_h, scaled, added = back(g), back(h), back(scale * g), back(g + h)
    return {
        name: (
            distance(scaled[name], scale * array, 1.0),
            distance(added[name], array + at_h[name], 1.0),
        )
        for name, array in at_g.items()
    }

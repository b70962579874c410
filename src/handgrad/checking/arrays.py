"""Questions about arrays: are they the same, were they written to, does a map of them add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from handgrad.arguments import Array

__all__ = ["Copies", "Linearity", "distance", "identical", "linearity", "same"]


def identical(a: Array, b: Array) -> bool:
    """Return whether two arrays hold the same numbers, bit for bit; NaN equals NaN."""
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def distance(a: Array, b: Array, floor: float = 0.0) -> float:
    """Return the largest difference, relative to the larger one's largest entry, or the floor.

    Infinite where the shapes differ, or NaN or infinity do not stand in the same places.
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


def same(a: Array, b: Array, tolerance: float, floor: float = 0.0) -> bool:
    """Return whether two arrays are the same up to rounding."""
    return distance(a, b, floor) <= tolerance


class Copies:
    """Copies of arrays by name, which tell afterwards which of the arrays were written to."""

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


class Linearity(NamedTuple):
    """What a map B gives for g, for h, for a times g, and for g + h, each by name."""

    g: Mapping[str, Array]
    h: Mapping[str, Array]
    scaled: Mapping[str, Array]
    added: Mapping[str, Array]
    scale: float

    def errors(self, name: str, floor: float = 0.0) -> tuple[float, float]:
        """Return the distances of B(a g) from a B(g) and of B(g + h) from B(g) + B(h)."""
        return (
            distance(self.scaled[name], self.scale * self.g[name], floor),
            distance(self.added[name], self.g[name] + self.h[name], floor),
        )


def linearity(
    back: Callable[[Array], Mapping[str, Array]], g: Array, h: Array, scale: float = -2.5
) -> Linearity:
    """Ask a map whether it is linear, as every pullback is in its upstream gradient."""
    return Linearity(back(g), back(h), back(scale * g), back(g + h), scale)

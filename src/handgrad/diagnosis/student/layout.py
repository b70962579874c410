"""Arrays in another order of axes than ours: channels first, columns as samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handgrad.arguments import Array

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """How somebody orders the axes of an array, beside how we do.

    Both are letters with spaces between them; theirs may have axes of size 1 besides, written 1.

    Examples
    --------
    >>> Layout("N H W C", "N C H W").theirs_of(np.zeros((7, 2, 3, 5))).shape
    (7, 5, 2, 3)
    >>> Layout("K", "K 1").ours_of(np.zeros((4, 1))).shape
    (4,)
    """

    ours: str
    theirs: str

    @property
    def same(self) -> bool:
        """Whether there is nothing to do."""
        return self.ours == self.theirs

    @property
    def fits(self) -> bool:
        """Whether theirs are our axes, in any order."""
        return sorted(self.ours.split()) == sorted(a for a in self.theirs.split() if a != "1")

    def is_of(self, array: Array) -> bool:
        """Return whether an array has the axes that theirs have, those of size 1 too."""
        axes = self.theirs.split()
        sizes = zip(axes, array.shape, strict=False)
        return array.ndim == len(axes) and all(axis != "1" or size == 1 for axis, size in sizes)

    def theirs_of(self, array: Array) -> Array:
        """Return an array of ours as they have it, a copy where that is another one."""
        if self.same or array.ndim != len(self.ours.split()):
            return array
        ours, theirs = self.ours.split(), self.theirs.split()
        moved = array.transpose([ours.index(axis) for axis in theirs if axis != "1"])
        places = tuple(i for i, axis in enumerate(theirs) if axis == "1")
        return np.ascontiguousarray(np.expand_dims(moved, places))

    def ours_of(self, array: Array) -> Array:
        """Return an array of theirs as we have it; as it is where its axes are not those."""
        ours, theirs = self.ours.split(), self.theirs.split()
        places = tuple(i for i, axis in enumerate(theirs) if axis == "1")
        if self.same or not self.is_of(array):
            return array
        rest = [axis for axis in theirs if axis != "1"]
        return np.squeeze(array, places).transpose([rest.index(axis) for axis in ours])

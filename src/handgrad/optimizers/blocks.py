"""The vector of parameters, cut into blocks that are updated one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from handgrad.arguments import Array
from handgrad.flat.groups import Group, merged

__all__ = ["Block", "cut"]


class Block(NamedTuple):
    """What is updated together, and room to do it in.

    Attributes
    ----------
    place : slice
        Where it lies in the vector.
    missed : int
        How many of the optimizer's steps it has missed while it was frozen.
    decayed, rest : list of slice
        Its parts that decay, and those that do not, counted from its beginning.
    adjusted, scratch : Array
        Room, of its length.
    slots : list of Array
        Its part of the vectors that the optimizer keeps.
    """

    place: slice
    missed: int
    decayed: list[slice]
    rest: list[slice]
    adjusted: Array
    scratch: Array
    slots: list[Array]

    def joined(self, g: Array, penalty: Array) -> Array:
        """Return the gradient with a penalty's, which is written to, on the parts that decay."""
        for part in self.rest:
            penalty[part] = 0
        joined: Array = np.add(g, penalty, out=self.adjusted)
        return joined


def cut(
    groups: Sequence[Group],
    missed: Iterable[int],
    weights_alone: bool,
    vectors: Iterable[Array],
    like: Array,
    size: int,
) -> list[Block]:
    """Return blocks of all that is updated.

    Neighbours that have missed as many steps are cut as if they were one, so that it takes no more
    calls to update many small parameters than one large one.

    Parameters
    ----------
    groups
        What is to be done with each parameter.
    missed
        How many steps each has missed.
    weights_alone
        Whether nothing but weights decays.
    vectors
        What the optimizer keeps, each as long as the parameters.
    like
        The parameters.
    size
        The most entries of a block.

    Examples
    --------
    >>> groups = [Group(slice(0, 3), True, True), Group(slice(3, 5), True, False)]
    >>> for block in cut(groups, [0, 0], True, [], np.zeros(5), size=4):
    ...     print(block.place, block.decayed, block.rest)
    slice(0, 4, None) [slice(0, 3, None)] [slice(3, 4, None)]
    slice(4, 5, None) [] [slice(0, 1, None)]
    """
    adjusted, scratch = np.empty_like(like, shape=(2, min(size, like.size)))
    decaying = [g.place for g in groups if g.weights or not weights_alone]
    others = [g.place for g in groups if weights_alone and not g.weights]
    blocks = []
    counts = [int(count) for count in missed]
    for count in sorted(set(counts)):
        same = [g.place for g, c in zip(groups, counts, strict=True) if g.updated and c == count]
        for stretch in merged(same):
            for start in range(stretch.start, stretch.stop, size):
                place = slice(start, min(start + size, stretch.stop))
                length = place.stop - start
                blocks.append(
                    Block(
                        place,
                        count,
                        _within(place, decaying),
                        _within(place, others),
                        adjusted[:length],
                        scratch[:length],
                        [vector[place] for vector in vectors],
                    )
                )
    return blocks


def _within(block: slice, places: Iterable[slice]) -> list[slice]:
    """Return the parts of a block that lie in some places, counted from its beginning."""
    return [
        slice(max(p.start, block.start) - block.start, min(p.stop, block.stop) - block.start)
        for p in merged(places)
        if p.start < block.stop and p.stop > block.start
    ]

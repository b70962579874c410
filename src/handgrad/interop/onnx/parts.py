"""A value whose axes a graph has taken apart, or put together: heads, groups, rows of all steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from handgrad.component import Component
from handgrad.interop.onnx.views import Node, View

__all__ = ["Axes", "Parts", "entrywise", "joined", "regrouped", "settled"]

Atom = tuple[int, int, int]
"""A part of an axis: which of ours, how many entries further the next one is, how many."""
Axes = tuple[tuple[Atom, ...], ...]


@dataclass(frozen=True)
class Parts:
    """A value in another arrangement.

    Attributes
    ----------
    view : View
        What is computed here.
    axes : tuple of tuple of tuple of int
        Of what each axis consists that ONNX has, the slowest part first.
    first : int
        The feature at which it begins.
    scale : float
        By how much it has been multiplied.
    """

    view: View
    axes: Axes
    first: int = 0
    scale: float = 1.0

    @classmethod
    def of(cls, value: View | Parts) -> Parts:
        """Return a value as parts: each axis is one."""
        if isinstance(value, Parts):
            return value
        sizes, ours = value.sizes, [value.order.index(j) for j in range(len(value.order))]
        return cls(value, tuple(joined([(i, 1, sizes[i])]) for i in ours))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the size of each axis that ONNX has."""
        return tuple(math.prod(n for _, _, n in axis) for axis in self.axes)

    def features(self) -> tuple[Atom, ...]:
        """Return the last axis as ONNX has it where that has all features."""
        i = len(self.view.shape) - 1
        return joined([(i, 1, self.view.sizes[i])])


def settled(parts: Parts) -> View | Parts:
    """Return a view where the axes are whole again."""
    view, left = parts.view, list(parts.axes)
    if parts.first or parts.scale != 1 or len(left) != len(view.shape):
        return parts
    order: list[int] = []
    for i, size in enumerate(view.sizes):
        whole = joined([(i, 1, size)])
        found = [j for j, axis in enumerate(left) if axis == whole and j not in order]
        if not found:
            return parts
        order.append(found[0])
    return replace(view, order=tuple(order))


def entrywise(node: Node, component: Component, name: str) -> View | Parts:
    """Return what a component makes of each entry, in whatever arrangement these are."""
    value = node.value_of(name)
    if isinstance(value, Parts) and value.scale == 1:
        return replace(value, view=node.then(component, value.view))
    return node.then(component, node.view_of(name))


def regrouped(parts: Parts, sizes: Sequence[int]) -> Parts | None:
    """Return the same numbers, row by row, in axes of other sizes; None where that cuts a part."""
    queue = [atom for axis in parts.axes for atom in axis]
    axes: list[tuple[Atom, ...]] = []
    for size in sizes:
        axis: list[Atom] = []
        while size > 1 and queue:
            i, stride, n = queue.pop(0)
            if size % n == 0:
                axis.append((i, stride, n))
                size //= n
            elif n % size == 0:
                axis.append((i, stride * (n // size), size))
                queue.insert(0, (i, stride, n // size))
                size = 1
            else:
                return None
        if size != 1:
            return None
        axes.append(joined(axis))
    return None if queue else replace(parts, axes=tuple(axes))


def joined(atoms: Sequence[Atom]) -> tuple[Atom, ...]:
    """Return parts of an axis, those that follow each other in one, and none of one entry.

    Examples
    --------
    >>> joined([(2, 4, 3), (2, 1, 4), (1, 1, 1)])
    ((2, 1, 12),)
    """
    made: list[Atom] = []
    for i, stride, n in atoms:
        if n == 1:
            continue
        if made and made[-1][0] == i and made[-1][1] == stride * n:
            made[-1] = i, stride, made[-1][2] * n
        else:
            made.append((i, stride, n))
    return tuple(made)

"""What containers whose children are all fed with the same input share."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from textwrap import indent
from typing import Any

from handgrad.component import Component
from handgrad.errors import ArgumentError
from handgrad.shapes import Shape

__all__ = ["Branches", "added", "is_several", "listed"]


class Branches(Component):
    """Holds components that are all fed with the same input.

    Where that is a tuple, a child that takes none is given the first of its arrays: the sequence
    without its lengths, the query without its mask.

    Examples
    --------
    >>> from handgrad import Parallel, ReLU
    >>> isinstance(Parallel([ReLU()]), Branches)
    True
    """

    def _ask_children(self) -> None:
        """Find out what an input may be, and refuse children that want different ones."""
        children = self.children()
        indices = [name for name, child in children.items() if child.takes_integers]
        others = [name for name in children if name not in indices]
        if indices and others:
            raise ArgumentError(
                f"{', '.join(indices)}, which takes indices, beside {', '.join(others)} in a "
                f"{type(self).__name__}",
                "components that can all be fed with the same input",
                "put an Embedding before the container, or one into each of its branches",
            )
        self.takes_integers = bool(indices)
        for name in ("takes_tuple", "takes_lengths"):
            setattr(self, name, any(getattr(child, name, False) for child in children.values()))

    def _feed(self, child: Component, x: Any) -> Any:
        """Return what a child is given of an input."""
        return x[0] if isinstance(x, tuple) and not child.takes_tuple else x

    def _shape_of(self, child: Component, input_shape: Shape) -> Shape:
        """Return a child's output shape for the shape of an input, or the shapes of several."""
        first = is_several(input_shape) and not child.takes_tuple
        return child.output_shape(input_shape[0] if first else input_shape)


def is_several(input_shape: Shape) -> bool:
    """Return whether this is the shapes of a tuple of inputs.

    Examples
    --------
    >>> is_several((7, 3)), is_several(((7, 3), (7,)))
    (False, True)
    """
    return bool(input_shape) and isinstance(input_shape[0], tuple)


def added(gradients: Iterable[Any]) -> Any:
    """Return the sum of several gradients of one input.

    Parameters
    ----------
    gradients
        Of each an array, None where there is nothing to differentiate, or for a tuple of inputs a
        tuple of those, which may end early. An array beside tuples is for the first input.

    Examples
    --------
    >>> added([1.0, 2.0, None]), added([(1.0, None, 5.0), (2.0,), 3.0])
    (3.0, (6.0, None, 5.0))
    """
    total, *others = gradients
    for one in others:
        if total is None or one is None:
            total = one if total is None else total
        elif isinstance(total, tuple) or isinstance(one, tuple):
            pair = (part if isinstance(part, tuple) else (part,) for part in (total, one))
            total = tuple(map(added, zip_longest(*pair)))
        else:
            total = total + one
    return total


def listed(before: str, parts: Iterable[Component], after: str) -> str:
    """Return how a container is written: on one line, or where that is long with a line a part.

    Examples
    --------
    >>> from handgrad import ReLU
    >>> listed("Parallel([", [ReLU(), ReLU()], "], combine='sum')")
    "Parallel([ReLU(), ReLU()], combine='sum')"
    """
    written = list(map(repr, parts))
    line = f"{before}{', '.join(written)}{after}"
    if "\n" not in line and len(line) <= 60:
        return line
    inside = indent(",\n".join(written), "  ")
    return f"{before}\n{inside}\n{after}"

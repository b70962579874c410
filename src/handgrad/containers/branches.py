"""What containers whose children are all fed with the same input share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from textwrap import indent
from typing import Any

from handgrad.component import Component
from handgrad.errors import ArgumentError

__all__ = ["added", "listed", "what_they_take"]


def what_they_take(children: Mapping[str, Component], owner: str) -> tuple[bool, bool]:
    """Return whether an input of all these children is integers, and whether it may be a tuple.

    Parameters
    ----------
    children
        The components, by name.
    owner
        For the message.

    Raises
    ------
    ArgumentError
        Some take integers, and some do not.

    Examples
    --------
    >>> from handgrad import Embedding, Linear
    >>> what_they_take({"0": Linear(2, 3)}, "Parallel"), what_they_take({"0": Embedding(2, 3)}, "")
    ((False, False), (True, False))
    """
    integers = {name: child.takes_integers for name, child in children.items()}
    if len({*integers.values()}) > 1:
        indices = ", ".join(name for name, takes in integers.items() if takes)
        numbers = ", ".join(name for name, takes in integers.items() if not takes)
        raise ArgumentError(
            f"{indices}, which takes indices, beside {numbers} for {owner}",
            "components that can all be fed with the same input",
            "put an Embedding before the container, or one into each of its branches",
        )
    return any(integers.values()), all(child.takes_tuple for child in children.values())


def added(gradients: Iterable[Any]) -> Any:
    """Return the sum of several gradients of one input, where there are such.

    Parameters
    ----------
    gradients
        Of each an array, None where there is nothing to differentiate, or for a tuple of inputs a
        tuple of those, which may end early.

    Examples
    --------
    >>> added([1.0, 2.0, None]), added([(1.0, None, 5.0), (2.0,)])
    (3.0, (3.0, None, 5.0))
    """
    total, *others = gradients
    for one in others:
        if isinstance(total, tuple):
            total = tuple(map(added, zip_longest(total, one)))
        elif total is None or one is None:
            total = one if total is None else total
        else:
            total = total + one
    return total


def listed(before: str, parts: Iterable[Component], after: str) -> str:
    """Return how a container is written, on one line if its parts are.

    Examples
    --------
    >>> from handgrad import ReLU
    >>> listed("Parallel([", [ReLU(), ReLU()], "], combine='sum')")
    "Parallel([ReLU(), ReLU()], combine='sum')"
    """
    written = list(map(repr, parts))
    if any("\n" in part for part in written):
        inside = indent(",\n".join(written), "  ")
        return f"{before}\n{inside}\n{after}"
    return f"{before}{', '.join(written)}{after}"

"""Where a training draws its random numbers from, and how to go back to a moment of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from handgrad.training.parts import parts

__all__ = ["Sources", "default_generator"]


class _NumPyGlobal:
    """NumPy's global state, read and written as a bit generator's is."""

    @property
    def state(self) -> dict[str, Any]:
        return np.random.get_state(legacy=False)

    @state.setter
    def state(self, value: dict[str, Any]) -> None:
        np.random.set_state(value)


def default_generator() -> np.random.Generator:
    """Return a generator that is seeded from NumPy's global state, so ``np.random.seed`` fixes it.

    Examples
    --------
    >>> np.random.seed(0)
    >>> first = default_generator().random()
    >>> np.random.seed(0)
    >>> default_generator().random() == first
    True
    """
    return np.random.default_rng(np.random.randint(0, 2**32, size=4, dtype=np.uint32))


def _generators(owners: Iterable[Any]) -> list[np.random.Generator]:
    """Return every generator that an object or a part of it holds as an attribute, each once."""
    values = (
        value
        for owner in owners
        for part in parts(owner)
        for value in getattr(part, "__dict__", {}).values()
        if isinstance(value, np.random.Generator)
    )
    return list({id(value): value for value in values}.values())


class Sources:
    """The generators that some objects hold, and NumPy's global state.

    Parameters
    ----------
    owners
        The objects: a model, a loss, whatever may draw.

    Examples
    --------
    >>> from handgrad import Dropout, ReLU
    >>> dropout = Dropout(ReLU(), 0.5, rng=np.random.default_rng(0))
    >>> sources = Sources([dropout])
    >>> before = sources.now()
    >>> first = dropout([[1.0] * 8])
    >>> before = sources.keep_changed(before)
    >>> len(sources.held)
    1
    >>> sources.go_back(before)
    >>> bool((dropout([[1.0] * 8]) == first).all())
    True
    """

    def __init__(self, owners: Iterable[Any]) -> None:
        self.held: list[Any] = [generator.bit_generator for generator in _generators(owners)]
        self.held.append(_NumPyGlobal())

    def now(self) -> list[dict[str, Any]]:
        """Return the state of each source."""
        return [source.state for source in self.held]

    def keep_changed(self, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Forget the sources that are where they were, and return the others' states of before."""
        changed = [not _same(s.state, b) for s, b in zip(self.held, before, strict=True)]
        self.held = [source for source, moved in zip(self.held, changed, strict=True) if moved]
        return [state for state, moved in zip(before, changed, strict=True) if moved]

    def go_back(self, states: list[dict[str, Any]]) -> None:
        """Put every source to the state that `now` returned."""
        for source, state in zip(self.held, states, strict=True):
            source.state = state


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    return bool(np.array_equal(one, other))

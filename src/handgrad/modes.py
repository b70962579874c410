"""In which mode this thread sees every component, and what of it is frozen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["Frozen", "evaluating", "evaluating_here"]

_evaluating: ContextVar[bool] = ContextVar("evaluating", default=False)


@contextmanager
def evaluating() -> Iterator[None]:
    """See every component in evaluation mode for a while, in this thread alone.

    Nothing is written to any component, so that others may train with it at the same time.

    Examples
    --------
    >>> from handgrad import Dropout, ReLU
    >>> dropout = Dropout(ReLU(), 0.5)
    >>> with evaluating():
    ...     print(dropout.training, dropout([[1.0, 2.0]]))
    False [[1. 2.]]
    >>> dropout.training
    True
    """
    token = _evaluating.set(True)
    try:
        yield
    finally:
        _evaluating.reset(token)


def evaluating_here() -> bool:
    """Return whether this thread is in an `evaluating` context."""
    return _evaluating.get()


class Frozen:
    """Whether a component's own parameters are left out of every update.

    It counts how often that has changed anywhere, so that whoever works out what is updated need
    not look at every component again.

    Examples
    --------
    >>> from handgrad import Linear
    >>> before = Frozen.changes
    >>> Linear(3, 2).freeze().frozen, Frozen.changes - before
    (True, 1)
    """

    changes = 0

    def __get__(self, component: Any, owner: type[Any]) -> Any:
        return self if component is None else vars(component).get("_frozen", False)

    def __set__(self, component: Any, frozen: bool) -> None:
        vars(component)["_frozen"] = frozen
        Frozen.changes += 1

"""In which mode this thread sees every component."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["evaluating", "evaluating_here"]

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

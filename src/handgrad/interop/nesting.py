"""What is nested deeper than Python goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from handgrad.errors import ArgumentError

__all__ = ["bounded"]


@contextmanager
def bounded(what: str) -> Iterator[None]:
    """Say that something is nested too deep, where Python would only say that it went too deep.

    Parameters
    ----------
    what
        What is nested, such as "a model".

    Examples
    --------
    >>> from handgrad.interop.nesting import bounded
    >>> def endless():
    ...     endless()
    >>> with bounded("a model"):
    ...     endless()
    Traceback (most recent call last):
    handgrad.errors.ArgumentError: got a model nested deeper than Python goes, or holding itself
      expected: some hundred levels at most
      to mend it: put what follows each other into one row, instead of each into the one before
    """
    try:
        yield
    except RecursionError:
        raise ArgumentError(
            f"{what} nested deeper than Python goes, or holding itself",
            "some hundred levels at most",
            "put what follows each other into one row, instead of each into the one before",
        ) from None

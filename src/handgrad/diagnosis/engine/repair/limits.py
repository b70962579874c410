"""Running code that nobody has read: within a time, without a word."""

from __future__ import annotations

import io
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from math import inf
from time import perf_counter, process_time
from types import FrameType
from typing import Any

import numpy as np

from handgrad.diagnosis.student.subject import Stopped

__all__ = ["Overdue", "Watch", "silent"]


class Overdue(Stopped):
    """The code has had its time. No `except Exception` of the code's own stops it."""


class _Nowhere(io.TextIOBase):
    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return len(text)


@contextmanager
def silent() -> Iterator[None]:
    """Throw away what is printed, and every warning."""
    nowhere = _Nowhere()
    with (
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
        np.errstate(all="ignore"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


TICK = 0.03
"""Seconds between two looks at the clock."""


class Watch:
    """An alarm that looks at the clock now and then, and ends code whose time is up.

    The alarm goes on between two pieces of code, where it does nothing: turned on and off for each
    it would cost as much as the code, and could ring when nobody waits for it any more. Where there
    is none, on Windows and outside of the main thread, the clock is looked at before each line.
    The time is that of the processor, so that a busy machine takes nobody's; code that only waits
    gets ten times as much.

    Examples
    --------
    >>> with Watch() as watch:
    ...     try:
    ...         with watch.within(0.05):
    ...             while True:
    ...                 pass
    ...     except Overdue:
    ...         print("ended")
    ended
    """

    def __init__(self) -> None:
        self._deadline = self._latest = inf
        self._rings = (
            hasattr(signal, "setitimer")
            and threading.current_thread() is threading.main_thread()
            and not any(signal.getitimer(signal.ITIMER_REAL))  # somebody else's
        )
        self._before: Any = None
        self._hook = sys.unraisablehook

    def __enter__(self) -> Watch:
        # What is raised where nothing can be raised is of the edited code, or an alarm that rings
        # there, and will ring again.
        self._hook, sys.unraisablehook = sys.unraisablehook, lambda problem: None
        if self._rings:
            self._before = signal.signal(signal.SIGALRM, self._ring)
            signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
        return self

    def __exit__(self, *error: object) -> None:
        if self._rings:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)
        sys.unraisablehook = self._hook

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if process_time() > self._deadline or perf_counter() > self._latest:
            raise Overdue

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Raise `Overdue` in the code inside when it takes longer, and again until it gives up."""
        deadline = process_time() + seconds
        if not self._rings:
            with _traced(deadline):
                yield
            return
        self._deadline, self._latest = deadline, perf_counter() + 10 * seconds
        try:
            yield
        finally:  # no call stands here, in which the alarm could ring before this is done
            self._latest = self._deadline = inf


@contextmanager
def _traced(deadline: float) -> Iterator[None]:
    """Do the same where there is no alarm, by looking at the clock before each line."""

    def trace(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        if process_time() > deadline:
            raise Overdue
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)

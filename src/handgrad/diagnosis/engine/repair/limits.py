"""Running code that nobody has read: within a time, without a word."""

from __future__ import annotations

import io
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from time import perf_counter
from types import FrameType
from typing import Any

import numpy as np

__all__ = ["Overdue", "silent", "within"]


class Overdue(BaseException):
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


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise `Overdue` in the code inside when it takes longer, and again until it gives up."""
    alarm = getattr(signal, "setitimer", None)
    if alarm is None or threading.current_thread() is not threading.main_thread():
        with _traced(perf_counter() + seconds):
            yield
        return

    def overdue(number: int, frame: FrameType | None) -> None:
        raise Overdue

    before = signal.signal(signal.SIGALRM, overdue)
    remaining, repeat = alarm(signal.ITIMER_REAL, seconds, 0.05)
    try:
        try:
            yield
        finally:
            with suppress(Overdue):  # one that is on its way already
                alarm(signal.ITIMER_REAL, 0)
    finally:
        alarm(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if remaining:
            alarm(signal.ITIMER_REAL, remaining, repeat)


@contextmanager
def _traced(deadline: float) -> Iterator[None]:
    """Do the same where there is no alarm, by looking at the clock before each line."""

    def trace(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        if perf_counter() > deadline:
            raise Overdue
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)

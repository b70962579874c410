"""Ctrl-C that waits for the end of a step."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

__all__ = ["Interrupt"]


class Interrupt:
    """A context in which the first Ctrl-C only sets `requested`; the second raises as ever.

    Outside the main thread, where Python delivers no signals, and in a process that ignores
    Ctrl-C, nothing changes.
    """

    requested = False
    _former: Any = None

    def __enter__(self) -> Self:
        former = signal.getsignal(signal.SIGINT)
        main = threading.current_thread() is threading.main_thread()
        if main and former not in (None, signal.SIG_IGN):
            self._former = former
            signal.signal(signal.SIGINT, self._remember)
        return self

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()

    def _restore(self) -> None:
        former, self._former = self._former, None
        if former is not None:
            signal.signal(signal.SIGINT, former)

    def __exit__(self, *raised: object) -> None:
        self._restore()

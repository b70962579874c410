"""Ctrl-C that waits for the end of a step."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

__all__ = ["Interrupt"]


class Interrupt:
    """A context in which the first Ctrl-C only sets `asked`; the second raises as ever.

    Outside the main thread, where Python delivers no signals, and in a process that ignores
    Ctrl-C, nothing changes.

    Parameters
    ----------
    shared
        Whether several processes stop together. Then a launcher's SIGTERM counts as Ctrl-C, and
        `requested` is for whoever brings them together to set; else it is `asked`.
    """

    asked = requested = False

    def __init__(self, shared: bool = False) -> None:
        self._shared = shared
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, *([signal.SIGTERM] if self._shared else [])):
                former = signal.getsignal(number)
                if former not in (None, signal.SIG_IGN):
                    self._former[number] = former
                    signal.signal(number, self._remember)
        return self

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self.requested = self.requested or not self._shared
        self._restore()

    def _restore(self) -> None:
        while self._former:
            signal.signal(*self._former.popitem())

    def __exit__(self, *raised: object) -> None:
        self._restore()

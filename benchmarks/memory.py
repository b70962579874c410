"""How much memory a contestant takes: each in a fresh process that trains for one epoch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.tasks import EPOCH, Task
from benchmarks.timing import Say
from benchmarks.workers import AbsentError, Worker

__all__ = ["measure"]


def measure(
    names: Iterable[str], threads: int, say: Say, task: Task = EPOCH
) -> list[dict[str, Any]]:
    """Return for each contestant the peak resident size in MB, after the import and at the end.

    The data are a part of it, the same for all.
    """
    found = []
    for name in names:
        try:
            with Worker(name, threads) as worker:
                if worker.takes(task):
                    worker.ask("prepare", task, seconds=0)
                    found.append({"contestant": name, **worker.ask("memory")})
        except AbsentError as reason:
            say(f"left out: {reason}")
    return found

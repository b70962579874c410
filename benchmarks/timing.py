"""Rounds in which the contestants take turns, and what they say of two contestants."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.tasks import Task
from benchmarks.workers import AbsentError, AnyTask, Worker

__all__ = ["Say", "Timing", "race", "ratio", "ratio_of_minimums"]

Say = Callable[[str], None]

PAUSE = 0.2
"""Seconds before a turn: so long the idle threads of the one before may keep a core busy, since
OpenBLAS and OpenMP let theirs wait for work in a loop before they sleep, OpenBLAS for 2**28 ticks,
0.1 s here. A turn that begins meanwhile takes twice its time."""


@dataclass(frozen=True)
class Timing:
    """The seconds of one step, one epoch or one layer of one contestant, in every round.

    And how many page faults one has, where they were counted: memory that goes back to the system
    at every step takes its time.
    """

    contestant: str
    task: Any
    seconds: list[float]
    faults: float | None = None

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.seconds)

    @property
    def minimum(self) -> float:
        """The minimum over the rounds."""
        return min(self.seconds)

    def to_json(self) -> dict[str, Any]:
        """Return the timing as JSON's values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any], kind: type[Any] = Task) -> Timing:
        """Return the timing that `to_json` was called on, of a task of that kind."""
        return cls(**{**values, "task": kind.from_json(values["task"])})


def race(
    workers: Iterable[Worker], tasks: Iterable[AnyTask], rounds: int, seconds: float, say: Say
) -> list[Timing]:
    """Time every contestant in every task.

    Parameters
    ----------
    workers
        The contestants' processes.
    tasks
        What they do; for a task with samples an epoch, for another one a step.
    rounds
        How often each of them has its turn.
    seconds
        How long a turn is, at least: so many steps are taken in it.
    say
        Is told what goes on.
    """
    workers, timings, order = list(workers), [], random.Random(0)
    for task in tasks:
        ready = [worker for worker in workers if worker.takes(task)]
        _ask_all(ready, say, "prepare", task=task, seconds=seconds)
        times: dict[str, list[float]] = {worker.name: [] for worker in ready}
        for _ in range(rounds):
            order.shuffle(ready)  # nobody always comes after the same one
            for name, value in _ask_all(ready, say, "run", pause=PAUSE).items():
                times[name].append(value)
        faults = _ask_all(ready, say, "faults")
        timings += [
            Timing(name, task, v, faults.get(name)) for name, v in times.items() if len(v) == rounds
        ]
        say(f"timed {task.title}: {', '.join(times)}")
    return timings


def _ask_all(
    workers: list[Worker], say: Say, call: str, pause: float = 0.0, **arguments: Any
) -> dict[str, Any]:
    """Ask one worker after the other, and take those that fail out of the list."""
    answers = {}
    for worker in list(workers):
        time.sleep(pause)
        try:
            answers[worker.name] = worker.ask(call, **arguments)
        except AbsentError as reason:
            say(f"left out: {reason}")
            workers.remove(worker)
    return answers


def ratio(one: Timing, other: Timing) -> float:
    """Return how many times as long one takes as the other: the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(one.seconds, other.seconds, strict=True))


def ratio_of_minimums(one: Timing, other: Timing) -> float:
    """Return how many times as long one takes as the other where each is at its fastest."""
    return one.minimum / other.minimum

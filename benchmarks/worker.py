"""The process of one contestant: ``python -m benchmarks.worker NAME THREADS FAMILY``.

It reads one request a line from its standard input and writes one answer a line to what was its
standard output, both JSON. Whatever a contestant prints itself goes to a terminal that nobody
reads, so that progress bars are drawn as they would be.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # imported below, once the process is set up
    from benchmarks.tasks import Array, Task

__all__ = ["Session"]


class Session:
    """What one contestant is asked to do."""

    def __init__(self, contestant: type[Any]) -> None:
        self.cls = contestant
        self.idle = memory()

    def describe(self) -> dict[str, Any]:
        """Return what is to be known of the contestant before it starts."""
        versions = {package: version(package) for package in self.cls.packages}
        return {"versions": versions} | {name: getattr(self.cls, name) for name in self.cls.facts}

    def observe(self, task: Task, path: str, steps: int) -> float:
        """Take steps on the task's minibatch, and return the first loss.

        The parameters after the first step and after the last go to a file.
        """
        import numpy as np

        self.contestant = self.cls(task)
        data = self.contestant.convert(*task.data())
        self.contestant.step(*data)
        loss, first = self.contestant.loss(), self.flat()
        for _ in range(steps - 1):
            self.contestant.step(*data)
        np.savez(path, first=first, last=self.flat())
        return loss

    def flat(self) -> Array:
        """Return all parameters in one vector."""
        import numpy as np

        return np.concatenate([array.ravel() for array in self.contestant.parameters()])

    def find(self, task: Any, path: str, steps: int) -> None:
        """Run the task's layer, or take steps with it; what is found goes to a file."""
        import numpy as np

        self.contestant = self.cls(task)
        data = self.contestant.convert(*task.data())
        for _ in range(steps):
            self.contestant.step(*data)
        np.savez(path, **self.contestant.found())

    def prepare(self, task: Any, seconds: float) -> int:
        """Build the task's network, warm it up, and return how many steps or epochs a round has."""
        self.contestant = self.cls(task)
        self.data = self.contestant.convert(*task.data())
        self.work = self.contestant.epoch if task.samples else self.contestant.step
        self.repeats = 1
        self.run()
        self.run()  # from here on everything is compiled
        start, done = time.perf_counter(), 0
        while not done or time.perf_counter() - start < seconds:
            self.work(*self.data)
            self.contestant.wait()
            done += 1
        self.repeats = done
        return done

    def run(self) -> float:
        """Return the seconds of one step or epoch, the mean over a round.

        One that is not timed comes first: it fills the caches, which the others have emptied, and
        wakes the threads.
        """
        self.work(*self.data)
        self.contestant.wait()
        start = time.perf_counter()
        for _ in range(self.repeats):
            self.work(*self.data)
        self.contestant.wait()
        return (time.perf_counter() - start) / self.repeats

    def faults(self) -> float:
        """Return how many pages a step or epoch has asked the system for, the mean over a round."""
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(self.repeats):
            self.work(*self.data)
        self.contestant.wait()
        return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / self.repeats

    def memory(self) -> dict[str, float]:
        """Return the resident size in MB: the peak after the import, and the peak until now."""
        return {"imported": self.idle, "peak": memory()}


def memory() -> float:
    """Return the peak of the resident size of this process so far, in MB."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return size / 1e6 if sys.platform == "darwin" else size / 1e3
    # What getrusage says on Linux includes the process that started this one.
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) / 1e3


def quiet_terminal() -> None:
    """Let the standard output be a terminal whose content is thrown away."""
    master, slave = os.openpty()
    os.dup2(slave, 1)

    def drain() -> None:
        while os.read(master, 65_536):
            pass

    threading.Thread(target=drain, daemon=True).start()


def main(name: str, threads: int, family: str) -> None:
    """Answer until there are no more requests."""
    answers = os.fdopen(os.dup(1), "w")
    quiet_terminal()
    if hasattr(os, "sched_setaffinity"):  # for whoever does not look at OMP_NUM_THREADS
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])

    from benchmarks.contestants import load
    from benchmarks.layers.tasks import LayerTask
    from benchmarks.per_sample.tasks import PerSampleTask
    from benchmarks.tasks import Task
    from benchmarks.updates.tasks import UpdateTask

    kinds: dict[str, Any] = {
        "layers": LayerTask,
        "per-sample": PerSampleTask,
        "updates": UpdateTask,
    }
    kind = kinds.get(family, Task)
    session: Session | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if session is None:
                session = Session(load(name, family))
            if "task" in request["arguments"]:
                request["arguments"]["task"] = kind.from_json(request["arguments"]["task"])
            answer = {"answer": getattr(session, request["call"])(**request["arguments"])}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}", "where": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])

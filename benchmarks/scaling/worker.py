"""Each of two processes: ``mpirun -n 2 python -m mpi4py -m benchmarks.scaling.worker TASK ...``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.contestants.ours import Handgrad
from benchmarks.tasks import Task

__all__ = ["main"]


def main(task: Task, rounds: int, seconds: float) -> None:
    """Let one process train and the other sleep, then both train, in turns; print what was found.

    The first round of each is there to warm up.
    """
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    alone, together = Handgrad(task), Handgrad(task)
    together.trainer.communicator = world
    data = task.data()
    vector, few = np.zeros_like(alone.model.parameters), np.zeros(5)
    shares = [task.batch >> i for i in range(task.batch.bit_length())]
    found: dict[str, Any] = {name: [] for name in ("one", "two", "vector", "few")}
    found["shares"] = {share: [] for share in shares}

    def add_up(array: Any) -> Callable[[int], None]:
        def work(times: int) -> None:
            for _ in range(times):
                world.Allreduce(MPI.IN_PLACE, array)

        return work

    for turn in range(rounds + 1):
        mine: dict[int, float] = {}
        if world.rank == 0:
            mine = {share: _alone(steps(alone, data, share), seconds) for share in shares}
        _sleep_until_all_are_here(world)
        measured = {
            "two": _all(world, steps(together, data, task.batch), seconds),
            "vector": _all(world, add_up(vector), seconds),
            "few": _all(world, add_up(few), seconds),
        }
        if turn:
            for name, value in measured.items():
                found[name].append(value)
            for share, value in mine.items():
                found["shares"][share].append(value)
    found["one"] = found["shares"][task.batch]
    if world.rank == 0:
        print(json.dumps({"bytes": vector.nbytes, **found}))


def steps(contestant: Handgrad, data: tuple[Any, Any], batch: int) -> Callable[[int], None]:
    """Return a function that trains for so many steps, over and over the data where they end."""
    x, y = data
    trainer = contestant.trainer

    def work(times: int) -> None:
        most = len(x) // batch
        for first in range(0, times, most):
            rows = min(most, times - first) * batch
            epochs = trainer.epochs_done + 1
            trainer.fit(x[:rows], y[:rows], epochs=epochs, batch_size=batch, progress=False)

    return work


def _alone(work: Callable[[int], None], seconds: float) -> float:
    """Return the time of one step, measured over so many that they take a while."""
    times = 1
    while True:
        start = time.perf_counter()
        work(times)
        taken = time.perf_counter() - start
        if taken >= seconds:
            return taken / times
        times = max(2 * times, int(1.2 * times * seconds / taken))


def _all(world: Any, work: Callable[[int], None], seconds: float) -> float:
    """Return the same where all processes do it: it ends when the last has done it."""
    times = 1
    while True:
        world.Barrier()
        start = time.perf_counter()
        work(times)
        world.Barrier()
        taken = world.bcast(time.perf_counter() - start)
        if taken >= seconds:
            return taken / times
        times = max(2 * times, int(1.2 * times * seconds / taken))


def _sleep_until_all_are_here(world: Any) -> None:
    """Wait without a loop that keeps a core busy, as MPI's own waiting does."""
    here = world.Ibarrier()
    while not here.Test():
        time.sleep(0.001)


if __name__ == "__main__":
    main(Task.from_json(json.loads(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3]))

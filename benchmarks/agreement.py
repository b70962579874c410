"""The check that comes before every time: all contestants compute the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.tasks import Array, Task
from benchmarks.timing import Say
from benchmarks.workers import AbsentError, Worker

__all__ = ["Difference", "Observation", "check", "compare"]

STEPS = 3
TOLERANCE = {
    ("float32", "SGD"): 1e-3,
    ("float64", "SGD"): 1e-10,
    ("float32", "Adam"): 2e-2,
    ("float64", "Adam"): 2e-3,
}
"""In norm, so a wrong factor, sign or bias correction in any layer is far outside of it.

Adam divides a gradient by its size: where the gradient is nothing but rounding, so is the sign of
the step. In the widest network that is true of many an entry. In float64 the difference is that
of `torch.compile`, which takes the bias correction, ``1 - beta ** t``, in float32.
"""

RATES = {"SGD": 1.0, "Adam": 0.01}


@dataclass(frozen=True)
class Observation:
    """What a contestant did: the loss before its first step, and parameters after the steps."""

    loss: float
    first: Array
    last: Array


@dataclass(frozen=True)
class Difference:
    """How far a contestant is from ours, relative to ours, and in norm where there are many."""

    contestant: str
    task: Task
    loss: float
    gradients: float
    parameters: float

    @property
    def agrees(self) -> bool:
        """Whether all of it is within the tolerance; what is not a number is not."""
        # No optimizer has touched the first loss.
        first, bound = (TOLERANCE[self.task.dtype, name] for name in ("SGD", self.task.optimizer))
        return self.loss <= first and self.gradients <= bound and self.parameters <= bound


def observe(worker: Worker, task: Task) -> Observation:
    """Let a contestant take a few steps."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found.npz"
        loss = worker.ask("observe", task, path=str(path), steps=STEPS)
        with np.load(path) as found:
            return Observation(loss, found["first"], found["last"])


def compare(task: Task, ours: Observation, theirs: Observation, name: str) -> Difference:
    """Compare two observations of one task.

    The gradients are what the first step reveals: with gradient descent at a learning rate of 1
    it is minus the gradient. With Adam it is little more than the gradient's signs.
    """
    start = np.concatenate([array.ravel() for layer in task.layers() for array in layer])
    return Difference(
        name,
        task,
        abs(theirs.loss - ours.loss) / abs(ours.loss),
        _apart(start - ours.first, start - theirs.first),
        _apart(start - ours.last, start - theirs.last),
    )


def _apart(ours: Array, theirs: Array) -> float:
    return float(np.linalg.norm(theirs - ours) / np.linalg.norm(ours))


def check(
    workers: Iterable[Worker], ours: str, tasks: Iterable[Task], say: Say
) -> Iterator[Difference]:
    """Yield how far each contestant is from ours, in every task; `say` is told of one that fails.

    Raises
    ------
    AbsentError
        Ours is not there, or fails.
    """
    learners = {worker.name: worker for worker in workers if worker.facts["learns"]}
    if ours not in learners:
        raise AbsentError(f"{ours}, with which the others are compared, is not there")
    for task in tasks:
        # Some add epsilon before the bias is corrected, some after; with so small a one it is
        # the same.
        moving = replace(task, lr=RATES[task.optimizer], eps=1e-20)
        reference = observe(learners[ours], moving)
        for name, worker in list(learners.items()):
            if name != ours and worker.takes(moving):
                try:
                    theirs = observe(worker, moving)
                except AbsentError as reason:
                    say(f"left out: {reason}")
                    del learners[name]
                    continue
                yield compare(moving, reference, theirs, name)

"""The check that comes before every time: all contestants find the same in every task."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import agreement
from benchmarks.layers.tasks import LayerTask
from benchmarks.tasks import Array
from benchmarks.timing import Say
from benchmarks.workers import AbsentError, Worker

__all__ = ["Difference", "agreed", "check", "compare"]

TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
"""In norm, of an output or a gradient; after steps of Adam it is that of the networks' check."""


@dataclass(frozen=True)
class Difference:
    """How far what a contestant finds is from ours, relative to ours and in norm."""

    contestant: str
    task: LayerTask
    apart: dict[str, float]

    @property
    def worst(self) -> float:
        """The largest; what is not a number is the largest of all."""
        return float(np.max([*self.apart.values()]))

    @property
    def agrees(self) -> bool:
        """Whether all of it is within the tolerance."""
        task = self.task
        after = agreement.TOLERANCE[task.dtype, "Adam"] if task.trains else TOLERANCE[task.dtype]
        return self.worst <= after


def observe(worker: Worker, task: LayerTask) -> dict[str, Array]:
    """Let a contestant run the layer, or take a few steps, and return what it finds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found.npz"
        worker.ask("find", task, path=str(path), steps=agreement.STEPS if task.trains else 1)
        with np.load(path) as found:
            return dict(found)


def compare(
    task: LayerTask, ours: dict[str, Array], theirs: dict[str, Array], name: str
) -> Difference:
    """Compare what two contestants find: of parameters after steps, how far they have come."""
    if ours.keys() != theirs.keys():
        return Difference(name, task, dict.fromkeys(ours.keys() ^ theirs.keys(), float("inf")))
    start = task.parameters() if task.trains else {}
    apart = {}
    for key, mine in ours.items():
        if mine.shape != theirs[key].shape:
            apart[key] = float("inf")
        else:
            far = np.linalg.norm(mine - start.get(key, 0))
            apart[key] = float(np.linalg.norm(theirs[key] - mine) / far)
    return Difference(name, task, apart)


def check(workers: Iterable[Worker], ours: str, task: LayerTask, say: Say) -> Iterator[Difference]:
    """Yield how far each contestant is from ours in a task; `say` is told of those that fail.

    Raises
    ------
    AbsentError
        Ours is not there, or fails.
    """
    those = {worker.name: worker for worker in workers}
    if ours not in those:
        raise AbsentError(f"{ours}, with which the others are compared, is not there")
    # Large steps, and an epsilon so small that it does not matter where it is added.
    moving = replace(task, lr=agreement.RATES["Adam"], eps=1e-20)
    reference = observe(those.pop(ours), moving)
    for name, worker in those.items():
        if worker.takes(moving):
            try:
                theirs = observe(worker, moving)
            except AbsentError as reason:
                say(f"left out: {task.title}: {reason}")
                continue
            yield compare(moving, reference, theirs, name)


def agreed(
    workers: Iterable[Worker], ours: str, tasks: Iterable[LayerTask], say: Say
) -> tuple[list[LayerTask], bool]:
    """Return the tasks in which all contestants find the same, and whether some differ in others.

    A task in which ours fails is in neither.
    """
    workers, fine, differing = list(workers), [], False
    for task in tasks:
        try:
            found = list(check(workers, ours, task, say))
        except AbsentError as reason:
            say(f"left out: {task.title}: {reason}")
            continue
        for difference in found:
            if not difference.agrees:
                say(f"DIFFERS: {difference}")
        if all(difference.agrees for difference in found):
            fine.append(task)
            off = ", ".join(f"{d.contestant} {d.worst:.0e}" for d in found)
            say(f"agreed on {task.title}: off {ours}'s at most: {off}")
        else:
            differing = True
    return fine, differing

"""How the time grows: with the width and the depth of the network, the batch, and the samples."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.contestants import FAST, OURS
from benchmarks.tasks import EPOCH, NETWORKS, Task

__all__ = ["AXES", "CONTESTANTS", "where"]

CONTESTANTS = ("floor", OURS, FAST, "torch", "jax")
"""Those that are drawn: `torch.compile` needs a minute or more for each new shape."""

AXES = {
    "width": [Task((w, w, w, 10), 128) for w in (16, 32, 64, 128, 256, 512, 1024)],
    "depth": [Task((128,) * (depth + 1) + (10,), 128) for depth in (1, 2, 4, 8, 16, 32)],
    "batch": [replace(NETWORKS[2], batch=batch) for batch in (1, 4, 16, 64, 256, 1024)],
    "samples": [replace(EPOCH, samples=n) for n in (500, 1_000, 2_000, 4_000, 8_000, 16_000)],
}
"""What grows, each in tasks that differ in nothing else; for `samples` an epoch is timed."""


def where(axis: str, task: Task) -> int:
    """Return where a task lies on an axis."""
    places = {
        "width": task.sizes[1],
        "depth": len(task.sizes) - 2,
        "batch": task.batch,
        "samples": task.samples,
    }
    return places[axis]

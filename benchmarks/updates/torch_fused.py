"""PyTorch: its Adam with ``fused=True``, of one tensor."""

from __future__ import annotations

import os

import numpy as np
import torch

from benchmarks.contestants.contestant import Entrant
from benchmarks.tasks import Array
from benchmarks.updates.tasks import UpdateTask

__all__ = ["TorchFused"]


class TorchFused(Entrant):
    """One pass over everything, in C++, by all threads."""

    packages = ("torch",)

    def __init__(self, task: UpdateTask) -> None:
        super().__init__(task)
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        self.start, _ = task.data()
        self.parameter = torch.nn.Parameter(torch.from_numpy(self.start.copy()))
        self.adam = torch.optim.Adam([self.parameter], task.lr, eps=task.eps, fused=True)

    def convert(self, x: Array, y: Array) -> tuple[torch.Tensor, torch.Tensor]:
        self.parameter.grad = torch.from_numpy(y)
        return self.parameter, self.parameter.grad

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.adam.step()

    def found(self) -> dict[str, Array]:
        """Return how far the parameters have come."""
        return {"moved": np.asarray(self.parameter.detach().numpy() - self.start)}

"""The floor: the matrix products of a training step, and nothing else."""

from __future__ import annotations

import numpy as np

from benchmarks.contestants.contestant import Contestant
from benchmarks.tasks import Array, Task

__all__ = ["Floor"]


class Floor(Contestant):
    """The products through `numpy.matmul`, into arrays that are there already.

    For every layer ``x @ W`` and ``x.T @ dy``, and ``dy @ W.T`` for all but the first.
    """

    packages = ("numpy",)
    learns = False

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.weights = [weights for weights, _ in task.layers()]
        self.gradients = [np.empty_like(weights) for weights in self.weights]
        rng = np.random.default_rng(0)
        shapes = [(task.batch, size) for size in task.sizes]
        self.signals = [rng.standard_normal(shape).astype(task.dtype) for shape in shapes]
        self.outputs = [np.empty_like(signal) for signal in self.signals]

    def step(self, x: Array, y: Array) -> None:
        N = len(x)
        signals = [x, *(signal[:N] for signal in self.signals[1:])]
        for i, weights in enumerate(self.weights):
            np.matmul(signals[i], weights, out=self.outputs[i + 1][:N])
        for i in reversed(range(len(self.weights))):
            dy = signals[i + 1]
            np.matmul(signals[i].T, dy, out=self.gradients[i])
            if i > 0:
                np.matmul(dy, self.weights[i].T, out=self.outputs[i][:N])

    def epoch(self, x: Array, y: Array) -> None:
        B = self.task.batch
        for start in range(0, len(x), B):
            self.step(x[start : start + B], y[start : start + B])

    def loss(self) -> float:
        raise NotImplementedError("the floor has no loss")

    def parameters(self) -> list[Array]:
        raise NotImplementedError("the floor learns nothing")

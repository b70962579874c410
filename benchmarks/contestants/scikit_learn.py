"""scikit-learn's `MLPClassifier`."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]

from benchmarks.contestants.contestant import Contestant
from benchmarks.tasks import Array, Task

__all__ = ["ScikitLearn"]


class ScikitLearn(Contestant):
    """One call of `partial_fit` is one step on a minibatch, and one epoch on a whole set.

    The penalty and the momentum that it has by default are off, since the others have none.
    """

    packages = ("scikit-learn", "scipy", "numpy")

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        options: dict[str, Any] = {"epsilon": task.eps}
        if task.optimizer == "SGD":
            options = {"momentum": 0.0, "nesterovs_momentum": False}
        self.model = MLPClassifier(
            task.sizes[1:-1],
            solver=task.optimizer.lower(),
            learning_rate_init=task.lr,
            batch_size=task.batch,
            alpha=0.0,
            random_state=0,
            **options,
        )
        # A first call makes the arrays; where it led, and what the optimizer made of it, is undone.
        x, y = task.data()
        classes = np.arange(task.sizes[-1])
        self.model.partial_fit(x[: task.batch], y[: task.batch], classes=classes)
        layers = task.layers()
        for i, (weights, bias) in enumerate(layers):
            self.model.coefs_[i][...] = weights
            self.model.intercepts_[i][...] = bias
        optimizer = self.model._optimizer
        if task.optimizer == "Adam":
            optimizer.t = 0
            for array in (*optimizer.ms, *optimizer.vs):
                array[...] = 0

    def step(self, x: Array, y: Array) -> None:
        self.model.partial_fit(x, y)

    def epoch(self, x: Array, y: Array) -> None:
        self.model.partial_fit(x, y)

    def loss(self) -> float:
        return float(self.model.loss_)

    def parameters(self) -> list[Array]:
        pairs = zip(self.model.coefs_, self.model.intercepts_, strict=True)
        return [array for pair in pairs for array in pair]

"""handgrad: a `Model` and an optimizer, and `Trainer.fit` for the epoch."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from benchmarks.contestants.contestant import Contestant
from benchmarks.tasks import Array, Task
from handgrad import CrossEntropy, Linear, Model, ReLU, kernels, optimizers
from handgrad.component import Component
from handgrad.flat import Gradients

__all__ = ["BareLoop", "Handgrad", "HandgradFast"]


class Handgrad(Contestant):
    """The epoch with everything on: accuracy, progress bar, checks for what is not finite."""

    packages = ("handgrad", "numpy")
    kernels: ClassVar[str] = "numpy"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        kernels.use(self.kernels)
        components: list[Component] = []
        for weights, bias in task.layers():
            linear = Linear(*weights.shape, dtype=task.dtype)
            linear.weights, linear.bias = weights, bias[None]
            components += [linear, ReLU()]
        self.model = Model(components[:-1])
        self.criterion = CrossEntropy()
        options = {"eps": task.eps} if task.optimizer == "Adam" else {}
        self.optimizer = getattr(optimizers, task.optimizer)(task.lr, **options)
        self.gradients: Gradients | None = None
        if task.samples:
            from handgrad.training import Accuracy, Trainer

            self.trainer = Trainer(
                self.model,
                self.criterion,
                self.optimizer,
                metrics=[Accuracy()],
                rng=np.random.default_rng(0),
            )

    def step(self, x: Array, y: Array) -> None:
        self.value = self.criterion(self.model.forward(x), y)
        self.gradients = self.model.backward(self.criterion.grad(), self.gradients)
        self.optimizer.update(self.model.parameters, self.gradients.flat)

    def epoch(self, x: Array, y: Array) -> None:
        epochs = self.trainer.epochs_done + 1
        self.trainer.fit(x, y, epochs=epochs, batch_size=self.task.batch)

    def loss(self) -> float:
        return float(self.value)

    def parameters(self) -> list[Array]:
        layers = [component for component in self.model.components if isinstance(component, Linear)]
        return [array for layer in layers for array in (layer.weights, layer.bias[0])]


class HandgradFast(Handgrad):
    """The same with compiled loops, as with ``pip install "handgrad[fast]"``."""

    packages = ("handgrad", "numpy", "numba", "scipy")
    kernels = "compiled"


class BareLoop(Handgrad):
    """The same without a `Trainer`: what one writes who needs nothing but the steps."""

    steps = False

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.rng = np.random.default_rng(0)

    def epoch(self, x: Array, y: Array) -> None:
        order = self.rng.permutation(len(x))
        for start in range(0, len(x), self.task.batch):
            rows = order[start : start + self.task.batch]
            self.step(x[rows], y[rows])

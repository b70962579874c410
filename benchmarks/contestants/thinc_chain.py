"""Thinc: a chain of layers whose backward passes are callbacks."""

from __future__ import annotations

from typing import Any

import numpy as np
from thinc.api import SGD, Adam, CategoricalCrossentropy, Relu, Softmax, chain

from benchmarks.contestants.contestant import Contestant
from benchmarks.tasks import Array, Task

__all__ = ["ThincChain"]


class ThincChain(Contestant):
    """What its optimizers do by default besides, averages, penalty and clipping, is off.

    Its matrix products use one thread, whatever it is given; its layers are float32 alone.
    """

    packages = ("thinc", "blis", "numpy")
    dtypes = ("float32",)

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        *hidden, (last, _) = layers = task.layers()
        modules: list[Any] = [
            Relu(nO=weights.shape[1], nI=weights.shape[0]) for weights, _ in hidden
        ]
        modules.append(Softmax(nO=last.shape[1], nI=last.shape[0]))
        self.model: Any = chain(*modules)
        self.model.initialize()
        for module, (weights, bias) in zip(modules, layers, strict=True):
            module.set_param("W", np.ascontiguousarray(weights.T))
            module.set_param("b", bias.copy())
        self.modules = modules
        self.criterion: Any = CategoricalCrossentropy()
        plain: dict[str, Any] = {"L2": 0.0, "grad_clip": 0.0, "use_averages": False}
        if task.optimizer == "SGD":
            self.optimizer = SGD(task.lr, **plain)
        else:
            self.optimizer = Adam(task.lr, eps=task.eps, **plain)

    def step(self, x: Array, y: Array) -> None:
        self.p, backward = self.model.begin_update(x)
        self.y = y
        backward(self.criterion.get_grad(self.p, y))
        self.model.finish_update(self.optimizer)

    def epoch(self, x: Array, y: Array) -> None:
        for rows, classes in self.model.ops.multibatch(self.task.batch, x, y, shuffle=True):
            self.step(rows, classes)

    def loss(self) -> float:
        # What Thinc calls the loss is the sum of the gradient's squares; this is the real one.
        return float(-np.log(self.p[np.arange(len(self.y)), self.y]).mean())

    def parameters(self) -> list[Array]:
        return [
            array
            for module in self.modules
            for array in (module.get_param("W").T, module.get_param("b"))
        ]

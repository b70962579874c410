"""handgrad: a component's call and its `grad`; a `Model` and `Adam` for a step."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

import handgrad
from benchmarks.layers.contestant import LayerContestant
from benchmarks.layers.tasks import LayerTask
from benchmarks.tasks import Array
from handgrad import kernels, optimizers
from handgrad.component import Component
from handgrad.flat import Gradients

__all__ = ["HandgradLayer", "HandgradLayerFast"]


def layer_of(task: LayerTask) -> Component:
    """Return the layer of a task."""
    D, sizes, dtype = task.shape[-1], task.sizes, task.dtype
    make: dict[str, Any] = {
        "conv": lambda: handgrad.Conv2d(D, sizes[0], 3, padding="same", dtype=dtype),
        "max pool": lambda: handgrad.MaxPool2d(2),
        "average pool": lambda: handgrad.AvgPool2d(2),
        "batch norm": lambda: handgrad.BatchNorm(D, dtype=dtype),
        "batch norm 2d": lambda: handgrad.BatchNorm(D, dtype=dtype),
        "layer norm": lambda: handgrad.LayerNorm(D, dtype=dtype),
        "attention": lambda: handgrad.MultiHeadAttention(D, sizes[0], dtype=dtype),
        "causal attention": lambda: handgrad.MultiHeadAttention(
            D, sizes[0], causal=True, dtype=dtype
        ),
        "embedding": lambda: handgrad.Embedding(*sizes, dtype=dtype),
        "LSTM": lambda: handgrad.LSTM(D, sizes[0], dtype=dtype),
        "GRU": lambda: handgrad.GRU(D, sizes[0], dtype=dtype),
        "GELU tanh": lambda: handgrad.GELU("tanh"),
    }
    made: Component = make.get(task.kind, lambda: getattr(handgrad, task.kind)())()
    return made


def parts_of(task: LayerTask) -> tuple[list[Component], dict[str, Component]]:
    """Return the components of the network of a task, and those with parameters by name."""
    D, sizes, dtype = task.shape[-1], task.sizes, task.dtype
    if task.kind == "CNN":
        conv1 = handgrad.Conv2d(D, sizes[0], 3, padding="same", dtype=dtype)
        conv2 = handgrad.Conv2d(sizes[0], sizes[1], 3, padding="same", dtype=dtype)
        pixels = task.shape[1] // 4 * (task.shape[2] // 4)
        dense = handgrad.Linear(pixels * sizes[1], sizes[2], dtype=dtype)
        first = [conv1, handgrad.ReLU(), handgrad.MaxPool2d(2)]
        second = [conv2, handgrad.ReLU(), handgrad.MaxPool2d(2)]
        parts = {"conv1": conv1, "conv2": conv2, "dense": dense}
        return [*first, *second, handgrad.Flatten(), dense], parts
    norm1, norm2 = handgrad.LayerNorm(D, dtype=dtype), handgrad.LayerNorm(D, dtype=dtype)
    attention = handgrad.MultiHeadAttention(D, sizes[0], causal=True, dtype=dtype)
    up, down = (handgrad.Linear(*ends, dtype=dtype) for ends in ((D, 4 * D), (4 * D, D)))
    around = [
        handgrad.Residual(handgrad.Model([norm1, attention])),
        handgrad.Residual(handgrad.Model([norm2, up, handgrad.GELU("tanh"), down])),
    ]
    parts = {"norm1": norm1, "attention": attention, "norm2": norm2, "up": up, "down": down}
    return around, parts


class HandgradLayer(LayerContestant):
    """With all its checks, as one calls it; batch norm updates its running statistics."""

    packages = ("handgrad", "numpy")
    kernels: ClassVar[str] = "numpy"

    def __init__(self, task: LayerTask) -> None:
        super().__init__(task)
        kernels.use(self.kernels)
        if task.trains:
            components, self.parts = parts_of(task)
            self.model = handgrad.Model(components)
            self.criterion = {"CNN": handgrad.CrossEntropy}.get(task.kind, handgrad.MSELoss)()
            self.optimizer = optimizers.Adam(task.lr, eps=task.eps)
            self.gradients: Gradients | None = None
        else:
            self.layer = layer_of(task)
            self.parts = {"": self.layer}
        for name, array in task.parameters().items():
            own = self.own(name)
            own[...] = array.reshape(own.shape)

    def own(self, name: str) -> Array:
        """Return the parameter of that name."""
        part, _, key = name.rpartition(".")
        array: Array = self.parts[part].parameters[key]
        return array

    def differentiate(self, x: Array, dy: Array) -> None:
        self.y = self.layer(x)
        self.dx = self.layer.grad(dy)

    def train(self, x: Array, y: Array) -> None:
        self.value = self.criterion(self.model.forward(x), y)
        self.gradients = self.model.backward(self.criterion.grad(), self.gradients)
        self.optimizer.update(self.model.parameters, self.gradients.flat)

    def found(self) -> dict[str, Array]:
        shapes = self.task.shapes()
        if self.task.trains:
            after = {name: self.own(name).reshape(shape) for name, shape in shapes.items()}
            return {"loss": np.asarray(self.value), **after}
        inputs = {} if self.dx is None else {"dx": self.dx}
        gradients = {name: self.layer.gradients[name] for name in shapes}
        return {"y": self.y, **inputs, **gradients}


class HandgradLayerFast(HandgradLayer):
    """The same with compiled loops, as with ``pip install "handgrad[fast]"``."""

    packages = ("handgrad", "numpy", "numba")
    kernels = "compiled"

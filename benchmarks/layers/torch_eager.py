"""PyTorch without compilation, in either of the layouts that its layers take."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from benchmarks.layers.contestant import LayerContestant
from benchmarks.layers.tasks import LayerTask
from benchmarks.layers.torch_modules import module_of
from benchmarks.tasks import Array

__all__ = ["TorchLayer", "TorchOtherLayout"]

IMAGES = ("conv", "max pool", "average pool", "batch norm 2d", "CNN")
SEQUENCES = ("LSTM", "GRU")


class Place(NamedTuple):
    """Where PyTorch keeps a parameter: in some rows of one of its own, with its axes in order."""

    parameter: str
    rows: slice = slice(None)
    axes: tuple[int, ...] | None = None


def places(task: LayerTask, module: nn.Module) -> Iterator[tuple[str, tuple[int, ...], Place]]:
    """Yield the name, the shape and the place of each parameter."""
    renamed = {"weights": "weight", "gamma": "weight", "bias": "bias", "beta": "bias"}
    for name, shape in task.shapes().items():
        part, dot, key = name.rpartition(".")
        owner = module.get_submodule(part)
        axes = None
        if key.endswith("weights") and not isinstance(owner, nn.Embedding):
            axes = (1, 0) if len(shape) == 2 else (3, 2, 0, 1)
        if isinstance(owner, nn.MultiheadAttention):
            own = _of_attention(key, shape[-1])
        elif isinstance(owner, nn.LSTM | nn.GRU):
            own = _of_recurrence(key, shape[-1])
        else:
            own = Place(renamed[key])
        yield name, shape, Place(part + dot + own.parameter, own.rows, axes)


def _of_attention(key: str, D: int) -> Place:
    which, _, kind = key.partition("_")
    kind = {"weights": "weight", "bias": "bias"}[kind]
    if which == "output":
        return Place(f"out_proj.{kind}")
    start = ("query", "key", "value").index(which) * D
    return Place(f"in_proj_{kind}", slice(start, start + D))


def _of_recurrence(key: str, H: int) -> Place:
    if key == "recurrent_bias":  # the candidate's, behind those of the two gates
        return Place("bias_hh_l0", slice(2 * H, None))
    own = {"input_weights": "weight_ih", "recurrent_weights": "weight_hh", "bias": "bias_ih"}
    return Place(f"{own[key]}_l0")


class TorchLayer(LayerContestant):
    """Images with their channels first, sequences with their batch first."""

    packages = ("torch",)
    other_layout = False

    def __init__(self, task: LayerTask) -> None:
        super().__init__(task)
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        steps_first = self.other_layout and task.kind in SEQUENCES
        self.module = module_of(task, steps_first).to(getattr(torch, task.dtype))
        if self.other_layout and task.kind in IMAGES:
            self.module = self.module.to(memory_format=torch.channels_last)
        # The axes of an array as PyTorch has them, and as the task has them.
        self.axes = {4: (0, 3, 1, 2)} if task.kind in IMAGES else {}
        if steps_first:
            self.axes = {3: (1, 0, 2)}
        self.places = list(places(task, self.module))
        self.own = dict(self.module.named_parameters())
        given = task.parameters()
        with torch.no_grad():
            for parameter in self.own.values():
                parameter.zero_()  # there are more biases here than elsewhere
            for name, _, place in self.places:
                array = given[name] if place.axes is None else given[name].transpose(place.axes)
                own = self.own[place.parameter][place.rows]
                own.copy_(torch.tensor(array).reshape(own.shape))
        if task.trains:
            self.criterion = nn.CrossEntropyLoss() if task.kind == "CNN" else nn.MSELoss()
            self.optimizer = torch.optim.Adam(self.module.parameters(), lr=task.lr, eps=task.eps)
        self.forward: Any = self.module

    def convert(self, x: Array, y: Array) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, others = self.tensor(x), self.tensor(y)
        learns = not self.task.trains and inputs.is_floating_point()
        self.inputs = [inputs.requires_grad_()] if learns else []
        return inputs, others

    def tensor(self, array: Array) -> torch.Tensor:
        """Return an array as a tensor in the layout of this contestant."""
        tensor = torch.from_numpy(array)
        if array.ndim in self.axes:
            tensor = tensor.permute(self.axes[array.ndim])
        # What lies channels last is already in that format once its axes are permuted.
        keep = self.other_layout and self.task.kind in IMAGES
        return tensor if keep else tensor.contiguous()

    def array(self, tensor: torch.Tensor) -> Array:
        """Return a tensor as an array, features last."""
        array: Array = tensor.detach().numpy()
        axes = self.axes.get(array.ndim)
        return array if axes is None else array.transpose(np.argsort(axes))

    def differentiate(self, x: torch.Tensor, dy: torch.Tensor) -> None:
        self.y = self.forward(x)
        self.gradients = torch.autograd.grad(self.y, [*self.inputs, *self.own.values()], dy)

    def train(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        self.value = self.criterion(self.forward(x), y)
        self.value.backward()
        self.optimizer.step()

    def found(self) -> dict[str, Array]:
        if self.task.trains:
            return {"loss": self.array(self.value), **self.named(self.own)}
        dx, gradients = self.gradients[: len(self.inputs)], self.gradients[len(self.inputs) :]
        found = {"y": self.array(self.y)}
        if dx:
            found["dx"] = self.array(dx[0])
        return found | self.named(dict(zip(self.own, gradients, strict=True)))

    def named(self, own: dict[str, torch.Tensor]) -> dict[str, Array]:
        """Return the parameters, or their gradients, by their names, features last."""
        found = {}
        for name, shape, place in self.places:
            array = own[place.parameter][place.rows].detach().numpy()
            if place.axes is not None:
                there = [shape[axis] for axis in place.axes]
                array = array.reshape(there).transpose(np.argsort(place.axes))
            found[name] = array.reshape(shape)
        return found


class TorchOtherLayout(TorchLayer):
    """Images with their channels last, sequences with their steps first."""

    kinds = IMAGES + SEQUENCES
    other_layout = True

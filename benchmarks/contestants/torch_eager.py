"""PyTorch without compilation, in the loop that its tutorials write."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import torch
from torch import nn

from benchmarks.contestants.contestant import Contestant
from benchmarks.tasks import Array, Task

__all__ = ["TorchEager", "TorchFused"]


class TorchEager(Contestant):
    """The data are tensors that lie in memory, without a `DataLoader`, which would be slower."""

    packages = ("torch",)
    fused: ClassVar[bool | None] = None

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        modules: list[nn.Module] = []
        for weights, bias in task.layers():
            linear = nn.Linear(*weights.shape, dtype=getattr(torch, task.dtype))
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(weights.T))
                linear.bias.copy_(torch.from_numpy(bias))
            modules += [linear, nn.ReLU()]
        self.model = nn.Sequential(*modules[:-1])
        self.criterion = nn.CrossEntropyLoss()
        options: dict[str, Any] = {"eps": task.eps} if task.optimizer == "Adam" else {}
        optimizer = getattr(torch.optim, task.optimizer)
        parameters = self.model.parameters()
        self.optimizer = optimizer(parameters, lr=task.lr, fused=self.fused, **options)

    def convert(self, x: Array, y: Array) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(x), torch.from_numpy(y)

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        self.value = self.criterion(self.model(x), y)
        self.value.backward()
        self.optimizer.step()

    def epoch(self, x: torch.Tensor, y: torch.Tensor) -> None:
        total = 0.0
        for rows in torch.randperm(len(x)).split(self.task.batch):
            self.step(x[rows], y[rows])
            total += self.value.item() * len(rows)

    def loss(self) -> float:
        return float(self.value)

    def parameters(self) -> list[Array]:
        linears = [module for module in self.model if isinstance(module, nn.Linear)]
        return [
            array.detach().numpy() for linear in linears for array in (linear.weight.T, linear.bias)
        ]


class TorchFused(TorchEager):
    """The same with an optimizer that updates everything in one pass, which one asks for."""

    fused = True

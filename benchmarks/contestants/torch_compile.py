"""PyTorch with `torch.compile`, over the forward pass and the loss, and over the update."""

from __future__ import annotations

import torch

from benchmarks.contestants.torch_eager import TorchEager
from benchmarks.tasks import Task

__all__ = ["TorchCompile"]


class TorchCompile(TorchEager):
    """The same loop. Compiling itself is not timed."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        torch._dynamo.reset()  # it falls back to eager after a few networks in one process

        def forward(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            value: torch.Tensor = self.criterion(self.model(x), y)
            return value

        self.forward = torch.compile(forward, dynamic=False)
        self.update = torch.compile(self.optimizer.step)

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        self.value = self.forward(x, y)
        self.value.backward()
        self.update()

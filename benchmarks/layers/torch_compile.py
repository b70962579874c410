"""PyTorch with `torch.compile`, over the forward pass, with the loss, and over the update."""

from __future__ import annotations

import torch

from benchmarks.layers.tasks import LayerTask
from benchmarks.layers.torch_eager import TorchLayer

__all__ = ["TorchCompileLayer"]


class TorchCompileLayer(TorchLayer):
    """The same in the first layout; the compiler chooses those inside. Compiling is not timed."""

    def __init__(self, task: LayerTask) -> None:
        super().__init__(task)
        torch._dynamo.reset()  # it falls back to eager after a few networks in one process
        self.forward = torch.compile(self.module, dynamic=False)
        if task.trains:

            def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
                value: torch.Tensor = self.criterion(self.module(x), y)
                return value

            self.loss = torch.compile(loss, dynamic=False)
            self.update = torch.compile(self.optimizer.step)

    def train(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        self.value = self.loss(x, y)
        self.value.backward()
        self.update()

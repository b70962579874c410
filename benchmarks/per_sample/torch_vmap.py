"""PyTorch: ``vmap(grad)`` of a loss, as in its tutorial on the gradients of each sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.func import functional_call, grad, vmap

from benchmarks.contestants.contestant import Entrant
from benchmarks.contestants.torch_eager import TorchEager
from benchmarks.per_sample.tasks import PerSampleTask
from benchmarks.tasks import Array

__all__ = ["TorchVmap"]


class TorchVmap(Entrant):
    """The gradients stay a tensor for each parameter, nothing is put together."""

    packages = ("torch",)

    def __init__(self, task: PerSampleTask) -> None:
        super().__init__(task)
        model = TorchEager(task).model
        self.parameters = {name: tensor.detach() for name, tensor in model.named_parameters()}

        def loss(parameters: Any, x: torch.Tensor, y: torch.Tensor) -> Any:
            logits = functional_call(model, parameters, (x[None],))
            return torch.nn.functional.cross_entropy(logits, y[None])

        self.each = vmap(grad(loss), in_dims=(None, 0, 0))

    def convert(self, x: Array, y: Array) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(x), torch.from_numpy(y)

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.result: Any = None  # the last one's memory is free
        self.result = self.each(self.parameters, x, y)
        if self.task.norms:
            norms = [torch.linalg.vector_norm(g.flatten(1), dim=1) for g in self.result.values()]
            self.result = torch.linalg.vector_norm(torch.stack(norms), dim=0)

    def found(self) -> dict[str, Array]:
        """Return what the last step has found; of weights, (in, out), as the others have them."""
        if self.task.norms:
            return {"norms": self.result.numpy()}
        gradients = [array.mT if array.ndim == 3 else array for array in self.result.values()]
        flat = [array.reshape(self.task.batch, -1).numpy() for array in gradients]
        return {"gradients": np.concatenate(flat, axis=1)}

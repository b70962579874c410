"""PyTorch's modules for the tasks, the same for all contestants that run them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from benchmarks.layers.tasks import LayerTask

__all__ = ["module_of"]


class First(nn.Module):
    """The first of what a module returns: the outputs without the last states."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first: torch.Tensor = super().forward(x)[0]
        return first


class LSTM(First, nn.LSTM):
    """Its outputs alone."""


class GRU(First, nn.GRU):
    """Its outputs alone."""


class SelfAttention(nn.MultiheadAttention):
    """Attention to itself, without the weights as an output, which is the fast way."""

    def __init__(self, features: int, num_heads: int, T: int, causal: bool) -> None:
        super().__init__(features, num_heads, batch_first=True)
        mask = nn.Transformer.generate_square_subsequent_mask(T) if causal else None
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        causal = self.mask is not None
        y: torch.Tensor = super().forward(
            x, x, x, need_weights=False, attn_mask=self.mask, is_causal=causal
        )[0]
        return y


class Block(nn.Module):
    """A transformer's block, normalized first."""

    def __init__(self, D: int, num_heads: int, T: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.attention = SelfAttention(D, num_heads, T, causal=True)
        self.up, self.down = nn.Linear(D, 4 * D), nn.Linear(4 * D, D)
        self.gelu = nn.GELU("tanh")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        y: torch.Tensor = x + self.down(self.gelu(self.up(self.norm2(x))))
        return y


class CNN(nn.Module):
    """Two convolutions, each with a ReLU and a pool, and an affine map."""

    def __init__(self, shape: tuple[int, ...], sizes: tuple[int, ...]) -> None:
        super().__init__()
        _, H, W, C = shape
        self.conv1 = nn.Conv2d(C, sizes[0], 3, padding=1)
        self.conv2 = nn.Conv2d(sizes[0], sizes[1], 3, padding=1)
        self.dense = nn.Linear(H // 4 * (W // 4) * sizes[1], sizes[2])
        self.relu, self.pool = nn.ReLU(), nn.MaxPool2d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.relu(self.conv1(x)))
        x = self.pool(self.relu(self.conv2(x)))
        y: torch.Tensor = self.dense(x.flatten(1))
        return y


def module_of(task: LayerTask, steps_first: bool) -> nn.Module:
    """Return the module of a task."""
    D, sizes, shape = task.shape[-1], task.sizes, task.shape
    make: dict[str, Any] = {
        "conv": lambda: nn.Conv2d(D, sizes[0], 3, padding=1),
        "max pool": lambda: nn.MaxPool2d(2),
        "average pool": lambda: nn.AvgPool2d(2),
        "batch norm": lambda: nn.BatchNorm1d(D),
        "batch norm 2d": lambda: nn.BatchNorm2d(D),
        "layer norm": lambda: nn.LayerNorm(D),
        "attention": lambda: SelfAttention(D, sizes[0], shape[1], causal=False),
        "causal attention": lambda: SelfAttention(D, sizes[0], shape[1], causal=True),
        "embedding": lambda: nn.Embedding(*sizes),
        "LSTM": lambda: LSTM(D, sizes[0], batch_first=not steps_first),
        "GRU": lambda: GRU(D, sizes[0], batch_first=not steps_first),
        "GELU tanh": lambda: nn.GELU("tanh"),
        "HardTanh": lambda: nn.Hardtanh(),
        "Softmax": lambda: nn.Softmax(-1),
        "LogSoftmax": lambda: nn.LogSoftmax(-1),
        "transformer block": lambda: Block(D, sizes[0], shape[1]),
        "CNN": lambda: CNN(shape, sizes),
    }
    module: nn.Module = make.get(task.kind, lambda: getattr(nn, task.kind)())()
    return module

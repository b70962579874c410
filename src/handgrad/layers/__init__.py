"""Layers: components with parameters, and what stands between them."""

from handgrad.layers.convolution import (
    AvgPool2d,
    Conv1d,
    Conv2d,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool2d,
)
from handgrad.layers.dropout import Dropout
from handgrad.layers.linear import Linear

__all__ = [
    "AvgPool2d",
    "Conv1d",
    "Conv2d",
    "Dropout",
    "Flatten",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Linear",
    "MaxPool2d",
]

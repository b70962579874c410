"""Layers: components with parameters, and what stands between them."""

from handgrad.layers.attention import MultiHeadAttention
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
from handgrad.layers.embedding import Embedding
from handgrad.layers.linear import Linear
from handgrad.layers.normalization import BatchNorm, GroupNorm, LayerNorm, RMSNorm
from handgrad.layers.position import LearnedPositionalEncoding, PositionalEncoding
from handgrad.layers.recurrent import GRU, LSTM, RNN, Bidirectional

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AvgPool2d",
    "BatchNorm",
    "Bidirectional",
    "Conv1d",
    "Conv2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "GroupNorm",
    "LayerNorm",
    "LearnedPositionalEncoding",
    "Linear",
    "MaxPool2d",
    "MultiHeadAttention",
    "PositionalEncoding",
    "RMSNorm",
]

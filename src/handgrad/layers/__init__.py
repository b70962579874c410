"""Layers: components with parameters."""

from handgrad.layers.attention import MultiHeadAttention
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
    "BatchNorm",
    "Bidirectional",
    "Dropout",
    "Embedding",
    "GroupNorm",
    "LayerNorm",
    "LearnedPositionalEncoding",
    "Linear",
    "MultiHeadAttention",
    "PositionalEncoding",
    "RMSNorm",
]

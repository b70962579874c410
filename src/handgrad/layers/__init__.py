"""Layers: components with parameters."""

from handgrad.layers.attention import MultiHeadAttention
from handgrad.layers.dropout import Dropout
from handgrad.layers.linear import Linear

__all__ = ["Dropout", "Linear", "MultiHeadAttention"]

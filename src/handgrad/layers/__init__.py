"""Layers: components with parameters."""

from handgrad.layers.dropout import Dropout
from handgrad.layers.linear import Linear
from handgrad.layers.recurrent import GRU, LSTM, RNN, Bidirectional

__all__ = ["GRU", "LSTM", "RNN", "Bidirectional", "Dropout", "Linear"]

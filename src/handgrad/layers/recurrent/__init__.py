"""Layers with a memory, which go through sequences step by step."""

from handgrad.layers.recurrent.bidirectional import Bidirectional
from handgrad.layers.recurrent.gru import GRU
from handgrad.layers.recurrent.lstm import LSTM
from handgrad.layers.recurrent.rnn import RNN

__all__ = ["GRU", "LSTM", "RNN", "Bidirectional"]

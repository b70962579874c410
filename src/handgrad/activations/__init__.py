"""Activations: components without parameters."""

from handgrad.activations.elu import ELU
from handgrad.activations.gelu import GELU
from handgrad.activations.hard_tanh import HardTanh
from handgrad.activations.leaky_relu import LeakyReLU
from handgrad.activations.log_softmax import LogSoftmax
from handgrad.activations.relu import ReLU
from handgrad.activations.sigmoid import Sigmoid
from handgrad.activations.silu import SiLU
from handgrad.activations.softmax import Softmax
from handgrad.activations.softplus import Softplus
from handgrad.activations.tanh import Tanh

__all__ = [
    "ELU",
    "GELU",
    "HardTanh",
    "LeakyReLU",
    "LogSoftmax",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]

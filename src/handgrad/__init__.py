"""Neural networks whose every gradient is written by hand, derived on the page, and checked."""

from handgrad.activations import ReLU, Sigmoid
from handgrad.component import Activation, Component, Layer, Loss, Parameter
from handgrad.layers import Dropout, Linear
from handgrad.losses import CrossEntropy, MSELoss
from handgrad.model import Gradients, Model

__all__ = [
    "Activation",
    "Component",
    "CrossEntropy",
    "Dropout",
    "Gradients",
    "Layer",
    "Linear",
    "Loss",
    "MSELoss",
    "Model",
    "Parameter",
    "ReLU",
    "Sigmoid",
]

__version__ = "0.1.0"

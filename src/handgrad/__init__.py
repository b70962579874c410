"""Neural networks whose every gradient is written by hand, derived on the page, and checked."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from handgrad.activations import (
    ELU,
    GELU,
    HardTanh,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from handgrad.component import Activation, Component
from handgrad.containers import Parallel, Residual
from handgrad.flat import Gradients
from handgrad.layers import (
    GRU,
    LSTM,
    RNN,
    AvgPool2d,
    BatchNorm,
    Bidirectional,
    Conv1d,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    GroupNorm,
    LayerNorm,
    LearnedPositionalEncoding,
    Linear,
    MaxPool2d,
    MultiHeadAttention,
    PositionalEncoding,
    RMSNorm,
)
from handgrad.loss import Loss
from handgrad.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    HingeLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
)
from handgrad.model import Model
from handgrad.modes import evaluating
from handgrad.parameter import Parameter

if TYPE_CHECKING:
    from handgrad import (
        checking,
        checkpoint,
        datasets,
        diagnosis,
        estimators,
        optimizers,
        training,
    )
    from handgrad.diagnosis import diagnose, diagnose_function
    from handgrad.experiments import load, save
    from handgrad.optimizers import SGD, Adam, AdamW, RMSprop
    from handgrad.training import History, Trainer

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "AvgPool2d",
    "BatchNorm",
    "Bidirectional",
    "BinaryCrossEntropy",
    "Component",
    "Conv1d",
    "Conv2d",
    "CrossEntropy",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Gradients",
    "GroupNorm",
    "HardTanh",
    "HingeLoss",
    "History",
    "HuberLoss",
    "L1Loss",
    "LayerNorm",
    "LeakyReLU",
    "LearnedPositionalEncoding",
    "Linear",
    "LogSoftmax",
    "Loss",
    "MSELoss",
    "MaxPool2d",
    "Model",
    "MultiHeadAttention",
    "Parallel",
    "Parameter",
    "PositionalEncoding",
    "RMSNorm",
    "RMSprop",
    "ReLU",
    "Residual",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "Trainer",
    "checking",
    "checkpoint",
    "datasets",
    "diagnose",
    "diagnose_function",
    "diagnosis",
    "estimators",
    "evaluating",
    "load",
    "optimizers",
    "save",
    "training",
]

__version__ = "0.1.0"

# Loaded when they are first asked for, so that importing the components takes no longer.
_PLACES = {
    "SGD": "optimizers",
    "Adam": "optimizers",
    "AdamW": "optimizers",
    "RMSprop": "optimizers",
    "Trainer": "training",
    "History": "training",
    "load": "experiments",
    "save": "experiments",
    "diagnose": "diagnosis",
    "diagnose_function": "diagnosis",
}
_MODULES = {
    "checking",
    "checkpoint",
    "datasets",
    "diagnosis",
    "estimators",
    "optimizers",
    "training",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"handgrad.{name}")
    if name in _PLACES:
        return getattr(import_module(f"handgrad.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'handgrad' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

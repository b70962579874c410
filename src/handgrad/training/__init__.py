"""The loop: a trainer, its steps, what it measures, what it remembers, and what it does besides."""

from handgrad.training.callbacks import (
    Callback,
    ClipGradients,
    CSVLog,
    EarlyStopping,
    ModelCheckpoint,
)
from handgrad.training.history import History
from handgrad.training.metrics import (
    R2,
    Accuracy,
    ConfusionMatrix,
    MeanAbsoluteError,
    Metric,
    TopK,
)
from handgrad.training.step import AccumulateGradients, TrainStep
from handgrad.training.trainer import Trainer

__all__ = [
    "R2",
    "AccumulateGradients",
    "Accuracy",
    "CSVLog",
    "Callback",
    "ClipGradients",
    "ConfusionMatrix",
    "EarlyStopping",
    "History",
    "MeanAbsoluteError",
    "Metric",
    "ModelCheckpoint",
    "TopK",
    "TrainStep",
    "Trainer",
]

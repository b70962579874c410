"""The loop: a trainer, what it measures, what it remembers, and what it does on the way."""

from handgrad.training.callbacks import Callback, CSVLog, EarlyStopping, ModelCheckpoint
from handgrad.training.history import History
from handgrad.training.metrics import (
    R2,
    Accuracy,
    ConfusionMatrix,
    MeanAbsoluteError,
    Metric,
    TopK,
)
from handgrad.training.trainer import Trainer

__all__ = [
    "R2",
    "Accuracy",
    "CSVLog",
    "Callback",
    "ConfusionMatrix",
    "EarlyStopping",
    "History",
    "MeanAbsoluteError",
    "Metric",
    "ModelCheckpoint",
    "TopK",
    "Trainer",
]

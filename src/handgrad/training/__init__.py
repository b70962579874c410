"""The loop: a trainer, its steps, what it measures, what it remembers, and what it does besides."""

from handgrad.training.callbacks import (
    Callback,
    ClipGradients,
    CSVLog,
    EarlyStopping,
    MLflow,
    ModelCheckpoint,
    TensorBoard,
)
from handgrad.training.history import History
from handgrad.training.learning_rates import LearningRates, find_learning_rate
from handgrad.training.metrics import (
    F1,
    R2,
    ROCAUC,
    Accuracy,
    BalancedAccuracy,
    ConfusionMatrix,
    FunctionMetric,
    LogLoss,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    Metric,
    Precision,
    Recall,
    TopK,
)
from handgrad.training.step import AccumulateGradients, TrainStep
from handgrad.training.trainer import Trainer

__all__ = [
    "F1",
    "R2",
    "ROCAUC",
    "AccumulateGradients",
    "Accuracy",
    "BalancedAccuracy",
    "CSVLog",
    "Callback",
    "ClipGradients",
    "ConfusionMatrix",
    "EarlyStopping",
    "FunctionMetric",
    "History",
    "LearningRates",
    "LogLoss",
    "MLflow",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "Metric",
    "ModelCheckpoint",
    "Precision",
    "Recall",
    "TensorBoard",
    "TopK",
    "TrainStep",
    "Trainer",
    "find_learning_rate",
]

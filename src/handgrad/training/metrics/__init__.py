"""Numbers that tell how good predictions are, gathered batch by batch and exact over them all."""

from handgrad.training.metrics.classes import Accuracy, ConfusionMatrix, TopK
from handgrad.training.metrics.function import FunctionMetric
from handgrad.training.metrics.means import (
    F1,
    ROCAUC,
    BalancedAccuracy,
    LogLoss,
    Precision,
    Recall,
)
from handgrad.training.metrics.metric import Metric
from handgrad.training.metrics.numbers import R2, MeanAbsoluteError, MeanAbsolutePercentageError

__all__ = [
    "F1",
    "R2",
    "ROCAUC",
    "Accuracy",
    "BalancedAccuracy",
    "ConfusionMatrix",
    "FunctionMetric",
    "LogLoss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "Metric",
    "Precision",
    "Recall",
    "TopK",
]

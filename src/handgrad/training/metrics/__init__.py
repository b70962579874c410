"""Numbers that tell how good predictions are, gathered batch by batch and exact over them all."""

from handgrad.training.metrics.classes import Accuracy, ConfusionMatrix, TopK
from handgrad.training.metrics.metric import Metric
from handgrad.training.metrics.numbers import R2, MeanAbsoluteError

__all__ = ["R2", "Accuracy", "ConfusionMatrix", "MeanAbsoluteError", "Metric", "TopK"]

"""Metrics by name, and of functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args

from handgrad.errors import ArgumentError
from handgrad.training.metrics import (
    F1,
    R2,
    ROCAUC,
    Accuracy,
    BalancedAccuracy,
    FunctionMetric,
    LogLoss,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    Metric,
    Precision,
    Recall,
)

__all__ = ["MetricName", "made_metrics"]

MetricName = Literal[
    "accuracy",
    "balanced_accuracy",
    "f1",
    "log_loss",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "precision",
    "r2",
    "recall",
    "roc_auc",
]

_CLASSES: Mapping[str, Callable[[], Metric]] = {
    cls.name: cls
    for cls in (
        *(Accuracy, BalancedAccuracy, F1, LogLoss, MeanAbsoluteError),
        *(MeanAbsolutePercentageError, Precision, R2, Recall, ROCAUC),
    )
}


def made_metrics(given: Any) -> Any:
    """Return metrics with those made that are named or functions; what is neither stays.

    Parameters
    ----------
    given
        Metrics, names and functions.

    Raises
    ------
    ArgumentError
        A name is none.

    Examples
    --------
    >>> made_metrics(["accuracy", F1()])
    [Accuracy(), F1()]
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        return given if not isinstance(given, str) else [_made(given)]
    return [_made(metric) for metric in given]


def _made(metric: Any) -> Any:
    if isinstance(metric, str):
        if metric not in _CLASSES:
            raise ArgumentError(
                f"{metric!r} as the name of a metric",
                f"one of {', '.join(get_args(MetricName))}",
                "choose one of these, or make the object yourself",
            )
        return _CLASSES[metric]()
    if callable(metric) and not isinstance(metric, type | Metric):
        return FunctionMetric(metric)
    return metric

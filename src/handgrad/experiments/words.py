"""What metrics are called where people read them, and in what unit they are."""

from __future__ import annotations

from handgrad.experiments.run import Run

__all__ = ["in_rows", "loss_in_words", "metric_in_words"]

_WORDS = {
    "f1": "F1 (class mean)",
    "precision": "precision (class mean)",
    "recall": "recall (class mean)",
    "roc_auc": "AUC (one against all)",
    "r2": "R2",
    "top_3": "top 3 accuracy",
    "loss": "cross-entropy",
}


def in_rows(count: int) -> str:
    """Return how many rows there are."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def metric_in_words(name: str, run: Run) -> str:
    """Return what a metric is called, with its unit where it has one."""
    if name.endswith("error"):
        return f"{name.replace('_', ' ')} (unit of {run.target_name})"
    return _WORDS.get(name, name.replace("_", " "))


def loss_in_words(run: Run) -> str:
    """Return what the loss of a training is, and what it is measured in."""
    if run.class_names:
        return "the mean cross-entropy"
    scale = run.outputs.scale
    unit = "" if scale is None else f", {float(scale[0]):.4g}"
    return f"the mean squared error in units of the standard deviation of {run.target_name}{unit}"

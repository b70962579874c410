"""Log the history to MLflow."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.errors import ArgumentError
from handgrad.training.callbacks.callback import Callback

__all__ = ["MLflow"]


class MLflow(Callback):
    """Log what is trained, and every number of the history after each epoch, to MLflow.

    It needs ``pip install "handgrad[mlflow]"``, and logs to the run that is active, or to one of
    its own.

    Raises
    ------
    ArgumentError
        MLflow is not installed, which `fit` says before the first step.

    Examples
    --------
    >>> MLflow()
    MLflow()
    """

    writes = True

    def on_start(self, trainer: Any) -> None:
        try:
            import mlflow
        except ImportError as error:
            raise ArgumentError(
                "an MLflow() callback without the package mlflow",
                "the package, which logs",
                'install it: pip install "handgrad[mlflow]"',
            ) from error
        self._mlflow = mlflow
        self._begun = mlflow.active_run() is None
        if self._begun:
            mlflow.start_run()
        mlflow.log_params(
            {
                "loss": repr(trainer.loss),
                "optimizer": repr(trainer.optimizer),
                "parameters": trainer.model.parameters.size,
            }
        )

    def on_epoch(self, trainer: Any) -> None:
        row = trainer.history.row()
        numbers = {
            name: float(value)
            for name, value in row.items()
            if value is not None and np.ndim(value) == 0
        }
        self._mlflow.log_metrics(numbers, step=trainer.epochs_done)

    def on_end(self, trainer: Any) -> None:
        if self._begun:
            self._mlflow.end_run()

    def __repr__(self) -> str:
        return "MLflow()"

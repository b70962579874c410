"""What is done between steps and epochs: clip, stop early, save, write a table, call a function."""

from handgrad.training.callbacks.callback import Callback
from handgrad.training.callbacks.clip_gradients import ClipGradients
from handgrad.training.callbacks.csv_log import CSVLog
from handgrad.training.callbacks.early_stopping import EarlyStopping
from handgrad.training.callbacks.mlflow import MLflow
from handgrad.training.callbacks.model_checkpoint import ModelCheckpoint
from handgrad.training.callbacks.tensorboard import TensorBoard

__all__ = [
    "CSVLog",
    "Callback",
    "ClipGradients",
    "EarlyStopping",
    "MLflow",
    "ModelCheckpoint",
    "TensorBoard",
]

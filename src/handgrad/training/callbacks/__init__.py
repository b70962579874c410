"""What is done between the epochs: stop early, save, write a table, or call a function."""

from handgrad.training.callbacks.callback import Callback
from handgrad.training.callbacks.csv_log import CSVLog
from handgrad.training.callbacks.early_stopping import EarlyStopping
from handgrad.training.callbacks.model_checkpoint import ModelCheckpoint

__all__ = ["CSVLog", "Callback", "EarlyStopping", "ModelCheckpoint"]

"""Runs: data in, a trained network in a folder, and what it says about other data.

The commands ``train``, ``evaluate`` and ``predict`` of the command line are the functions of these
names, and nothing else.
"""

from handgrad.experiments.evaluation import Evaluation, evaluate, predict, write_predictions
from handgrad.experiments.fitting import free_folder, train
from handgrad.experiments.network import NetworkSettings
from handgrad.experiments.run import Run, open_run
from handgrad.experiments.settings import Settings, hidden_layers

__all__ = [
    "Evaluation",
    "NetworkSettings",
    "Run",
    "Settings",
    "evaluate",
    "free_folder",
    "hidden_layers",
    "open_run",
    "predict",
    "train",
    "write_predictions",
]

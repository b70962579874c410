"""Runs: data in, a trained network in a folder, and what it says about other data.

The commands ``train``, ``evaluate`` and ``predict`` of the command line are the functions of these
names, and nothing else.
"""

from handgrad.experiments.evaluation import (
    Evaluation,
    evaluate,
    evaluation_to_dict,
    predict,
    write_predictions,
)
from handgrad.experiments.fitting import train
from handgrad.experiments.folder import free_folder
from handgrad.experiments.launcher import communicator_of_launcher
from handgrad.experiments.loading import load, save
from handgrad.experiments.network import NetworkSettings
from handgrad.experiments.run import Run, open_run
from handgrad.experiments.settings import (
    Settings,
    class_weights,
    column_names,
    hidden_layers,
)

__all__ = [
    "Evaluation",
    "NetworkSettings",
    "Run",
    "Settings",
    "class_weights",
    "column_names",
    "communicator_of_launcher",
    "evaluate",
    "evaluation_to_dict",
    "free_folder",
    "hidden_layers",
    "load",
    "open_run",
    "predict",
    "save",
    "train",
    "write_predictions",
]

"""Optimizers: each one updates a model's flat vector of parameters in place from its gradients."""

from handgrad.optimizers.adam import Adam
from handgrad.optimizers.adamw import AdamW
from handgrad.optimizers.optimizer import Optimizer
from handgrad.optimizers.rmsprop import RMSprop
from handgrad.optimizers.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop"]

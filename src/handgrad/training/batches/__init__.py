"""Minibatches, without a copy of the whole set."""

from handgrad.training.batches.arrays import ArrayBatches
from handgrad.training.batches.inputs import Inputs
from handgrad.training.batches.making import Batches, given_data, make_batches

__all__ = ["ArrayBatches", "Batches", "Inputs", "given_data", "make_batches"]

"""Minibatches, without a copy of the whole set."""

from handgrad.training.batches.arrays import ArrayBatches
from handgrad.training.batches.inputs import Inputs
from handgrad.training.batches.making import Batches, make_batches
from handgrad.training.batches.stream import StreamBatches

__all__ = ["ArrayBatches", "Batches", "Inputs", "StreamBatches", "make_batches"]

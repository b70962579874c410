"""Containers: components made of components, beside the chain, which is a `Model`.

There is none that applies a component to each step of a sequence (Keras' ``TimeDistributed``):
with the features on the last axis every leading axis is rows, and a `Linear` already does.
"""

from handgrad.containers.parallel import Parallel
from handgrad.containers.residual import Residual

__all__ = ["Parallel", "Residual"]

"""Checkpoints: a model and the state of its training, in a folder that is never half written.

A checkpoint is a manifest, ``checkpoint.json``, and the tensor files that it names. The manifest
is for humans too: the architecture, the state of the training, and of each tensor file the size
and the SHA-256. The tensor files are safetensors, with the parameters under the names
``0.weights``, ``0.bias``, ``1.0.weights`` and so on: the component's place in the model (in a
nested model, one place after the other) and the parameter's name. Nothing in either is code.
"""

from handgrad.checkpoint.decoder import from_config
from handgrad.checkpoint.encoder import to_config
from handgrad.checkpoint.storage import Checkpoint, check, load, save
from handgrad.randomness import (
    generator_state,
    restore_generator,
    restore_global_state,
)

__all__ = [
    "Checkpoint",
    "check",
    "from_config",
    "generator_state",
    "load",
    "restore_generator",
    "restore_global_state",
    "save",
    "to_config",
]

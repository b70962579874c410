"""Checkpoints: a model and the state of its training, in one file that is never half written.

A checkpoint is a safetensors file, which many programs read. The parameters and buffers are its
tensors, under the names ``0.weights``, ``2.layer.bias``, ``1.running_mean``: the component's place
in the model, and the array's name. The arrays of the training state are called ``training/...``.
The architecture and the rest of the state are JSON, in the file's metadata. Nothing in it is code.
"""

from handgrad.checkpoint.decoder import from_config
from handgrad.checkpoint.encoder import to_config
from handgrad.checkpoint.notation import exported_classes
from handgrad.checkpoint.storage import FILE, Restored, check, load, save
from handgrad.randomness import generator_state, restore_generator, restore_global_state

__all__ = [
    "FILE",
    "Restored",
    "check",
    "exported_classes",
    "from_config",
    "generator_state",
    "load",
    "restore_generator",
    "restore_global_state",
    "save",
    "to_config",
]

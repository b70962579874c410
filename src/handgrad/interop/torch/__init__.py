"""Networks from PyTorch, and to it.

`load_state_dict` and `save_state_dict` read and write files of tensors, and need no PyTorch;
`from_torch` and `to_torch` turn a module into a model and back.
"""

from handgrad.interop.torch.files import load_state_dict, save_state_dict
from handgrad.interop.torch.trees import from_torch, to_torch

__all__ = ["from_torch", "load_state_dict", "save_state_dict", "to_torch"]

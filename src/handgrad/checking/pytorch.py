"""PyTorch as a judge: the same formula, differentiated by somebody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handgrad.checking.evaluation import Subject
from handgrad.checking.truth import repeatable
from handgrad.component import Array
from handgrad.walk import parameters as named_parameters

__all__ = ["Twin", "has_pytorch", "pytorch_gradients"]

Twin = Callable[..., Any]
"""A component in PyTorch: (torch, component, x, parameters, targets) -> y, all tensors."""


def has_pytorch() -> bool:
    """Return whether PyTorch is there and can be imported.

    Examples
    --------
    >>> has_pytorch() in (True, False)
    True
    """
    try:
        import torch  # noqa: F401
    except (ImportError, OSError):  # the latter where one of its shared libraries is missing
        return False
    return True


def pytorch_gradients(subject: Subject, x: Array, against: Array, twin: Twin) -> dict[str, Array]:
    """Return the output and all gradients, computed in float64 by PyTorch.

    Parameters
    ----------
    subject
        The component, whose parameters and random state the twin uses.
    x
        The input, or a loss' predictions.
    against
        A loss' targets; else the upstream gradient.
    twin
        The component in PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> from handgrad import Sigmoid
    >>> def twin(torch, component, x, parameters, targets):
    ...     return torch.sigmoid(x)
    >>> pytorch_gradients(Sigmoid(), np.zeros(1), np.full(1, 8.0), twin)
    {'y': array([0.5]), 'dx': array([2.])}
    """
    import torch

    leaves = {"dx": torch.tensor(x, dtype=torch.float64, requires_grad=True)}
    parameters = {}
    for name, arrays, key in named_parameters(subject):
        parameters[name] = leaves[f"d{name}"] = torch.tensor(
            arrays[key], dtype=torch.float64, requires_grad=True
        )
    tensor = torch.tensor(against)
    y = repeatable(twin, subject)(torch, subject, leaves["dx"], parameters, tensor)
    y.backward(tensor if y.ndim else None)
    return {"y": y.detach().numpy(), **{name: leaf.grad.numpy() for name, leaf in leaves.items()}}

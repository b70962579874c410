"""PyTorch as a judge: the same formula, differentiated by somebody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from handgrad.arguments import Array, in_short
from handgrad.checking.evaluation import Subject, by_name
from handgrad.errors import ArgumentError
from handgrad.loss import Loss
from handgrad.randomness import repeatable
from handgrad.walk import own_arrays, parameters

__all__ = ["Twin", "has_pytorch", "pytorch_gradients"]

Twin = Callable[..., Any]
"""A component in PyTorch: (torch, component, x, p) -> y, where `p` holds the parameters as tensors
and runs the twins of the children, both by name; of a loss: (torch, loss, predictions, targets,
sample_weight=None) -> value."""


def has_pytorch() -> bool:
    """Return whether PyTorch is there and can be imported."""
    try:
        import torch  # noqa: F401
    except (ImportError, OSError):  # the latter where one of its shared libraries is missing
        return False
    return True


def pytorch_gradients(
    subject: Subject, x: Any, against: Any, twin: Twin, twins: Mapping[type, Twin]
) -> dict[str, Array]:
    """Return the output and all gradients, computed in float64 by PyTorch.

    The twin uses the parameters and the random state of the subject. `against` is a loss' targets,
    else the upstream gradient; `twins` are those of what the component may hold.
    """
    import torch

    leaves: dict[str, Any] = {}

    def tensor(name: str, array: Array) -> Any:
        """Make a tensor, of which the gradient has that name where it has one."""
        if array.dtype.kind != "f":
            return torch.tensor(array)
        leaves[name] = torch.tensor(array, dtype=torch.float64, requires_grad=True)
        return leaves[name]

    inputs = tuple(tensor(name, part) for name, part in by_name(x).items())
    given = inputs if isinstance(x, tuple) else inputs[0]
    if isinstance(subject, Loss):
        y = twin(torch, subject, given, *map(torch.tensor, against))
        y.backward()
    else:
        tensors = {
            id(place.array): tensor(f"d{place.name}", place.array) for place in parameters(subject)
        }

        def run(component: Any, x: Any) -> Any:
            p: dict[str, Any] = {n: tensors[id(a)] for n, a in own_arrays(component).items()}
            p |= {n: torch.tensor(a) for n, a in own_arrays(component, "buffers").items()}
            p |= {name: partial(run, child) for name, child in component.children().items()}
            own = twin if component is subject else _find(component, twins)
            return own(torch, component, x, p)

        y = repeatable(run, subject)(subject, given)
        # The gradient of this sum is the same; to hand `against` to `backward` would load SymPy.
        torch.sum(y * torch.tensor(against)).backward()
    found = {n: torch.zeros_like(a) if a.grad is None else a.grad for n, a in leaves.items()}
    return {"y": y.detach().numpy(), **{name: grad.numpy() for name, grad in found.items()}}


def _find(component: Any, twins: Mapping[type, Twin]) -> Twin:
    for cls in type(component).__mro__:
        if cls in twins:
            return twins[cls]
    raise ArgumentError(
        f"{in_short(component)} inside something that is compared with PyTorch",
        "components that have a row in handgrad/checking/cases, and so a twin",
        "write its row, or leave the comparison with PyTorch out",
    )

"""Activations."""

from __future__ import annotations

from typing import Any

from handgrad.activations import (
    ELU,
    GELU,
    HardTanh,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from handgrad.interop.torch.kinds.kind import Kind, Pointwise, refused
from handgrad.interop.torch.layouts import Layout

__all__ = ["KINDS"]


class _Softplus(Pointwise):
    """PyTorch's is the identity above a threshold, 2e-9 away from the formula at most; ours is not.

    So a module that comes may have any threshold that is as far out, and one that goes has none.
    """

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        if module.threshold < 20:
            raise refused(
                f"threshold={module.threshold} of Softplus",
                "leave it out: ours is the formula everywhere",
            )
        return super().component(module, layout, options)


class _AlongAnAxis(Kind):
    """A softmax, or its logarithm."""

    takes_flat = True

    def __init__(self, ours: Any, name: str) -> None:
        self.ours, self.theirs = ours, (name,)

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        axis, order = component.axis, layout.axes_in_order()
        if layout.form == "first":
            if order is None and axis not in (-1, 0):
                raise refused(f"axis={axis} of {component!r}", "say input_shape=")
            axis = order[axis] if order else (axis and 1)
        return getattr(nn, self.theirs[0])(dim=axis)

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        dim, order = module.dim, layout.axes_in_order()
        if dim is None:
            raise refused("dim=None of " + self.theirs[0], "write dim=1, or dim=-1")
        if layout.form == "first":
            if order is None:
                dim = {1: -1, 0: 0}.get(dim)
                if dim is None:
                    raise refused(f"dim={module.dim} of {self.theirs[0]}", "say input_shape=")
            else:
                dim = order.index(dim % len(order)) - len(order)
        return self.ours(dim)


KINDS: tuple[Kind, ...] = (
    Pointwise(ReLU, "ReLU"),
    Pointwise(Sigmoid, "Sigmoid"),
    Pointwise(Tanh, "Tanh"),
    Pointwise(SiLU, "SiLU"),
    Pointwise(LeakyReLU, "LeakyReLU", numbers=("negative_slope",)),
    Pointwise(ELU, "ELU", numbers=("alpha",)),
    Pointwise(GELU, "GELU", numbers=("approximate",)),
    Pointwise(HardTanh, "Hardtanh", "ReLU6", numbers=("min_val", "max_val")),
    _Softplus(Softplus, "Softplus", numbers=("beta",), made_with={"threshold": 500}),
    _AlongAnAxis(Softmax, "Softmax"),
    _AlongAnAxis(LogSoftmax, "LogSoftmax"),
)

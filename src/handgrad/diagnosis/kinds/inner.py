"""The layers and activations that a model or a dropout is given: ours, or the student's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.activations import ReLU, Sigmoid
from handgrad.arguments import Array
from handgrad.component import Component
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.linear import LinearHandle, LinearKind
from handgrad.diagnosis.student.arrays import Slot
from handgrad.diagnosis.student.subject import Subject
from handgrad.layers import Linear

__all__ = ["InnerLinear", "InnerReLU", "InnerSigmoid", "linear_handle", "own_linear"]

_RNG = np.random.default_rng(0)  # for values that are overwritten at once


class _Inner(Component):
    """Ours, under the names that a student's code may call."""

    grad: Any

    def forward(self, x: Array) -> Any:
        """Call it."""
        return self(x)

    def backward(self, in_gradient: Array) -> Any:
        """Ask for its gradients."""
        return self.grad(in_gradient)


class InnerLinear(_Inner, Linear):
    """Our affine layer."""


class InnerReLU(_Inner, ReLU):
    """Our rectified linear unit."""


class InnerSigmoid(_Inner, Sigmoid):
    """Our sigmoid."""


def linear_handle(W: Array, b: Array, own: LinearKind | None) -> LinearHandle:
    """Return an affine layer with these parameters, (D, K) and (K,): ours, or the student's own."""
    if own is None:
        layer = InnerLinear(*W.shape, rng=_RNG)
        weights, bias = (Slot((name,), layer, name) for name in ("weights", "bias"))
        handle = LinearHandle(layer, weights, bias)
    else:
        rows = np.random.default_rng(0).standard_normal((3, len(W)))
        parameters = {"weights": W, "bias": b}
        handle = own.start(Given("", {}, {"x": rows}, np.zeros((3, len(b))), parameters))
    handle.place(W, b)
    return handle


def own_linear(own: dict[str, type]) -> LinearKind | None:
    """Return what makes the student's own layers, None where ours are to be used."""
    return LinearKind(Subject(own["linear"])) if "linear" in own else None

"""The layers and activations that a model or a dropout is given: ours, or the student's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.activations import ReLU, Sigmoid
from handgrad.component import Array, Component
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.linear.kind import LinearKind, Made
from handgrad.diagnosis.student.subject import Subject
from handgrad.layers import Linear

__all__ = ["InnerLinear", "InnerReLU", "InnerSigmoid", "LinearHandle", "own_linear"]

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


class LinearHandle:
    """One affine layer, ours or the student's own, whose parameters can be read and written.

    Parameters
    ----------
    W, b
        Its parameters, (D, K) and (K,).
    own
        Makes the student's own layers, where it is to be one of them.
    """

    thing: Any

    def __init__(self, W: Array, b: Array, own: LinearKind | None = None) -> None:
        self._kind = own
        if own is None:
            self.thing = InnerLinear(*W.shape, rng=_RNG)
        else:
            rows = np.random.default_rng(0).standard_normal((3, len(W)))
            parameters = {"weights": W, "bias": b}
            given = Given("", {}, {"x": rows}, np.zeros((3, len(b))), parameters)
            self._made: Made = own.start(given)
            self.thing = self._made.thing
        self.write(W, b)

    def write(self, W: Array, b: Array) -> None:
        """Put the parameters into the layer."""
        if self._kind is None:
            self.thing.weights, self.thing.bias = W, b[None, :]
        else:
            self._made.place(W, b)

    def read(self) -> tuple[Array, Array]:
        """Return copies of the parameters."""
        if self._kind is None:
            return self.thing.weights.copy(), self.thing.bias[0].copy()
        return self._made.read()

    def orient(self, gradient: Array) -> Array:
        """Return a gradient of the weights as (D, K)."""
        turned = self._kind is not None and self._made.transposed and gradient.ndim == 2
        return gradient.T if turned else gradient

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the weights as they are stored."""
        if self._kind is None:
            return tuple(self.thing.weights.shape)
        return self._made.weights.array.shape


def own_linear(own: dict[str, type]) -> LinearKind | None:
    """Return what makes the student's own layers, None where ours are to be used."""
    return LinearKind(Subject(own["linear"])) if "linear" in own else None

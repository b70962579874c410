"""Models of linear layers and ReLUs alone, each pass of which is one compiled call.

A step of a small network spends most of its time on the way from one product to the next: a
network of 64, 64 and 10 units has five products of 2 us each, and some eighty calls around them.
The two loops below are what `Linear` and `ReLU` say, one component after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from handgrad.activations.relu import ReLU
from handgrad.arguments import Array
from handgrad.kernels.compiling import loop
from handgrad.kernels.mode import Mode
from handgrad.layers.linear import Linear

__all__ = ["Dense", "Passed", "dense"]

MOST = 64**3
"""Multiplications of a product, at most. Larger ones are worth two cores, and NumPy's BLAS."""


def _methods() -> tuple[Any, ...]:
    return Linear.apply, Linear.pullback, ReLU.apply, ReLU.pullback


WRITTEN = _methods()
"""What the loops are another form of, and not of what somebody has put in its place since."""

Layer = tuple[int, int, int, bool]
"""Where a layer's outputs lie in a row of all, its width, and whether a ReLU follows."""


@loop()
def forward(flat: Any, x: Any, widths: Any, rectified: Any) -> Any:
    """Return the outputs of all layers, (N, widths[1]), (N, widths[2]), ..., in one vector."""
    N, inputs, place, row = len(x), x, 0, 0
    outputs = np.empty(N * widths[1:].sum(), x.dtype)
    for i in range(len(rectified)):
        D, K = widths[i], widths[i + 1]
        weights = flat[place : place + D * K].reshape(D, K)
        bias = flat[place + D * K : place + D * K + K]
        entries = outputs[N * row : N * (row + K)]
        y = entries.reshape(N, K)
        np.dot(inputs, weights, y)
        for n in range(N):
            for k in range(K):
                y[n, k] += bias[k]
        if rectified[i]:
            for j in range(N * K):
                entries[j] = 0 if entries[j] < 0 else entries[j]
        inputs, place, row = y, place + D * K + K, row + K
    return outputs


@loop()
def backward(
    flat: Any, dy: Any, x: Any, outputs: Any, widths: Any, rectified: Any, gradients: Any
) -> None:
    """Write the gradients of all layers, laid out as the parameters are."""
    N, place, row = len(x), len(flat), widths[1:].sum()
    for i in range(len(rectified) - 1, -1, -1):
        D, K = widths[i], widths[i + 1]
        place, row = place - D * K - K, row - K
        if rectified[i]:
            upstream, entries = dy.reshape(-1), outputs[N * row : N * (row + K)]
            dy = np.empty_like(dy)
            below = dy.reshape(-1)
            for j in range(N * K):
                below[j] = upstream[j] * (entries[j] > 0)
        bias = gradients[place + D * K : place + D * K + K]
        bias[:] = 0
        for n in range(N):
            for k in range(K):
                bias[k] += dy[n, k]
        inputs = x if i == 0 else outputs[N * (row - D) : N * row].reshape(N, D)
        np.dot(inputs.T, dy, gradients[place : place + D * K].reshape(D, K))
        if i > 0:
            dy = np.dot(dy, flat[place : place + D * K].reshape(D, K).T)


class Passed(Sequence[Array]):
    """What each component saved of a pass: views into one vector, made when they are asked for.

    Attributes
    ----------
    x, outputs : Array
        The input, and that vector.
    """

    __slots__ = ("_layers", "outputs", "x")

    def __init__(self, x: Array, outputs: Array, layers: list[Layer]) -> None:
        self.x, self.outputs, self._layers = x, outputs, layers

    def fits(self, features: int, layers: list[Layer]) -> bool:
        """Return whether they are of a model with so many inputs and such layers."""
        return self.x.shape[1] == features and self._layers == layers

    def __len__(self) -> int:
        return len(self._layers) + sum(rectified for *_, rectified in self._layers)

    def __getitem__(self, i: Any) -> Any:
        saved, y, N = [], self.x, len(self.x)
        for start, end, K, rectified in self._layers:
            saved.append(y)
            y = self.outputs[N * start : N * end].reshape(N, K)
            if rectified:
                saved.append(y)
        return saved[i]


class Dense:
    """The two passes of such a model.

    Parameters
    ----------
    widths
        Features of the input, and of every layer's output.
    rectified
        Whether a ReLU follows each layer.
    instances
        The attributes of each component; one that has an `apply` or `pullback` of its own, as
        while it is watched, is asked itself.

    Examples
    --------
    >>> import numpy as np
    >>> passes = Dense([2, 1], [True])
    >>> parameters, x = np.array([1.0, 2.0, 0.5]), np.array([[3.0, 4.0]])
    >>> y, saved = passes.apply(x, parameters)
    >>> y
    array([[11.5]])
    >>> gradients = np.empty(3)
    >>> passes.pullback(np.array([[1.0]]), saved, parameters, gradients)
    >>> gradients
    array([3., 4., 1.])
    """

    def __init__(
        self,
        widths: Sequence[int],
        rectified: Sequence[bool],
        instances: Sequence[dict[str, Any]] = (),
    ) -> None:
        self._instances = instances
        self._widths, self._rectified = np.array(widths, np.intp), np.array(rectified)
        ends = list(accumulate(widths[1:]))
        self._layers = list(zip([0, *ends], ends, widths[1:], rectified, strict=False))
        self._most = MOST // max(D * K for D, K in pairwise(widths))
        self._first, self._last, self._start = widths[0], widths[-1], ends[-1] - widths[-1]

    def takes(self, x: Any, flat: Any) -> bool:
        """Return whether an input, and a model's parameters, go through the loops."""
        for own in self._instances:
            if "apply" in own or "pullback" in own:
                return False
        return (
            Mode.compiled
            and _methods() == WRITTEN
            and type(x) is type(flat) is np.ndarray
            and x.ndim == 2
            and x.shape[1] == self._first
            and len(x) <= self._most
            and x.dtype == flat.dtype
            and x.flags.carray
        )

    def apply(self, x: Any, flat: Any) -> tuple[Array, Passed]:
        """Return the output, and what each component saves."""
        N, outputs = len(x), forward(flat, x, self._widths, self._rectified)
        y = outputs[N * self._start :].reshape(N, self._last)
        return y, Passed(x, outputs, self._layers)

    def takes_back(self, dy: Any, saved: Any) -> bool:
        """Return whether an upstream gradient goes back through the loops."""
        return (
            Mode.compiled
            and type(saved) is Passed
            and saved.fits(self._first, self._layers)
            and _methods() == WRITTEN
            and type(dy) is np.ndarray
            and dy.shape == (len(saved.x), self._last)
            and dy.dtype == saved.outputs.dtype
            and dy.flags.carray
        )

    def pullback(self, dy: Any, saved: Any, flat: Any, gradients: Any) -> None:
        """Write the gradients of all parameters, laid out as these are."""
        x, outputs = saved.x, saved.outputs
        backward(flat, dy, x, outputs, self._widths, self._rectified, gradients)


def dense(components: Iterable[Any]) -> Dense | None:
    """Return the passes of a model that consists of such components; None where there are others.

    Numba takes its products from SciPy, and without that there are none either.

    Examples
    --------
    >>> from handgrad import Linear, Sigmoid
    >>> dense([Linear(3, 2), Sigmoid()]) is None
    True
    """
    linears: list[Linear] = []
    rectified: list[bool] = []
    components = list(components)
    for component in components:
        if type(component) is Linear and component.bias is not None:
            linears.append(component)
            rectified.append(False)
        elif type(component) is ReLU and linears and not rectified[-1]:
            rectified[-1] = True
        else:
            return None
    if len({*map(id, linears)}) < len(linears) or not linears or not _has_scipy():
        return None
    if linears[0].weights.dtype.char not in "fd":  # a loop that is not compiled takes its time
        return None
    widths = [linears[0].in_features, *(each.out_features for each in linears)]
    return Dense(widths, rectified, list(map(vars, components)))


@cache
def _has_scipy() -> bool:
    return find_spec("scipy") is not None

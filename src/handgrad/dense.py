"""Models of linear layers and ReLUs alone: what they do between the products, in few calls.

Each layer's bias and ReLU are one loop over its output, and so are, on the way back, the ReLU's
derivative and the bias' gradient. And of a small network each pass is one compiled call, products
included: its step spends most of its time on the way from one product to the next. A network of 64,
64 and 10 units has five products of 2 us each, and some eighty calls around them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from handgrad.activations.relu import ReLU
from handgrad.arguments import Array
from handgrad.kernels.compiling import inlined, loop
from handgrad.kernels.mode import Mode
from handgrad.layers.linear import Linear

__all__ = ["Dense", "Passed", "dense"]

MOST = 64**3
"""Multiplications of a product within a call, at most. Larger ones are worth all cores, and so are
NumPy's: if SciPy's had threads too, they would wait for work where those want to compute."""


def _methods() -> tuple[Any, ...]:
    return Linear.apply, Linear.pullback, ReLU.apply, ReLU.pullback


WRITTEN = _methods()
"""What the loops are another form of, and not of what somebody has put in its place since."""


class Layer(NamedTuple):
    """Where a layer, and what it puts out, lies in the vectors of all.

    Attributes
    ----------
    D, K : int
        Features of its input and of its output.
    rectified : bool
        Whether a ReLU follows.
    place, start : int
        Where its parameters begin, and its outputs in a row of all.
    """

    D: int
    K: int
    rectified: bool
    place: int
    start: int

    def parameters(self, flat: Array) -> tuple[Array, Array]:
        """Return its weights, (D, K), and its bias, (K,), as they lie in a vector of all."""
        end = self.place + self.D * self.K
        return flat[self.place : end].reshape(self.D, self.K), flat[end : end + self.K]

    def outputs(self, of_all: Array, N: int) -> Array:
        """Return its output, (N, K), as it lies in a vector of all."""
        return of_all[N * self.start : N * (self.start + self.K)].reshape(N, self.K)


@inlined
def finish(y: Any, bias: Any, rectified: bool) -> None:
    """Make a layer's output of its product, in place: the bias is added, and the ReLU applied."""
    for n in range(len(y)):
        for k in range(len(bias)):
            y_nk = y[n, k] + bias[k]
            y[n, k] = 0 if rectified and y_nk < 0 else y_nk


@inlined
def begin(dy: Any, y: Any, rectified: bool, bias: Any) -> None:
    """Make of an upstream gradient that before the ReLU, in place, and sum it up for the bias."""
    bias[:] = 0
    for n in range(len(dy)):
        for k in range(len(bias)):
            if rectified:
                dy[n, k] *= y[n, k] > 0
            bias[k] += dy[n, k]


# Between two products one core is faster than all: the others wait for the next one in a loop.
finish_alone, begin_alone = loop()(finish), loop()(begin)


@loop()
def forward(flat: Any, x: Any, widths: Any, rectified: Any) -> Any:
    """Return the outputs of all layers, (N, widths[1]), (N, widths[2]), ..., in one vector."""
    N, inputs, place, row = len(x), x, 0, 0
    outputs = np.empty(N * widths[1:].sum(), x.dtype)
    for i in range(len(rectified)):
        D, K = widths[i], widths[i + 1]
        weights = flat[place : place + D * K].reshape(D, K)
        bias = flat[place + D * K : place + D * K + K]
        y = outputs[N * row : N * (row + K)].reshape(N, K)
        np.dot(inputs, weights, y)
        finish(y, bias, rectified[i])
        inputs, place, row = y, place + D * K + K, row + K
    return outputs


@loop()
def backward(
    flat: Any, dy: Any, x: Any, outputs: Any, widths: Any, rectified: Any, gradients: Any
) -> None:
    """Write the gradients of all layers, laid out as the parameters are; `dy` is written to."""
    N, place, row = len(x), len(flat), widths[1:].sum()
    for i in range(len(rectified) - 1, -1, -1):
        D, K = widths[i], widths[i + 1]
        place, row = place - D * K - K, row - K
        y = outputs[N * row : N * (row + K)].reshape(N, K)
        begin(dy, y, rectified[i], gradients[place + D * K : place + D * K + K])
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

    @property
    def nbytes(self) -> int:
        """How many bytes it keeps."""
        return int(self.x.nbytes + self.outputs.nbytes)

    def __len__(self) -> int:
        return len(self._layers) + sum(layer.rectified for layer in self._layers)

    def __getitem__(self, i: Any) -> Any:
        saved, y, N = [], self.x, len(self.x)
        for layer in self._layers:
            saved.append(y)
            y = layer.outputs(self.outputs, N)
            if layer.rectified:
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
        self._layers: list[Layer] = []
        place = start = 0
        for (D, K), follows in zip(pairwise(widths), rectified, strict=True):
            self._layers.append(Layer(D, K, follows, place, start))
            place, start = place + D * K + K, start + K
        self._most = MOST // max(layer.D * layer.K for layer in self._layers)
        self._first, self._last, self._width = widths[0], widths[-1], start

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
            and len(x) + self._most > 1  # NumPy takes its time for a large product of one row
            and x.dtype == flat.dtype
            and x.flags.carray
        )

    def apply(self, x: Any, flat: Any) -> tuple[Array, Passed]:
        """Return the output, and what each component saves."""
        N = len(x)
        if len(x) <= self._most:
            outputs = forward(flat, x, self._widths, self._rectified)
            y = outputs[-N * self._last :].reshape(N, self._last)
            return y, Passed(x, outputs, self._layers)
        outputs, y = np.empty(N * self._width, x.dtype), x
        for layer in self._layers:
            weights, bias = layer.parameters(flat)
            y = np.matmul(y, weights, out=layer.outputs(outputs, N))
            finish_alone(y, bias, layer.rectified)
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
        x, outputs, N = saved.x, saved.outputs, len(saved.x)
        if self._layers[-1].rectified:  # what comes from above is not ours to write to
            dy = dy.copy()
        if len(x) <= self._most:
            backward(flat, dy, x, outputs, self._widths, self._rectified, gradients)
            return
        inputs = [x, *(layer.outputs(outputs, N) for layer in self._layers)]
        y = inputs.pop()
        for layer in reversed(self._layers):
            (weights, _), (d_weights, d_bias) = map(layer.parameters, (flat, gradients))
            begin_alone(dy, y, layer.rectified, d_bias)
            y = inputs.pop()
            np.matmul(y.T, dy, out=d_weights)
            if inputs:
                dy = dy @ weights.T


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

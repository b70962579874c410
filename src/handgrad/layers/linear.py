"""The affine layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, positive_size, true_or_false
from handgrad.component import ExerciseLayer
from handgrad.errors import ShapeError
from handgrad.initializers import Drawn, Initializer, draw_parameters, floating_type
from handgrad.kernels.compiling import kernel, prange
from handgrad.parameter import Parameter
from handgrad.per_sample.summands import Products, over_places
from handgrad.shapes import Shape, leading_axes

__all__ = ["Linear"]


@kernel
def add_row(y: Any, row: Any) -> None:
    """Add a row, (1, K), to every row of `y`, (..., K), in place."""
    y += row[0]


@add_row.compiled(threads=True)
def _(y: Any, row: Any) -> None:
    if row.shape != (1, y.shape[-1]):  # or the loop would read and write beyond the shorter one
        raise ValueError("the row has not one entry for each column")
    rows = y.reshape(-1, row.size)
    for n in prange(len(rows)):
        for k in range(row.size):
            rows[n, k] += row[0, k]


@kernel
def add_row_pullback(rows: Any, out: Any) -> Any:
    """Return the sum of all rows, (1, K), in `out`."""
    return np.add.reduce(rows, axis=0, keepdims=True, out=out)


@add_row_pullback.compiled()
def _(rows: Any, out: Any) -> Any:
    if out.shape != (1, rows.shape[1]):
        raise ValueError("the upstream gradient has not one entry for each feature")
    out[:] = 0
    for n in range(len(rows)):
        for k in range(rows.shape[1]):
            out[0, k] += rows[n, k]
    return out


def _and_zeros(row: Array) -> Array:
    """Return a row, (1, D), with a row of zeros below it.

    NumPy hands a product over two indices to BLAS, one over a single index it works out itself,
    which takes ten times as long.
    """
    rows = np.zeros_like(row, shape=(2, row.shape[1]))
    rows[:1] = row
    return rows


class Linear(ExerciseLayer):
    r"""An affine map of the features, the same for every row.

    .. math:: Y = X W + b, \qquad y_{nk} = \sum_d x_{nd} w_{dk} + b_k

    Parameters
    ----------
    in_features : int
        Features of the input, D.
    out_features : int
        Features of the output, K.
    bias : bool, default True
        Whether there is a bias.
    init, bias_init : str or function, default "exercise"
        How the weights and the bias are drawn, see `handgrad.initializers`. A deep network of
        ReLUs wants ``init="he", bias_init="zeros"``.
    rng : numpy.random.Generator, optional
        Where the initial parameters are drawn from; NumPy's global state where it is None.
    dtype : data type, default float64
        The parameters' floating type.

    Attributes
    ----------
    weights : Array, (D, K)
        Drawn first; 0.05 times a standard normal variable, unless `init` says otherwise.
    bias : Array, (1, K)
        Drawn second, in the same way; None where there is none.

    Raises
    ------
    ArgumentError
        A size is not a positive integer or too large for the memory, `bias` is not a bool, an
        initializer is none, `dtype` is not a floating type, or `rng` is not a generator.
    ShapeError
        The last axis of an input has not `in_features` entries.

    Notes
    -----
    **Gradients.**

    .. math::
        \frac{\partial L}{\partial X} = \frac{\partial L}{\partial Y} W^T, \qquad
        \frac{\partial L}{\partial W} = X^T \frac{\partial L}{\partial Y}, \qquad
        \frac{\partial L}{\partial b_k} = \sum_n \frac{\partial L}{\partial y_{nk}}.

    **Derivation.** Write :math:`dy_{nk} = \partial L / \partial y_{nk}`. The loss sees every
    parameter and every input only through the outputs, so each gradient is a sum over them:

    .. math::
        \frac{\partial L}{\partial x_{md}}
            &= \sum_{nk} dy_{nk} \frac{\partial y_{nk}}{\partial x_{md}}
             = \sum_{nk} dy_{nk} \, [n = m] \, w_{dk}
             = \sum_k dy_{mk} \, w_{dk} \\
        \frac{\partial L}{\partial w_{dj}}
            &= \sum_{nk} dy_{nk} \frac{\partial y_{nk}}{\partial w_{dj}}
             = \sum_{nk} dy_{nk} \, x_{nd} \, [k = j]
             = \sum_n x_{nd} \, dy_{nj} \\
        \frac{\partial L}{\partial b_j}
            &= \sum_{nk} dy_{nk} \frac{\partial y_{nk}}{\partial b_j}
             = \sum_{nk} dy_{nk} \, [k = j]
             = \sum_n dy_{nj}

    In matrices the three lines are ``dy @ W.T``, ``x.T @ dy`` and ``dy.sum(axis=0)``. Nothing is
    divided by N: where the loss is a mean, `dy` has the 1/N already.

    **Of each sample.** The sums over :math:`n` are what `pullback_per_sample` leaves out. A sample
    of one row has :math:`dw_{ndj} = x_{nd} \, dy_{nj}`, whose norm is :math:`|x_n| \, |dy_n|`; one
    of several rows :math:`t` keeps the sum over these, ``x.mT @ dy``.

    **Shapes.** :math:`X` and :math:`dX` (..., D), :math:`Y` and :math:`dY` (..., K). Leading
    axes are the rows: the parameters' gradients sum over all of them.

    **Saved.** The input, which the gradient of the weights needs.

    References
    ----------
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 6.5.6.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Linear(2, 1, rng=np.random.default_rng(0))
    >>> layer.weights = [[1.0], [-2.0]]
    >>> layer.bias = [[0.5]]
    >>> layer([[3.0, 1.0]])
    array([[1.5]])
    >>> gradient_weights, gradient_input = layer.grad([[10.0]])
    >>> gradient_weights.ravel(), gradient_input, layer.gradients["bias"]
    (array([30., 10.]), array([[ 10., -20.]]), array([[10.]]))
    """

    weights = Parameter()
    bias = Parameter()

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        init: Initializer = "exercise",
        bias_init: Initializer = "exercise",
        rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        D = self.in_features = positive_size(in_features, "in_features", "Linear")
        K = self.out_features = positive_size(out_features, "out_features", "Linear")
        self.init, self.bias_init, self.rng = init, bias_init, rng
        self.dtype = floating_type(dtype, "Linear")
        wanted = {"weights": Drawn((D, K), init, D, K)}
        if true_or_false(bias, "bias", "Linear", "leave it out for a layer with a bias"):
            wanted["bias"] = Drawn((1, K), bias_init, D, K)
        self.parameters = draw_parameters(wanted, f"Linear({D}, {K})", rng, dtype)

    def apply(self, x: Array) -> tuple[Array, Array]:
        """Return ``x @ weights + bias``, and `x` as what is saved."""
        try:
            y: Array = x @ self.weights
        except ValueError as error:
            raise ShapeError(
                f"an input of shape {x.shape} for {self!r}",
                f"{self.in_features} features on the last axis, (..., {self.in_features})",
                "make a layer with as many in_features, or transpose or reshape the input",
            ) from error
        if (bias := self.bias) is not None:
            add_row(y, bias)
        return y, x

    def pullback(
        self,
        dy: Array,
        saved: Array,
        need_dx: bool = True,
        out: dict[str, Array] | None = None,
    ) -> tuple[Array | None, dict[str, Array]]:
        """Return ``dy @ W.T``, and ``x.T @ dy`` and ``dy.sum(axis=0)`` by the parameters' names."""
        x = saved
        dx = dy @ self.weights.T if need_dx else None
        if x.ndim != 2:  # leading axes are rows
            x, dy = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
        if len(x) == 1:
            x, dy = _and_zeros(x), _and_zeros(dy)
        gradients = {} if out is None else out
        gradients["weights"] = np.matmul(x.T, dy, out=gradients.get("weights"))
        if self.bias is not None:
            if (row := gradients.get("bias")) is None:
                row = np.empty_like(dy, shape=(1, self.out_features))
            gradients["bias"] = add_row_pullback(dy, row)
        return dx, gradients

    def pullback_per_sample(
        self, dy: Array, saved: Array, need_dx: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        """Return ``dy @ W.T``, and of each sample ``x.T @ dy`` and the sum of its rows of `dy`."""
        gradients: dict[str, Any] = {"weights": Products(saved, dy)}
        if self.bias is not None:
            gradients["bias"] = over_places(dy)
        return dy @ self.weights.T if need_dx else None, gradients

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*leading_axes(input_shape, self.in_features, self), self.out_features)

    def __repr__(self) -> str:
        bias = "" if self.bias is not None else ", bias=False"
        return f"Linear({self.in_features}, {self.out_features}{bias})"

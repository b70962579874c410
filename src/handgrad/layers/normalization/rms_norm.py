"""Root mean square normalization."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array
from handgrad.initializers import Initializer
from handgrad.kernels.compiling import kernel, prange
from handgrad.layers.normalization.base import Normalization, blocks, row_sum, stacked

__all__ = ["RMSNorm"]


@kernel
def divided(x: Any, gamma: Any, epsilon: float) -> tuple[Any, Any]:
    """Return ``x * r * gamma``, and `r`."""
    D = x.shape[1]
    y, r = np.empty_like(x), np.empty_like(x, shape=(len(x), 1))
    gamma = stacked(gamma, x)
    for rows in blocks(x):
        # vecdot conjugates what stands first, and a complex step must go through unchanged.
        square = np.vecdot(x[rows].conj(), x[rows])[:, None] / D
        r[rows] = 1 / np.sqrt(square + epsilon)
        scaled = np.multiply(x[rows], r[rows], out=y[rows])
        scaled *= gamma[: len(scaled)]
    return y, r


@divided.compiled(threads=True)
def _(x: Any, gamma: Any, epsilon: float) -> tuple[Any, Any]:
    N, D = x.shape
    y, r = np.empty_like(x), np.empty((N, 1), x.dtype)
    for n in prange(N):
        r[n, 0] = 1 / np.sqrt(row_sum(x[n], x[n], True) / D + x.dtype.type(epsilon))
        for d in range(D):
            y[n, d] = x[n, d] * r[n, 0] * gamma[0, d]
    return y, r


@kernel
def divided_pullback(dy: Any, x: Any, r: Any, gamma: Any, need_dx: bool) -> tuple[Any, Any]:
    """Return ``r * (dy * gamma - x * (t @ share) * r * r)``, and dgamma."""
    dx, dgamma = np.empty_like(dy), np.zeros_like(gamma)
    share, scale, squared = gamma.T / dy.shape[1], stacked(gamma, dy), r * r
    for rows in blocks(x):
        t = dy[rows] * x[rows]
        dgamma += r[rows].T @ t
        if need_dx:
            t = np.multiply(x[rows], (t @ share) * squared[rows], out=t)
            h = np.multiply(dy[rows], scale[: len(t)], out=dx[rows])
            h -= t
            h *= r[rows]
    return dx, dgamma


@divided_pullback.compiled(threads=True)
def _(dy: Any, x: Any, r: Any, gamma: Any, need_dx: bool) -> tuple[Any, Any]:
    N, D = dy.shape
    dx, dgamma = np.empty_like(dy), np.zeros_like(gamma)
    for first in prange((D + 15) // 16):  # sixteen columns are a line of the cache
        columns = slice(16 * first, min(16 * first + 16, D))
        total = dgamma[0, columns]
        for n in range(N):
            upstream, inputs = dy[n, columns], x[n, columns]
            for d in range(total.size):
                total[d] += upstream[d] * inputs[d] * r[n, 0]
    if need_dx:
        for n in prange(N):
            h = dx[n]
            for d in range(D):
                h[d] = dy[n, d] * gamma[0, d]
            along = row_sum(h, x[n], True) / D * r[n, 0] * r[n, 0]
            for d in range(D):
                h[d] = r[n, 0] * (h[d] - x[n, d] * along)
    return dx, dgamma


class RMSNorm(Normalization):
    r"""Divides each row by its root mean square, then scales each feature.

    .. math::
        y_{nd} = \gamma_d \, \frac{x_{nd}}{\sqrt{q_n + \epsilon}}, \qquad
        q_n = \frac{1}{D} \sum_d x_{nd}^2

    A `LayerNorm` without its mean and its shift. No row sees another.

    Parameters
    ----------
    features : int or tuple of int
        Features, D; or the sizes of the last axes, over all of which the mean is taken.
    epsilon : float, default 1e-5
        What is added to the mean square, so that a row of zeros stays finite. PyTorch's default
        is the spacing of floats at 1 instead, Keras' is 1e-6.
    affine : bool, default True
        Whether there is :math:`\gamma`; else it is 1.
    init : str or function, default "ones"
        How :math:`\gamma` is drawn, see `handgrad.initializers`.
    rng : numpy.random.Generator, optional
        For an initializer that draws; NumPy's global state where it is None.
    dtype : data type, default float64
        The parameter's floating type.

    Attributes
    ----------
    gamma : Array, (D,), or of the shape `features`
        Scale.

    Raises
    ------
    ArgumentError
        An argument is outside what it may be.
    ShapeError
        The last axes of an input are not `features`.

    Notes
    -----
    **Gradients.** With :math:`r_n = 1 / \sqrt{q_n + \epsilon}` and :math:`h_{nd} = \gamma_d \,
    dy_{nd}`,

    .. math::
        d\gamma_d = \sum_n dy_{nd} \, x_{nd} \, r_n, \qquad
        dx_{nd} = r_n \Bigl( h_{nd} - x_{nd} \, \frac{r_n^2}{D} \sum_e h_{ne} x_{ne} \Bigr).

    **Derivation.** :math:`\gamma_d` reaches feature :math:`d` of every row, which gives its sum.
    For `dx` fix a row and leave out its index. An input :math:`x_e` reaches its own feature, and
    all of them through :math:`r = (q + \epsilon)^{-1/2}`:

    .. math::
        \frac{\partial q}{\partial x_e} &= \frac{2}{D} x_e, \qquad
        \frac{\partial r}{\partial x_e}
            = -\frac{1}{2} (q + \epsilon)^{-3/2} \, \frac{2}{D} x_e
            = -\frac{r^3}{D} x_e \\
        \frac{\partial (x_d \, r)}{\partial x_e} &= [d = e] \, r - \frac{r^3}{D} x_d x_e \\
        dx_e &= \sum_d h_d \frac{\partial (x_d \, r)}{\partial x_e}
              = r \Bigl( h_e - x_e \frac{r^2}{D} \sum_d h_d x_d \Bigr).

    With ``t = dy * x`` and ``share = gamma.T / D`` the sum over :math:`D` is ``t @ share``, and
    :math:`d\gamma` is ``r.T @ t``.

    **What must be so.** A factor on a row changes its output only by :math:`\epsilon`, so `dx` is
    nearly at right angles to `x`: :math:`\sum_d dx_d x_d = \epsilon \, r^3 \sum_d h_d x_d`.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (..., D). A row is a block
    of the last axes where `features` has several sizes.

    **Saved.** The input, which whatever stands before it keeps anyway, and :math:`r` of each row.
    `LayerNorm` says what ``blocks`` and ``stacked`` are.

    References
    ----------
    Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019, eq. 4.

    Examples
    --------
    >>> import numpy as np
    >>> norm = RMSNorm(2)
    >>> norm([[3.0, 4.0], [30.0, 40.0]]).round(3)
    array([[0.849, 1.131],
           [0.849, 1.131]])
    >>> norm.grad([[1.0, 0.0], [10.0, 0.0]]).round(3)
    array([[ 0.181, -0.136],
           [ 0.181, -0.136]])
    """

    def __init__(
        self,
        features: int | tuple[int, ...],
        *,
        epsilon: float = 1e-5,
        affine: bool = True,
        init: Initializer = "ones",
        rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        super().__init__(features, epsilon, affine, {"gamma": init}, rng, dtype)
        self.init = init

    def apply(self, x: Array) -> tuple[Array, tuple[Array, Array]]:
        """Return ``x * r * gamma``, and the rows of `x` and `r` as what is saved."""
        self.output_shape(x.shape)
        shape, x = x.shape, x.reshape(-1, self._size)
        y, r = divided(x, self._row("gamma", x), self.epsilon)
        return y.reshape(shape), (x, r)

    def pullback(
        self,
        dy: Array,
        saved: tuple[Array, Array],
        need_dx: bool = True,
        out: dict[str, Array] | None = None,
    ) -> tuple[Array | None, dict[str, Array]]:
        """Return ``r * (dy * gamma - x * (t @ share) * r * r)``, and dgamma."""
        x, r = saved
        shape, dy = dy.shape, dy.reshape(x.shape)
        dx, dgamma = divided_pullback(dy, x, r, self._row("gamma", dy), need_dx)
        return dx.reshape(shape) if need_dx else None, self._offered(out, gamma=dgamma)

    pullback_per_sample = Normalization.pullback_per_sample

    def _normal(self, saved: tuple[Array, Array]) -> Array:
        x, r = saved
        return x * r

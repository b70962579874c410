"""Layer normalization."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array
from handgrad.initializers import Initializer
from handgrad.kernels.compiling import kernel, prange
from handgrad.layers.normalization.base import Normalization, blocks, row_sum, stacked

__all__ = ["LayerNorm"]


@kernel
def normalized(x: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """Return ``normal * gamma + beta``, `normal`, and `r`, which it was multiplied by."""
    D = x.shape[1]
    y, normal, r = np.empty_like(x), np.empty_like(x), np.empty_like(x, shape=(len(x), 1))
    gamma, beta, ones = stacked(gamma, x), stacked(beta, x), np.ones_like(x, shape=(D, 1))
    for rows in blocks(x):
        xc = np.subtract(x[rows], x[rows] @ ones / D, out=normal[rows])
        # vecdot conjugates what stands first, and a complex step must go through unchanged.
        variance = np.vecdot(xc.conj(), xc)[:, None] / D
        r[rows] = 1 / np.sqrt(variance + epsilon)
        xc *= r[rows]
        scaled = np.multiply(xc, gamma[: len(xc)], out=y[rows])
        scaled += beta[: len(xc)]
    return y, normal, r


@normalized.compiled(threads=True)
def _(x: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
    N, D = x.shape
    y, normal, r = np.empty_like(x), np.empty_like(x), np.empty((N, 1), x.dtype)
    for n in prange(N):
        xc, scaled = normal[n], y[n]
        mean = row_sum(x[n], x[n], False) / D
        for d in range(D):
            xc[d] = x[n, d] - mean
        r[n, 0] = 1 / np.sqrt(row_sum(xc, xc, True) / D + x.dtype.type(epsilon))
        for d in range(D):
            xc[d] *= r[n, 0]
            scaled[d] = xc[d] * gamma[0, d] + beta[0, d]
    return y, normal, r


@kernel
def normalized_pullback(
    dy: Any, normal: Any, r: Any, gamma: Any, need_dx: bool
) -> tuple[Any, Any, Any]:
    """Return ``r * (dy * gamma - dy @ share - normal * (t @ share))``, dgamma and dbeta."""
    dx = np.empty_like(dy)
    dgamma, dbeta = np.zeros_like(gamma), np.zeros_like(gamma)
    share, scale, ones = gamma.T / dy.shape[1], stacked(gamma, dy), np.ones_like(r).T
    for rows in blocks(dy):
        g = dy[rows]
        t = g * normal[rows]
        dgamma += ones[:, rows] @ t
        dbeta += ones[:, rows] @ g
        if need_dx:
            t = np.multiply(normal[rows], t @ share, out=t)
            t += g @ share
            h = np.multiply(g, scale[: len(g)], out=dx[rows])
            h -= t
            h *= r[rows]
    return dx, dgamma, dbeta


@normalized_pullback.compiled(threads=True)
def _(dy: Any, normal: Any, r: Any, gamma: Any, need_dx: bool) -> tuple[Any, Any, Any]:
    N, D = dy.shape
    dx, dgamma, dbeta = np.empty_like(dy), np.zeros_like(gamma), np.zeros_like(gamma)
    share = gamma[0] / dy.dtype.type(D)
    for first in prange((D + 15) // 16):  # sixteen columns are a line of the cache
        columns = slice(16 * first, min(16 * first + 16, D))
        g, s = dgamma[0, columns], dbeta[0, columns]
        for n in range(N):
            upstream, normals = dy[n, columns], normal[n, columns]
            for d in range(g.size):
                g[d] += upstream[d] * normals[d]
                s[d] += upstream[d]
    if need_dx:
        for n in prange(N):
            h = dx[n]
            for d in range(D):
                h[d] = dy[n, d] * share[d]
            mean, along = row_sum(h, h, False), row_sum(h, normal[n], True)
            for d in range(D):
                h[d] = r[n, 0] * (dy[n, d] * gamma[0, d] - mean - normal[n, d] * along)
    return dx, dgamma, dbeta


class LayerNorm(Normalization):
    r"""Gives each row mean 0 and variance 1 over its features, then scales and shifts each feature.

    .. math::
        \mu_n = \frac{1}{D} \sum_d x_{nd}, \qquad
        v_n = \frac{1}{D} \sum_d (x_{nd} - \mu_n)^2, \qquad
        y_{nd} = \gamma_d \, \hat{x}_{nd} + \beta_d, \quad
        \hat{x}_{nd} = \frac{x_{nd} - \mu_n}{\sqrt{v_n + \epsilon}}

    No row sees another, and training and evaluation are the same.

    Parameters
    ----------
    features : int or tuple of int
        Features, D; or the sizes of the last axes, over all of which the statistics are taken.
    epsilon : float, default 1e-5
        What is added to the variance, so that a row that does not vary stays finite.
    affine : bool, default True
        Whether there are :math:`\gamma` and :math:`\beta`; else they are 1 and 0.
    init, bias_init : str or function, default "ones" and "zeros"
        How :math:`\gamma` and :math:`\beta` are drawn, see `handgrad.initializers`.
    rng : numpy.random.Generator, optional
        For initializers that draw; NumPy's global state where it is None.
    dtype : data type, default float64
        The parameters' floating type.

    Attributes
    ----------
    gamma, beta : Array, (D,), or of the shape `features`
        Scale and shift.

    Raises
    ------
    ArgumentError
        An argument is outside what it may be.
    ShapeError
        The last axes of an input are not `features`.

    Notes
    -----
    **Gradients.** With :math:`r_n = 1 / \sqrt{v_n + \epsilon}`, :math:`h_{nd} = \gamma_d \,
    dy_{nd}` and a bar for the mean over features,

    .. math::
        d\gamma_d &= \sum_n dy_{nd} \, \hat{x}_{nd}, \qquad d\beta_d = \sum_n dy_{nd} \\
        dx_{nd} &= r_n \bigl(
            h_{nd} - \overline{h}_n - \hat{x}_{nd} \, \overline{(h \hat{x})}_n \bigr).

    **Derivation.** A parameter reaches its feature of every row, so its gradient is a sum over
    rows, of :math:`dy \, \partial y / \partial \gamma = dy \, \hat{x}` and of :math:`dy`. For `dx`
    fix a row and leave out its index :math:`n`. The output's feature :math:`d` is
    :math:`\gamma_d \hat{x}_d + \beta_d`, so :math:`d\hat{x}_d = \gamma_d \, dy_d = h_d`. An input
    :math:`x_e` reaches every :math:`\hat{x}_d = (x_d - \mu) \, r`: by itself, by the mean, and by
    the variance within :math:`r`:

    .. math::
        \frac{\partial (x_d - \mu)}{\partial x_e} &= [d = e] - \frac{1}{D} \\
        \frac{\partial v}{\partial x_e}
            &= \frac{1}{D} \sum_d 2 (x_d - \mu) \Bigl( [d = e] - \frac{1}{D} \Bigr)
             = \frac{2}{D} (x_e - \mu)
             && \text{since } \textstyle\sum_d (x_d - \mu) = 0 \\
        \frac{\partial r}{\partial x_e}
            &= -\frac{1}{2} (v + \epsilon)^{-3/2} \, \frac{\partial v}{\partial x_e}
             = -\frac{r^3}{D} (x_e - \mu)
             = -\frac{r^2}{D} \hat{x}_e.

    By the product rule, and then by the chain rule over all features of the row,

    .. math::
        \frac{\partial \hat{x}_d}{\partial x_e}
            &= r \Bigl( [d = e] - \frac{1}{D} \Bigr) - (x_d - \mu) \frac{r^2}{D} \hat{x}_e
             = r \Bigl( [d = e] - \frac{1}{D} - \frac{1}{D} \hat{x}_d \hat{x}_e \Bigr) \\
        dx_e &= \sum_d h_d \frac{\partial \hat{x}_d}{\partial x_e}
              = r \Bigl( h_e - \frac{1}{D} \sum_d h_d
                - \hat{x}_e \frac{1}{D} \sum_d h_d \hat{x}_d \Bigr).

    The code keeps ``normal`` for :math:`\hat{x}`. With ``t = dy * normal`` and ``share`` for
    :math:`\gamma / D` the last mean is :math:`\sum_d \gamma_d \, dy_d \, \hat{x}_d / D`, which is
    ``t @ share``, and the first is ``dy @ share``. The sums over rows are ``ones @ t``, for
    :math:`d\gamma`, and ``ones @ dy``.

    **What must be so.** A constant added to a row changes no output, so each row of `dx` sums to 0.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (..., D). A row is a block
    of the last axes where `features` has several sizes. One feature alone is always 0 before it
    is scaled and shifted.

    **Saved.** :math:`\hat{x}`, and :math:`r` of each row.

    **Speed.** Both passes go through the rows in ``blocks`` that stay in the cache. Two blocks are
    multiplied faster than a block and a row, so a row of parameters is ``stacked`` to a block.

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization" (2016), eqs. 3 and 4.

    Examples
    --------
    >>> import numpy as np
    >>> norm = LayerNorm(3)
    >>> norm([[1.0, 2.0, 3.0], [10.0, 10.0, 10.0]]).round(2)
    array([[-1.22,  0.  ,  1.22],
           [ 0.  ,  0.  ,  0.  ]])
    >>> dx = norm.grad([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    >>> dx.round(2), norm.gradients["gamma"].round(2)
    (array([[ 0.2 , -0.41,  0.2 ],
           [ 0.  ,  0.  ,  0.  ]]), array([-1.22,  0.  ,  0.  ]))
    """

    def __init__(
        self,
        features: int | tuple[int, ...],
        *,
        epsilon: float = 1e-5,
        affine: bool = True,
        init: Initializer = "ones",
        bias_init: Initializer = "zeros",
        rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        super().__init__(features, epsilon, affine, {"gamma": init, "beta": bias_init}, rng, dtype)
        self.init, self.bias_init = init, bias_init

    def apply(self, x: Array) -> tuple[Array, tuple[Array, Array]]:
        """Return ``normal * gamma + beta``, and `normal` and `r` as what is saved."""
        self.output_shape(x.shape)
        D, shape = self._size, x.shape
        x = x.reshape(-1, D)
        gamma, beta = self._row("gamma", x), self._row("beta", x)
        y, normal, r = normalized(x, gamma, beta, self.epsilon)
        return y.reshape(shape), (normal, r)

    def pullback(
        self,
        dy: Array,
        saved: tuple[Array, Array],
        need_dx: bool = True,
        out: dict[str, Array] | None = None,
    ) -> tuple[Array | None, dict[str, Array]]:
        """Return ``r * (dy * gamma - dy @ share - normal * (t @ share))``, dgamma and dbeta."""
        normal, r = saved
        shape, dy = dy.shape, dy.reshape(normal.shape)
        gamma = self._row("gamma", dy)
        dx, dgamma, dbeta = normalized_pullback(dy, normal, r, gamma, need_dx)
        return dx.reshape(shape) if need_dx else None, self._offered(out, gamma=dgamma, beta=dbeta)

    pullback_per_sample = Normalization.pullback_per_sample

    def _normal(self, saved: tuple[Array, Array]) -> Array:
        return saved[0]

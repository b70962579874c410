"""Batch normalization."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, is_real, positive_size
from handgrad.errors import ArgumentError, PerSampleError, ShapeError
from handgrad.initializers import Drawn, Initializer, draw_parameters
from handgrad.kernels.compiling import kernel, prange
from handgrad.layers.normalization.base import SHORT, Normalization, glued, moved, repeated, sums

__all__ = ["BatchNorm"]

_STATISTICS = ("mean", "variance")


@kernel
def statistics(rows: Any) -> tuple[Any, Any, Any]:
    """Return the mean and the variance of each column, (1, D), and the rows less the mean."""
    N, D = rows.shape
    long = glued(rows, D)
    mean = sums(long, D) / N
    xc = long - repeated(mean, long)
    return mean, sums(xc * xc, D) / N, xc.reshape(rows.shape)


@statistics.compiled(threads=True)
def _(rows: Any) -> tuple[Any, Any, Any]:
    N, D = rows.shape
    xc = np.empty_like(rows)
    mean, variance = np.zeros((1, D), rows.dtype), np.zeros((1, D), rows.dtype)
    count = rows.dtype.type(N)
    for first in prange((D + 15) // 16):  # sixteen columns are a line of the cache
        columns = slice(16 * first, min(16 * first + 16, D))
        m, v = mean[0, columns], variance[0, columns]
        part = np.zeros_like(m)
        for start in range(0, N, SHORT):
            for n in range(start, min(start + SHORT, N)):
                x = rows[n, columns]
                for d in range(m.size):
                    part[d] += x[d]
            moved(part, m)
        for d in range(m.size):
            m[d] /= count
        for start in range(0, N, SHORT):
            for n in range(start, min(start + SHORT, N)):
                x, centred = rows[n, columns], xc[n, columns]
                for d in range(m.size):
                    centred[d] = x[d] - m[d]
                    part[d] += centred[d] * centred[d]
            moved(part, v)
        for d in range(m.size):
            v[d] /= count
    return mean, variance, xc


@kernel
def scaled(xc: Any, scale: Any, beta: Any) -> Any:
    """Return ``xc * scale + beta``."""
    long = glued(xc, xc.shape[1])
    y = long * repeated(scale, long)
    y += repeated(beta, long)
    return y.reshape(xc.shape)


@scaled.compiled(threads=True)
def _(xc: Any, scale: Any, beta: Any) -> Any:
    y = np.empty_like(xc)
    for n in prange(len(xc)):
        for d in range(xc.shape[1]):
            y[n, d] = xc[n, d] * scale[0, d] + beta[0, d]
    return y


@kernel
def scaled_pullback(
    dy: Any, xc: Any, r: Any, gamma: Any, of_batch: bool, need_dx: bool
) -> tuple[Any, Any, Any]:
    """Return ``(dy - xc * (r * dgamma / N) - dbeta / N) * (gamma * r)``, dgamma and dbeta."""
    N, D = dy.shape
    long, xc = glued(dy, D), glued(xc, D)
    t = long * xc
    dgamma, dbeta = sums(t, D) * r, sums(long, D)
    dx = long
    if need_dx and of_batch:  # the mean and the variance depend on the input
        dx = np.multiply(xc, repeated(dgamma * r / N, xc), out=t)
        dx = np.subtract(long, dx, out=dx)
        dx -= repeated(dbeta / N, xc)
    if need_dx:
        dx = np.multiply(dx, repeated(gamma * r, xc), out=t)
    return dx.reshape(dy.shape), dgamma, dbeta


@scaled_pullback.compiled(threads=True)
def _(dy: Any, xc: Any, r: Any, gamma: Any, of_batch: bool, need_dx: bool) -> tuple[Any, Any, Any]:
    N, D = dy.shape
    dgamma, dbeta = np.zeros_like(gamma), np.zeros_like(gamma)
    for first in prange((D + 15) // 16):
        columns = slice(16 * first, min(16 * first + 16, D))
        g, s = dgamma[0, columns], dbeta[0, columns]
        part_g, part_s = np.zeros_like(g), np.zeros_like(s)
        for start in range(0, N, SHORT):
            for n in range(start, min(start + SHORT, N)):
                upstream, centred = dy[n, columns], xc[n, columns]
                for d in range(g.size):
                    part_g[d] += upstream[d] * centred[d]
                    part_s[d] += upstream[d]
            moved(part_g, g)
            moved(part_s, s)
        for d in range(g.size):
            g[d] *= r[0, columns][d]
    dx = np.empty_like(dy)
    if need_dx:
        share = dy.dtype.type(1 / N)
        for n in prange(N):
            for d in range(D):
                h = dy[n, d]
                if of_batch:
                    h -= xc[n, d] * (r[0, d] * dgamma[0, d] * share) + dbeta[0, d] * share
                dx[n, d] = h * (gamma[0, d] * r[0, d])
    return dx, dgamma, dbeta


class BatchNorm(Normalization):
    r"""Gives each feature mean 0 and variance 1 over the minibatch, then scales and shifts it.

    .. math::
        \mu_d = \frac{1}{N} \sum_n x_{nd}, \qquad
        v_d = \frac{1}{N} \sum_n (x_{nd} - \mu_d)^2, \qquad
        y_{nd} = \gamma_d \, \hat{x}_{nd} + \beta_d, \quad
        \hat{x}_{nd} = \frac{x_{nd} - \mu_d}{\sqrt{v_d + \epsilon}}

    All axes before the last one are rows: a table (N, D) and images (N, H, W, C) are served alike,
    the latter with :math:`N \cdot H \cdot W` rows. In evaluation mode :math:`\mu` and :math:`v`
    are the running mean and variance of the minibatches that it was trained on.

    Parameters
    ----------
    features : int
        Features, D.
    epsilon : float, default 1e-5
        What is added to the variance, so that a feature that does not vary stays finite.
    momentum : float, default 0.1
        The share :math:`m` of the newest minibatch in the running statistics, 0 <= m <= 1.
    affine : bool, default True
        Whether there are :math:`\gamma` and :math:`\beta`; else they are 1 and 0.
    init, bias_init : str or function, default "ones" and "zeros"
        How :math:`\gamma` and :math:`\beta` are drawn, see `handgrad.initializers`.
        ``init="zeros"`` in the last norm of a residual branch lets the block begin as its shortcut.
    rng : numpy.random.Generator, optional
        For initializers that draw; NumPy's global state where it is None.
    dtype : data type, default float64
        The floating type of the parameters and of the running statistics.

    Attributes
    ----------
    gamma, beta : Array, (D,)
        Scale and shift.
    buffers : dict of str to Array
        ``running_mean``, at first 0, and ``running_variance``, at first 1, both (D,).

    Raises
    ------
    ArgumentError
        An argument is outside what it may be.
    ShapeError
        The last axis has not `features` entries, or there is a single row in training mode, of
        which nothing is left once its own mean is taken off.

    Notes
    -----
    **Gradients.** With :math:`r_d = 1 / \sqrt{v_d + \epsilon}` and a bar for the mean over rows,

    .. math::
        d\gamma_d &= \sum_n dy_{nd} \, \hat{x}_{nd}, \qquad d\beta_d = \sum_n dy_{nd} \\
        dx_{nd} &= \gamma_d \, r_d \, \bigl(
            dy_{nd} - \overline{dy}_d - \hat{x}_{nd} \, \overline{(dy \, \hat{x})}_d \bigr)
            && \text{in training} \\
        dx_{nd} &= \gamma_d \, r_d \, dy_{nd} && \text{in evaluation.}

    **Derivation.** No feature sees another, so fix one and leave out its index :math:`d`. Since
    :math:`y_n = \gamma \hat{x}_n + \beta`,

    .. math::
        d\gamma = \sum_n dy_n \frac{\partial y_n}{\partial \gamma} = \sum_n dy_n \hat{x}_n, \qquad
        d\beta = \sum_n dy_n, \qquad
        d\hat{x}_n = \gamma \, dy_n.

    In evaluation :math:`\mu` and :math:`r` are constants, :math:`\partial \hat{x}_n / \partial x_m
    = r \, [n = m]`, and that is all. In training an input reaches :math:`\hat{x}_n = (x_n - \mu)
    \, r` along three ways: itself, the mean, and the variance within :math:`r`. The mean first:

    .. math::
        \frac{\partial \mu}{\partial x_m} = \frac{1}{N}, \qquad
        \frac{\partial (x_n - \mu)}{\partial x_m} = [n = m] - \frac{1}{N}.

    The variance: the mean within it adds nothing, since deviations from a mean sum to 0,

    .. math::
        \frac{\partial v}{\partial x_m}
            = \frac{1}{N} \sum_n 2 (x_n - \mu) \Bigl( [n = m] - \frac{1}{N} \Bigr)
            = \frac{2}{N} (x_m - \mu) - \frac{2}{N^2} \sum_n (x_n - \mu)
            = \frac{2}{N} (x_m - \mu)

    and :math:`r = (v + \epsilon)^{-1/2}` turns it into

    .. math::
        \frac{\partial r}{\partial x_m}
            = -\frac{1}{2} (v + \epsilon)^{-3/2} \, \frac{\partial v}{\partial x_m}
            = -\frac{r^3}{N} (x_m - \mu)
            = -\frac{r^2}{N} \hat{x}_m.

    The product rule puts them together,

    .. math::
        \frac{\partial \hat{x}_n}{\partial x_m}
            = \frac{\partial (x_n - \mu)}{\partial x_m} \, r
              + (x_n - \mu) \frac{\partial r}{\partial x_m}
            = r \Bigl( [n = m] - \frac{1}{N} - \frac{1}{N} \hat{x}_n \hat{x}_m \Bigr)

    and the chain rule sums over all outputs that :math:`x_m` reaches:

    .. math::
        dx_m = \sum_n d\hat{x}_n \frac{\partial \hat{x}_n}{\partial x_m}
             = \gamma \, r \Bigl( dy_m - \frac{1}{N} \sum_n dy_n
               - \hat{x}_m \frac{1}{N} \sum_n dy_n \hat{x}_n \Bigr)
             = \gamma \, r \Bigl( dy_m - \frac{d\beta}{N} - \hat{x}_m \frac{d\gamma}{N} \Bigr).

    So both sums that `dx` needs are the parameters' gradients. With ``xc`` for :math:`x - \mu` and
    ``r * xc`` for :math:`\hat{x}` the code reads ``dgamma = sums(dy * xc) * r``, ``dbeta =
    sums(dy)``, and for `dx` ``dy - xc * (r * dgamma / N)``, minus ``dbeta / N``, times ``gamma *
    r``. Whoever takes the mean and the variance for constants has ``gamma * r * dy``, which is
    right in evaluation alone.

    **What must be so.** A constant added to a feature changes no output, so in training each
    column of `dx` sums to 0; nor does a factor, but for :math:`\epsilon`, so :math:`\sum_n dx_n
    \hat{x}_n` is nearly 0 too: it is :math:`\gamma \, r \, d\gamma \, \epsilon / (v + \epsilon)`.

    **Running statistics.** Each accepted training pass moves them, as in PyTorch,

    .. math::
        \mu^{run} \leftarrow (1 - m) \, \mu^{run} + m \, \mu, \qquad
        v^{run} \leftarrow (1 - m) \, v^{run} + m \, \frac{N}{N - 1} \, v.

    Keras and TensorFlow call :math:`1 - m` the momentum. The factor makes the variance of a
    minibatch an unbiased estimate; the forward pass has none. `apply` writes neither of them, so
    a step that the trainer refuses leaves no trace. A `BatchNorm` that is in evaluation mode by
    itself while the model trains is frozen: it uses what it has, and leaves it as it is.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (..., D).

    **Saved.** :math:`x - \mu` and :math:`r`, of which :math:`\hat{x}` is the product, and in
    training the statistics and N, for `update_buffers`.

    **Speed.** A row is short where there are few channels, so ``glued`` puts several into one long
    one, and ``repeated`` puts a row of numbers beside itself as often; ``sums`` over rows is a
    product with ones.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift", ICML 2015, algorithms 1 and 2, and the gradients of section 3.

    Examples
    --------
    >>> import numpy as np
    >>> norm = BatchNorm(2)
    >>> norm([[1.0, 10.0], [3.0, 50.0]]).round(3)
    array([[-1., -1.],
           [ 1.,  1.]])
    >>> norm.buffers["running_mean"], norm.buffers["running_variance"].round(3)
    (array([0.2, 3. ]), array([ 1.1, 80.9]))
    >>> dx = norm.grad([[1.0, 0.0], [0.0, -2.0]])
    >>> bool(abs(dx.sum(axis=0)).max() < 1e-15)
    True
    >>> norm.eval()([[0.2, 3.0]])
    array([[0., 0.]])
    """

    def __init__(
        self,
        features: int,
        *,
        epsilon: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        init: Initializer = "ones",
        bias_init: Initializer = "zeros",
        rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        D = positive_size(features, "features", "BatchNorm")
        if not is_real(momentum) or not 0 <= momentum <= 1:
            raise ArgumentError(
                f"momentum={momentum!r} for BatchNorm",
                "a number with 0 <= momentum <= 1",
                "it is the share of the newest minibatch; 0.1 where Keras says 0.9",
            )
        super().__init__(D, epsilon, affine, {"gamma": init, "beta": bias_init}, rng, dtype)
        self.momentum, self.init, self.bias_init = float(momentum), init, bias_init
        statistics = {"mean": "zeros", "variance": "ones"}
        wanted = {f"running_{name}": Drawn((D,), to, 1, 1) for name, to in statistics.items()}
        self.buffers = draw_parameters(wanted, f"BatchNorm({D})", rng, dtype)

    def apply(self, x: Array) -> tuple[Array, Any]:
        """Return ``xc * (gamma * r) + beta``; save `xc` and `r`, and the batch's statistics."""
        self.output_shape(x.shape)
        D, N = self._size, x.size // self._size
        rows, batch = x.reshape(N, D), None
        gamma, beta = self._row("gamma", x), self._row("beta", x)
        if self.training:
            if N == 1:
                raise _single(x, self)
            mean, variance, xc = statistics(rows)
            batch = mean, variance, N
        else:
            mean, variance = (self.buffers[f"running_{name}"][None] for name in _STATISTICS)
            xc = rows - mean
        r = 1 / np.sqrt(variance + self.epsilon)
        y: Array = scaled(xc, gamma * r, beta)
        return y.reshape(x.shape), (xc, r, batch)

    def pullback(
        self,
        dy: Array,
        saved: Any,
        need_dx: bool = True,
        out: dict[str, Array] | None = None,
    ) -> tuple[Array | None, dict[str, Array]]:
        """Return ``(dy - xc * (r * dgamma / N) - dbeta / N) * (gamma * r)``, dgamma and dbeta."""
        xc, r, batch = saved
        rows = dy.reshape(xc.shape)
        gamma = self._row("gamma", rows)
        dx, dgamma, dbeta = scaled_pullback(rows, xc, r, gamma, batch is not None, need_dx)
        dx = dx.reshape(dy.shape) if need_dx else None
        return dx, self._offered(out, gamma=dgamma, beta=dbeta)

    def _normal(self, saved: Any) -> Array:
        xc, r, _ = saved
        normal: Array = xc * r
        return normal

    def pullback_per_sample(
        self, dy: Array, saved: Any, need_dx: bool = True
    ) -> tuple[Array | None, dict[str, Array]]:
        """Return `dx`, and of each sample the sums over its rows alone, in evaluation mode."""
        if saved[2] is not None:
            raise PerSampleError(
                f"a request for the gradients of each sample through {self!r} in training mode",
                "samples that do not see one another, as in evaluation mode",
                "call model.eval() first, or take a GroupNorm or a LayerNorm, where each sample "
                "has statistics of its own",
            )
        return super().pullback_per_sample(dy, saved, need_dx)

    def update_buffers(self, saved: Any) -> None:
        _, _, batch = saved
        if batch is not None:
            mean, variance, N = batch
            newest_of = zip(_STATISTICS, (mean, variance * (N / (N - 1))), strict=True)
            for name, newest in newest_of:
                running = self.buffers[f"running_{name}"]
                running *= 1 - self.momentum
                running += self.momentum * newest[0]


def _single(x: Array, owner: BatchNorm) -> ShapeError:
    return ShapeError(
        f"a single row, of shape {x.shape}, for {owner!r} in training mode",
        "at least two rows, over which a feature has a mean and a variance",
        "leave out a last minibatch of one row, or choose another batch_size; to predict, call "
        "model.eval() first; a LayerNorm or a GroupNorm needs no other rows",
    )

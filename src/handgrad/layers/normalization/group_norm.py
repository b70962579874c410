"""Group normalization."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, positive_size
from handgrad.errors import ArgumentError, ShapeError
from handgrad.initializers import Initializer
from handgrad.kernels.compiling import inlined, kernel, prange
from handgrad.layers.normalization.base import SHORT, Normalization, glued, moved, repeated, sums
from handgrad.shapes import Shape, shape_text

__all__ = ["GroupNorm"]


@kernel
def grouped(x: Any, gamma: Any, beta: Any, groups: int, epsilon: float) -> tuple[Any, Any, Any]:
    """Return ``xc * (r * gamma) + beta``, `xc` and `r`, for `x` (N, places, C)."""
    C = x.shape[-1]
    M = x[0].size // groups
    places = glued(x, C, 256)  # each sample has vectors of its own
    xc = places - repeated(_means(sums(places, C), groups, M), places)
    y = xc * xc  # the output is written over the squares
    r = 1 / np.sqrt(_means(sums(y, C), groups, M) + epsilon)
    y = np.multiply(xc, repeated(gamma * r, xc), out=y)
    y += repeated(beta, xc)
    return y, xc, r


@grouped.compiled(threads=True)
def _(x: Any, gamma: Any, beta: Any, groups: int, epsilon: float) -> tuple[Any, Any, Any]:
    N, S, C = x.shape
    M = S * C // groups
    y, xc, r = np.empty_like(x), np.empty_like(x), np.zeros((N, 1, C), x.dtype)
    for n in prange(N):
        mean, part, square = np.zeros(C, x.dtype), np.zeros(C, x.dtype), r[n, 0]
        for start in range(0, S, SHORT):
            for s in range(start, min(start + SHORT, S)):
                for c in range(C):
                    part[c] += x[n, s, c]
            moved(part, mean)
        group_means(mean, groups, M)
        for start in range(0, S, SHORT):
            for s in range(start, min(start + SHORT, S)):
                for c in range(C):
                    xc[n, s, c] = x[n, s, c] - mean[c]
                    part[c] += xc[n, s, c] * xc[n, s, c]
            moved(part, square)
        group_means(square, groups, M)
        for c in range(C):
            square[c] = 1 / np.sqrt(square[c] + x.dtype.type(epsilon))
            mean[c] = gamma[0, c] * square[c]
        for s in range(S):
            for c in range(C):
                y[n, s, c] = xc[n, s, c] * mean[c] + beta[0, c]
    return y, xc, r


@kernel
def grouped_pullback(
    dy: Any, xc: Any, r: Any, gamma: Any, groups: int, need_dx: bool
) -> tuple[Any, Any, Any]:
    """Return ``r * (dy * gamma - xc * r * mean(h * xc * r) - mean(h))``, dgamma and dbeta."""
    C = gamma.shape[-1]
    t = dy * xc
    of_t, of_dy = sums(t, C), sums(dy, C)  # over places, of each sample and channel
    dx = t
    if need_dx:
        M = dy[0].size // groups
        t = np.multiply(xc, repeated(_means(of_t * gamma, groups, M) * r * r * r, xc), out=t)
        dx = dy * repeated(gamma * r, xc)
        dx -= t
        dx -= repeated(_means(of_dy * gamma, groups, M) * r, xc)
    return dx, sums(of_t[:, 0] * r[:, 0], C), sums(of_dy[:, 0], C)


@grouped_pullback.compiled(threads=True)
def _(dy: Any, xc: Any, r: Any, gamma: Any, groups: int, need_dx: bool) -> tuple[Any, Any, Any]:
    C = gamma.shape[-1]
    N, S = len(dy), dy[0].size // C
    M = S * C // groups
    dx, of_t, of_dy = np.empty_like(dy), np.zeros((N, C), dy.dtype), np.zeros((N, C), dy.dtype)
    upstream, normals, found = dy.reshape(N, S, C), xc.reshape(N, S, C), dx.reshape(N, S, C)
    for n in prange(N):
        part_t, part_dy = np.zeros(C, dy.dtype), np.zeros(C, dy.dtype)
        for start in range(0, S, SHORT):
            for s in range(start, min(start + SHORT, S)):
                for c in range(C):
                    part_t[c] += upstream[n, s, c] * normals[n, s, c]
                    part_dy[c] += upstream[n, s, c]
            moved(part_t, of_t[n])
            moved(part_dy, of_dy[n])
        if need_dx:
            along, mean = of_t[n] * gamma[0], of_dy[n] * gamma[0]
            group_means(along, groups, M)
            group_means(mean, groups, M)
            for c in range(C):  # before it is multiplied by what may be as large
                along[c] *= r[n, 0, c] * r[n, 0, c]
            for s in range(S):
                for c in range(C):
                    rest = normals[n, s, c] * along[c] + mean[c]
                    found[n, s, c] = r[n, 0, c] * (upstream[n, s, c] * gamma[0, c] - rest)
    dgamma, dbeta = np.zeros_like(gamma), np.zeros_like(gamma)
    for n in range(N):
        for c in range(C):
            dgamma[0, c] += of_t[n, c] * r[n, 0, c]
            dbeta[0, c] += of_dy[n, c]
    return dx, dgamma, dbeta


def _means(channels: Array, groups: int, M: int) -> Array:
    """Return for each channel the sum over its group's channels, (N, 1, C), divided by M."""
    parts = channels.reshape(len(channels), groups, -1)
    means = parts.sum(axis=-1, keepdims=True) / M
    return np.repeat(means, parts.shape[-1], axis=-1).reshape(channels.shape)


@inlined
def group_means(channels: Any, groups: int, M: int) -> None:
    """Do the same to the channels of one sample, (C,), in place."""
    K = channels.size // groups
    for g in range(groups):
        total = channels[g * K]
        for c in range(g * K + 1, g * K + K):
            total += channels[c]
        channels[g * K : g * K + K] = total / M


class GroupNorm(Normalization):
    r"""Gives each group of channels of each sample mean 0 and variance 1, then scales and shifts.

    .. math::
        \mu_{ng} = \frac{1}{M} \sum_{s, c \in g} x_{nsc}, \qquad
        v_{ng} = \frac{1}{M} \sum_{s, c \in g} (x_{nsc} - \mu_{ng})^2, \qquad
        y_{nsc} = \gamma_c \, \hat{x}_{nsc} + \beta_c, \quad
        \hat{x}_{nsc} = \frac{x_{nsc} - \mu_{ng}}{\sqrt{v_{ng} + \epsilon}}

    for channel :math:`c` in group :math:`g`. The samples :math:`n` are along the first axis, all
    axes between it and the channels are places :math:`s` (the pixels of an image), and a group has
    :math:`M` entries, its places times its channels. No sample sees another, and training and
    evaluation are the same.

    Parameters
    ----------
    num_groups : int
        Groups, G. With 1 the statistics are over all of a sample; with `features` each channel has
        its own, which is called instance normalization.
    features : int
        Channels, C, a multiple of G. Neighbours are in one group.
    epsilon : float, default 1e-5
        What is added to the variance, so that a group that does not vary stays finite.
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
    gamma, beta : Array, (C,)
        Scale and shift.

    Raises
    ------
    ArgumentError
        `features` is no multiple of `num_groups`, or an argument is outside what it may be.
    ShapeError
        An input has not `features` channels on its last axis, or no axis of samples before it.

    Notes
    -----
    **Gradients.** With :math:`r_{ng} = 1 / \sqrt{v_{ng} + \epsilon}`, :math:`h_{nsc} = \gamma_c \,
    dy_{nsc}` and a bar for the mean over a group,

    .. math::
        d\gamma_c &= \sum_{ns} dy_{nsc} \, \hat{x}_{nsc}, \qquad
        d\beta_c = \sum_{ns} dy_{nsc} \\
        dx_{nsc} &= r_{ng} \bigl(
            h_{nsc} - \overline{h}_{ng} - \hat{x}_{nsc} \, \overline{(h \hat{x})}_{ng} \bigr).

    **Derivation.** A parameter reaches its channel at every place of every sample, so its gradient
    is a sum over both. For `dx` fix a sample and a group, and write :math:`i` for its :math:`M`
    pairs of a place and a channel. No other group sees them, and :math:`d\hat{x}_i = \gamma_{c(i)}
    \, dy_i = h_i`. An input :math:`x_j` reaches every :math:`\hat{x}_i = (x_i - \mu) \, r` of its
    group: by itself, by the mean, and by the variance within :math:`r = (v + \epsilon)^{-1/2}`:

    .. math::
        \frac{\partial (x_i - \mu)}{\partial x_j} &= [i = j] - \frac{1}{M} \\
        \frac{\partial v}{\partial x_j}
            &= \frac{1}{M} \sum_i 2 (x_i - \mu) \Bigl( [i = j] - \frac{1}{M} \Bigr)
             = \frac{2}{M} (x_j - \mu)
             && \text{since } \textstyle\sum_i (x_i - \mu) = 0 \\
        \frac{\partial r}{\partial x_j}
            &= -\frac{r^3}{2} \, \frac{\partial v}{\partial x_j}
             = -\frac{r^3}{M} (x_j - \mu) = -\frac{r^2}{M} \hat{x}_j \\
        \frac{\partial \hat{x}_i}{\partial x_j}
            &= r \Bigl( [i = j] - \frac{1}{M} - \frac{1}{M} \hat{x}_i \hat{x}_j \Bigr) \\
        dx_j &= \sum_i h_i \frac{\partial \hat{x}_i}{\partial x_j}
              = r \Bigl( h_j - \frac{1}{M} \sum_i h_i
                - \hat{x}_j \frac{1}{M} \sum_i h_i \hat{x}_i \Bigr).

    Since :math:`\gamma` is the same at all places, both means begin with a sum over places for
    each channel: ``of_dy`` of ``dy``, and ``of_t`` of ``t = dy * xc``, with ``xc`` for :math:`x -
    \mu = \hat{x} / r`. Averaged over a group's channels, ``_means(of_dy * gamma)`` is the first
    mean, and ``_means(of_t * gamma) * r`` the second. With :math:`\hat{x}` = ``xc * r`` and the
    factor in front the last term is ``xc * _means(of_t * gamma) * r * r * r``. Added up over the
    samples, ``of_t * r`` is :math:`d\gamma`, and ``of_dy`` is :math:`d\beta`.

    **What must be so.** A constant added to a group changes no output, so `dx` sums to 0 over each
    group.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (N, ..., C). Without axes in
    between, a group of one channel has a single entry, which is 0 before it is scaled and shifted.

    **Saved.** :math:`x - \mu`, and :math:`r` of each sample and channel, of which :math:`\hat{x}`
    is the product. `BatchNorm` says what ``glued``, ``repeated`` and ``sums`` are.

    References
    ----------
    Wu and He, "Group normalization", ECCV 2018, eqs. 1 to 7.

    Examples
    --------
    >>> import numpy as np
    >>> norm = GroupNorm(2, 4)
    >>> norm([[1.0, 3.0, 50.0, 10.0]]).round(3)
    array([[-1.,  1.,  1., -1.]])
    >>> image = np.random.default_rng(0).standard_normal((1, 8, 8, 4))
    >>> y = norm(image)
    >>> bool(abs(y[..., :2].mean()) < 1e-12), round(float(y[..., 2:].std()), 3)
    (True, 1.0)
    """

    def __init__(
        self,
        num_groups: int,
        features: int,
        *,
        epsilon: float = 1e-5,
        affine: bool = True,
        init: Initializer = "ones",
        bias_init: Initializer = "zeros",
        rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        G = positive_size(num_groups, "num_groups", "GroupNorm")
        C = positive_size(features, "features", "GroupNorm")
        if C % G:
            raise ArgumentError(
                f"num_groups={G} for {C} features in GroupNorm",
                "groups of one size",
                f"choose one of {[g for g in range(1, min(C, 64) + 1) if C % g == 0]}",
            )
        super().__init__(C, epsilon, affine, {"gamma": init, "beta": bias_init}, rng, dtype)
        self.num_groups, self.init, self.bias_init = G, init, bias_init

    def apply(self, x: Array) -> tuple[Array, Any]:
        """Return ``xc * (r * gamma) + beta``, and `xc` and `r` as what is saved."""
        self.output_shape(x.shape)
        gamma, beta = self._row("gamma", x), self._row("beta", x)
        places = x.reshape(len(x), -1, self._size)
        y, xc, r = grouped(places, gamma, beta, self.num_groups, self.epsilon)
        return y.reshape(x.shape), (xc, r)

    def pullback(
        self,
        dy: Array,
        saved: Any,
        need_dx: bool = True,
        out: dict[str, Array] | None = None,
    ) -> tuple[Array | None, dict[str, Array]]:
        """Return ``r * (dy * gamma - xc * r * mean(h * xc * r) - mean(h))``, dgamma and dbeta."""
        xc, r = saved
        gamma, places = self._row("gamma", r), dy.reshape(xc.shape)
        dx, *both = grouped_pullback(places, xc, r, gamma, self.num_groups, need_dx)
        gradients = self._offered(out, gamma=both[0], beta=both[1])
        return dx.reshape(dy.shape) if need_dx else None, gradients

    pullback_per_sample = Normalization.pullback_per_sample

    def _normal(self, saved: Any) -> Array:
        xc, r = saved
        normal: Array = xc * repeated(r, xc)
        return normal

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) == 1 and input_shape != (...,):
            raise ShapeError(
                f"an input of shape {shape_text(input_shape)} for {self!r}",
                f"an axis of samples before the channels, (N, ..., {self.features})",
                "give one sample as x[None]",
            )
        return super().output_shape(input_shape)

    def __repr__(self) -> str:
        return f"GroupNorm({self.num_groups}, {self.features})"

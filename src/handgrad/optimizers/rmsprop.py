"""RMSprop: gradients divided by a running root mean square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import ArgumentError
from handgrad.kernels.compiling import loop, prange
from handgrad.optimizers.checks import number
from handgrad.optimizers.optimizer import Optimizer
from handgrad.optimizers.penalties import penalized, unpacked
from handgrad.optimizers.subnormal import flush, flushed, negligible

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    r"""Gradient descent with each entry divided by its running root mean square.

    .. math::
        v_t &= \alpha v_{t-1} + (1 - \alpha) \, g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta \, \frac{g_t}{\sqrt{v_t} + \varepsilon}

    Parameters
    ----------
    lr : float, default 0.01
        Learning rate :math:`\eta`, at least 0.
    alpha : float, default 0.99
        Decay of the mean, :math:`0 \le \alpha < 1`.
    eps : float, default 1e-8
        :math:`\varepsilon`, above 0.
    momentum : float, default 0
        How much of the velocity stays from step to step, :math:`0 \le \mu < 1`.
    centered : bool, default False
        Divide by the running standard deviation instead.
    weight_decay : float, default 0
        :math:`\lambda`: adds :math:`\lambda \theta_{t-1}` to the gradient.
    max_norm : float, optional
        Gradients whose norm is larger are first scaled down to it.
    decay : {"all", "weights"}, default "all"
        Whether the weight decay leaves out biases, gammas and betas; see `Optimizer`.
    l1 : float, default 0
        The strength of an L1 penalty, at least 0; see `Optimizer`.

    Raises
    ------
    ArgumentError
        An option is outside its range.

    Notes
    -----
    **Why.** An entry whose gradients have been around :math:`s` takes steps around
    :math:`\eta`, whatever :math:`s` is: the step does not change when the loss is measured in
    another unit.

    **Centred.** With the running mean :math:`m_t = \alpha m_{t-1} + (1 - \alpha) g_t`, the
    variance is :math:`v_t - m_t^2`. It is never negative: the weights of either mean sum to
    :math:`1 - \alpha^t \le 1`, so :math:`m_t^2 \le v_t` by the inequality of Cauchy and Schwarz.
    In floating point the difference of two equal numbers may fall below 0, so it is cut off
    there; PyTorch's root would be no number.

    **Momentum.** :math:`b_t = \mu b_{t-1} + g_t / (\sqrt{v_t} + \varepsilon)`, and the step is
    :math:`\eta \, b_t`.

    **Memory traffic.** For each parameter, five numbers; two more for each of the options
    `momentum` and `centered`.

    References
    ----------
    Tieleman and Hinton, "Lecture 6.5: rmsprop", Neural networks for machine learning (2012);
    Graves, "Generating sequences with recurrent neural networks" (2013), eqs. 38 to 41 (centred,
    with momentum).

    Examples
    --------
    >>> import numpy as np
    >>> parameters = np.array([1.0, 2.0])
    >>> RMSprop(lr=0.5, alpha=0.75).update(parameters, np.array([1e-3, -1e3]))
    >>> parameters.round(4)
    array([0., 3.])
    """

    def __init__(
        self,
        lr: float = 0.01,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        centered: bool = False,
        weight_decay: float = 0.0,
        max_norm: float | None = None,
        decay: str = "all",
        l1: float = 0.0,
    ) -> None:
        super().__init__(lr, weight_decay, max_norm, decay, l1)
        self.alpha = number(alpha, "alpha", "RMSprop", below=1)
        self.eps = number(eps, "eps", "RMSprop", positive=True)
        self.momentum = number(momentum, "momentum", "RMSprop", below=1)
        if not isinstance(centered, bool):
            raise ArgumentError(
                f"centered={centered!r} for RMSprop", "True or False", "leave it out for False"
            )
        self.centered = centered
        options = {"square_mean": True, "mean": centered, "velocity": self.momentum}
        self.slots = tuple(name for name, wanted in options.items() if wanted)

    def descend(self, p: Array, g: Array, scratch: Array, slots: Sequence[Array]) -> None:
        """Update the means, and go along the quotient."""
        square_mean, *others = slots
        alpha = self.alpha

        square_mean *= alpha
        np.square(g, out=scratch)
        scratch *= 1 - alpha
        square_mean += scratch
        flush(square_mean, self.age, self.eps)

        if self.centered:
            mean = others[0]
            mean *= alpha
            np.multiply(g, 1 - alpha, out=scratch)
            mean += scratch
            flush(mean, self.age)
            np.square(mean, out=scratch)
            np.subtract(square_mean, scratch, out=scratch)
            np.maximum(scratch, 0, out=scratch)
            np.sqrt(scratch, out=scratch)
        else:
            np.sqrt(square_mean, out=scratch)
        scratch += self.eps

        np.divide(g, scratch, out=scratch)
        if self.momentum:
            velocity = others[-1]
            velocity *= self.momentum
            velocity += scratch
            flush(velocity, self.age)
            np.multiply(velocity, self.lr, out=scratch)
        else:
            scratch *= self.lr
        p -= scratch

    def numbers(self) -> tuple[float, ...]:
        # A share of 1 less a float32 would not be that of 1 less alpha.
        return self.lr, self.alpha, 1 - self.alpha, self.eps, self.momentum, self.centered

    def loop(self, p: Array, g: Array, *others: Array) -> None:
        *slots, numbers, penalties = others
        if len(slots) == 1:
            _loop(p, g, *others)
        else:  # in the place of what is not kept stands an array that is not touched
            kept = dict(zip(self.slots, slots, strict=True))
            mean, velocity = kept.get("mean", g), kept.get("velocity", g)
            _with_options(p, g, kept["square_mean"], mean, velocity, numbers, penalties)


@loop(threads=True)
def _loop(p: Any, g: Any, square_mean: Any, numbers: Any, penalties: Any) -> None:
    lr, alpha, share, eps = numbers[0], numbers[1], numbers[2], numbers[3]
    before, least = unpacked(penalties), negligible(eps, np.finfo(p.dtype))
    for i in prange(p.size):
        p_i, g_i = penalized(p[i], g[i], before)
        s_i = flushed(alpha * square_mean[i] + share * g_i * g_i, least)
        square_mean[i] = s_i
        p[i] = p_i - lr * g_i / (np.sqrt(s_i) + eps)


@loop(threads=True)
def _with_options(
    p: Any, g: Any, square_mean: Any, mean: Any, velocity: Any, numbers: Any, penalties: Any
) -> None:
    lr, alpha, share, eps = numbers[0], numbers[1], numbers[2], numbers[3]
    momentum, centered = numbers[4], numbers[5] == 1
    before, limits = unpacked(penalties), np.finfo(p.dtype)
    tiny, least = limits.tiny, negligible(eps, limits)
    for i in prange(p.size):
        p_i, g_i = penalized(p[i], g[i], before)
        square_mean[i] = flushed(alpha * square_mean[i] + share * g_i * g_i, least)
        variance = square_mean[i]
        if centered:
            mean[i] = flushed(alpha * mean[i] + share * g_i, tiny)
            variance = max(variance - mean[i] * mean[i], g_i * 0)
        step = g_i / (np.sqrt(variance) + eps)
        if momentum != 0:
            velocity[i] = flushed(momentum * velocity[i] + step, tiny)
            step = velocity[i]
        p[i] = p_i - lr * step

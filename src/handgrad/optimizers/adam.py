"""Adam: steps scaled by estimates of the gradients' first two moments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import ArgumentError
from handgrad.kernels.compiling import inlined, loop, prange
from handgrad.optimizers.checks import number
from handgrad.optimizers.optimizer import BLOCK, Optimizer
from handgrad.optimizers.penalties import penalized, unpacked
from handgrad.optimizers.subnormal import flush, flushed, negligible

__all__ = ["Adam"]


@inlined
def _stretch(
    p: Any, g: Any, gradient_sum: Any, square_sum: Any, numbers: Any, penalties: Any
) -> None:
    beta1, beta2, size, eps = numbers[0], numbers[1], numbers[2], numbers[3]
    before, limits = unpacked(penalties), np.finfo(p.dtype)
    tiny, least = limits.tiny, negligible(eps, limits)
    for i in range(p.size):
        p_i, g_i = penalized(p[i], g[i], before)
        m_i = flushed(beta1 * gradient_sum[i] + g_i, tiny)
        v_i = flushed(beta2 * square_sum[i] + g_i * g_i, least)
        gradient_sum[i], square_sum[i] = m_i, v_i
        p[i] = p_i - size * m_i / (np.sqrt(v_i) + eps)


@loop(threads=True)
def _loop(p: Any, g: Any, gradient_sum: Any, square_sum: Any, numbers: Any, penalties: Any) -> None:
    # The loop of a core stands by itself, or it would take an entry at a time, not sixteen.
    for first in prange((p.size + BLOCK - 1) // BLOCK):
        s = slice(BLOCK * first, min(BLOCK * first + BLOCK, p.size))
        _stretch(p[s], g[s], gradient_sum[s], square_sum[s], numbers, penalties)


class Adam(Optimizer):
    r"""Adam: the mean gradient, divided by the root of the mean square.

    .. math::
        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) \, g_t, \qquad
        v_t  = \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta \,
            \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \varepsilon}

    Parameters
    ----------
    lr : float, default 0.001
        Learning rate :math:`\eta`, at least 0.
    betas : pair of float, default (0.9, 0.999)
        Decay of the two means, each at least 0 and below 1.
    eps : float, default 1e-8
        :math:`\varepsilon`, above 0, which bounds the step where all gradients were tiny.
    weight_decay : float, default 0
        :math:`\lambda`: adds :math:`\lambda \theta_{t-1}` to the gradient. `AdamW` is usually
        the better choice.
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
    **The means, and their bias.** :math:`m_t` is a weighted sum of the gradients so far, and its
    weights do not sum to 1, since it starts from 0:

    .. math::
        m_t = (1 - \beta_1) \sum_{i=1}^{t} \beta_1^{t-i} g_i, \qquad
        (1 - \beta_1) \sum_{i=1}^{t} \beta_1^{t-i} = 1 - \beta_1^t .

    Divided by that, it is a mean; :math:`v_t` likewise (section 3 of the paper).

    **The code keeps the bare sums**, :math:`M_t = m_t / (1 - \beta_1)` and
    :math:`V_t = v_t / (1 - \beta_2)`, which saves two passes over the vectors. With

    .. math:: a_t = \frac{1 - \beta_1}{1 - \beta_1^t}, \qquad
              r_t = \sqrt{\frac{1 - \beta_2}{1 - \beta_2^t}}

    the means are :math:`a_t M_t` and :math:`r_t^2 V_t`, and the step is

    .. math:: \eta \, \frac{a_t M_t}{r_t \sqrt{V_t} + \varepsilon}
            = \frac{\eta \, a_t}{r_t} \cdot \frac{M_t}{\sqrt{V_t} + \varepsilon / r_t}

    in ten NumPy calls, whatever the number of layers.

    **Memory traffic.** For each parameter, seven numbers: read :math:`\theta`, :math:`g`,
    :math:`M` and :math:`V`, write :math:`\theta`, :math:`M` and :math:`V`.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.

    Examples
    --------
    The first step is the learning rate itself, whatever the size of the gradient:

    >>> import numpy as np
    >>> parameters = np.array([1.0, 2.0])
    >>> Adam(lr=0.5).update(parameters, np.array([1e-3, -1e3]))
    >>> parameters.round(4)
    array([0.5, 2.5])
    """

    slots = ("gradient_sum", "square_sum")
    loop = _loop

    def __init__(
        self,
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        max_norm: float | None = None,
        decay: str = "all",
        l1: float = 0.0,
    ) -> None:
        super().__init__(lr, weight_decay, max_norm, decay, l1)
        owner = type(self).__name__
        try:
            first, second = betas
        except (TypeError, ValueError):
            raise ArgumentError(
                f"betas={betas!r} for {owner}", "a pair of numbers", "try betas=(0.9, 0.999)"
            ) from None
        self.betas = (
            number(first, "betas[0]", owner, below=1),
            number(second, "betas[1]", owner, below=1),
        )
        self.eps = number(eps, "eps", owner, positive=True)

    def descend(self, p: Array, g: Array, scratch: Array, slots: Sequence[Array]) -> None:
        """Update the two sums, and go along their quotient."""
        gradient_sum, square_sum = slots
        beta1, beta2, size, eps = self.numbers()

        gradient_sum *= beta1
        gradient_sum += g
        square_sum *= beta2
        np.square(g, out=scratch)
        square_sum += scratch

        np.sqrt(square_sum, out=scratch)
        scratch += eps
        np.divide(gradient_sum, scratch, out=scratch)
        scratch *= size
        p -= scratch
        flush(gradient_sum, self.age)
        flush(square_sum, self.age, eps)

    def numbers(self) -> tuple[float, float, float, float]:
        r"""Return the betas, :math:`\eta a_t / r_t` and :math:`\varepsilon / r_t`."""
        beta1, beta2 = self.betas
        a = (1 - beta1) / (1 - beta1**self.age)
        r = math.sqrt((1 - beta2) / (1 - beta2**self.age))
        return beta1, beta2, self.lr * a / r, self.eps / r

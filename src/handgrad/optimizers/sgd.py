"""Gradient descent, with momentum."""

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
from handgrad.optimizers.subnormal import flush, flushed

__all__ = ["SGD"]


class SGD(Optimizer):
    r"""Gradient descent on minibatches, with momentum and Nesterov's look-ahead.

    .. math::
        v_t &= \mu v_{t-1} + g_t \\
        \theta_t &= \theta_{t-1} - \eta \, v_t

    Parameters
    ----------
    lr : float, default 0.001
        Learning rate :math:`\eta`, at least 0.
    momentum : float, default 0
        How much of the velocity stays from step to step, :math:`0 \le \mu < 1`.
    nesterov : bool, default False
        Take the gradient where the velocity is about to lead. Needs a momentum.
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
        An option is outside its range, or `nesterov` stands without a momentum.

    Notes
    -----
    **Momentum.** The velocity is the sum of all gradients, each damped by :math:`\mu` for every
    step since, so along a direction in which the gradient stays :math:`g` it tends to
    :math:`g / (1 - \mu)`, while along one in which it alternates it cancels. With
    :math:`\mu = 0` the step is :math:`\theta_t = \theta_{t-1} - \eta g_t`, two NumPy calls.

    **Nesterov.** The gradient is wanted at :math:`\theta - \eta \mu v`, where the velocity alone
    would lead. Let :math:`\theta` denote that point, at which the gradient is taken, instead of
    the point that the velocity starts from. Then two leads differ, and the update becomes

    .. math::
        \theta_t &= \bigl( \theta_{t-1} + \eta \mu v_{t-1} \bigr) - \eta v_t - \eta \mu v_t \\
                 &= \theta_{t-1} - \eta (v_t - \mu v_{t-1}) - \eta \mu v_t \\
                 &= \theta_{t-1} - \eta \, (g_t + \mu v_t)

    since :math:`v_t - \mu v_{t-1} = g_t`. This is PyTorch's form.

    **Memory traffic.** For each parameter, three numbers without momentum (read :math:`\theta`
    and :math:`g`, write :math:`\theta`) and five with it.

    References
    ----------
    Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
    learning", ICML 2013, eqs. 1 to 4 (their velocity is :math:`-\eta v`).

    Examples
    --------
    >>> import numpy as np
    >>> optimizer = SGD(lr=0.5, momentum=0.5)
    >>> parameters = np.array([1.0, 2.0])
    >>> for _ in range(2):
    ...     optimizer.update(parameters, np.array([1.0, -1.0]))
    >>> parameters
    array([-0.25,  3.25])
    """

    def __init__(
        self,
        lr: float = 1e-3,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        max_norm: float | None = None,
        decay: str = "all",
        l1: float = 0.0,
    ) -> None:
        super().__init__(lr, weight_decay, max_norm, decay, l1)
        self.momentum = number(momentum, "momentum", "SGD", below=1)
        if not isinstance(nesterov, bool) or (nesterov and not self.momentum):
            raise ArgumentError(
                f"nesterov={nesterov!r} with momentum={momentum!r} for SGD",
                "True or False, and a momentum above 0 where it is True",
                "add a momentum, for instance momentum=0.9",
            )
        self.nesterov = nesterov
        self.slots = ("velocity",) if self.momentum else ()

    def descend(self, p: Array, g: Array, scratch: Array, slots: Sequence[Array]) -> None:
        """Add the gradient to the velocity, and go along it."""
        direction = g
        if self.momentum:
            (direction,) = slots
            direction *= self.momentum
            direction += g
            flush(direction, self.age)
        if self.nesterov:
            np.multiply(direction, self.momentum, out=scratch)
            scratch += g
            scratch *= self.lr
        else:
            np.multiply(direction, self.lr, out=scratch)
        p -= scratch

    def numbers(self) -> tuple[float, ...]:
        return self.lr, self.momentum, self.nesterov

    def loop(self, p: Array, g: Array, *others: Array) -> None:
        if self.momentum:
            _with_momentum(p, g, *others)
        else:  # what is kept of a momentum that has been set to 0 since stays as it is
            _without_momentum(p, g, *others[-2:])


@loop(threads=True)
def _without_momentum(p: Any, g: Any, numbers: Any, penalties: Any) -> None:
    """Go against the gradient."""
    lr, before = numbers[0], unpacked(penalties)
    for i in prange(p.size):
        p_i, g_i = penalized(p[i], g[i], before)
        p[i] = p_i - lr * g_i


@loop(threads=True)
def _with_momentum(p: Any, g: Any, velocity: Any, numbers: Any, penalties: Any) -> None:
    """Add the gradient to the velocity, and go along it."""
    lr, momentum, nesterov = numbers[0], numbers[1], numbers[2] == 1
    before, tiny = unpacked(penalties), np.finfo(p.dtype).tiny
    for i in prange(p.size):
        p_i, g_i = penalized(p[i], g[i], before)
        v_i = flushed(momentum * velocity[i] + g_i, tiny)
        velocity[i] = v_i
        p[i] = p_i - lr * (g_i + momentum * v_i if nesterov else v_i)

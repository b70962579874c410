"""A learning rate that rises, then falls along a cosine."""

from __future__ import annotations

import math

from handgrad.arguments import positive_size
from handgrad.errors import ArgumentError
from handgrad.optimizers.checks import count, number
from handgrad.optimizers.schedules.schedule import Schedule

__all__ = ["Cosine"]


class Cosine(Schedule):
    r"""A linear rise, then half a period of a cosine down to the smallest learning rate.

    .. math::
        \eta_e = \begin{cases}
            \eta_0 \dfrac{e + 1}{W + 1} & e < W \\[1.5ex]
            \eta_{\min} + \dfrac{\eta_0 - \eta_{\min}}{2}
                \Bigl( 1 + \cos \pi \dfrac{e - W}{E - W} \Bigr) & W \le e \le E \\[1.5ex]
            \eta_{\min} & e > E
        \end{cases}

    Parameters
    ----------
    epochs : int
        Length of the whole training, :math:`E`.
    warmup : int, default 0
        Epochs of the rise, :math:`W`, fewer than `epochs`.
    min_lr : float, default 0
        The smallest learning rate :math:`\eta_{\min}`.

    Raises
    ------
    ArgumentError
        An option is outside its range.

    Notes
    -----
    PyTorch's ``CosineAnnealingLR(epochs - warmup, min_lr)``, after its ``LinearLR(1 / (warmup +
    1), total_iters=warmup)`` where there is a warm-up; but after the last epoch it stays at the
    minimum instead of rising again.

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
    eq. 5; Goyal et al., "Accurate, large minibatch SGD" (2017), section 2.2 (gradual warm-up).

    Examples
    --------
    >>> schedule = Cosine(epochs=6, warmup=2)
    >>> [round(schedule.lr(0.3, epoch), 4) for epoch in range(7)]
    [0.1, 0.2, 0.3, 0.2561, 0.15, 0.0439, 0.0]
    """

    def __init__(self, epochs: int, *, warmup: int = 0, min_lr: float = 0.0) -> None:
        self.epochs = positive_size(epochs, "epochs", "Cosine")
        self.warmup = count(warmup, "warmup", "Cosine")
        if self.warmup >= self.epochs:
            raise ArgumentError(
                f"warmup={warmup} with epochs={epochs} for Cosine",
                "a rise that is shorter than the whole training, warmup < epochs",
                "choose a smaller warmup",
            )
        self.min_lr = number(min_lr, "min_lr", "Cosine")

    def lr(self, base_lr: float, epoch: int) -> float:
        """Return the point of the rise, or of the cosine."""
        if epoch < self.warmup:
            return base_lr * (epoch + 1) / (self.warmup + 1)
        done = min(1.0, (epoch - self.warmup) / (self.epochs - self.warmup))
        return self.min_lr + (base_lr - self.min_lr) * (1 + math.cos(math.pi * done)) / 2

"""A learning rate that falls after every epoch."""

from __future__ import annotations

from handgrad.optimizers.checks import number
from handgrad.optimizers.schedules.schedule import Schedule

__all__ = ["Exponential"]


class Exponential(Schedule):
    r"""A learning rate that falls by the same factor after every epoch.

    .. math:: \eta_e = \eta_0 \, \gamma^e

    Parameters
    ----------
    gamma : float
        The factor :math:`\gamma`, above 0.

    Raises
    ------
    ArgumentError
        `gamma` is outside its range.

    Examples
    --------
    >>> Exponential(0.5).lr(1.0, epoch=3)
    0.125
    """

    def __init__(self, gamma: float) -> None:
        self.gamma = number(gamma, "gamma", "Exponential", positive=True)

    def lr(self, base_lr: float, epoch: int) -> float:
        """Return ``base_lr * gamma ** epoch``."""
        return base_lr * self.gamma**epoch

"""A learning rate that falls now and then."""

from __future__ import annotations

from handgrad.arguments import positive_size
from handgrad.optimizers.checks import number
from handgrad.optimizers.schedules.schedule import Schedule

__all__ = ["Step"]


class Step(Schedule):
    r"""A learning rate that falls by a factor every so many epochs.

    .. math:: \eta_e = \eta_0 \, \gamma^{\lfloor e / s \rfloor}

    Parameters
    ----------
    step_size : int
        Epochs between two falls, :math:`s`.
    gamma : float, default 0.1
        The factor :math:`\gamma`, above 0.

    Raises
    ------
    ArgumentError
        An option is outside its range.

    Examples
    --------
    >>> schedule = Step(10, gamma=0.5)
    >>> [schedule.lr(1.0, epoch) for epoch in (0, 9, 10, 20)]
    [1.0, 1.0, 0.5, 0.25]
    """

    def __init__(self, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = positive_size(step_size, "step_size", "Step")
        self.gamma = number(gamma, "gamma", "Step", positive=True)

    def lr(self, base_lr: float, epoch: int) -> float:
        """Return ``base_lr * gamma ** (epoch // step_size)``."""
        return base_lr * self.gamma ** (epoch // self.step_size)

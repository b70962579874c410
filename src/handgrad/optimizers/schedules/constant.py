"""A learning rate that stays."""

from __future__ import annotations

from handgrad.optimizers.schedules.schedule import Schedule

__all__ = ["Constant"]


class Constant(Schedule):
    r"""The learning rate that the optimizer was made with, throughout.

    .. math:: \eta_e = \eta_0

    Examples
    --------
    >>> Constant().lr(0.1, epoch=50)
    0.1
    """

    def lr(self, base_lr: float, epoch: int) -> float:
        """Return `base_lr`."""
        return base_lr

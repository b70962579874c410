"""A learning rate that falls whenever the loss has stopped falling."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

from handgrad.errors import ArgumentError
from handgrad.optimizers.checks import count, number
from handgrad.optimizers.schedules.best import BestSoFar
from handgrad.optimizers.schedules.schedule import Schedule

__all__ = ["ReduceOnPlateau"]


class ReduceOnPlateau(BestSoFar, Schedule):
    r"""A learning rate that falls by a factor whenever the loss has stopped falling.

    .. math:: \eta_e = \min\bigl(\eta_0, \max(\eta_0 \, \gamma^r, \eta_{\min})\bigr)

    after :math:`r` reductions. One comes after more than `patience` epochs in a row whose loss
    was not below the best so far by at least the fraction `threshold` of it.

    Parameters
    ----------
    factor : float, default 0.1
        The factor :math:`\gamma`, between 0 and 1.
    patience : int, default 10
        Epochs without an improvement that are let pass.
    threshold : float, default 1e-4
        The smallest relative improvement that counts, at least 0 and below 1.
    min_lr : float, default 0
        The smallest learning rate :math:`\eta_{\min}`.

    Attributes
    ----------
    best : float or None
        The smallest loss so far, not counting improvements that were too small.
    bad_epochs : int
        Epochs in a row without an improvement.
    reductions : int
        How often the learning rate has been reduced.

    Raises
    ------
    ArgumentError
        An option is outside its range, or there is no loss to watch.

    Notes
    -----
    PyTorch's schedule of that name, with its ``mode="min"`` and ``threshold_mode="rel"``.

    Examples
    --------
    >>> from handgrad.optimizers import SGD
    >>> optimizer, schedule = SGD(lr=1.0), ReduceOnPlateau(factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     schedule.step(optimizer, loss)
    >>> optimizer.lr
    0.5
    """

    reductions = 0
    _state: ClassVar[dict[str, type]] = {
        **Schedule._state,
        "best": float,
        "bad_epochs": int,
        "reductions": int,
    }

    def __init__(
        self,
        *,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        min_lr: float = 0.0,
    ) -> None:
        self.factor = number(factor, "factor", "ReduceOnPlateau", below=1, positive=True)
        self.patience = count(patience, "patience", "ReduceOnPlateau")
        self.threshold = number(threshold, "threshold", "ReduceOnPlateau", below=1)
        self.min_lr = number(min_lr, "min_lr", "ReduceOnPlateau")

    def lr(self, base_lr: float, epoch: int) -> float:
        """Return the learning rate after the reductions so far."""
        return min(base_lr, max(base_lr * self.factor**self.reductions, self.min_lr))

    def watch(self, value: float | None) -> None:
        """Count the epochs without an improvement, and the reductions."""
        if not isinstance(value, Real):
            raise ArgumentError(
                f"{value!r} as the loss for {self!r}",
                "the loss of the epoch that has just ended, a number",
                "call schedule.step(optimizer, loss)",
            )
        better = self.improves(float(value), threshold=self.threshold)
        if not better and self.bad_epochs > self.patience:
            self.reductions += 1
            self.bad_epochs = 0

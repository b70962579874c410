"""What all schedules share: the count of epochs, and the state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from handgrad.optimizers.checks import describe, load_numbers
from handgrad.optimizers.optimizer import Optimizer

__all__ = ["Schedule"]


class Schedule(ABC):
    r"""The base of all schedules.

    Attributes
    ----------
    epoch : int
        The epoch that the present learning rate is for.
    base_lr : float or None
        :math:`\eta_0`; None before the schedule has started.

    Examples
    --------
    A new schedule is its formula:

    >>> from handgrad.optimizers import SGD
    >>> class InverseRoot(Schedule):
    ...     def lr(self, base_lr, epoch):
    ...         return base_lr / (1 + epoch) ** 0.5
    >>> optimizer, schedule = SGD(lr=1.0), InverseRoot()
    >>> for _ in range(3):
    ...     schedule.step(optimizer)
    >>> optimizer.lr
    0.5
    """

    epoch = 0
    base_lr: float | None = None
    _state: ClassVar[dict[str, type]] = {"epoch": int, "base_lr": float}

    @abstractmethod
    def lr(self, base_lr: float, epoch: int) -> float:
        """Return the learning rate of an epoch.

        Parameters
        ----------
        base_lr : float
            The optimizer's own learning rate.
        epoch : int
            Number of epochs that have ended.
        """

    def watch(self, value: float | None) -> None:  # noqa: B027 (most schedules do nothing here)
        """Take note of the loss of the epoch that has just ended."""

    def start(self, optimizer: Optimizer) -> None:
        """Set the learning rate of the first epoch; once started, this changes nothing.

        Parameters
        ----------
        optimizer : Optimizer
            Its ``lr`` is set.
        """
        if self.base_lr is None:
            self.base_lr = optimizer.lr
            optimizer.lr = self.lr(self.base_lr, self.epoch)

    def step(self, optimizer: Optimizer, value: float | None = None) -> None:
        """Set the learning rate of the next epoch; called once after each epoch.

        Parameters
        ----------
        optimizer : Optimizer
            Its ``lr`` is set.
        value : float, optional
            The epoch's validation loss, or training loss where there is none.

        Raises
        ------
        ArgumentError
            The schedule watches the value, and there is none.
        """
        self.watch(value)
        base_lr = optimizer.lr if self.base_lr is None else self.base_lr
        self.epoch += 1
        optimizer.lr = self.lr(base_lr, self.epoch)
        self.base_lr = base_lr

    def state_dict(self) -> dict[str, Any]:
        """Return all that changes while training, without what is not known yet.

        Returns
        -------
        dict of str to int or float
            ``epoch``, ``base_lr``, and whatever else the schedule counts.
        """
        values = {name: getattr(self, name) for name in self._state}
        return {name: value for name, value in values.items() if value is not None}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state, so that the schedule goes on from there.

        Parameters
        ----------
        state
            What `state_dict` of a schedule with the same options returned.

        Raises
        ------
        ArgumentError
            Something is missing, or is not what such a schedule keeps. Nothing has changed.
        """
        unknown = [name for name in self._state if getattr(type(self), name) is None]
        numbers = load_numbers(state, self, self._state, optional=unknown)
        for name in self._state:
            setattr(self, name, numbers.get(name))

    def __repr__(self) -> str:
        return describe(self)

"""Which learning rate a model can be trained with: a short training with a rising one."""

from __future__ import annotations

import copy
import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, in_short, positive_size, real_number
from handgrad.errors import ArgumentError
from handgrad.flat import Gradients
from handgrad.training.loop import training_mode
from handgrad.training.step import Refused
from handgrad.training.trainer import Trainer

__all__ = ["LearningRates", "find_learning_rate"]

_MEMORY = 0.9  # of the running mean over the losses of the steps
_DIVERGED = 4.0  # times the least loss


@dataclass(frozen=True, eq=False)
class LearningRates:
    """The loss at rising learning rates.

    Parameters
    ----------
    rates : Array, (S,)
        The learning rate of each step.
    losses : Array, (S,)
        The loss of its batch, as a running mean.
    suggestion : float
        A tenth of the rate at which the loss is least, where it still falls.
    """

    rates: Array
    losses: Array
    suggestion: float

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw the loss over the learning rate, and the suggestion.

        Parameters
        ----------
        path
            Where the picture goes; it is not written where this is None.

        Returns
        -------
        matplotlib.figure.Figure
            The figure, which a notebook shows.

        Raises
        ------
        ArgumentError
            Matplotlib is not installed.
        """
        from handgrad.training.figure import NotebookFigure

        figure = NotebookFigure(figsize=(5.2, 3.2), layout="constrained")
        axes = figure.add_subplot(xlabel="learning rate", ylabel="loss", xscale="log")
        axes.plot(self.rates, self.losses)
        axes.axvline(self.suggestion, linestyle="--", label=f"suggestion {self.suggestion:.2g}")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
        if path is not None:
            figure.savefig(path, dpi=100)
        return figure

    def __repr__(self) -> str:
        return f"LearningRates({len(self.rates)} steps, suggestion {self.suggestion:.2g})"


def find_learning_rate(
    trainer: Trainer,
    x: Any,
    y: npt.ArrayLike | None = None,
    *,
    sample_weight: npt.ArrayLike | None = None,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    batch_size: int = 128,
) -> LearningRates:
    r"""Train a copy with a learning rate that rises from step to step, and look at the loss.

    .. math:: \eta_s = \eta_{\text{low}} \,
        \Bigl( \frac{\eta_{\text{high}}}{\eta_{\text{low}}} \Bigr)^{s / (S - 1)}

    It ends where the loss is four times its least, or no longer finite.

    Parameters
    ----------
    trainer : Trainer
        What is to be trained; it stays as it is.
    x, y, sample_weight
        The data, as `Trainer.fit` takes them.
    low, high : float
        The first rate and the last one, 0 < low < high.
    steps : int, default 100
        How many steps there are, S, at least 10.
    batch_size : int, default 128
        Rows of a batch.

    Returns
    -------
    LearningRates
        Rates, losses and a suggestion.

    Raises
    ------
    ArgumentError
        The bounds are none, or the optimizer has no learning rate.
    ShapeError, DtypeError
        The data do not fit.

    References
    ----------
    Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.

    Examples
    --------
    >>> from handgrad import Linear, Model, ReLU
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((500, 4))
    >>> model = Model([Linear(4, 16, rng=rng), ReLU(), Linear(16, 1, rng=rng)])
    >>> found = find_learning_rate(Trainer(model, "mse", "adam", rng=rng), x, x[:, :1])
    >>> 1e-3 < found.suggestion < 0.3
    True
    """
    owner = "find_learning_rate"
    if not isinstance(trainer, Trainer):
        raise ArgumentError(
            f"{in_short(trainer)} for {owner}",
            "a Trainer, which knows model, loss and optimizer",
            'write find_learning_rate(Trainer(model, "mse", "adam"), x, y)',
        )
    low = real_number(low, "low", owner, above=0)
    high = real_number(high, "high", owner, above=low)
    steps, size = positive_size(steps, "steps", owner), positive_size(batch_size, "rows", owner)
    if steps < 10 or not hasattr(trainer.optimizer, "lr"):
        raise ArgumentError(
            f"{steps} steps with {trainer.optimizer!r} for {owner}",
            "10 steps or more, with an optimizer that has a learning rate",
            "take one of handgrad.optimizers",
        )
    probe = copy.deepcopy(trainer)
    probe._callbacks = []
    gradients = Gradients(probe.model.layout, np.full_like(probe.model.parameters, np.nan))
    rates = np.geomspace(low, high, steps)
    losses: list[float] = []
    with training_mode(probe.model), np.errstate(all="ignore"):
        probe.step.start(probe, gradients, None)
        batches = probe._batches(x, y, sample_weight, size)
        mean = 0.0
        for s, (rate, batch) in enumerate(zip(rates, _endless(batches, probe.rng), strict=False)):
            probe.optimizer.lr = float(rate)
            try:
                value = probe.step(*batch).value
            except Refused:
                break
            mean = _MEMORY * mean + (1 - _MEMORY) * value
            losses.append(mean / (1 - _MEMORY ** (s + 1)))
            if not math.isfinite(losses[-1]) or losses[-1] > _DIVERGED * max(min(losses), 0):
                break
    if len(losses) < 3:
        raise ArgumentError(
            f"a training that diverges after {len(losses)} steps, from low={low:g} on",
            "a first rate that is small enough",
            "give a smaller low=",
        )
    tried, seen = rates[: len(losses)], np.array(losses)
    return LearningRates(tried, seen, float(tried[seen.argmin()]) / 10)


def _endless(batches: Any, rng: np.random.Generator) -> Any:
    """Yield batches of one epoch after the other."""
    while True:
        yield from batches.run(batches.order(rng))

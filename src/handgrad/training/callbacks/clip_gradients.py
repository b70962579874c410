"""Clip the gradients of each step."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.errors import ArgumentError
from handgrad.optimizers.checks import number
from handgrad.optimizers.clipping import clipping_factor
from handgrad.training.callbacks.callback import Callback

__all__ = ["ClipGradients"]


class ClipGradients(Callback):
    """Make gradients that are too large smaller, before the optimizer is given them.

    Each entry is first brought into the interval from ``-max_value`` to ``max_value``, then all
    are scaled so that their norm is at most `max_norm`. An optimizer's own ``max_norm`` does the
    latter too, and leaves the gradients themselves as they are.

    Parameters
    ----------
    max_norm : float, optional
        The largest norm over all parameters that are not frozen.
    max_value : float, optional
        The largest absolute value of an entry.

    Raises
    ------
    ArgumentError
        One is not a number above 0, or both are missing.

    Examples
    --------
    >>> ClipGradients(max_norm=1.0)
    ClipGradients(max_norm=1.0, max_value=None)
    """

    def __init__(self, max_norm: float | None = None, *, max_value: float | None = None) -> None:
        if max_norm is None and max_value is None:
            raise ArgumentError(
                "neither max_norm nor max_value for ClipGradients",
                "one of them",
                "write ClipGradients(max_norm=1.0)",
            )
        options = {"max_norm": max_norm, "max_value": max_value}
        self.max_norm, self.max_value = (
            None if value is None else number(value, name, "ClipGradients", positive=True)
            for name, value in options.items()
        )

    def on_gradients(self, trainer: Any, gradients: Any) -> None:
        flat = gradients.flat
        if self.max_value is not None:
            np.clip(flat, -self.max_value, self.max_value, out=flat)
        if self.max_norm is not None:
            counted = trainer.model.layout.groups.updated
            factor = clipping_factor(flat, self.max_norm, counted)
            if factor < 1:
                flat *= factor

    def __repr__(self) -> str:
        return f"ClipGradients(max_norm={self.max_norm}, max_value={self.max_value})"

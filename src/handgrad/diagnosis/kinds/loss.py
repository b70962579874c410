"""What the losses have in common."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import SQUARES, Kind, floats
from handgrad.loss import Loss

__all__ = ["LossKind"]


class LossKind(Kind):
    """A number made of predictions and targets, and its gradient."""

    titles: ClassVar = {"value": "value of the loss", "gradient": "gradient of the predictions"}
    forwards = ("value",)
    upstream: ClassVar = {}
    variables: ClassVar = {"gradient": "x"}
    square = SQUARES

    def loss(self, given: Given) -> Loss:
        """Return ours."""
        raise NotImplementedError

    def right(self, given: Given, seen: Results) -> Results:
        ours = self.loss(given)
        value, saved = ours.apply(floats(given.x), given["y"])
        return {"value": np.asarray(value), "gradient": ours.pullback(saved)}

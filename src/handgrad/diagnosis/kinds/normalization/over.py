"""What norms take their statistics over, in words, and the gradients that they have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import Gradient

__all__ = ["BETA", "GAMMA", "Over", "rows"]

GAMMA = Gradient("dgamma", "scale gamma", "gamma's", "a scale", "(dy * normal).sum(axis=0)")
BETA = Gradient("dbeta", "shift beta", "beta's", "a shift", "dy.sum(axis=0)")


@dataclass(frozen=True)
class Over:
    """What a norm takes its statistics over, in words, and how `dx` is right, in code."""

    what: str
    """ "the minibatch" """
    one: str
    """What has a mean and a variance of its own: "a feature"."""
    other: str
    """What the wrong axis runs over: "the features"."""
    dx: str

    @property
    def input(self) -> Gradient:
        """The gradient of the input."""
        return Gradient("dx", "input", "the input's", "an input", self.dx)

    @property
    def constant(self) -> str:
        """The property that the path through the mean is responsible for."""
        return (
            f"A constant added to {self.one} changes no output, so the gradient of the input sums "
            f"to 0 over {self.what}."
        )

    @property
    def factor(self) -> str:
        """The property that the path through the variance is responsible for."""
        return (
            f"A factor on {self.one} changes next to nothing of the output, so the product of the "
            f"gradient of the input and the normalised input sums to nearly 0 over {self.what}."
        )


def rows(terms: Array, gamma: Array) -> Array:
    """Return the sum over all axes but those of gamma."""
    return np.asarray(terms.reshape(-1, *gamma.shape).sum(axis=0))

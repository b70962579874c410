"""Mistakes in what comes through the variance."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.kinds.normalization.input_gradient import back, paths
from handgrad.diagnosis.kinds.normalization.over import Over
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["through_the_variance"]


def through_the_variance(over: Over) -> tuple[Mistake, ...]:
    """Make the mistakes in what comes through the variance, or the mean of the squares."""
    variance = (
        over.factor,
        "The line of the variance: its derivative by an input, 2 (x - mean) over their number, "
        "times that of one over its root.",
        f"The whole is `{over.dx}`.",
    )
    return (
        mistake(
            "the 2 of the square is missing",
            paths(lambda count: (1, 1, 0.5)),
            "What comes through the variance is half of what it should be.",
            "The gradient of the input is not at right angles to the normalised input.",
            *variance,
        ),
        mistake(
            "the 1/2 of the root is missing",
            paths(lambda count: (1, 1, 2)),
            "What comes through the variance is twice what it should be.",
            "The gradient of the input leans to the other side of the normalised input.",
            *variance,
        ),
        mistake(
            "the path through the variance has the wrong sign",
            paths(lambda count: (1, 1, -1)),
            "What comes through the variance is added where it should be subtracted.",
            "The gradient of the input has twice the part along the normalised input that should "
            "have been taken away.",
            *variance,
        ),
        mistake(
            "the path through the variance is not averaged",
            paths(lambda count: (1, 1, count)),
            "What comes through the variance is a sum where it should be a mean.",
            f"The larger {over.what}, the more is taken away from the gradient.",
            *variance,
        ),
        mistake(
            "the exponent of the root's derivative",
            {
                "dx": lambda dy, gamma, r, normal, mean, centring: (
                    r * (dy * gamma - centring * mean(dy * gamma))
                    - normal * mean(dy * gamma * normal) / r
                )
            },
            "The derivative of one over the root is taken with the power -1/2 in place of -3/2.",
            "The part of the gradient that comes through the variance grows with the input.",
            *variance,
        ),
        mistake(
            "a power of the standard deviation too few through the variance",
            {
                "dx": lambda dy, gamma, r, normal, mean, centring: back(
                    dy * gamma, r, normal, mean, centring, through=1 / r
                )
            },
            "What comes through the variance should be divided by the standard deviation once "
            "more.",
            "The part of the gradient that comes through the variance stays as it is when the "
            "input is scaled up.",
            *variance,
        ),
        mistake(
            "a power of the standard deviation too many through the variance",
            {
                "dx": lambda dy, gamma, r, normal, mean, centring: back(
                    dy * gamma, r, normal, mean, centring, through=r
                )
            },
            "What comes through the variance is divided by the standard deviation once too often, "
            "as with the normalised input where the centred one belongs.",
            "The part of the gradient that comes through the variance falls too fast when the "
            "input is scaled up.",
            *variance,
        ),
        mistake(
            "gamma is left out of the path through the variance",
            {
                "dx": _scaleless,
            },
            "The upstream gradient enters the gradient of the variance before it is multiplied by "
            "gamma.",
            "The part of the gradient that comes through the variance does not change with gamma.",
            *variance,
        ),
    )


def _scaleless(dy: Array, gamma: Array, r: Array, normal: Array, mean: Any, centring: int) -> Array:
    h = dy * gamma
    return np.asarray(r * (h - centring * mean(h) - normal * mean(dy * normal)))

"""Mistakes in the gradient of a norm's input.

The formulas speak of what `NormKind` works out of a run: `centred`, the input less its mean;
`variance`; `r`, one over its root; `normal`, their product; each of the input's shape. ``mean(a)``
is the mean over what the statistics are taken over, and ``other(a)`` that over the wrong axis, both
in every place; `count` is over how many entries. `centring` is 0 for a norm without a mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import averaged_input, ignored_in
from handgrad.diagnosis.kinds.normalization.over import Over
from handgrad.diagnosis.mistake import Formula, Mistake, mistake

__all__ = ["back", "direct", "ignored", "paths", "through_the_mean"]

Weights = Callable[[int], tuple[float, float, float]]


def paths(weights: Weights) -> dict[str, Formula]:
    """Return `dx` with other weights of its three paths: direct, through the mean, the variance.

    `weights` is given over how many entries the statistics are taken.
    """

    def dx(
        dy: Array, gamma: Array, r: Array, normal: Array, mean: Any, count: int, centring: int
    ) -> Array:
        h = dy * gamma
        direct, of_mean, of_variance = weights(count)
        of_mean *= centring
        return np.asarray(
            r * (direct * h - of_mean * mean(h) - of_variance * normal * mean(h * normal))
        )

    return {"dx": dx}


def back(
    h: Array,
    r: Array,
    normal: Array,
    mean: Any,
    centring: int,
    others: Array | None = None,
    direct: Any = 1.0,
    through: Any = 1.0,
) -> Array:
    """Return `dx` with another gradient `h` of the normalised input, `r` or normalised input.

    `others` stands for the normalised input in the gradient of the variance; `direct` and `through`
    are factors of the centred input's gradient and of what comes through the variance.
    """
    products = h * (normal if others is None else others)
    return np.asarray(r * (direct * (h - centring * mean(h)) - through * normal * mean(products)))


_THROUGH = "The {} depends on every input: the chain rule has a term for each way that leads there."


def direct(over: Over) -> tuple[Mistake, ...]:
    """Make the mistakes in dividing by a root, and in scaling by gamma."""
    INPUT = over.input
    return (
        mistake(
            "the statistics are taken for constants",
            paths(lambda count: (1, 0, 0)),
            f"The gradient goes straight through: that {over.what} also enters the statistics is "
            "forgotten.",
            "The gradient of an input does not depend on the other entries' upstream gradients.",
            over.factor,
            _THROUGH.format("variance"),
            f"Add what comes through the statistics: `{over.dx}`.",
        ),
        mistake(
            "the direct path is left out",
            paths(lambda count: (0, 1, 1)),
            "Only what comes through the statistics is there; the input's own way to its output is "
            "missing.",
            "The gradient is much too small.",
            "With many entries the statistics hardly depend on any one of them, and the gradient "
            "is nearly the upstream gradient times the scale over the root.",
            _THROUGH.format("normalised input"),
            f"Add the term: `{over.dx}`.",
        ),
        mistake(
            "gamma is left out of the input's gradient",
            {"dx": lambda dy, r, normal, mean, centring: back(dy, r, normal, mean, centring)},
            "The gradient is that for a scale of 1 everywhere.",
            "The gradient of the input does not change when gamma is doubled.",
            "The output is the normalised input times gamma, so what comes back is multiplied by "
            "gamma too.",
            INPUT.chain_rule.replace("by an input", "by the normalised input"),
            f"Multiply the upstream gradient by gamma first: `{over.dx}`.",
        ),
        mistake(
            "gamma is multiplied twice in the input's gradient",
            {
                "dx": lambda dy, gamma, r, normal, mean, centring: back(
                    dy * gamma * gamma, r, normal, mean, centring
                )
            },
            "The scale enters the gradient of the input two times.",
            "The gradient of the input grows fourfold when gamma is doubled.",
            "The output is linear in gamma, and so is what comes back.",
            "The line of the normalised input: its gradient is the upstream gradient times gamma.",
            f"Multiply by gamma once: `{over.dx}`.",
        ),
        mistake(
            "the input's gradient is not divided by the standard deviation",
            {"dx": lambda dx, r: dx / r},
            "One over the root of the variance is missing from the gradient of the input.",
            "The gradient of the input does not change when the input is scaled up.",
            "An input that is twice as large has half as large a gradient.",
            "The line of the centred input: what it is multiplied by is one over the root.",
            f"Divide by the root: `{over.dx}`.",
        ),
        mistake(
            "the input's gradient is divided by the standard deviation twice",
            {"dx": lambda dx, r: dx * r},
            "The gradient of the input is divided by the variance where its root belongs.",
            "The gradient of the input falls to a quarter when the input is doubled.",
            "An input that is twice as large has half as large a gradient.",
            "The line of the centred input: what it is multiplied by is one over the root.",
            f"Divide by the root once: `{over.dx}`.",
        ),
        mistake(
            "the direct path is not divided by the standard deviation",
            {
                "dx": lambda dy, gamma, r, normal, mean, centring: back(
                    dy * gamma, r, normal, mean, centring, direct=1 / r
                )
            },
            "The gradient of the centred input lacks one over the root of the variance.",
            "The gradient of the input hardly changes when the input is scaled up.",
            "An input that is twice as large has half as large a gradient.",
            "The line of the centred input: what it is multiplied by is one over the root.",
            f"Divide by the root: `{over.dx}`.",
        ),
        mistake(
            "the direct path is divided by the variance",
            {
                "dx": lambda dy, gamma, r, normal, mean, centring: back(
                    dy * gamma, r, normal, mean, centring, direct=r
                )
            },
            "The gradient of the centred input is divided by the variance, not by its root.",
            "The gradient of the input falls too fast when the input is scaled up.",
            "An input that is twice as large has half as large a gradient.",
            "The line of the centred input: what it is multiplied by is one over the root.",
            f"Divide by the root: `{over.dx}`.",
        ),
        mistake(
            "the variance is not square-rooted in the backward pass",
            {
                "dx": lambda dy, gamma, r, centred, mean, centring: back(
                    dy * gamma, r * r, centred * r * r, mean, centring
                )
            },
            "The backward pass divides by the variance wherever it should divide by its root.",
            "The gradient of the input falls to a quarter when the input is doubled, at the least.",
            over.factor,
            "The line of the centred input: what it is multiplied by is one over the root.",
            f"Keep one over the root in the forward pass, and use it: `{over.dx}`.",
        ),
        mistake(
            "no epsilon in the backward pass",
            {
                "dx": lambda dy, gamma, variance, centred, mean, centring: back(
                    dy * gamma,
                    variance**-0.5,
                    centred * variance**-0.5,
                    mean,
                    centring,
                )
            },
            "The variance is used as it is, where the forward pass adds epsilon to it.",
            "The gradient is slightly off, and infinite where the variance is 0.",
            "The gradient is that of what the forward pass computes, epsilon and all.",
            "The line of the root: epsilon stands under it in both passes.",
            "Add epsilon in both passes, or keep the root from the forward pass.",
        ),
        mistake(
            "no epsilon in the factor of the input's gradient",
            {
                "dx": lambda dy, gamma, variance, normal, mean, centring: back(
                    dy * gamma, variance**-0.5, normal, mean, centring
                )
            },
            "The factor in front has no epsilon, while the normalised input is that of the forward "
            "pass.",
            "The gradient is slightly too large, and infinite where the variance is 0.",
            "The gradient is that of what the forward pass computes, epsilon and all.",
            "The last line: one over the root is a common factor, the root of the forward pass.",
            "Add epsilon in both passes, or keep the root from the forward pass.",
        ),
        mistake(
            "the backward pass takes its means over the wrong axis",
            {
                "dx": lambda dy, gamma, r, normal, other, centring: back(
                    dy * gamma, r, normal, other, centring
                )
            },
            f"What comes through the statistics is averaged over {over.other} instead of "
            f"{over.what}.",
            f"The gradient does not sum to 0 over {over.what}.",
            over.factor,
            f"The index of the sums: the statistics are taken over {over.what}, and so are these.",
            f"Take the means over {over.what}: `{over.dx}`.",
        ),
        averaged_input(INPUT),
        mistake(
            "the upstream gradient is passed on",
            {"dx": lambda dy: dy.copy()},
            "The upstream gradient itself is returned as the gradient of the input.",
            "The gradient of the input does not depend on the input at all.",
            over.factor,
            INPUT.chain_rule,
            f"Write `{over.dx}`.",
        ),
    )


def _centred(gradient: Array, mean: Any) -> Array:
    return np.asarray(gradient - mean(gradient))


def through_the_mean(over: Over) -> tuple[Mistake, ...]:
    """Make the mistakes that a norm with a mean has beside these."""
    mean = (
        over.constant,
        "The line of the mean: its derivative by each input is one over their number, and every "
        "centred input has it with a minus.",
        f"The whole is `{over.dx}`.",
    )
    return (
        mistake(
            "the path through the mean is left out",
            paths(lambda count: (1, 0, 1)),
            "The mean is taken for a constant.",
            f"The gradient of the input does not sum to 0 over {over.what}.",
            over.constant,
            _THROUGH.format("mean"),
            f"Subtract the mean of the gradient: `{over.dx}`.",
        ),
        mistake(
            "the path through the variance is left out",
            paths(lambda count: (1, 1, 0)),
            "The variance is taken for a constant.",
            "The gradient of the input is not at right angles to the normalised input.",
            over.factor,
            _THROUGH.format("variance"),
            f"Subtract what comes through the variance: `{over.dx}`.",
        ),
        mistake(
            "only the path through the variance is there",
            paths(lambda count: (0, 0, 1)),
            "The gradient of the centred input is left out where it comes from the output itself, "
            "and with it from the mean.",
            "The gradient of the input is a multiple of the normalised input.",
            over.factor,
            _THROUGH.format("centred input"),
            f"Add the terms: `{over.dx}`.",
        ),
        mistake(
            "gamma is left out of the path through the mean",
            {
                "dx": lambda dy, gamma, r, normal, mean: (
                    r * (dy * gamma - mean(dy) - normal * mean(dy * gamma * normal))
                )
            },
            "The mean of the upstream gradient is subtracted, before it is multiplied by gamma.",
            f"The gradient of the input does not sum to 0 over {over.what}.",
            *mean,
        ),
        mistake(
            "the path through the mean runs over the wrong axis",
            {
                "dx": lambda dy, gamma, r, normal, mean, other: _centred(
                    r * (dy * gamma - normal * mean(dy * gamma * normal)), other
                )
            },
            f"What comes through the mean is averaged over {over.other} instead of {over.what}.",
            f"The gradient of the input does not sum to 0 over {over.what}.",
            *mean,
        ),
        mistake(
            "the path through the mean is not averaged",
            paths(lambda count: (1, count, 1)),
            "What comes through the mean is a sum where it should be a mean.",
            f"The larger {over.what}, the more is taken away from the gradient.",
            *mean,
        ),
        mistake(
            "neither path is averaged",
            paths(lambda count: (1, count, count)),
            "What comes through the mean and the variance are sums where they should be means.",
            f"The larger {over.what}, the more is taken away from the gradient.",
            *mean,
        ),
        mistake(
            "the path through the mean has the wrong sign",
            paths(lambda count: (1, -1, 1)),
            "What comes through the mean is added where it should be subtracted.",
            f"The gradient of the input does not sum to 0 over {over.what}.",
            *mean,
        ),
        mistake(
            "the input is not centred in the gradient of the variance",
            {
                "dx": lambda dy, gamma, x, r, normal, mean, centring: back(
                    dy * gamma, r, normal, mean, centring, others=x * r
                )
            },
            "The gradient of the variance is made with the input as it came in, its mean not "
            "subtracted.",
            "The gradient of the input changes when a constant is added to the input.",
            over.factor,
            "The line of the variance's gradient: what it multiplies is the centred input.",
            f"Subtract the mean there too: `{over.dx}`.",
        ),
        mistake(
            "the input is not centred where the variance's gradient comes back",
            {
                "dx": lambda dy, gamma, x, r, normal, mean: (
                    r * (dy * gamma - mean(dy * gamma) - x * r * mean(dy * gamma * normal))
                )
            },
            "The derivative of the variance by an input is taken to be that of a mean of squares.",
            f"The gradient of the input does not sum to 0 over {over.what}.",
            over.constant,
            "The line of the variance: its derivative by an input has the centred input in it.",
            f"Subtract the mean there too: `{over.dx}`.",
        ),
    )


def ignored(over: Over) -> Mistake:
    """Make the mistake that the upstream gradient does not enter, where it makes a difference."""

    def dx(gamma: Array, r: Array, normal: Array, mean: Any, centring: int) -> Array:
        return back(gamma * np.ones_like(normal), r, normal, mean, centring)

    words = "The gradient of the input is that of the sum of the outputs, whatever comes in."
    return ignored_in(over.input, dx, words)

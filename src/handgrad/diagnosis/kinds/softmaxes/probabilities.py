"""The softmax of a row, and the mistakes that make other probabilities of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["SUMS", "no_maximum", "other_probabilities", "softmax"]

SUMS = "Adding a constant to a row's logits changes nothing, so a row of the gradient sums to 0."

_OVER_CLASSES = (
    "Each row is one datapoint: what comes of it does not depend on the other rows.",
    "The definition of the softmax: the sum in the denominator runs over the classes.",
    "Sum over axis 1 with keepdims=True: `e / e.sum(axis=1, keepdims=True)`.",
)


def softmax(x: Array, axis: int | None = -1) -> Array:
    """Return the softmax along an axis, or over everything."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def other_probabilities(outcome: Callable[[Given, Results, Array], Results]) -> tuple[Mistake, ...]:
    """Make the mistakes in the softmax itself; `outcome` is what comes of other probabilities."""
    return (
        mistake(
            "the softmax runs over the wrong axis",
            lambda given, right, x: outcome(given, right, softmax(x, axis=0)),
            "The exponentials are normalised down each column, so that datapoints compete with "
            "each other.",
            "The probabilities of one datapoint do not sum to 1.",
            *_OVER_CLASSES,
        ),
        mistake(
            "the softmax runs over the whole minibatch",
            lambda given, right, x: outcome(given, right, softmax(x, axis=None)),
            "The exponentials are divided by the sum of all of them, over rows and classes.",
            "The probabilities of one datapoint do not sum to 1.",
            *_OVER_CLASSES,
        ),
        mistake(
            "the softmax is applied twice",
            lambda given, right, x: outcome(given, right, softmax(softmax(x))),
            "The softmax is taken of the probabilities that it has given already.",
            "The probabilities are all nearly the same, whatever the logits.",
            "A logit that is much larger than the others makes its probability nearly 1.",
            "The definition: its input are logits, and the softmax stands in it once.",
            "Leave one of the two out.",
        ),
        mistake(
            "the sigmoid in place of the softmax",
            lambda given, right, x: outcome(given, right, 1 / (1 + np.exp(-x))),
            "Each logit is squashed on its own, so that the classes do not compete.",
            "The probabilities of one datapoint do not sum to 1.",
            SUMS,
            "The definition of the softmax: each probability depends on all logits of its row.",
            "Divide the exponentials by their sum over the row.",
        ),
    )


def no_maximum(outcome: Callable[[Given, Array], Results], what: str) -> Mistake:
    """Make the mistake that exponentials are taken as they are; `what` is no number then."""

    def formula(given: Given, x: Array) -> Results:
        with np.errstate(all="ignore"):
            e = np.exp(x)
            return outcome(given, e / e.sum(axis=-1, keepdims=True))

    return mistake(
        "no maximum subtracted",
        formula,
        "The exponentials of large logits are infinite, and infinity divided by infinity is not a "
        "number.",
        f"{what} is NaN or infinite for logits of size 1e3.",
        "What comes out is finite for all finite logits, and does not change when a constant is "
        "added to a row's logits.",
        "The formula is right; it is the way to compute it that overflows. Which constant may be "
        "subtracted from a row for free?",
        "Subtract the row's maximum first: `z = x - x.max(axis=1, keepdims=True)`.",
    )

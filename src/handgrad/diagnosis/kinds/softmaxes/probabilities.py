"""The softmax of a row, and the mistakes that make other probabilities of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import instead_of
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.mistake import Formula, Mistake, mistake

__all__ = [
    "NEGATED",
    "SUMS",
    "no_maximum",
    "of_the_label",
    "other_probabilities",
    "softmax",
    "sums_of_rows",
]

SUMS = "Adding a constant to a row's logits changes nothing, so a row of the gradient sums to 0."

_OVER_CLASSES = (
    "Each row is one datapoint: what comes of it does not depend on the other rows.",
    "The definition of the softmax: the sum in the denominator runs over the classes.",
    "Sum over axis 1 with keepdims=True: `e / e.sum(axis=1, keepdims=True)`.",
)


NEGATED = mistake(
    "the value's sign is flipped",
    {"value": lambda value: -value},
    "The minus in front of the logarithm is missing.",
    "The loss is negative.",
    "The logarithm of a probability is at most 0, so the loss is at least 0.",
    "The definition of the loss: its sign.",
    "Put a minus in front of the sum.",
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


def of_the_label(
    value: Callable[[Given, Array], Array], residual: Callable[[float], Formula], code: str
) -> tuple[Mistake, ...]:
    """Make the mistakes with the label's term of a cross-entropy.

    `value` is that of any numbers in place of the logarithms; `residual` the probabilities and so
    many times the targets, where -1 is right; `code` that gradient.
    """
    instead = instead_of(residual(-1))
    return (
        mistake(
            "the target is not subtracted",
            instead(residual(0)),
            "The gradient is made of the probabilities alone.",
            "No entry of your gradient is negative, so every logit is pushed down, the label's "
            "too.",
            SUMS,
            "The line with the two terms: one comes from the label's own logit, the other from the "
            "sum in the logarithm.",
            f"Subtract the one-hot target: {code}",
        ),
        mistake(
            "the target is added",
            instead(residual(1)),
            "The target is added to the probabilities where it has to be subtracted.",
            "No entry of your gradient is negative, so the label's logit is pushed down.",
            SUMS,
            "The line with the two terms: they have opposite signs.",
            f"Subtract the one-hot target: {code}",
        ),
        NEGATED,
        mistake(
            "the logarithm is left out",
            {"value": lambda given, x: value(given, softmax(x))},
            "The value is made of the probabilities themselves.",
            "The loss is never positive.",
            "A label whose probability goes to 0 makes the loss grow without bound.",
            "The definition of the loss: the logarithm of the label's probability.",
            "Take the logarithm of the probabilities before the sum.",
        ),
        mistake(
            "the softmax is left out of the value",
            {"value": lambda given, x: value(given, x)},
            "The value is made of the logits themselves, without their logarithmic sum.",
            "The loss can be negative, and adding a constant to all logits changes it.",
            "Adding a constant to a row's logits changes no probability.",
            "The logarithm of the softmax has two terms, and one is missing.",
            "Subtract the logarithm of the sum of the exponentials from the logits first.",
        ),
    )


def sums_of_rows(
    gradient: Callable[[Array, Array, Callable[[Array], Array]], Array], code: str
) -> tuple[Mistake, ...]:
    """Make the mistakes in a sum over the row, which the gradient of a softmax has.

    `gradient` is that of an upstream gradient and the probabilities, with a sum of one's own; and
    `code` is how it is right.
    """

    def with_sum(summed: Callable[[Array], Array]) -> dict[str, Formula]:
        return {"dx": lambda dy, x: gradient(dy, softmax(x), summed)}

    mixed = (
        "The gradient of one row changes with the other rows.",
        "Each row is one datapoint: its gradient does not depend on the other rows.",
        "The sum over the outputs of a row: which axis do they lie on?",
        f"Sum over axis 1 with keepdims=True: {code}",
    )
    return (
        mistake(
            "the mean in place of the sum",
            with_sum(lambda products: products.mean(axis=-1, keepdims=True)),
            "What should be added up over the row is averaged.",
            "What is subtracted is too small by the number of classes.",
            SUMS,
            "The sum over the outputs of a row: every input reaches every one of them.",
            f"Take the sum: {code}",
        ),
        mistake(
            "the sum runs over the minibatch",
            with_sum(lambda products: products.sum(axis=0)),
            "The sum runs down each column, so that datapoints are mixed.",
            *mixed,
        ),
        mistake(
            "the sum runs over everything",
            with_sum(lambda products: products.sum()),
            "The sum runs over all rows and columns.",
            *mixed,
        ),
        mistake(
            "the sum has lost its axis",
            with_sum(lambda products: products.sum(axis=-1)),
            "Without keepdims the row's sums are one row, which meets every row.",
            "Unless there are as many rows as columns, the shapes do not fit.",
            "Each row is one datapoint: its gradient does not depend on the other rows.",
            "The sum over the outputs of a row belongs to that row: where do the sums stand?",
            f"Keep the axis: {code}",
        ),
    )

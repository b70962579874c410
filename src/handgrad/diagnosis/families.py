"""Mistakes by the dozen: those that any component can make, and functions that make families.

A family is one mistake that is made of several quantities, or in several kinds of component: the
formula and some of the words are asked for, and the rest is always the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.mistake import (
    Formula,
    Mistake,
    by_name,
    convention,
    known_convention,
    mistake,
)

__all__ = [
    "EPSILON",
    "FLOAT32",
    "FORWARD",
    "GENERAL",
    "OVERFLOW",
    "TRUNCATED",
    "Gradient",
    "averaged",
    "averaged_input",
    "ignored",
    "ignored_in",
    "instead_of",
    "reshaped",
    "scaled",
]

FORWARD = ("value", "output", "evaluation", "cell", "new_running_mean", "new_running_variance")
"""Quantities of a forward pass; all others are gradients, or made of them."""

LINEAR = "The backward pass is linear in the upstream gradient."
CHAIN_RULE = "The first line, the chain rule: {} is one of two factors."
SUM = "A parameter serves every row of the minibatch, so its gradient is a sum over the rows."
SHAPE = "The gradient of a parameter has the parameter's shape."


def _gradients(change: Callable[[Array], Array]) -> Formula:
    """Return the formula that changes every gradient in the same way."""
    return lambda right: {n: np.asarray(change(a)) for n, a in right.items() if n not in FORWARD}


def _alone(*mistakes: Mistake) -> tuple[Mistake, ...]:
    """Return mistakes that each gradient may have by itself."""
    return tuple(replace(mistake, each=True) for mistake in mistakes)


FLIPPED, ZERO, DOUBLED, HALVED, TRUNCATED = GENERAL = _alone(
    mistake(
        "the sign is flipped",
        _gradients(np.negative),
        "The gradient points the other way: every entry has the wrong sign.",
        "A step against your gradient raises the loss.",
        "For a small step h along a direction v, the loss changes by h times the gradient's "
        "product with v; yours has the opposite sign.",
        "Look at the line where the outer derivative meets the inner one: the inner derivative of "
        "a difference is +1 or -1, depending on which term you derive by.",
        "Multiply by -1: check the order of the difference, and any `-=`.",
    ),
    mistake(
        "the gradient is zero",
        _gradients(np.zeros_like),
        "Zeros are returned whatever comes in.",
        "Nothing that depends on this gradient ever moves.",
        "The gradient depends on the upstream gradient; yours doesn't.",
        "The last line of the derivation, the product itself, never reaches the returned array.",
        "Return the array that you computed and not the one that was made with `zeros_like`.",
    ),
    mistake(
        "doubled",
        _gradients(lambda array: 2 * array),
        "Every entry is twice what it should be.",
        "Training behaves as if the learning rate were twice what you set.",
        "A finite difference of your own forward pass gives half of your gradient.",
        "A term is counted twice: in the derivation it appears in one sum only.",
        "Look for a term that is added twice (a `+=` onto something that already holds it), or a "
        "factor of 2 that comes from no derivative.",
    ),
    mistake(
        "halved",
        _gradients(lambda array: array / 2),
        "Every entry is half of what it should be.",
        "Training behaves as if the learning rate were half of what you set.",
        "A finite difference of your own forward pass gives twice your gradient.",
        "A factor is lost, or a 1/2 is kept that only belongs to a loss defined with it.",
        "Look for a 1/2, or for a missing 2 from deriving a square.",
    ),
    mistake(
        "rounded to whole numbers",
        _gradients(np.trunc),
        "The result went through an integer array, which cut off everything behind the point.",
        "Every entry is a whole number.",
        "The result is a real number; it is not whole in general.",
        "No line of the derivation: the array into which the result is written holds integers.",
        "Make the array with the type of the data: `np.zeros(shape, dtype=float)`, not "
        "`np.zeros_like` of an array of integers, and no `astype(int)`.",
    ),
)
"""What can be made of every gradient, whatever the component."""

FLOAT32 = convention(
    "rounded inside, as by float32",
    lambda right: {
        name: np.asarray(array, dtype=np.float32).astype(np.float64)
        for name, array in right.items()
    },
    "About seven digits are right, and a small change of the input leaves the result as it "
    "is: somewhere inside, numbers are rounded, as float32 does it.",
)
EPSILON = known_convention(
    "a small number inside",
    "The result differs from ours in the eighth digit or so, as where a small number is added "
    "before a logarithm or a division.",
)


def _overflow(x: Array, right: Results) -> Results:
    """Put NaN where the input is so large that its exponential is infinite."""
    large = np.abs(x) > 700
    return {
        name: np.where(large, np.nan, array) if array.shape == large.shape else array
        for name, array in right.items()
    }


OVERFLOW = mistake(
    "overflows",
    _overflow,
    "For inputs of large size an exponential is infinite or a probability is 0, and what is "
    "computed from it is not a number.",
    "Something is NaN or infinite for large inputs, where it should be finite.",
    "The result is finite for every finite input.",
    "The formula is right; it is the way to compute it that overflows.",
    "Rewrite it so that no infinity meets another one or a 0: keep each exponential at most "
    "1, as with `np.exp(x - x.max(...))`, have it only in a denominator, as in `1 / (1 + "
    "np.exp(-x))`, and divide by no probability.",
)


@dataclass(frozen=True)
class Gradient:
    """A gradient of which mistakes are made, and its words.

    Its symbol, "dW"; what it is the gradient of, in three forms: "weights", "the weights'", "a
    weight"; and how it is right, in code.
    """

    quantity: str
    noun: str
    whose: str
    one: str
    formula: str

    @property
    def chain_rule(self) -> str:
        """The hint to a factor that is missing."""
        return CHAIN_RULE.format(f"the derivative of the output by {self.one}")


def averaged(*gradients: Gradient, mend: str = "") -> Mistake:
    """Make the mistake that gradients of parameters are averaged over the minibatch."""
    first, *more = gradients
    whose = "the parameters' gradients are" if more else f"{first.whose} gradient is"
    of = " and ".join(f"the {gradient.noun}" for gradient in gradients)
    codes = " and ".join(f"`{gradient.formula}`" for gradient in gradients)
    names = [gradient.quantity for gradient in gradients]
    return mistake(
        f"{whose} averaged over the minibatch",
        lambda right, N: {name: right[name] / N for name in names},
        f"The gradient{'s' if more else ''} of {of} {'are' if more else 'is'} divided by the "
        "number of rows.",
        "The larger the minibatch, the smaller is the gradient, and the slower the training.",
        SUM,
        "The sum over n comes from the chain rule; a factor 1/N appears in no line, since the mean "
        "is the loss' affair and is in the upstream gradient already.",
        mend or f"Leave out the division: {codes}.",
    )


def averaged_input(of: Gradient) -> Mistake:
    """Make the same mistake of a gradient that has a row for each row of the minibatch."""
    return mistake(
        f"the gradient of the {of.noun} is averaged over the minibatch",
        lambda right, N: {of.quantity: right[of.quantity] / N},
        f"The gradient of the {of.noun} is divided by the number of rows.",
        "Layers below learn too slowly, the more so the larger the minibatch.",
        f"Each row of the {of.noun} belongs to one row of the output, so nothing is averaged.",
        "A factor 1/N appears in no line: the mean is the loss' affair and is in the upstream "
        "gradient already.",
        f"Leave out the division: `{of.formula}`.",
    )


def ignored(quantity: str, formula: Formula, explanation: str, mend: str) -> Mistake:
    """Make the mistake that the upstream gradient does not enter the only gradient there is."""
    return mistake(
        "the upstream gradient is ignored",
        {quantity: formula},
        explanation,
        "Your gradient does not change when the upstream gradient is doubled.",
        LINEAR,
        CHAIN_RULE.format("the local derivative"),
        mend,
    )


def ignored_in(of: Gradient, formula: Formula, explanation: str) -> Mistake:
    """Make the mistake that the upstream gradient does not enter one gradient of several."""
    return mistake(
        f"{of.whose} gradient ignores the upstream gradient",
        {of.quantity: formula},
        explanation,
        f"The gradient of the {of.noun} does not change when the upstream gradient is doubled.",
        LINEAR,
        of.chain_rule,
        f"Multiply by the upstream gradient: `{of.formula}`.",
    )


def reshaped(of: Gradient, noun: str, formula: Formula, derivation: str, code: str) -> Mistake:
    """Make the mistake that a factor is brought to its transpose's shape by a reshape.

    The formula raises where the factor is square, since there it stays as it is.
    """
    return mistake(
        f"the {noun} reshaped, not transposed",
        {of.quantity: formula},
        f"The {noun} brought to the transposed shape by a reshape, which leaves the order of the "
        "numbers in memory and so puts them in other places.",
        f"The shape of the gradient of the {of.noun} is right, and its entries are not.",
        "Transposing exchanges rows and columns; reshaping cuts the same sequence into other rows.",
        derivation,
        f"Transpose: `{of.formula}`, not `{code}.reshape(...)`.",
    )


def scaled(name: str, factor: Formula, explanation: str) -> Mistake:
    """Make the convention that everything is larger by a factor."""
    find = by_name(factor)
    return convention(
        name,
        lambda given, right: {n: np.asarray(a * find(given, right)) for n, a in right.items()},
        explanation,
    )


def instead_of(pattern: Formula) -> Callable[[Formula], dict[str, Formula]]:
    """Return how a gradient is made of a wrong pattern in place of the right one.

    The factor in front is the right gradient's, in whatever convention.
    """
    right_one = by_name(pattern)

    def instead(formula: Formula) -> dict[str, Formula]:
        wrong_one = by_name(formula)

        def gradient(given: Given, right: Results) -> Array:
            unit = right_one(given, right)
            factor = np.vdot(right["gradient"], unit) / np.vdot(unit, unit)
            return np.asarray(factor * wrong_one(given, right))

        return {"gradient": gradient}

    return instead

"""The cross-entropy of yes or no, from probabilities, and mistakes in it."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import DOUBLED, HALVED, ZERO, instead_of
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Stress
from handgrad.diagnosis.kinds.losses.entries import (
    MEANS,
    EntriesKind,
    compared,
    mean_of_entries,
    one_row,
)
from handgrad.diagnosis.kinds.losses.yes_or_no import terms, yes_or_no
from handgrad.diagnosis.mistake import Mistake, mistake
from handgrad.losses import BinaryCrossEntropy

__all__ = ["LogLossKind"]

_STEEP = "The less a wrong prediction grants the truth, the steeper is the loss."
_LINE = "The line with the two terms: the derivatives of the two logarithms by the probability."
_CODE = "`(p - y) / (p * (1 - p)) / p.size`."


def _slope(p: Array, y: Array) -> Array:
    return np.asarray((p - y) / (p * (1 - p)))


def _outer(p: Array, y: Array) -> Results:
    slope = _slope(p, y)
    return {"value": yes_or_no(p, y), "gradient": slope / slope.size}


instead = instead_of(lambda x, y: _slope(x, y))

MISTAKES: tuple[Mistake, ...] = (
    *mean_of_entries(_CODE.strip("`.")),
    mistake(
        "target minus probability",
        {"gradient": lambda gradient: -gradient},
        "The difference is taken the wrong way round, so the gradient points uphill.",
        "Every step against your gradient raises the loss.",
        "Where the target is 0, the loss falls as the probability falls.",
        _LINE,
        f"Turn the difference round: {_CODE}",
    ),
    mistake(
        "the gradient of the logits",
        instead(lambda x, y: x - y),
        "The difference is not divided by p(1-p): that is the gradient by the logits, of which the "
        "sigmoid makes the probabilities.",
        "Your gradient never leaves the range from -1 to 1.",
        _STEEP,
        "The first line: which variable is it that you derive by?",
        f"Divide by p (1 - p), or leave out the sigmoid's own slope behind it: {_CODE}",
    ),
    mistake(
        "multiplied by p(1-p) in place of divided",
        instead(lambda x, y: (x - y) * x * (1 - x)),
        "The difference is multiplied by what it has to be divided by.",
        "Where the prediction is sure and wrong, your gradient is close to 0.",
        _STEEP,
        "The common denominator of the two terms.",
        f"Divide: {_CODE}",
    ),
    mistake(
        "only the yeses have a gradient",
        instead(lambda x, y: -y / x),
        "The gradient of the second logarithm is missing.",
        "Where the target is 0 your gradient is 0.",
        _STEEP,
        _LINE,
        f"Add the term of a no, `(1 - y) / (1 - p)`; together it is {_CODE}",
    ),
    mistake(
        "only the noes have a gradient",
        instead(lambda x, y: (1 - y) / (1 - x)),
        "The gradient of the first logarithm is missing.",
        "Where the target is 1 your gradient is 0.",
        _STEEP,
        _LINE,
        f"Add the term of a yes, `-y / p`; together it is {_CODE}",
    ),
    mistake(
        "the second logarithm is derived without its inner sign",
        instead(lambda x, y: -y / x - (1 - y) / (1 - x)),
        "The minus of 1 - p is lost in the derivative of the second logarithm.",
        "No entry of your gradient is positive.",
        "Where the target is 0, the loss falls as the probability falls.",
        "The line with the two terms: what is inside the second logarithm falls as p rises.",
        f"Change the second term's sign: {_CODE}",
    ),
    mistake(
        "the denominators are exchanged",
        instead(lambda x, y: -y / (1 - x) + (1 - y) / x),
        "The term of a yes is divided by 1 - p, and that of a no by p.",
        "Where the prediction is sure and right, your gradient is large.",
        _STEEP,
        _LINE,
        f"Divide a yes by p, and a no by 1 - p: {_CODE}",
    ),
    *one_row(),
    *compared(_outer),
    *terms(lambda x: x),
    ZERO,
    DOUBLED,
    HALVED,
)


class LogLossKind(EntriesKind):
    """The cross-entropy of yes or no, from probabilities."""

    name = "log_loss"
    words = ("logloss",)
    mistakes = MISTAKES
    conventions = MEANS

    def right(self, given: Given, seen: Results) -> Results:
        p = given.x
        ours = BinaryCrossEntropy()
        value, saved = ours.apply(np.log(p / (1 - p)), given["y"])
        gradient = ours.pullback(saved) / (p * (1 - p))  # the sigmoid's slope is in ours
        return {"value": np.asarray(value), "gradient": gradient}

    def _given(self, shape: tuple[int, ...], rng: np.random.Generator) -> Given:
        given = super()._given(shape, rng)
        given.inputs["x"] = rng.uniform(0.05, 0.95, shape)
        given.inputs["y"] = rng.integers(0, 2, shape).astype(np.float64)
        given.inputs["y"].flat[:2] = 0, 1
        return given

    def stresses(self, seed: int) -> list[Stress]:
        rng = np.random.default_rng([seed, 99])
        large = [self._given((67 + i, 3 + i), rng) for i in range(2)]
        return [Stress("large", "a large minibatch", large)]

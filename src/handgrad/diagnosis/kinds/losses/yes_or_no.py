"""The value of a binary cross-entropy, and the mistakes in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.kinds.softmaxes.probabilities import NEGATED
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["terms", "yes_or_no"]

_TWO = "A yes costs the logarithm of its probability, a no that of the other one's."
_DEFINITION = "The definition of the loss: one term for a yes, and one for a no."
_FORWARD = "Write `-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))`."


def yes_or_no(p: Array, y: Array) -> Array:
    """Return the mean cost of these probabilities of a yes."""
    return np.asarray(-np.mean(y * np.log(p) + (1 - y) * np.log1p(-p)))


def terms(p: Callable[[Array], Array]) -> tuple[Mistake, ...]:
    """Make the mistakes in the two terms; `p` makes probabilities of what the loss is given."""
    return (
        NEGATED,
        mistake(
            "only the yeses count",
            {"value": lambda x, y: -np.mean(y * np.log(p(x)))},
            "The value has the term of a yes alone.",
            "A no costs nothing, whatever its probability.",
            _TWO,
            _DEFINITION,
            _FORWARD,
        ),
        mistake(
            "only the noes count",
            {"value": lambda x, y: -np.mean((1 - y) * np.log1p(-p(x)))},
            "The value has the term of a no alone.",
            "A yes costs nothing, whatever its probability.",
            _TWO,
            _DEFINITION,
            _FORWARD,
        ),
        mistake(
            "the logarithm of p in both terms",
            {"value": lambda x, y: -np.mean(np.log(p(x)) + 0 * y)},
            "The term of a no has the logarithm of p, and not that of 1 - p.",
            "The loss does not depend on the targets.",
            _TWO,
            _DEFINITION,
            _FORWARD,
        ),
        mistake(
            "the probabilities are exchanged",
            {"value": lambda x, y: yes_or_no(1 - p(x), y)},
            "A yes costs the logarithm of 1 - p, and a no that of p.",
            "The loss is large where the predictions are right.",
            _TWO,
            _DEFINITION,
            _FORWARD,
        ),
        mistake(
            "a minus between the two terms",
            {"value": lambda x, y: -np.mean(y * np.log(p(x)) - (1 - y) * np.log1p(-p(x)))},
            "The term of a no is subtracted.",
            "The loss can be negative.",
            _TWO,
            "The definition of the loss: one minus in front of both terms.",
            _FORWARD,
        ),
        mistake(
            "the logarithms are left out",
            {"value": lambda x, y: -np.mean(y * p(x) + (1 - y) * (1 - p(x)))},
            "The value is made of the probabilities themselves.",
            "The loss never leaves the range from -1 to 0.",
            _TWO,
            _DEFINITION,
            _FORWARD,
        ),
        mistake(
            "the squared error of the probabilities",
            {"value": lambda x, y: np.mean((p(x) - y) ** 2)},
            "The value is the mean squared distance of the probabilities from the targets.",
            "The loss never exceeds 1.",
            _TWO,
            _DEFINITION,
            _FORWARD,
        ),
    )

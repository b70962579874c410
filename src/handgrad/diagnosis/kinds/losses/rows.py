"""Losses with one term for each row of scores, and what goes wrong in their mean."""

from __future__ import annotations

from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["mean_of_rows"]

_ONCE = "The factor in front of the sum: it appears in the derivative as often as in the loss."


def mean_of_rows(code: str) -> tuple[Mistake, ...]:
    """Make the mistakes in what the gradient of a mean over N rows of K scores is divided by."""
    return (
        mistake(
            "the mean is left out of the gradient",
            {"gradient": lambda gradient, N: gradient * N},
            "The gradient is that of the sum over the minibatch: it is too large by the number of "
            "rows.",
            "The more rows the minibatch has, the longer is the step, although the loss stays the "
            "same.",
            "Two copies of the same minibatch have the same mean loss; each row of the gradient "
            "must then be half as large.",
            "The step from one datapoint to the minibatch: the loss is a sum with a factor in "
            "front.",
            f"Divide by the number of rows: `{code}`.",
        ),
        mistake(
            "averaged once too often",
            {"gradient": lambda gradient, N: gradient / N},
            "The gradient is divided by the number of rows although the value's own scale does not "
            "ask for it: twice where the value is a mean, once where it is a sum.",
            "The gradient is very small, and the more so the larger the minibatch.",
            "A finite difference of your own value is larger than your gradient by the number of "
            "rows.",
            _ONCE,
            "Remove one division by the number of rows, or put it into the value too.",
        ),
        mistake(
            "divided by rows and classes",
            {"gradient": lambda gradient: gradient / gradient.shape[-1]},
            "The gradient is divided by the number of entries, N times K, where the loss is a mean "
            "over the rows.",
            "The more classes there are, the smaller is the step.",
            "The loss has one term for each row, whatever the number of classes.",
            "The step from one datapoint to the minibatch: how many terms does the mean have?",
            "Divide by the number of rows, not by the size of the array; `np.mean` over everything "
            "divides by the size.",
        ),
    )

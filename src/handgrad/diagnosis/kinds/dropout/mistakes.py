"""Mistakes in inverted dropout, around a layer or alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = [
    "ALONE",
    "ALONE_WITH_KEEP",
    "DROPS_P",
    "EVALUATED",
    "KEEPS_P",
    "MASKS",
    "MISTAKES",
    "is_evaluated",
]

_MASK = "Once drawn, the mask is a constant factor of each entry, and a constant factor stays."


def _output(given: Given) -> Array:
    """Return what the mask multiplies: the wrapped layer's output, or the input."""
    if "weights" not in given:
        return given.x
    return np.asarray(given.x @ given["weights"] + given["bias"])


def _back(given: Given, df: Array, where: bool = True) -> Results:
    """Return the gradients behind the mask, where they can be told from another mistake's."""
    _need(where)
    if "weights" not in given:
        return {"dx": df.copy()}
    return {"dW": given.x.T @ df, "db": df.sum(axis=0), "dx": df @ given["weights"].T}


def _scaled(given: Given, factor: float, where: bool = True) -> Results:
    """Return everything with another scale, where it can be told from another mistake."""
    if is_evaluated(given):
        return {}
    _need(where)
    mask = given["kept"] * factor
    return {"output": _output(given) * mask, **_back(given, given.dy * mask)}


def is_evaluated(given: Given) -> bool:
    """Return whether the passes are those of evaluation mode."""
    return bool(given.options.get("mode") == "test")


def _need(condition: bool) -> None:
    """Stop where a mistake cannot be told from another one on this input."""
    if not condition:
        raise ValueError


def _fresh(
    given: Given, dy: Array, kept: Array, fresh: Array, drop: float, redrawn: bool
) -> Results:
    return _back(given, dy * fresh / (1 - drop), redrawn and not np.array_equal(fresh, kept))


def _masked_after(given: Given, dy: Array, kept: Array, drop: float) -> Results:
    results = _back(given, dy)
    return {**results, "dx": results["dx"] * kept / (1 - drop)}


def _on_input(
    x: Array, dy: Array, weights: Array, bias: Array, input_mask: Array, drop: float
) -> Results:
    scale = input_mask / (1 - drop)
    return {
        "output": (x * scale) @ weights + bias,
        "dW": (x * scale).T @ dy,
        "db": dy.sum(axis=0),
        "dx": (dy @ weights.T) * scale,
    }


def _active(given: Given, evaluation_mask: Array, drop: float) -> Results:
    _need(not evaluation_mask.all())
    return {"evaluation": _output(given) * evaluation_mask / (1 - drop)}


KEEPS_P = mistake(
    "p is the probability to keep",
    lambda given, p, keeps_p: _scaled(given, 1 / p, where=keeps_p),
    "Entries are kept with probability p, where they should be dropped with it.",
    "With p = 0.2 most outputs are 0.",
    "p is the share of entries that are dropped.",
    "The line that draws the mask: with which probability is an entry 1?",
    "Draw the mask with `1 - p`: `np.random.binomial(1, 1 - p, size=y.shape)`.",
)


DROPS_P = mistake(
    "p is the probability to drop",
    KEEPS_P.wrong,
    "Entries are dropped with probability p, where they should be kept with it.",
    "With p = 0.8 most outputs are 0.",
    "p is the share of entries that are kept.",
    "The line that draws the mask: with which probability is an entry 1?",
    "Draw the mask with `p`: `np.random.binomial(1, p, size=y.shape)`.",
)
"""The same where the code is given the probability to keep."""


def _masked(whole: str, keeps: bool = False) -> tuple[Mistake, ...]:
    """Make the mistakes with the mask; `whole` is what it multiplies, in words.

    The words speak of the code's own p, the probability to drop, or to keep where it `keeps`.
    """
    keep, drop, little = ("p", "1 - p", "p near 1") if keeps else ("1 - p", "p", "small p")
    kept, dropped, scale = keep.replace(" ", ""), drop.replace(" ", ""), "p" if keeps else "(1 - p)"
    mean = f"On average over many masks the output in training is {whole} itself."
    evaluation = f"In evaluation mode what comes out is {whole}, as it is."
    return (
        mistake(
            "no scale in the backward pass",
            lambda given, dy, kept: _back(given, dy * kept, where=not kept.all()),
            "The mask is applied to the gradient, but not the factor that the forward pass "
            "multiplied by.",
            "The gradient is too small by the share of entries that are kept.",
            _MASK,
            "The line of the derivative: mask and scale are one constant in the forward pass.",
            f"Multiply by the same array in both passes: `dy * mask / {scale}`.",
        ),
        mistake(
            "scaled twice in the backward pass",
            lambda given, dy, kept, drop: _back(given, dy * kept / (1 - drop) ** 2),
            "The gradient gets the factor of the forward pass two times.",
            "The gradient is too large, and the more so the more is dropped.",
            _MASK,
            "The line of the derivative: mask and scale are one constant in the forward pass.",
            "Multiply by the scale once: either the mask that was saved holds it already, or the "
            "product does.",
        ),
        mistake(
            f"divided by {dropped} in the backward pass",
            lambda given, dy, kept, drop: _back(given, dy * kept / drop),
            "The gradient is divided by the probability to be dropped, where the forward pass "
            "divides by the probability to be kept.",
            f"For p = 1/2 the gradient is right; for {little} it is too large.",
            _MASK,
            "The line of the derivative: mask and scale are one constant in the forward pass.",
            f"Divide by `{keep}`, as the forward pass does.",
        ),
        mistake(
            "no mask in the backward pass",
            lambda given, dy, drop: _back(given, dy / (1 - drop)),
            "The gradient is scaled, but what was dropped gets a gradient too.",
            "Outputs that were dropped get a gradient, although nothing depends on them.",
            "Where the output is constant, the gradient is 0.",
            "The line of the derivative: the mask is a factor of the output, and so of the "
            "gradient.",
            f"Save the mask in the forward pass and multiply by it: `dy * mask / {scale}`.",
        ),
        mistake(
            "the backward pass does nothing",
            lambda given, dy: _back(given, dy),
            "The upstream gradient is passed on as it is: neither mask nor scale.",
            "Outputs that were dropped get a gradient, although nothing depends on them.",
            _MASK,
            "The whole derivation of the gradient: its one line is not in the code.",
            f"Save the mask in the forward pass and multiply by it: `dy * mask / {scale}`.",
        ),
        mistake(
            "a fresh mask in the backward pass",
            _fresh,
            "The backward pass draws a mask of its own, so that other entries are dropped.",
            "Asking for the gradient twice gives two answers.",
            "The gradient belongs to the forward pass that was made, with the mask that was drawn "
            "there.",
            "The line of the derivative: the mask in it is the one of the forward pass.",
            "Keep the mask, `self.mask = ...`, in the forward pass, and draw none in the backward "
            "pass.",
        ),
        mistake(
            "the mask is inverted in the backward pass",
            lambda given, dy, kept, drop: _back(given, dy * (1 - kept) / (1 - drop)),
            "The gradient passes where the output was dropped, and is stopped where it was kept.",
            "Outputs that were dropped get a gradient, although nothing depends on them.",
            "Where the output is constant, the gradient is 0.",
            "The line of the derivative: the factor is the mask itself.",
            f"Multiply by the mask that was saved, not by one minus it: `dy * mask / {scale}`.",
        ),
        mistake(
            f"divided by {dropped} in place of {kept}",
            lambda given, drop, keeps_p: _scaled(given, 1 / drop, where=not keeps_p),
            "What is kept is scaled with the probability to be dropped.",
            f"For {little} the outputs explode; for p = 1/2 nothing is seen.",
            mean,
            "The line of the expectation: with which probability is an entry kept?",
            f"Divide by `{keep}`.",
        ),
        mistake(
            "scaled twice",
            lambda given, drop: _scaled(given, 1 / (1 - drop) ** 2),
            "The scale is applied two times.",
            "The outputs of training are larger than those of evaluation, on average.",
            mean,
            "The line of the expectation: one factor makes up for what is dropped.",
            f"Divide by `{keep}` once: either the mask holds the scale already, or the product "
            "does.",
        ),
        mistake(
            "not inverted: no scale while training",
            lambda given, kept: _scaled(given, 1, where=not kept.all()),
            "Entries are dropped, and those that are kept stay as they are.",
            "The outputs of training are smaller than those of evaluation, on average.",
            mean,
            "The line of the expectation: what makes up for the entries that are dropped?",
            f"Divide by `{keep}` in the forward pass, and so in the backward pass.",
        ),
        mistake(
            f"multiplied by {kept} in place of divided",
            lambda given, drop: _scaled(given, 1 - drop),
            "What is kept is made smaller where it should be made larger.",
            "The outputs of training are much smaller than those of evaluation.",
            mean,
            "The line of the expectation: which factor brings the mean back to where it was?",
            f"Divide by `{keep}`.",
        ),
        mistake(
            "nothing is dropped",
            lambda given, dy, kept: {
                "output": _output(given),
                **_back(given, dy, where=kept.all()),
            },
            f"What comes out is {whole}, as it is.",
            "No output is ever 0, and two calls give the same.",
            f"In training, each entry is {'kept' if keeps else 'dropped'} with probability p.",
            "The definition: the factor of each entry is random.",
            f"Draw a mask, `np.random.binomial(1, {keep}, size=y.shape)`, and multiply by it, "
            f"divided by `{keep}`.",
        ),
        mistake(
            "active in evaluation mode",
            _active,
            "Entries are dropped although the model is being evaluated.",
            "Two evaluations of the same input differ.",
            evaluation,
            "The definition has two cases, and the one of evaluation is missing.",
            f"Return {whole} as it is, where `self.training` is False, or the mode is another one.",
        ),
        mistake(
            "scaled in evaluation mode",
            {"evaluation": lambda given, drop: _output(given) * (1 - drop)},
            f"In evaluation mode the output is multiplied by {kept}, which training has made up "
            "for already.",
            "The outputs of evaluation are smaller than those of training, on average.",
            evaluation,
            "The definition: inverted dropout scales while training, so nothing is left for "
            "evaluation.",
            f"Return {whole} as it is, where `self.training` is False, or the mode is another one.",
        ),
    )


MISTAKES: tuple[Mistake, ...] = (
    *_masked("the wrapped layer's output"),
    mistake(
        "the mask is applied after the wrapped layer's gradient",
        _masked_after,
        "The wrapped layer gets the whole upstream gradient, and its result is masked afterwards.",
        "Unless the wrapped layer has as many inputs as outputs, the shapes do not fit.",
        "Going backwards the order is reversed: what came last in the forward pass comes first.",
        "The chain rule: dropout stands after the layer in the forward pass.",
        "Mask the upstream gradient first, and give the result to the layer: `self.layer.grad(dy "
        "* mask / (1 - p))`.",
    ),
    mistake(
        "the layer's input is dropped, not its output",
        _on_input,
        "The mask is applied before the wrapped layer and not behind it.",
        "No output is ever exactly 0.",
        "Each entry of the wrapped layer's output is dropped on its own.",
        "The definition: what the mask multiplies is the wrapped layer's output.",
        "Call the wrapped layer first, and mask what it returns.",
    ),
    KEEPS_P,
)
"""Around a layer."""

ALONE = _masked("the input")
"""In a function, or a layer of its own."""

ALONE_WITH_KEEP = _masked("the input", keeps=True)
"""The same where the code is given the probability to keep."""


def _evaluated(
    name: str, back: Callable[[Given], Array], explanation: str, symptom: str
) -> Mistake:
    """Make a mistake in the backward pass of evaluation mode; `back` is its upstream gradient."""
    return mistake(
        name,
        lambda given: _back(given, back(given)) if is_evaluated(given) else {},
        explanation,
        symptom,
        "In evaluation mode every entry passes as it is, and so does its gradient.",
        "The definition has two cases, in the backward pass as in the forward pass.",
        "Hand the upstream gradient on as it is in evaluation mode.",
    )


def _dropped(given: Given) -> Array:
    fresh = given["fresh"]
    _need(fresh.any() and not fresh.all())
    return np.asarray(given.dy * fresh / (1 - given["p"]))


EVALUATED = (
    _evaluated(
        "the backward pass scales in evaluation mode",
        lambda given: given.dy / (1 - given["p"]),
        "The gradient is divided by the probability to be kept, although nothing was dropped.",
        "The gradient in evaluation mode is larger than the upstream gradient.",
    ),
    _evaluated(
        "the backward pass drops in evaluation mode",
        _dropped,
        "The gradient is masked as in training, although nothing was dropped.",
        "In evaluation mode some entries of the gradient are 0, where the upstream gradient isn't.",
    ),
    _evaluated(
        "nothing comes back in evaluation mode",
        lambda given: np.zeros_like(given.dy),
        "The gradient is 0 everywhere, as if all had been dropped.",
        "In evaluation mode no layer before this one has a gradient.",
    ),
)
"""In the backward pass of evaluation mode."""


def _shared(drawn: str, by: str, of: str, whole: str, others: str) -> Mistake:
    return mistake(
        f"one mask for all {by}",
        {},
        f"The mask has one entry for each {drawn}, and all {by} {of} share it.",
        f"Whole {whole} of the output are 0.",
        f"Each entry is dropped on its own, whatever happens in the other {others}.",
        "The line that draws the mask: how many random numbers does it need?",
        "Draw the mask in the shape of the output: `size=y.shape`.",
    )


MASKS: dict[str, Mistake] = {
    "rows": _shared("feature", "rows", "of the minibatch", "columns", "rows"),
    "columns": _shared("row", "features", "of the row", "rows", "columns"),
    "once": mistake(
        "the same mask in every call",
        {},
        "The mask is drawn once and used again and again.",
        "The same outputs are 0 in every call.",
        "Each forward pass in training draws a new mask.",
        "The line that draws the mask: when is it carried out?",
        "Draw the mask in every forward pass, not in the constructor, and do not fix a seed there.",
    ),
}
"""Mistakes in how the mask is drawn, which its statistics show."""

"""Mistakes in inverted dropout around a layer."""

from __future__ import annotations

import numpy as np

from handgrad.component import Array
from handgrad.diagnosis.mistake import Given, Mistake, Results, mistake

__all__ = ["MASKS", "MISTAKES", "keeps_p"]

_MASK = "Once drawn, the mask is a constant factor of each entry, and a constant factor stays."
_MEAN = "On average over many masks the output in training is the wrapped layer's own output."


def _output(given: Given) -> Array:
    return np.asarray(given.x @ given.W + given.b)


def _back(given: Given, df: Array) -> Results:
    """Return the wrapped layer's gradients of an upstream gradient."""
    return {"dW": given.x.T @ df, "db": df.sum(axis=0), "dx": df @ given.W.T}


def _scaled(given: Given, factor: float) -> Results:
    mask = given.keep * factor
    return {"output": _output(given) * mask, **_back(given, given.dy * mask)}


def _need(condition: bool) -> None:
    """Stop where a mistake cannot be told from another one on this input."""
    if not condition:
        raise ValueError


@mistake(
    "no scale in the backward pass",
    "The mask is applied to the gradient, but not the factor that the forward pass multiplied by.",
    "The gradient is too small by the share of entries that are kept.",
    _MASK,
    "The line of the derivative: mask and scale are one constant in the forward pass.",
    "Multiply by the same array in both passes: `dy * mask / (1 - p)`.",
)
def no_scale(given: Given, right: Results) -> Results:
    _need(not given.keep.all())
    return _back(given, given.dy * given.keep)


@mistake(
    "no mask in the backward pass",
    "The gradient is scaled, but what was dropped gets a gradient too.",
    "Outputs that were dropped get a gradient, although nothing depends on them.",
    "Where the output is constant, the gradient is 0.",
    "The line of the derivative: the mask is a factor of the output, and so of the gradient.",
    "Save the mask in the forward pass and multiply by it: `dy * mask / (1 - p)`.",
)
def no_mask(given: Given, right: Results) -> Results:
    return _back(given, given.dy / (1 - given.p))


@mistake(
    "the backward pass does nothing",
    "The upstream gradient goes to the wrapped layer as it is: neither mask nor scale.",
    "Outputs that were dropped get a gradient, although nothing depends on them.",
    _MASK,
    "The whole derivation of the gradient: its one line is not in the code.",
    "Save the mask in the forward pass and multiply by it: `dy * mask / (1 - p)`.",
)
def untouched(given: Given, right: Results) -> Results:
    return _back(given, given.dy)


@mistake(
    "a fresh mask in the backward pass",
    "The backward pass draws a mask of its own, so that other entries are dropped.",
    "Asking for the gradient twice gives two answers.",
    "The gradient belongs to the forward pass that was made, with the mask that was drawn there.",
    "The line of the derivative: the mask in it is the one of the forward pass.",
    "Keep the mask, `self.mask = ...`, in the forward pass, and draw none in the backward pass.",
)
def fresh(given: Given, right: Results) -> Results:
    _need(bool(given.extra.get("redrawn")) and not np.array_equal(given.fresh, given.keep))
    return _back(given, given.dy * given.fresh / (1 - given.p))


@mistake(
    "the mask is inverted in the backward pass",
    "The gradient passes where the output was dropped, and is stopped where it was kept.",
    "Outputs that were dropped get a gradient, although nothing depends on them.",
    "Where the output is constant, the gradient is 0.",
    "The line of the derivative: the factor is the mask itself.",
    "Multiply by the mask that was saved, not by one minus it: `dy * mask / (1 - p)`.",
)
def inverted(given: Given, right: Results) -> Results:
    return _back(given, given.dy * (1 - given.keep) / (1 - given.p))


@mistake(
    "the mask is applied after the wrapped layer's gradient",
    "The wrapped layer gets the whole upstream gradient, and its result is masked afterwards.",
    "Unless the wrapped layer has as many inputs as outputs, the shapes do not fit.",
    "Going backwards the order is reversed: what came last in the forward pass comes first.",
    "The chain rule: dropout stands after the layer in the forward pass.",
    "Mask the upstream gradient first, and give the result to the layer: "
    "`self.layer.grad(dy * mask / (1 - p))`.",
)
def masked_after(given: Given, right: Results) -> Results:
    results = _back(given, given.dy)
    results["dx"] = results["dx"] * given.keep / (1 - given.p)
    return results


@mistake(
    "divided by p in place of 1-p",
    "What is kept is scaled with the probability to be dropped.",
    "For small p the outputs explode; for p = 1/2 nothing is seen.",
    _MEAN,
    "The line of the expectation: with which probability is an entry kept?",
    "Divide by `1 - p`.",
)
def divided_by_p(given: Given, right: Results) -> Results:
    _need(not given.extra.get("keeps p"))
    return _scaled(given, 1 / given.p)


@mistake(
    "p is the probability to keep",
    "Entries are kept with probability p, where they should be dropped with it.",
    "With p = 0.2 most outputs are 0.",
    "p is the share of entries that are dropped.",
    "The line that draws the mask: with which probability is an entry 1?",
    "Draw the mask with `1 - p`: `np.random.binomial(1, 1 - p, size=y.shape)`.",
)
def keeps_p(given: Given, right: Results) -> Results:
    """Scale by 1/p, where the mask was drawn with p too."""
    _need(bool(given.extra.get("keeps p")))
    return _scaled(given, 1 / given.p)


@mistake(
    "scaled twice",
    "The scale is applied two times.",
    "The outputs of training are larger than those of evaluation, on average.",
    _MEAN,
    "The line of the expectation: one factor makes up for what is dropped.",
    "Divide by `1 - p` once: either the mask holds the scale already, or the product does.",
)
def scaled_twice(given: Given, right: Results) -> Results:
    return _scaled(given, 1 / (1 - given.p) ** 2)


@mistake(
    "not inverted: no scale while training",
    "Entries are dropped, and those that are kept stay as they are.",
    "The outputs of training are smaller than those of evaluation, on average.",
    _MEAN,
    "The line of the expectation: what makes up for the entries that are dropped?",
    "Divide by `1 - p` in the forward pass, and so in the backward pass.",
)
def not_inverted(given: Given, right: Results) -> Results:
    _need(not given.keep.all())
    return _scaled(given, 1)


@mistake(
    "multiplied by 1-p in place of divided",
    "What is kept is made smaller where it should be made larger.",
    "The outputs of training are much smaller than those of evaluation.",
    _MEAN,
    "The line of the expectation: which factor brings the mean back to where it was?",
    "Divide by `1 - p`.",
)
def multiplied(given: Given, right: Results) -> Results:
    return _scaled(given, 1 - given.p)


@mistake(
    "nothing is dropped",
    "The output of the wrapped layer comes out as it is.",
    "No output is ever 0, and two calls give the same.",
    "In training, each entry is dropped with probability p.",
    "The definition: the factor of each entry is random.",
    "Draw a mask, `np.random.binomial(1, 1 - p, size=y.shape)`, and multiply by it, divided by "
    "`1 - p`.",
)
def nothing(given: Given, right: Results) -> Results:
    _need(bool(given.keep.all()))
    return {"output": _output(given), **_back(given, given.dy)}


@mistake(
    "the layer's input is dropped, not its output",
    "The mask is applied before the wrapped layer and not behind it.",
    "No output is ever exactly 0.",
    "Each entry of the wrapped layer's output is dropped on its own.",
    "The definition: what the mask multiplies is the wrapped layer's output.",
    "Call the wrapped layer first, and mask what it returns.",
)
def on_input(given: Given, right: Results) -> Results:
    x_mask = given.extra["input mask"] / (1 - given.p)
    x = given.x * x_mask
    return {
        "output": x @ given.W + given.b,
        "dW": x.T @ given.dy,
        "db": given.dy.sum(axis=0),
        "dx": (given.dy @ given.W.T) * x_mask,
    }


@mistake(
    "active in evaluation mode",
    "Entries are dropped although the model is being evaluated.",
    "Two evaluations of the same input differ.",
    "In evaluation mode dropout is exactly the layer that it wraps.",
    "The definition has two cases, and the one of evaluation is missing.",
    "Return the wrapped layer's output as it is where `self.training` is False.",
)
def active(given: Given, right: Results) -> Results:
    keep = given.extra["evaluation mask"]
    _need(not keep.all())
    return {"evaluation": _output(given) * keep / (1 - given.p)}


@mistake(
    "scaled in evaluation mode",
    "In evaluation mode the output is multiplied by 1-p, which training has made up for already.",
    "The outputs of evaluation are smaller than those of training, on average.",
    "In evaluation mode dropout is exactly the layer that it wraps.",
    "The definition: inverted dropout scales while training, so nothing is left for evaluation.",
    "Return the wrapped layer's output as it is where `self.training` is False.",
)
def scaled_evaluation(given: Given, right: Results) -> Results:
    return {"evaluation": _output(given) * (1 - given.p)}


@mistake(
    "one mask for all rows",
    "The mask has one entry for each feature, and all rows of the minibatch share it.",
    "Whole columns of the output are 0.",
    "Each entry is dropped on its own, whatever happens in the other rows.",
    "The line that draws the mask: how many random numbers does it need?",
    "Draw the mask in the shape of the output: `size=y.shape`.",
)
def shared_rows(given: Given, right: Results) -> Results:
    return {}


@mistake(
    "one mask for all features",
    "The mask has one entry for each row, and all features of the row share it.",
    "Whole rows of the output are 0.",
    "Each entry is dropped on its own, whatever happens in the other columns.",
    "The line that draws the mask: how many random numbers does it need?",
    "Draw the mask in the shape of the output: `size=y.shape`.",
)
def shared_columns(given: Given, right: Results) -> Results:
    return {}


@mistake(
    "the same mask in every call",
    "The mask is drawn once and used again and again.",
    "The same outputs are 0 in every call.",
    "Each forward pass in training draws a new mask.",
    "The line that draws the mask: when is it carried out?",
    "Draw the mask in every forward pass, not in the constructor, and do not fix a seed there.",
)
def drawn_once(given: Given, right: Results) -> Results:
    return {}


MASKS: dict[str, Mistake] = {
    "rows": shared_rows,
    "columns": shared_columns,
    "once": drawn_once,
}
"""Mistakes in how the mask is drawn, which its statistics show."""

MISTAKES: tuple[Mistake, ...] = (
    no_scale,
    no_mask,
    untouched,
    fresh,
    inverted,
    masked_after,
    divided_by_p,
    keeps_p,
    scaled_twice,
    not_inverted,
    multiplied,
    nothing,
    on_input,
    active,
    scaled_evaluation,
)

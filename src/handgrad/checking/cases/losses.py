"""Losses of answers: yes or no, or one of several classes, over every form of targets."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import distance
from handgrad.checking.cases.case import (
    Case,
    Generator,
    Sampler,
    Symbols,
    Wrong,
    below,
    ends,
    normal,
    off_zero,
    one_hot,
    probabilities,
    weights,
)
from handgrad.checking.invariants import rows_of_the_gradient_sum_to_zero
from handgrad.errors import ArgumentError, DtypeError, ShapeError
from handgrad.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    HingeLoss,
)

__all__ = [
    "CASES",
    "errors_of_entries",
    "loss_of_entries",
    "on_either_side",
    "reduced",
    "scaled_by_its_weights",
]


def torch_binary(torch: Any, loss: Any, x: Any, targets: Any, weight: Any = None) -> Any:
    positive = loss.positive_weight
    positive = None if positive is None else torch.tensor(positive, dtype=x.dtype)
    of_logits = torch.nn.functional.binary_cross_entropy_with_logits
    return reduced(of_logits, loss, x, targets.to(x.dtype), weight, pos_weight=positive)


def torch_hinge(torch: Any, loss: Any, x: Any, targets: Any, weight: Any = None) -> Any:
    """Run over all leading axes as rows, which is all that PyTorch takes."""
    if weight is not None:
        weight = by_row(weight, targets).ravel()
    x, targets = x.reshape(-1, x.shape[-1]), targets.ravel()
    margin = torch.nn.functional.multi_margin_loss
    return reduced(margin, loss, x, targets, weight, margin=loss.margin)


def torch_cross_entropy(torch: Any, loss: Any, x: Any, targets: Any, weight: Any = None) -> Any:
    """Take one-hot rows, probabilities or class indices; PyTorch wants the classes second."""
    options = {"label_smoothing": loss.label_smoothing}
    if loss.ignore_index is not None:
        options["ignore_index"] = loss.ignore_index
        if weight is not None:
            weight = by_row(weight, targets) * (targets != loss.ignore_index)
    targets = targets.movedim(-1, 1) if targets.ndim == x.ndim else targets
    of_logits = torch.nn.functional.cross_entropy
    return reduced(of_logits, loss, x.movedim(-1, 1), targets, weight, **options)


def reduced(function: Any, loss: Any, x: Any, targets: Any, weight: Any, **options: Any) -> Any:
    """Return PyTorch's own mean or sum, or that of the terms times weights."""
    if weight is None:
        return function(x, targets, reduction="mean" if loss.average else "sum", **options)
    each = function(x, targets, reduction="none", **options)
    weight = by_row(weight, each)
    return (weight * each).sum() / (weight.sum() if loss.average else 1)


def by_row(weight: Any, each: Any) -> Any:
    """Return weights for some of the leading axes as weights for every entry."""
    return weight.reshape(*weight.shape, *[1] * (each.ndim - weight.ndim)).expand_as(each)


def build_cross_entropy(average: bool, rng: Generator) -> CrossEntropy:
    """Make the mean or the sum."""
    return CrossEntropy(average)


def in_order(loss: Any, targets: Any, symbols: Symbols) -> tuple[Any, Array, Array]:
    """Make rows of logits whose order is known, so that their largest is: one up, one down."""
    logits = symbols("gap", 2, 3, positive=True)
    logits[:, 0] = symbols("o", 2)
    logits[1::2, 1:] *= -1
    targets = symbols("t", 2, 3) if targets is None else np.array(targets)
    return loss, logits.cumsum(axis=1), targets


def on_either_side(by: float, loss: Any, symbols: Symbols) -> tuple[Any, Array, Array]:
    """Make predictions that are above their targets, and ones below, by more than a number."""
    above, below = symbols("a", 2, 2, positive=True), symbols("b", 2, 1, negative=True)
    lower, upper = symbols("s", 2, 2, negative=True), symbols("t", 2, 1, positive=True)
    return loss, np.hstack([above + by, below - by]), np.hstack([lower, upper])


def yes_and_no(symbols: Symbols) -> tuple[BinaryCrossEntropy, Array, Array]:
    """Make logits of both signs, each with either answer; value and gradient are affine in it."""
    loss, logits, _ = on_either_side(0, BinaryCrossEntropy(), symbols)
    loss.positive_weight = symbols("w", 1, positive=True)[0]
    return loss, logits, np.array([[0, 1, 0], [1, 0, 1]])


def ahead_and_behind(symbols: Symbols) -> tuple[HingeLoss, Array, Array]:
    """Make scores of which one is too near the right one's, and one is far enough behind."""
    scores, gaps = symbols("o", 2, 1), symbols("gap", 2, 2, positive=True)
    too_near, far_behind = scores + gaps[:, :1], scores - 1 - gaps[:, 1:]
    rows = np.hstack([scores, too_near, far_behind])
    return HingeLoss(), rows, np.array([0, 0])


def answers(*shape: int) -> Sampler:
    """Draw the probabilities of a yes, some of them 0 or 1."""
    return lambda rng: np.clip(rng.uniform(-0.3, 1.3, shape), 0, 1)


def some_ignored(K: int, *shape: int, index: int = -100) -> Sampler:
    """Draw class indices, of which every third one is replaced."""
    return lambda rng: np.where(weights(*shape, masked=True)(rng), below(K, *shape)(rng), index)


def nothing_from_what_is_ignored(loss: Any, x: Array, against: Any, rng: Generator) -> str | None:
    """Ask whether value and gradient are those of the other rows, and the rest of it is 0."""
    targets, *weight = against
    kept = targets != loss.ignore_index
    value, saved = loss.apply(x, *against)
    gradient = loss.pullback(saved)
    weight = [
        np.broadcast_to(w.reshape(*w.shape, *[1] * (kept.ndim - w.ndim)), kept.shape)[kept]
        for w in weight
    ]
    alone, others = loss.apply(x[kept], targets[kept], *weight)
    if distance(np.asarray(value), np.asarray(alone)) > 1e-12:
        return "the value is not that of the rows that are not ignored"
    if gradient[~kept].any():
        return "what is ignored has a gradient"
    if distance(gradient[kept], loss.pullback(others)) > 1e-10:
        return "the gradient is not that of the rows that are not ignored"
    return None


def scaled_by_its_weights(loss: Any, x: Array, against: Any, rng: Generator) -> str | None:
    """Ask whether a datapoint of weight 2 counts as two, and one of weight 0 not at all."""
    targets = against[0]
    copies = rng.permutation(np.arange(len(x)) % 3)  # 0, 1 or 2 of each
    value, saved = loss.apply(x, targets, copies.astype(x.dtype))
    gradient = loss.pullback(saved)
    rows = np.repeat(np.arange(len(x)), copies)
    many, kept = loss.apply(x[rows], targets[rows])
    each = loss.pullback(kept)
    summed = np.zeros_like(x)
    np.add.at(summed, rows, each)
    if distance(np.asarray(value), np.asarray(many)) > 1e-12:
        return "the value with weights is not that of repeated rows"
    if distance(gradient, summed) > 1e-10:
        return "the gradient with weights is not that of repeated rows"
    return None


_cross_entropy_errors: Wrong = (
    (lambda f: f.grad(), RuntimeError),
    (lambda f: f(np.ones((2, 3)), np.ones((2, 4))), ShapeError),
    (lambda f: f(np.ones((2, 3)), [0, 3]), ShapeError),
    (lambda f: f(np.ones((2, 3)), [0, -1]), ShapeError),
    (lambda f: f(np.ones((2, 3)), [0.0, 1.0]), DtypeError),
    (lambda f: f(np.ones((2, 3)), [[0], [1]]), ShapeError),
    (lambda f: f(np.ones(3), [0]), ShapeError),
    (lambda f: f(np.ones((0, 3)), np.ones((0, 3))), ShapeError),
    (lambda f: f([["a"]], [0]), DtypeError),
    (lambda f: f(np.ones((2, 3)), [0, 1], [1.0]), ShapeError),
    (lambda f: type(f)(average="no"), ArgumentError),
    *((lambda f, e=e: type(f)(label_smoothing=e), ArgumentError) for e in (-0.1, 1.1, True, "a")),
    *((lambda f, i=i: type(f)(ignore_index=i), ArgumentError) for i in (1.0, True, "a")),
)
errors_of_entries: Wrong = (
    (lambda f: f.grad(), RuntimeError),
    (lambda f: f(np.ones((3, 1)), np.ones(3)), ShapeError),
    (lambda f: f([], []), ShapeError),
    (lambda f: f(["a"], [1.0]), DtypeError),
    (lambda f: f(np.ones((2, 3)), np.ones((2, 3)), [1.0, 2.0, 3.0]), ShapeError),
    (lambda f: type(f)(average="no"), ArgumentError),
)
_binary_errors: Wrong = (
    *errors_of_entries,
    *((lambda f, t=t: f([[1.0, 2.0]], [[0.0, t]]), ArgumentError) for t in (-0.1, 2, np.nan)),
    *(
        (lambda f, w=w: type(f)(positive_weight=w), ArgumentError)
        for w in (-1.0, np.nan, np.inf, [[1.0, 2.0]])
    ),
    (lambda f: type(f)(positive_weight="many"), DtypeError),
    (lambda f: type(f)(positive_weight=[1.0, 2.0])([1.0], [0]), ShapeError),
)
_hinge_errors: Wrong = (
    *_cross_entropy_errors[:-7],
    (lambda f: f(np.ones((2, 3)), np.eye(3)[:2]), ShapeError),
    *((lambda f, m=m: type(f)(margin=m), ArgumentError) for m in (0.0, -1.0, np.inf, True, "a")),
)


def loss_of_entries(component: type, twin: Any) -> Any:
    """Return what makes rows of a loss that is a mean over all entries."""
    return partial(
        Case,
        component,
        build=lambda rng: component(),
        twin=twin,
        x=normal(7, 3),
        targets=normal(7, 3),
        invariants=(scaled_by_its_weights,),
    )


binary = loss_of_entries(BinaryCrossEntropy, torch_binary)
hinge = partial(
    Case,
    HingeLoss,
    build=lambda rng: HingeLoss(),
    twin=torch_hinge,
    invariants=(rows_of_the_gradient_sum_to_zero, scaled_by_its_weights),
)
cross_entropy = partial(
    Case,
    CrossEntropy,
    build=lambda rng: CrossEntropy(),
    twin=torch_cross_entropy,
    invariants=(rows_of_the_gradient_sum_to_zero, scaled_by_its_weights),
)
CASES: tuple[Case, ...] = (
    binary(
        "yes or no",
        x=off_zero(7, 3),
        targets=below(2, 7, 3),
        wrong=_binary_errors,
        extreme=ends(7, 3, size=1e308),
        proof=yes_and_no,
    ),
    binary("one axis, probabilities", x=off_zero(7), targets=answers(7)),
    binary(
        "a weight for each label, weighted by row",
        build=lambda rng: BinaryCrossEntropy(positive_weight=rng.uniform(0.1, 3.0, 3)),
        x=off_zero(2, 7, 3),
        targets=answers(2, 7, 3),
        sample_weight=weights(2),
    ),
    binary(
        "one weight, sum, masked",
        build=lambda rng: BinaryCrossEntropy(average=False, positive_weight=2.5),
        x=off_zero(7, 3),
        targets=answers(7, 3),
        sample_weight=weights(7, masked=True),
    ),
    hinge(
        "two axes",
        x=normal(7, 5),
        targets=below(5, 7),
        wrong=_hinge_errors,
        extreme=ends(7, 5, size=1e307),
        proof=ahead_and_behind,
    ),
    hinge(
        "margin = 0.3, three axes, weighted by row",
        build=lambda rng: HingeLoss(margin=0.3),
        x=normal(2, 7, 5),
        targets=below(5, 2, 7),
        sample_weight=weights(2),
    ),
    hinge(
        "sum, masked",
        build=lambda rng: HingeLoss(average=False),
        x=normal(7, 5),
        targets=below(5, 7),
        sample_weight=weights(7, masked=True),
    ),
    *(
        cross_entropy(
            f"{about}, {'mean' if average else 'sum'}",
            build=partial(build_cross_entropy, average),
            x=normal(7, 5, scale=2.0),
            targets=targets,
            wrong=_cross_entropy_errors,
            extreme=ends(7, 5, size=1e308),
            proof=partial(in_order, CrossEntropy(average), None),
        )
        for about, targets in (
            ("one-hot rows", one_hot(7, 5)),
            ("probabilities", probabilities(7, 5)),
            ("class indices", below(5, 7)),
        )
        for average in (True, False)
    ),
    cross_entropy("rows that sum to anything", x=normal(7, 5), targets=normal(7, 5)),
    *(
        cross_entropy(
            f"three axes, masked, {'mean' if average else 'sum'}",
            build=partial(build_cross_entropy, average),
            x=normal(2, 7, 5),
            targets=below(5, 2, 7),
            sample_weight=weights(2, 7, masked=True),
        )
        for average in (True, False)
    ),
    cross_entropy(
        "three axes, probabilities, weighted by row",
        x=normal(3, 2, 5),
        targets=probabilities(3, 2, 5),
        sample_weight=weights(3),
    ),
    cross_entropy("one datapoint", x=normal(1, 3), targets=one_hot(1, 3)),
    cross_entropy(
        "smoothed, class indices",
        build=lambda rng: CrossEntropy(label_smoothing=0.1),
        x=normal(7, 5),
        targets=below(5, 7),
        proof=partial(in_order, CrossEntropy(label_smoothing=0.25), [2, 0]),
    ),
    cross_entropy(
        "smoothed, probabilities, three axes",
        build=lambda rng: CrossEntropy(label_smoothing=0.3),
        x=normal(2, 7, 5),
        targets=probabilities(2, 7, 5),
        proof=partial(in_order, CrossEntropy(label_smoothing=0.25), None),
    ),
    cross_entropy(
        "some rows ignored",
        build=lambda rng: CrossEntropy(ignore_index=-100),
        x=normal(7, 5),
        targets=some_ignored(5, 7),
        invariants=(
            rows_of_the_gradient_sum_to_zero,
            scaled_by_its_weights,
            nothing_from_what_is_ignored,
        ),
        proof=partial(in_order, CrossEntropy(ignore_index=-100), [2, -100]),
    ),
    cross_entropy(
        "a class ignored, smoothed, sum, three axes",
        build=lambda rng: CrossEntropy(False, 0.1, ignore_index=2),
        x=normal(2, 7, 5),
        targets=some_ignored(5, 2, 7, index=2),
        invariants=(rows_of_the_gradient_sum_to_zero, nothing_from_what_is_ignored),
    ),
    cross_entropy(
        "some rows ignored, smoothed, weighted by row",
        build=lambda rng: CrossEntropy(label_smoothing=0.2, ignore_index=-1),
        x=normal(3, 7, 5),
        targets=some_ignored(5, 3, 7, index=-1),
        sample_weight=weights(3),
        invariants=(rows_of_the_gradient_sum_to_zero, nothing_from_what_is_ignored),
    ),
)

"""Weights of classes, as sample weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array
from handgrad.errors import ArgumentError
from handgrad.loss import broadcast_weight

__all__ = ["class_weighter"]


def class_weighter(
    weights: Mapping[int, float] | npt.ArrayLike | str | None, y: Any = None, counts: Any = None
) -> Any:
    """Return a function of predictions, targets and sample weights that weighs the classes in.

    A class that is left out of a mapping, or that a list has no place for, has weight 1;
    ``"balanced"`` is worked out of all the targets `y` and their sample weights `counts`. None is
    returned where classes have no weights.
    """
    if weights is None:
        return None
    if isinstance(weights, str):
        weights = _balanced(weights, y, counts)
    if isinstance(weights, Mapping):
        pairs = dict(weights)
    else:
        pairs = dict(enumerate(np.asarray(weights).tolist()))
    try:
        table = np.ones(max(pairs, default=0) + 1)
        for index, weight in pairs.items():
            table[range(len(table))[index] if index >= 0 else len(table)] = weight
        good = bool(np.all((table >= 0) & (table < np.inf)))
    except (TypeError, ValueError, IndexError):
        good = False
    if not good:
        raise ArgumentError(
            f"class_weight={weights!r}",
            "a finite weight >= 0 for each class, by its index from 0 on",
            "write class_weight={0: 1.0, 1: 5.0}",
        )

    def weigh(predictions: Array, y: Array, given: Array | None) -> Array:
        classes = y.argmax(axis=-1) if y.shape == predictions.shape else y
        if classes.shape != predictions.shape[:-1] or classes.dtype.kind not in "iu":
            raise ArgumentError(
                f"class_weight with targets of shape {y.shape} and type {y.dtype}",
                "targets that are classes: indices (N,), or one-hot rows (N, K)",
                "use sample_weight for other targets",
            )
        found: Array = table[np.clip(classes, 0, len(table) - 1)]
        found[classes >= len(table)] = 1
        return found if given is None else found * broadcast_weight(given, found, "class_weight")

    return weigh


def _balanced(name: str, y: Any, counts: Any) -> Array:
    """Return weights with which every class that there is counts as much as the others.

    The weight of class k is N / (K n_k), so that they are 1 where all classes are equally frequent.
    """
    classes = np.asarray(y)
    if classes.dtype.kind == "f" and classes.ndim > 1:  # one-hot rows
        classes = classes.argmax(axis=-1)
    if name != "balanced" or y is None or classes.dtype.kind not in "iub" or classes.min() < 0:
        raise ArgumentError(
            f"class_weight={name!r} with targets of type {type(y).__name__}",
            'class_weight="balanced" with all the classes at once, as indices (N,) or one-hot rows',
            "write class_weight={0: 1.0, 1: 5.0} for targets that come in batches",
        )
    if counts is not None:
        rows = np.empty(classes.shape)  # in whose type the weights are returned
        counts = broadcast_weight(np.asarray(counts), rows, "class_weight")
        counts = np.broadcast_to(counts, classes.shape).ravel()
    total = np.bincount(classes.ravel(), counts)
    present = total > 0
    weights = np.ones(len(total))
    weights[present] = total.sum() / (present.sum() * total[present])
    return weights

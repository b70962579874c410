"""The data of a run: read, split, and recognised when it comes again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.datasets import Column, Dataset, load_digits, read, stratified_split
from handgrad.datasets.preparation import row_slices
from handgrad.datasets.source import Source
from handgrad.datasets.targets import Wanted
from handgrad.errors import DataError

__all__ = ["fingerprint", "read_data", "split"]


def read_data(
    data: str | os.PathLike[str] | Source,
    target: str | int | None = -1,
    features: Sequence[str | Column] | None = None,
    classes: bool | Sequence[str] | None = None,
    **marks: Any,
) -> Dataset:
    """Return the digits where `data` is ``digits``, or what is in a file of another name.

    A file of that name is ``./digits``; the rest is as `handgrad.datasets.read` has it.
    """
    if data != "digits":
        return read(data, target, features=features, classes=classes, **marks)
    digits = load_digits()
    names = Wanted(features=features).names
    if marks.get("drop") or (names is not None and names != digits.feature_names):
        raise DataError(
            f"the digits, with {len(digits.feature_names)} pixels each",
            f"the {len(names or ())} features that the network was trained on"
            if names
            else "all of them",
            "train a network on the digits, without --drop and --features",
        )
    if target not in {None, -1, "-1", digits.target_name}:
        raise DataError(
            f"the target {target!r} of the digits", digits.target_name, "leave --target out"
        )
    if classes is False:
        return replace(digits, y=digits.y.astype(np.float64), class_names=())
    if isinstance(classes, Sequence) and tuple(classes) != digits.class_names:
        raise DataError(
            f"the digits for a network that knows {', '.join(classes)}",
            "a network that was trained on the digits",
            "train a network on the digits",
        )
    return digits


def split(data: Dataset, validation: float, seed: int) -> tuple[Array, Array]:
    """Return the rows to train on, and the rows that are held out: always the same ones.

    Of each class the same share is held out; none where `validation` is 0.
    """
    N, rng = len(data), np.random.default_rng(seed)
    if not validation:
        return np.arange(N), np.arange(0)
    if data.class_names:
        if np.bincount(data.y).max() < 2:
            raise DataError(
                f"{data.description} with a class of its own for each row",
                "classes with two rows or more",
                "choose another --target; or use --task numbers, or --validation 0",
            )
        return stratified_split(data.y, validation, rng)
    if N < 2:
        raise DataError(
            f"{data.description} with one row", "two rows or more", "use --validation 0"
        )
    count = min(max(round(validation * N), 1), N - 1)
    order = rng.permutation(N)
    return np.sort(order[count:]), np.sort(order[:count])


def fingerprint(data: Dataset) -> str:
    """Return the SHA-256 of features and targets, which are read in parts."""
    digest = hashlib.sha256()
    for array in (data.x, data.y):
        for rows in row_slices(len(array)):
            digest.update(np.ascontiguousarray(array[rows]).data)
    return digest.hexdigest()

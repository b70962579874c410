"""Padded sequences, packed: the steps that there are, one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array, in_short
from handgrad.errors import DtypeError, ShapeError

__all__ = ["Packing", "checked_lengths"]


class Packing:
    r"""Where each step of N sequences lies in an array without the padding.

    Sequence :math:`n` has :math:`L_n` steps. A *packed* array has a row for each step that there
    is, :math:`S = \sum_n L_n` of them: first step 1 of every sequence, then step 2 of those that
    have one, and so on. Within a step the longest sequences come first, so that those that go on
    are the first rows of the step before, and a loop over the steps needs slices alone. What is
    not there is not computed, and so can change nothing.

    A *history* has N rows more in front, for the states before step 1. The states before a step
    and those after it are slices of this one array.

    Parameters
    ----------
    x : Array, (N, T, D)
        The sequences.
    lengths : Array, (N,), optional
        How many steps each has, from 1 to T; T where it is None.
    parts : int
        How many arrays the input was, or 0 where it was no tuple.

    Attributes
    ----------
    steps : list of (slice, slice, slice)
        For each step: in a history the states before it and those after it, and in a packed array
        the step itself.
    before : slice or Array, (S,)
        In a history, the state before each row of a packed array.
    last : slice or Array, (N,)
        In a history, the state after each sequence's last step.

    Examples
    --------
    >>> x = np.arange(6.0).reshape(2, 3, 1)
    >>> packing = Packing(x, np.array([1, 3]))
    >>> packing.pack(x).ravel()
    array([3., 0., 4., 5.])
    >>> packing.unpack(packing.pack(x))[..., 0]
    array([[0., 0., 0.],
           [3., 4., 5.]])
    >>> packing.steps[1]
    (slice(2, 3, None), slice(4, 5, None), slice(2, 3, None))
    """

    def __init__(self, x: Array, lengths: Array | None = None, parts: int = 0) -> None:
        N, T = self.N, self.T = x.shape[:2]
        self.parts = parts
        self.full = lengths is None or bool((lengths == T).all())
        if self.full:
            counts = [N] * T
        else:
            assert lengths is not None
            self.order = np.argsort(-lengths.astype(np.intp), kind="stable")
            ordered = lengths[self.order]
            there = np.arange(int(ordered[0]), like=ordered)[:, None] < ordered
            self.times, ranks = np.nonzero(there)
            self.rows, counts = self.order[ranks], there.sum(axis=1).tolist()
        begins = [0, N]  # of the states before step 1, after step 1, after step 2, ...
        for count in counts:
            begins.append(begins[-1] + count)
        self.S = begins[-1] - N
        self.steps = [
            (slice(a, a + count), slice(b, b + count), slice(b - N, b - N + count))
            for a, b, count in zip(begins, begins[1:], counts, strict=False)
        ]
        self.before: Any = slice(0, self.S)
        self.last: Any = slice(self.S, self.S + N)
        if not self.full:
            at = np.asarray(begins, like=self.order)
            self.before = at[self.times] + ranks
            self.last = np.empty_like(self.order)
            self.last[self.order] = at[ordered] + np.arange(N, like=ordered)

    def pack(self, x: Array) -> Array:
        """Return the steps that there are, (S, D), of sequences (N, T, D)."""
        if self.full:
            return x.transpose(1, 0, 2).reshape(self.S, -1)
        steps: Array = x[self.rows, self.times]
        return steps

    def unpack(self, steps: Array) -> Array:
        """Return sequences (N, T, D), which are 0 where there is no step."""
        shape = (self.N, self.T, steps.shape[1])
        if self.full:
            x = np.empty_like(steps, shape=shape)
            x[...] = steps.reshape(self.T, self.N, -1).transpose(1, 0, 2)
        else:
            x = np.zeros_like(steps, shape=shape)
            x[self.rows, self.times] = steps
        return x

    def history(self, like: Array, width: int, initial: Array | None) -> Array:
        """Return a history of states of a `width`: the initial ones, or zeros, and then zeros."""
        history = np.zeros_like(like, shape=(self.N + self.S, width))
        if initial is not None:
            history[: self.N] = initial if self.full else initial[self.order]
        return history

    def initial(self, history: Array) -> Array:
        """Return what a history begins with, (N, H), in the sequences' order."""
        first: Array = history[: self.N].copy()
        if not self.full:
            first[self.order] = history[: self.N]
        return first

    def final(self, history: Array) -> Array:
        """Return the states after each sequence's last step, (N, H)."""
        last: Array = history[self.last]
        return last.copy() if self.full else last

    def upstream(self, dy: Array) -> Array:
        """Return as a history what the outputs, (N, T, H) or the last (N, H), say of each state."""
        history = np.zeros_like(dy, shape=(self.N + self.S, dy.shape[-1]))
        if dy.ndim == 3:
            history[self.N :] = self.pack(dy)
        else:
            history[self.last] = dy
        return history

    def gradient(self, dsteps: Array, *histories: Array) -> Any:
        """Return the gradient of the input, in its form, given those of its steps and states."""
        dx = self.unpack(dsteps)
        if not self.parts:
            return dx
        return (dx, None, *map(self.initial, histories))[: self.parts]


def checked_lengths(lengths: Array, shape: tuple[int, ...], owner: object) -> Array:
    """Return the lengths of sequences of a shape (N, T, D), or raise where they cannot be.

    Raises
    ------
    DtypeError
        They are not integers.
    ShapeError
        There is not one for each sequence, or one is not from 1 to T.

    Examples
    --------
    >>> checked_lengths(np.array([1, 3]), (2, 3, 5), "LSTM(5, 4)")
    array([1, 3])
    """
    N, T = shape[:2]
    if lengths.dtype.kind not in "iu":
        raise DtypeError(
            f"lengths of type {lengths.dtype} for {in_short(owner)}",
            "integers",
            "count the steps of each sequence, for instance mask.sum(axis=1)",
        )
    if lengths.shape != (N,):
        raise ShapeError(
            f"lengths of shape {lengths.shape} for {in_short(owner)} on an input of shape {shape}",
            f"one for each of the {N} sequences, ({N},)",
            "count the steps of each sequence, for instance mask.sum(axis=1)",
        )
    if lengths.min() < 1 or lengths.max() > T:
        raise ShapeError(
            f"lengths from {lengths.min()} to {lengths.max()} for {in_short(owner)} on an input of "
            f"shape {shape}",
            f"lengths from 1 to {T}",
            "leave sequences without a step out, and pad the others to the length of the longest",
        )
    return lengths

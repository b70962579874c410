"""Dot-product attention of all sequences and heads at once, as `MultiHeadAttention` derives it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from handgrad.arguments import Array

__all__ = ["attend", "attend_pullback", "blocks_of", "largest"]


def largest(s: Array) -> Array:
    """Return what is subtracted from each row of scores, so that no exponential overflows.

    Examples
    --------
    >>> largest(np.array([[1.0, 3.0], [-np.inf, -np.inf]]))
    array([[ 3.00000000e+000],
           [-1.79769313e+308]])
    """
    found: Array = s.max(axis=-1, keepdims=True, initial=np.finfo(s.dtype).min)
    return found


def blocks_of(T: int, S: int, size: int) -> list[tuple[slice, slice]]:
    """Return blocks of queries, and the keys that a causal layer lets some of them attend to.

    Examples
    --------
    >>> blocks_of(5, 4, size=3)
    [(slice(0, 3, None), slice(0, 3, None)), (slice(3, 5, None), slice(0, 4, None))]
    """
    starts = range(0, T, size)
    return [(slice(i, min(i + size, T)), slice(0, min(i + size, S))) for i in starts]


def attend(
    q: Array,
    k: Array,
    v: Array,
    m: Array | None,
    blocks: Iterable[tuple[slice, slice]],
    shift: Callable[[Array], Array],
) -> tuple[Array, Any]:
    """Return the heads' answers, and what the pullback needs.

    Parameters
    ----------
    q : Array, (N, H, T, d)
        The queries, scaled.
    k, v : Array, (N, H, S, d)
        The keys and the values.
    m : Array, (N, 1, T, S), optional
        What is added to the scores.
    blocks
        Which queries are worked on together, and with which keys.
    shift
        Gives what is subtracted from the scores.

    Examples
    --------
    >>> q, k, v = np.zeros((1, 1, 1, 2)), np.zeros((1, 1, 3, 2)), np.arange(6.0).reshape(1, 1, 3, 2)
    >>> attend(q, k, v, None, [(slice(1), slice(3))], largest)[0]
    array([[[[2., 3.]]]])
    """
    v1 = np.empty_like(v, shape=(*v.shape[:-1], v.shape[-1] + 1))  # [v | 1]
    v1[..., :-1], v1[..., -1] = v, 1
    y, done = np.empty_like(q), []
    for rows, keys in blocks:
        s = q[:, :, rows] @ k[:, :, keys].mT
        if m is not None:
            s += m[:, :, rows, keys]
        s -= shift(s)
        e = np.exp(s, out=s)
        sums = e @ v1[:, :, keys]
        z = sums[..., -1:]
        if m is not None:
            z = np.where(z == 0, 1, z)  # a row without keys: its answer is 0 / 1
        np.divide(sums[..., :-1], z, out=y[:, :, rows])
        done.append((rows, keys, e, z))
    return y, (q, k, v1, y, done)


def attend_pullback(dy: Array, saved: Any) -> tuple[Array, Array, Array]:
    """Return the gradients of the scaled queries, of the keys and of the values."""
    q, k, v1, y, done = saved
    dq, dk, dv = np.empty_like(q), np.zeros_like(k), np.zeros_like(k)
    for rows, keys, e, z in done:
        g1 = np.empty_like(v1, shape=(*e.shape[:-1], v1.shape[-1]))  # [g | -vecdot(g, y)]
        g = np.divide(dy[:, :, rows], z, out=g1[..., :-1])
        g1[..., -1] = -np.vecdot(g, y[:, :, rows])
        ds = g1 @ v1[:, :, keys].mT
        ds *= e
        dq[:, :, rows] = ds @ k[:, :, keys]
        dk[:, :, keys] += ds.mT @ q[:, :, rows]
        dv[:, :, keys] += e.mT @ g
    return dq, dk, dv

"""What attention is given: query, key and value, and which keys a query may attend to."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import DtypeError, ShapeError

__all__ = ["FORMS", "allowed_keys", "mask_bias", "named_inputs"]

FORMS = "x, (x, mask), (query, key, value) or (query, key, value, mask)"
"""An input's forms, which the number of its arrays tells apart; lengths may stand for the mask."""


def named_inputs(x: Any, owner: Any) -> tuple[Array, Array, Array, Array | None]:
    """Return query, key, value, and where there is a mask the keys that are allowed.

    Parameters
    ----------
    x
        An input in one of the forms.
    owner
        The layer, whose features they must have.

    Raises
    ------
    ShapeError, DtypeError
        It is in none of them, or its arrays do not fit the layer or each other.

    Examples
    --------
    >>> from handgrad import MultiHeadAttention
    >>> x = np.zeros((1, 2, 4))
    >>> query, key, value, allowed = named_inputs((x, np.array([1])), MultiHeadAttention(4, 2))
    >>> query is key is value is x, allowed.shape
    (True, (1, 1, 1, 2))
    """
    parts = x if isinstance(x, tuple) else (x,)
    if len(parts) not in (1, 2, 3, 4):
        raise _unfit(f"a tuple of {len(parts)} arrays", owner, "one of 1 to 4 arrays")
    *arrays, mask = parts if len(parts) in (2, 4) else (*parts, None)
    query, key, value = arrays if len(arrays) == 3 else arrays * 3
    sizes = owner.features, owner.key_features, owner.value_features
    names = ("query", "key", "value")
    for name, array, D, axis in zip(names, (query, key, value), sizes, "TSS", strict=True):
        fits = array.ndim == 3 and array.shape[2] == D and len(array) == len(query)
        if not fits or (name == "value" and array.shape[1] != key.shape[1]):
            others = {"key": f"query {query.shape}", "value": f"key {key.shape}"}
            raise _unfit(
                f"{name} of shape {array.shape}",
                owner,
                f"(N, {axis}, {D})" + (f" beside {others[name]}" if name in others else ""),
            )
    return query, key, value, None if mask is None else allowed_keys(mask, query, key, owner)


def allowed_keys(mask: Array, query: Array, key: Array, owner: Any) -> Array:
    """Return a mask, or lengths, as booleans that go with all pairs, (N, H, T, S).

    Examples
    --------
    >>> pairs = np.zeros((2, 3, 4)), np.zeros((2, 3, 4))
    >>> allowed_keys(np.array([1, 3]), *pairs, "MultiHeadAttention(4, 2)")[:, 0, 0]
    array([[ True, False, False],
           [ True,  True,  True]])
    """
    N, T, S = *query.shape[:2], key.shape[1]
    shapes = (N, S), (N, T, S)
    if mask.dtype.kind == "b":
        if mask.shape not in shapes:
            raise _unfit(f"a mask of shape {mask.shape}", owner, f"({N}, {S}) or ({N}, {T}, {S})")
        return mask.reshape(N, 1, -1, S)
    if mask.dtype.kind not in "iu" or mask.shape in shapes:
        raise DtypeError(
            f"an array of {mask.dtype} as the mask of {owner!r}",
            f"booleans, True where attention may go, or lengths; the forms are {FORMS}",
            "write mask.astype(bool); for a query and other keys give (query, key, value)",
        )
    if mask.shape != (N,) or mask.min() < 0 or mask.max() > S:
        what = f"lengths of shape {mask.shape} from {mask.min()} to {mask.max()}"
        raise _unfit(what, owner, f"a number from 0 to {S} for each of {N} sequences, ({N},)")
    return (np.arange(S, like=mask) < mask[:, None])[:, None, None]


def mask_bias(allowed: Array | None, q: Array, k: Array, causal: bool) -> Array | None:
    """Return what is added to the scores: 0 where attention may go and minus infinity elsewhere.

    Examples
    --------
    >>> q = np.zeros((1, 2, 3, 4))
    >>> mask_bias(None, q, q, causal=True)[0, 0]
    array([[  0., -inf, -inf],
           [  0.,   0., -inf],
           [  0.,   0.,   0.]])
    """
    N, _, T, _ = q.shape
    S = k.shape[2]
    if causal:
        earlier = np.tri(T, S, dtype=bool, like=q)
        allowed = earlier if allowed is None else allowed & earlier
    if allowed is None:
        return None
    return np.broadcast_to(np.where(allowed, 0.0, -np.inf).astype(q.dtype), (N, 1, T, S))


def _unfit(what: str, owner: Any, expected: str) -> ShapeError:
    return ShapeError(f"{what} for {owner!r}", expected, f"give {FORMS}; features stand last")

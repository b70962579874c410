"""The gradients of each sample, a row of one array for each, and their norms without that array."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import GradientsError, ShapeError
from handgrad.flat.layout import Layout, Node, Span
from handgrad.per_sample.summands import Summands, total

__all__ = ["PerSample"]


class PerSample:
    """What a model's parameters' gradients are sums of, by where they lie in its vector.

    Parameters
    ----------
    layout : Layout
        Where each parameter lies.
    given : dict
        What `pullback_per_sample` returned, of which a parameter may have several shares.
    samples : int
        How many samples there are, N.
    like : Array
        An array of the type that is wanted.

    Raises
    ------
    GradientsError
        The gradients of a parameter are not there, or too many.

    Examples
    --------
    >>> from handgrad import Linear, Model
    >>> model = Model([Linear(2, 1)])
    >>> x, dy = np.array([[3.0, 4.0], [0.0, 1.0]]), np.ones((2, 1))
    >>> y, saved = model.apply(x)
    >>> _, given = model.pullback_per_sample(dy, saved)
    >>> each = PerSample(model.layout, given, 2, x)
    >>> each.rows(), each.norms().round(3)
    (array([[3., 4., 1.],
           [0., 1., 1.]]), array([5.099, 1.414]))
    """

    def __init__(self, layout: Layout, given: Any, samples: int, like: Array) -> None:
        self.layout, self.samples, self.like = layout, samples, like
        shares: dict[int, list[Any]] = {span.place.start: [] for span in layout.spans}
        _collect(layout.root, given, shares)
        self.parts: list[tuple[Span, Summands]] = []
        for span in layout.spans:
            shape = (samples, *span.shape)
            found = [_checked(share, shape) for share in shares[span.place.start]]
            if not found:
                raise GradientsError(
                    f"no gradients of a parameter of shape {span.shape}",
                    "gradients of each parameter",
                    "return those of all parameters and children by their names",
                )
            self.parts.append((span, total(found, like, shape)))

    def rows(self, out: Array | None = None) -> Array:
        """Return the gradients, (N, P), in an array that is given or a new one."""
        shape = (self.samples, self.layout.size)
        if out is None:
            out = np.empty_like(self.like, shape=shape)
        elif out.shape != shape or out.dtype != self.like.dtype or not out.flags.c_contiguous:
            raise ShapeError(
                f"an array of {out.dtype} of shape {out.shape} for the gradients of each sample",
                f"a contiguous one of {self.like.dtype} of shape {shape}",
                "make it by np.empty((N, model.parameters.size), model.parameters.dtype), or leave "
                "it out",
            )
        for span, summands in self.parts:
            summands.write(out[:, span.place].reshape(self.samples, *span.shape))
        return out

    def norms(self) -> Array:
        """Return the gradients' Euclidean norms, (N,)."""
        squares = np.zeros_like(self.like, shape=self.samples)
        for _, summands in self.parts:
            squares += summands.squares()
        norms: Array = np.sqrt(squares, out=squares)
        return norms


def _collect(node: Node, given: Any, shares: dict[int, list[Any]]) -> None:
    """Put each share of a parameter's gradients with the others of the same one."""
    if not isinstance(given, Mapping):
        raise GradientsError(
            f"{type(given).__name__} as the gradients of a component",
            "a dict by the names of its parameters and children",
            "return the gradients of each sample in the form in which pullback returns gradients",
        )
    for name, entry in given.items():
        if name in node.own:
            shares[node.own[name].place.start].append(entry)
        elif name in node.children:
            _collect(node.children[name], entry, shares)


def _checked(share: Any, shape: tuple[int, ...]) -> Any:
    if not isinstance(share, Summands) and share.size != prod(shape):
        raise ShapeError(
            f"gradients of shape {share.shape} for a parameter of shape {shape[1:]}",
            f"one for each of {shape[0]} samples, {shape}",
            "leave the axis of the samples in front, and sum over what is within each of them",
        )
    return share

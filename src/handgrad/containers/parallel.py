"""Components side by side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from handgrad.adapter import adapt
from handgrad.arguments import Array, in_short
from handgrad.component import Component
from handgrad.containers.branches import Branches, added, listed
from handgrad.errors import ArgumentError, ShapeError
from handgrad.per_sample.contract import Seen, as_it_is
from handgrad.shapes import Shape, merged, shape_text

__all__ = ["Parallel"]

_WAYS = ("sum", "concatenate")


class Parallel(Branches):
    r"""Several components that are fed with the same input, their outputs added or put together.

    .. math::
        Y = \sum_b F_b(X) \quad \text{(sum)}, \qquad
        Y = \bigl[ F_1(X) \; F_2(X) \; \dots \bigr] \quad \text{(concatenate)}

    Parameters
    ----------
    components : sequence of Component
        :math:`F_1, F_2, \dots`, at least one.
    combine : "sum" or "concatenate", default "sum"
        Whether the outputs are added, or put side by side along the last axis.

    Raises
    ------
    ArgumentError
        There are no components, something is not a component, some take indices and some do not,
        or `combine` is neither.
    ShapeError
        The outputs differ in shape, in the last axis only where they are added.

    Notes
    -----
    **Gradient.** With :math:`dY_b = dY` for a sum, and for a concatenation those columns of
    :math:`dY` in which :math:`F_b(X)` stands,

    .. math:: dX = \sum_b J_b^T \, dY_b.

    **Derivation.** Write :math:`f_{bj}` for the entries of the outputs. An input reaches the loss
    through all of them, and each :math:`f_{bj}` through one entry of :math:`Y`, with the
    derivative 1, so its gradient is that entry's, :math:`dy_{bj}`:

    .. math::
        dx_i = \sum_{bj} dy_{bj} \frac{\partial f_{bj}}{\partial x_i}
             = \sum_b \Bigl( \sum_j dy_{bj} \frac{\partial f_{bj}}{\partial x_i} \Bigr),

    whose inner sum is the pullback of component :math:`b`. One that stands in the list twice has
    a share of its parameters' gradient for each place, as in a `Model`.

    **Shapes.** Those of the components; their features add up where they are concatenated.

    **Saved.** What each saves, and of a concatenation how many features each has.

    References
    ----------
    Szegedy et al., "Going deeper with convolutions", CVPR 2015, figure 2.

    Examples
    --------
    >>> from handgrad import Linear, ReLU, Sigmoid
    >>> both = Parallel([ReLU(), Sigmoid()], combine="concatenate")
    >>> both([[0.0, 2.0]]).round(2)
    array([[0.  , 2.  , 0.5 , 0.88]])
    >>> both.grad([[1.0, 1.0, 4.0, 0.0]])
    array([[1., 1.]])
    >>> Parallel([Linear(2, 3), Linear(2, 3)]).output_shape((None, 2))
    (None, 3)
    """

    def __init__(self, components: Iterable[Any], combine: str = "sum") -> None:
        try:
            given = tuple(components)
        except TypeError:
            given = ()
        if not given:
            raise ArgumentError(
                f"{components!r} as the components of a Parallel",
                "a list with at least one component",
                "write Parallel([Linear(4, 8), ReLU()])",
            )
        if combine not in _WAYS:
            raise ArgumentError(
                f"combine={combine!r} for Parallel",
                " or ".join(map(repr, _WAYS)),
                '"sum" adds the outputs, "concatenate" puts them side by side',
            )
        made = {id(component): adapt(component) for component in given}
        self.components = tuple(made[id(component)] for component in given)
        self.combine = combine
        self._ask_children()

    def children(self) -> dict[str, Component]:
        return {str(b): component for b, component in enumerate(self.components)}

    def apply(self, x: Any) -> tuple[Array, Any]:
        """Return the sum or the concatenation of the outputs; save what each saves."""
        outputs: list[Array] = []
        saved: list[Any] = []
        for component in self.components:
            y, kept = component.apply(self._feed(component, x))
            outputs.append(y)
            saved.append(kept)
        self._combined([y.shape for y in outputs])
        if self.combine == "sum":
            return added(outputs), (saved, None)
        return np.concatenate(outputs, axis=-1), (saved, [y.shape[-1] for y in outputs])

    def pullback(
        self,
        dy: Array,
        saved: Any,
        need_dx: bool = True,
        out: Any = None,
        seen: Seen = as_it_is,
    ) -> tuple[Any, dict[str, Any]]:
        """Return the sum of the pullbacks, of `dy` or of its columns, and all their gradients."""
        offered = {} if out is None else out
        kept, widths = saved
        shares, gradients, start = [], {}, 0
        for i, (name, component) in enumerate(self.children().items()):
            df = dy if widths is None else dy[..., start : start + widths[i]]
            start += df.shape[-1]
            dx, gradients[name] = seen(component).pullback(df, kept[i], need_dx, offered.get(name))
            shares.append(dx)
        return added(shares) if need_dx else None, gradients

    def update_buffers(self, saved: Any) -> None:
        for component, kept in zip(self.components, saved[0], strict=True):
            if component.training:
                component.update_buffers(kept)

    def output_shape(self, input_shape: Shape) -> Shape:
        return self._combined([self._shape_of(f, input_shape) for f in self.components])

    def _combined(self, shapes: list[Shape]) -> Shape:
        """Return the shape of several outputs together."""
        total = shapes[0]
        for shape in shapes[1:]:
            fitting = merged(total, shape) if self.combine == "sum" else _beside(total, shape)
            if fitting is None:
                raise _unequal(shapes, self)
            total = fitting
        return total

    def __repr__(self) -> str:
        return listed("Parallel([", self.components, f"], combine={self.combine!r})")


def _beside(one: Shape, other: Shape) -> Shape | None:
    """Return the shape of two arrays put together along the last axis; None where they differ."""
    (*first, K), (*second, L) = (
        (*s, None) if s[-1:] == (...,) else s or (0,) for s in (one, other)
    )
    leading = merged(tuple(first), tuple(second))
    return None if leading is None else (*leading, None if None in (K, L) else K + L)


def _unequal(shapes: list[Shape], owner: Parallel) -> ShapeError:
    return ShapeError(
        f"outputs of shapes {', '.join(map(shape_text, shapes))} for {in_short(owner)}",
        "one shape, which is added entry by entry"
        if owner.combine == "sum"
        else "one shape but for the last axis, along which they are put together",
        "let the components end alike, for instance each with a Linear of as many features",
    )

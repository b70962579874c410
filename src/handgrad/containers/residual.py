"""The residual block."""

from __future__ import annotations

from typing import Any

from handgrad.adapter import adapt
from handgrad.arguments import Array, in_short
from handgrad.containers.branches import Branches, added, is_several, listed
from handgrad.errors import ArgumentError, ShapeError
from handgrad.per_sample.contract import Seen, as_it_is
from handgrad.shapes import Shape, merged, shape_text

__all__ = ["Residual"]


class Residual(Branches):
    r"""A component and a way around it.

    .. math:: Y = F(X) + S(X)

    Parameters
    ----------
    inner : Component
        :math:`F`, most often a `Model`.
    shortcut : Component, optional
        :math:`S`, for instance a `Linear` where :math:`F` changes the number of features; the
        input itself where it is None.

    Raises
    ------
    ArgumentError
        One of the two is no component, or takes indices where the other does not.
    ShapeError
        The two outputs differ in shape. Nothing is broadcast.

    Notes
    -----
    **Gradient.** Both ways back, added:

    .. math:: dX = J_F^T \, dY + J_S^T \, dY, \qquad \text{without a shortcut } \; J_F^T \, dY + dY.

    **Derivation.** An input reaches the loss through both summands. With :math:`j` for the outputs'
    entries,

    .. math::
        dx_i = \sum_j dy_j \frac{\partial (f_j + s_j)}{\partial x_i}
             = \sum_j dy_j \frac{\partial f_j}{\partial x_i}
             + \sum_j dy_j \frac{\partial s_j}{\partial x_i},

    which are the two pullbacks of the same `dy`. For :math:`s_j = x_j` the second is :math:`dy_i`,
    whatever :math:`F` does: a stack of such blocks hands the gradient down unchanged, beside what
    comes through the blocks, and so it does not vanish with the depth.

    **Several inputs.** Where :math:`F` takes a tuple (a query with its mask, a sequence with its
    lengths), the way around takes the first of its arrays, and so does a shortcut that takes none.

    **Shapes.** Those of :math:`F`, which without a shortcut are the input's.

    **Saved.** What both save.

    References
    ----------
    He, Zhang, Ren and Sun, "Identity mappings in deep residual networks", ECCV 2016, eqs. 1 to 5.

    Examples
    --------
    >>> from handgrad import Linear, Model, ReLU
    >>> last = Linear(5, 2, init="zeros", bias_init="zeros")
    >>> block = Residual(Model([Linear(2, 5), ReLU(), last]))
    >>> block([[1.0, -2.0]])
    array([[ 1., -2.]])
    >>> block.grad([[10.0, 20.0]])
    array([[10., 20.]])
    >>> Residual(ReLU(), Linear(2, 2))
    Residual(ReLU(), Linear(2, 2))
    """

    def __init__(self, inner: Any, shortcut: Any = None) -> None:
        self.inner = adapt(inner)
        self.shortcut = None if shortcut is None else adapt(shortcut)
        self._ask_children()
        if self.shortcut is None and self.takes_integers:
            raise ArgumentError(
                f"{in_short(self.inner)}, which takes indices, in a Residual without a shortcut",
                "an input that can be added to the output",
                "put it before the Residual, or give a shortcut that takes indices too",
            )

    def apply(self, x: Any) -> tuple[Array, Any]:
        """Return ``inner(x) + shortcut(x)``, and what both save."""
        y, saved = self.inner.apply(self._feed(self.inner, x))
        if self.shortcut is None:
            around, kept = (x[0] if isinstance(x, tuple) else x), None
        else:
            around, kept = self.shortcut.apply(self._feed(self.shortcut, x))
        if y.shape != around.shape:
            raise _unequal(y.shape, around.shape, self)
        return y + around, (saved, kept)

    def pullback(
        self,
        dy: Array,
        saved: Any,
        need_dx: bool = True,
        out: Any = None,
        seen: Seen = as_it_is,
    ) -> tuple[Any, dict[str, Any]]:
        """Return the sum of both pullbacks of `dy`, and the gradients of both."""
        offered = {} if out is None else out
        saved, kept = saved
        around, gradients = dy, {}
        dx, gradients["inner"] = seen(self.inner).pullback(dy, saved, need_dx, offered.get("inner"))
        if self.shortcut is not None:
            around, gradients["shortcut"] = seen(self.shortcut).pullback(
                dy, kept, need_dx, offered.get("shortcut")
            )
        return added([dx, around]) if need_dx else None, gradients

    def update_buffers(self, saved: Any) -> None:
        for child, kept in zip(self.children().values(), saved, strict=False):
            if child.training:
                child.update_buffers(kept)

    def output_shape(self, input_shape: Shape) -> Shape:
        y = self._shape_of(self.inner, input_shape)
        if self.shortcut is not None:
            around = self._shape_of(self.shortcut, input_shape)
        else:
            around = input_shape[0] if is_several(input_shape) else input_shape
        fitting = merged(y, around)
        if fitting is None:
            raise _unequal(y, around, self)
        return fitting

    def __repr__(self) -> str:
        return listed("Residual(", self.children().values(), ")")


def _unequal(y: Shape, around: Shape, owner: Residual) -> ShapeError:
    return ShapeError(
        f"outputs of shape {shape_text(y)} and, around it, {shape_text(around)} for "
        f"{in_short(owner)}",
        "two arrays of one shape, which can be added entry by entry",
        "let the inner component end with as many features as its input has, or give a shortcut "
        "that ends with as many, such as a Linear",
    )

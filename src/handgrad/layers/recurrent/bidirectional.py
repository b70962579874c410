"""Two recurrent layers, of which one reads backwards."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array, in_short
from handgrad.component import Component
from handgrad.errors import ArgumentError, ShapeError
from handgrad.per_sample.contract import Seen, as_it_is
from handgrad.shapes import Shape, merged

__all__ = ["Bidirectional"]


class Bidirectional(Component):
    r"""Two layers over the same sequences, of which one goes through each from its end.

    .. math::
        y_{nt} = \bigl[\, F(X)_{nt}, \; \rho(B(\rho(X)))_{nt} \,\bigr], \qquad
        \rho(X)_{nt} = x_{n, \, L_n + 1 - t} \quad \text{for } t = 1, \dots, L_n

    where :math:`F` and :math:`B` are the layers, :math:`\rho` turns each sequence around within its
    own length :math:`L_n`, and the brackets put the features of the two side by side, or add them.
    So an output knows of all steps of its sequence, those after it too.

    Parameters
    ----------
    forward_layer, backward_layer : Component
        The layers; each a recurrent layer, or a `Model` of some in a row.
    combine : "concatenate" or "sum", default "concatenate"
        What is done with the two outputs.

    Raises
    ------
    ArgumentError
        A layer is none that takes sequences with their lengths, `combine` is none of the two, or
        one layer returns sequences and the other its last state.
    ShapeError
        Outputs of different sizes are to be added, or the input does not fit the layers, or it has
        initial states, which only the layers themselves take.

    Notes
    -----
    **Input.** Sequences `x`, (N, T, D), or ``(x, lengths)``. What stands at and after a sequence's
    length stays where it is, and is looked at by nobody.

    **Last states.** Where the layers return their last states, nothing is turned back:
    :math:`B`'s last state is the one after the sequence's first step, so that both halves of the
    output have read all of it, as in Keras, and as ``h_n`` in PyTorch.

    **Gradient.** With :math:`dy^F` and :math:`dy^B` for the parts of the upstream gradient that
    belong to the two outputs (each is all of it, where the outputs are added), and the layers'
    pullbacks :math:`F'` and :math:`B'`,

    .. math:: dX = F'(dy^F) + \rho(B'(\rho(dy^B))).

    **Derivation.** The loss sees the input through both layers, so the two gradients add. Turning
    is a permutation :math:`\pi` of the steps, :math:`\rho(V)_s = v_{\pi(s)}`; the pullback of a
    permutation is its inverse, and turning twice is no turning, so it is its own:

    .. math::
        dv_r = \sum_s d\rho_s \frac{\partial \rho(V)_s}{\partial v_r}
             = \sum_s d\rho_s \, [\pi(s) = r]
             = d\rho_{\pi^{-1}(r)} = d\rho_{\pi(r)} = \rho(d\rho)_r.

    With that the chain rule through :math:`\rho`, :math:`B` and :math:`\rho`, read from the output,
    is the second term: ``turn(pullback(turn(dy_back)))``. Concatenation sends each entry of `dy` to
    the output that it came from, and a sum sends it to both.

    **Shapes.** :math:`X` and :math:`dX` (N, T, D); :math:`Y` and :math:`dY` (N, T, K), or (N, K)
    where the layers return their last states, with K the sum of the layers' sizes, or their size.

    **Saved.** What the layers save, the size of the first one's output, and where each step goes.

    References
    ----------
    Schuster and Paliwal, "Bidirectional recurrent neural networks" (1997).

    Examples
    --------
    >>> from handgrad import RNN
    >>> layers = [RNN(1, 1, init="ones", recurrent_init="ones") for _ in range(2)]
    >>> both = Bidirectional(*layers)
    >>> y = both(([[[1.0], [0.0], [9.9]]], [2]))
    >>> y.round(2)
    array([[[0.76, 0.76],
            [0.64, 0.  ],
            [0.  , 0.  ]]])
    """

    takes_tuple = True
    takes_lengths = True

    def __init__(
        self, forward_layer: Any, backward_layer: Any, combine: str = "concatenate"
    ) -> None:
        for layer in (forward_layer, backward_layer):
            if not isinstance(layer, Component) or not layer.takes_lengths:
                raise ArgumentError(
                    f"{in_short(layer)} in Bidirectional",
                    "a layer that takes sequences and their lengths",
                    "write Bidirectional(GRU(3, 5), GRU(3, 5))",
                )
        if combine not in ("concatenate", "sum"):
            raise ArgumentError(
                f"combine={combine!r} for Bidirectional",
                '"concatenate" or "sum"',
                'write combine="concatenate" to have the features side by side',
            )
        self.forward_layer, self.backward_layer = forward_layer, backward_layer
        self.combine = combine
        self.output_shape((None, None, None))

    def apply(self, x: Any) -> tuple[Array, Any]:
        """Return the outputs of both layers together, and what the pullback needs."""
        steps, *lengths = x if isinstance(x, tuple) else (x,)
        if len(lengths) > 1 or any(array.ndim != 1 for array in lengths):
            raise ShapeError(
                f"a tuple of {len(x)} arrays of {[array.ndim for array in x]} axes for "
                f"{in_short(self)}",
                "sequences, or (sequences, lengths), of 3 axes and 1",
                "leave initial states and masks out, or give them to the layers themselves",
            )
        ahead, saved = self.forward_layer.apply((steps, *lengths) if lengths else steps)
        order = _order(steps, *lengths)
        turned = _turn(steps, order)
        back, saved_back = self.backward_layer.apply((turned, *lengths) if lengths else turned)
        if back.ndim == 3:
            back = _turn(back, order)
        y = ahead + back if self.combine == "sum" else np.concatenate((ahead, back), axis=-1)
        return y, (saved, saved_back, ahead.shape[-1], order)

    def pullback(
        self,
        dy: Array,
        saved: Any,
        need_dx: bool = True,
        out: dict[str, Any] | None = None,
        seen: Seen = as_it_is,
    ) -> tuple[Any, dict[str, Any]]:
        """Run the layers' pullbacks, the second one's on what is turned around, and add."""
        saved, saved_back, width, order = saved
        together = self.combine == "sum"
        dahead, dback = (dy, dy) if together else (dy[..., :width], dy[..., width:])
        if dback.ndim == 3:
            dback = _turn(dback, order)
        offered = out or {}
        first, second = seen(self.forward_layer), seen(self.backward_layer)
        dx, ahead = first.pullback(dahead, saved, need_dx, offered.get("forward_layer"))
        dturned, back = second.pullback(dback, saved_back, need_dx, offered.get("backward_layer"))
        if need_dx and isinstance(dx, tuple):
            dx = (dx[0] + _turn(dturned[0], order), None)
        elif need_dx:
            dx = dx + _turn(dturned, order)
        return dx, {"forward_layer": ahead, "backward_layer": back}

    def update_buffers(self, saved: Any) -> None:
        for layer, kept in zip(self.children().values(), saved, strict=False):
            if layer.training:
                layer.update_buffers(kept)

    def output_shape(self, input_shape: Shape) -> Shape:
        one: Shape = self.forward_layer.output_shape(input_shape)
        two: Shape = self.backward_layer.output_shape(input_shape)
        if (...,) in (one, two):
            return (...,)
        leading = merged(one[:-1], two[:-1])
        if leading is None:
            raise ArgumentError(
                f"a layer that returns sequences beside one that does not, for {in_short(self)}",
                "two that do, or two that return their last states",
                "give both layers the same return_sequences",
            )
        sizes = one[-1], two[-1]
        if self.combine == "concatenate":
            return (*leading, None if None in sizes else sum(sizes))
        if None not in sizes and one[-1] != two[-1]:
            raise ShapeError(
                f"outputs with {one[-1]} and {two[-1]} features to be added by {in_short(self)}",
                "as many from one layer as from the other",
                'give both layers as many units, or write combine="concatenate"',
            )
        return (*leading, one[-1])

    def __repr__(self) -> str:
        together = ', combine="sum"' if self.combine == "sum" else ""
        return f"Bidirectional({self.forward_layer!r}, {self.backward_layer!r}{together})"


def _order(steps: Array, lengths: Array | None = None) -> Array | None:
    """Return which step goes to which place, (N, T): within the lengths the last one first."""
    if lengths is None:
        return None
    t = np.arange(steps.shape[1], like=lengths)
    ends = lengths.astype(np.intp)[:, None]
    order: Array = np.where(t < ends, ends - 1 - t, t)
    return order


def _turn(steps: Array, order: Array | None) -> Array:
    """Return sequences turned around, (N, T, D)."""
    if order is None:
        return steps[:, ::-1]
    turned: Array = np.take_along_axis(steps, order[:, :, None], axis=1)
    return turned

"""What the recurrent layers have in common: their sizes, and the forms of input and output."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, positive_size, true_or_false
from handgrad.component import Component
from handgrad.errors import ShapeError
from handgrad.initializers import Drawn, Initializer, draw_parameters, floating_type
from handgrad.layers.recurrent.packing import Packing, checked_lengths
from handgrad.parameter import Parameter
from handgrad.per_sample.summands import Products, over_places
from handgrad.shapes import Shape, leading_axes, shape_text

__all__ = ["Factors", "Recurrent"]

Factors = dict[str, tuple[Array | None, Array]]
"""For each parameter the two that it is the product of, over all steps (S, ...) of all sequences;
of a bias the first is a column of ones, and is left out."""


class Recurrent(Component):
    """A layer that goes through sequences step by step, and hands a state on.

    Parameters
    ----------
    in_features : int
        Features of the input, D.
    units : int
        Features of the state and of the output, H.
    return_sequences : bool, default True
        Whether the output is the state after every step, or that after the last one.
    init, recurrent_init, bias_init : str or function
        How the parameters are drawn, see `handgrad.initializers`.
    rng : numpy.random.Generator, optional
        Where they are drawn from; NumPy's global state where it is None.
    dtype : data type, default float64
        Their floating type.

    Examples
    --------
    >>> from handgrad import GRU
    >>> issubclass(GRU, Recurrent), GRU(3, 5).output_shape((None, 7, 3))
    (True, (None, 7, 5))
    """

    gates: ClassVar[int] = 1
    """How many blocks of H columns the weights have."""
    states: ClassVar[tuple[str, ...]] = ("state",)
    """What is handed on from one step to the next."""
    takes_tuple = True
    takes_lengths = True

    input_weights = Parameter()
    recurrent_weights = Parameter()
    bias = Parameter()

    def __init__(
        self,
        in_features: int,
        units: int,
        *,
        return_sequences: bool = True,
        init: Initializer = "glorot_uniform",
        recurrent_init: Initializer = "orthogonal",
        bias_init: Initializer = "zeros",
        rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        name = type(self).__name__
        D = self.in_features = positive_size(in_features, "in_features", name)
        H = self.units = positive_size(units, "units", name)
        self.return_sequences = true_or_false(
            return_sequences, "return_sequences", name, "write True for the state after every step"
        )
        self.init, self.recurrent_init, self.bias_init = init, recurrent_init, bias_init
        self.rng, self.dtype = rng, floating_type(dtype, name)
        self.parameters = draw_parameters(self._wanted(D, H), f"{name}({D}, {H})", rng, dtype)

    def _wanted(self, D: int, H: int) -> dict[str, Drawn]:
        """Return how the parameters are drawn, by name."""
        K = self.gates * H
        return {
            "input_weights": Drawn((D, K), self.init, D, K),
            "recurrent_weights": Drawn((H, K), self.recurrent_init, H, K),
            "bias": Drawn((1, K), self.bias_init, D, K),
        }

    def _opened(self, x: Any) -> tuple[Packing, Array, list[Array | None]]:
        """Return how an input is packed, its steps (S, D), and the states before the first one."""
        parts = len(x) if isinstance(x, tuple) else 0
        x, lengths, *initial = x if parts > 1 else (x[0] if parts else x, None)
        D, H, names = self.in_features, self.units, self.states
        if x.ndim != 3 or x.shape[2] != D:
            raise ShapeError(
                f"an input of shape {x.shape} for {self!r}",
                f"N sequences of T steps with {D} features, (N, T, {D})",
                "put the features on the last axis and the steps before them; x[None] makes one "
                "sequence a batch of one",
            )
        expected = (len(x), H)
        if initial and [state.shape for state in initial] != [expected] * len(names):
            raise ShapeError(
                f"initial states of shape {', '.join(str(state.shape) for state in initial)} for "
                f"{self!r} on an input of shape {x.shape}",
                f"{' and '.join(names)}, {expected} each, or none",
                f"pass (x, lengths, {', '.join(names)})",
            )
        if lengths is not None:
            lengths = checked_lengths(lengths, x.shape, self)
        packing = Packing(x, lengths, parts)
        return packing, packing.pack(x), [*initial] or [None] * len(names)

    @abstractmethod
    def _walk_pullback(self, dy: Array, saved: Any) -> tuple[Factors, tuple[Array, ...]]:
        """Walk through the steps in reverse.

        Returns
        -------
        factors
            What each parameter's gradient is a sum over all steps of.
        histories
            The gradients of the states, of which the first are the initial ones'.
        """

    def pullback(
        self, dy: Array, saved: Any, need_dx: bool = True, out: dict[str, Array] | None = None
    ) -> tuple[Any, dict[str, Array]]:
        """Walk through the steps in reverse, then sum over them all for each parameter."""
        factors, histories = self._walk_pullback(dy, saved)
        gradients = {} if out is None else out
        for name, (rows, da) in factors.items():
            place = gradients.get(name)
            if rows is None:
                gradients[name] = np.add.reduce(da, axis=0, keepdims=True, out=place)
            else:
                gradients[name] = np.matmul(rows.T, da, out=place)
        return self._dx_pullback(factors, histories, saved) if need_dx else None, gradients

    def pullback_per_sample(
        self, dy: Array, saved: Any, need_dx: bool = True
    ) -> tuple[Any, dict[str, Any]]:
        """Walk through the steps in reverse, and leave the sum over each sequence's own steps.

        The steps are put back into their sequences, where the padding is zeros and adds nothing.
        """
        factors, histories = self._walk_pullback(dy, saved)
        unpack = saved[0].unpack
        gradients = {
            name: over_places(unpack(da)) if rows is None else Products(unpack(rows), unpack(da))
            for name, (rows, da) in factors.items()
        }
        return self._dx_pullback(factors, histories, saved) if need_dx else None, gradients

    def _dx_pullback(self, factors: Factors, histories: tuple[Array, ...], saved: Any) -> Any:
        """Return the input's gradient, ``da @ W.T`` for all steps, and the initial states'."""
        _, da = factors["input_weights"]
        return saved[0].gradient(da @ self.input_weights.T, *histories)

    def _output(self, packing: Packing, history: Array) -> Array:
        """Return the output for a history of states."""
        if self.return_sequences:
            return packing.unpack(history[packing.N :])
        return packing.final(history)

    def last_states(self, saved: Any) -> tuple[Array, ...]:
        """Return the states after each sequence's last step, from which another call can go on.

        Parameters
        ----------
        saved
            What `apply` returned beside the output.

        Returns
        -------
        tuple of Array, (N, H)
            As they stand in an input, ``(x, lengths, *states)``.

        Examples
        --------
        >>> from handgrad import LSTM
        >>> lstm, lengths = LSTM(3, 5), np.full(2, 7)
        >>> x = np.random.default_rng(0).standard_normal((2, 14, 3))
        >>> first, saved = lstm.apply((x[:, :7], lengths))
        >>> second, _ = lstm.apply((x[:, 7:], lengths, *lstm.last_states(saved)))
        >>> bool(np.allclose(np.concatenate([first, second], axis=1), lstm(x)))
        True
        """
        packing, _, histories, *_ = saved
        return tuple(map(packing.final, histories))

    def output_shape(self, input_shape: Shape) -> Shape:
        several = bool(input_shape) and isinstance(input_shape[0], tuple)
        shape = input_shape[0] if several else input_shape
        leading = leading_axes(shape, self.in_features, self)
        if leading[:1] == (...,):
            leading = (None, None)
        if len(leading) != 2:
            raise ShapeError(
                f"an input of shape {shape_text(shape)} for {self!r}",
                f"sequences, (N, T, {self.in_features})",
                "let a recurrent layer in front return its states, return_sequences=True",
            )
        return (*leading, self.units) if self.return_sequences else (leading[0], self.units)

    def __repr__(self) -> str:
        last = "" if self.return_sequences else ", return_sequences=False"
        return f"{type(self).__name__}({self.in_features}, {self.units}{last})"

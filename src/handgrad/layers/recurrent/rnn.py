"""The simple recurrent layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array
from handgrad.errors import ArgumentError
from handgrad.initializers import Initializer
from handgrad.layers.recurrent.recurrence import Factors, Recurrent

__all__ = ["RNN"]


class RNN(Recurrent):
    r"""A layer whose state is an activation of the step's input and of the state before.

    .. math:: h_t = \varphi(x_t W + h_{t-1} U + b), \qquad t = 1, \dots, T

    for each sequence by itself, where :math:`\varphi` is the hyperbolic tangent or ReLU, and
    :math:`h_0 = 0` unless it is given.

    Parameters
    ----------
    in_features : int
        Features of the input, D.
    units : int
        Features of the state and of the output, H.
    return_sequences : bool, default True
        Whether the output is the state after every step, (N, T, H), or that after each sequence's
        last step, (N, H).
    activation : "tanh" or "relu", default "tanh"
        The function :math:`\varphi`.
    init, recurrent_init, bias_init : str or function
        How the three parameters are drawn, see `handgrad.initializers`.
    rng : numpy.random.Generator, optional
        Where they are drawn from; NumPy's global state where it is None.
    dtype : data type, default float64
        Their floating type.

    Attributes
    ----------
    input_weights : Array, (D, H)
        :math:`W`; by default "glorot_uniform".
    recurrent_weights : Array, (H, H)
        :math:`U`; by default "orthogonal", which keeps the length of a state.
    bias : Array, (1, H)
        :math:`b`; by default "zeros".

    Raises
    ------
    ArgumentError
        A size is not a positive integer, `activation` is none of the two, `return_sequences` is not
        a bool, an initializer is none, `dtype` is not a floating type, or `rng` is not a generator.
    ShapeError
        The input is not (N, T, D), there is not a length from 1 to T for each sequence, or the
        initial state is not (N, H).
    DtypeError
        The lengths are not integers.

    Notes
    -----
    **Input.** Sequences `x`, (N, T, D), alone; ``(x, lengths)`` where they are padded, with the
    steps of each, (N,); or ``(x, lengths, state)`` with the state :math:`h_0`, (N, H), which then
    has a gradient. What stands at and after a sequence's length is never looked at: it changes
    nothing, the output there is 0, and so is the gradient. The last state is the one at the
    sequence's own length. With a state, `lengths` may be None.

    **More of them.** Several layers are several in a `Model`, which hands the lengths on to each;
    two directions are `Bidirectional`. A loss leaves the padding out if it is given the weights
    ``np.arange(T) < lengths[:, None]``.

    **Gradient.** With :math:`a_t = x_t W + h_{t-1} U + b`, and :math:`dh_t`, :math:`da_t` for the
    gradients of the loss with respect to :math:`h_t`, :math:`a_t` through everything that follows,

    .. math::
        dh_t &= dy_t + da_{t+1} U^T, \qquad da_t = dh_t \odot \varphi'(a_t) \\
        dx_t &= da_t W^T, \qquad
        dW = \sum_t x_t^T da_t, \qquad
        dU = \sum_t h_{t-1}^T da_t, \qquad
        db = \sum_t \sum_n da_{tn}, \qquad
        dh_0 = da_1 U^T

    where :math:`dy_t` is the gradient of the output, 0 for a step that is not put out.

    **Derivation** (backpropagation through time). For one sequence and one step,
    :math:`a_{tk} = \sum_d x_{td} w_{dk} + \sum_j h_{t-1,j} u_{jk} + b_k`. The loss sees
    :math:`h_t` directly, as an output, and through :math:`a_{t+1}`; after the last step the second
    way is not there:

    .. math::
        dh_{tj} &= dy_{tj} + \sum_k da_{t+1,k} \frac{\partial a_{t+1,k}}{\partial h_{tj}}
                 = dy_{tj} + \sum_k da_{t+1,k} \, u_{jk} \\
        da_{tk} &= \sum_j dh_{tj} \frac{\partial h_{tj}}{\partial a_{tk}}
                 = dh_{tk} \, \varphi'(a_{tk})

    So the steps are walked through in reverse, and each adds what it knows of the state before it:
    ``dh[before] += da[now] @ U.T``. The derivative is known from the state alone, of all steps at
    once before the walk: :math:`\tanh'(a) = 1 - \tanh(a)^2 = 1 - h^2`, which is ``1 - h * h``, and
    :math:`\mathrm{relu}'(a) = [h > 0]`.

    The parameters are the same at every step of every sequence, so their gradients are sums over
    both, where :math:`s` stands for a step of a sequence:

    .. math::
        dw_{dk} &= \sum_s da_{sk} \frac{\partial a_{sk}}{\partial w_{dk}} = \sum_s x_{sd} \, da_{sk}
        \qquad dx_{sd} = \sum_k da_{sk} \, w_{dk} \\
        du_{jk} &= \sum_s h_{s-1,j} \, da_{sk} \qquad db_k = \sum_s da_{sk}

    In matrices, with all steps as rows, each is one product after the walk: ``x.T @ da``,
    ``da @ W.T``, ``h_before.T @ da`` and ``da.sum(axis=0)``. What the walk has added to
    :math:`h_0` is the initial state's gradient.

    **The kink.** ReLU's derivative at 0 is 0, as in `ReLU`.

    **Shapes.** :math:`X` and :math:`dX` (N, T, D); :math:`Y` and :math:`dY` (N, T, H) or (N, H);
    :math:`h_0` (N, H). Inside, all steps of all sequences are rows, without the padding; ``now``
    are the rows of one step. ``h`` begins with N rows more, the initial state; there ``before`` and
    ``after`` are those before and after the step. They come from
    `handgrad.layers.recurrent.packing`.

    **Saved.** The steps of the input, and the states before and after them.

    References
    ----------
    Elman, "Finding structure in time" (1990); Werbos, "Backpropagation through time: what it does
    and how to do it" (1990); Goodfellow, Bengio and Courville, "Deep Learning" (2016), section
    10.2.

    Examples
    --------
    >>> rnn = RNN(1, 1)
    >>> rnn.input_weights, rnn.recurrent_weights = [[1.0]], [[0.5]]
    >>> x, lengths = [[[0.1], [0.0], [0.0]], [[0.2], [9.9], [9.9]]], [3, 1]
    >>> rnn((x, lengths)).round(3)[..., 0]
    array([[0.1  , 0.05 , 0.025],
           [0.197, 0.   , 0.   ]])
    >>> dx, _ = rnn.grad([[[0.0], [0.0], [1.0]], [[0.0], [0.0], [1.0]]])
    >>> dx.round(3)[..., 0]
    array([[0.247, 0.498, 0.999],
           [0.   , 0.   , 0.   ]])
    """

    def __init__(
        self,
        in_features: int,
        units: int,
        *,
        return_sequences: bool = True,
        activation: str = "tanh",
        init: Initializer = "glorot_uniform",
        recurrent_init: Initializer = "orthogonal",
        bias_init: Initializer = "zeros",
        rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        if activation not in ("tanh", "relu"):
            raise ArgumentError(
                f"activation={activation!r} for RNN",
                '"tanh" or "relu"',
                'write activation="tanh"; other activations can follow the layer in the model',
            )
        self.activation = activation
        super().__init__(
            in_features,
            units,
            return_sequences=return_sequences,
            init=init,
            recurrent_init=recurrent_init,
            bias_init=bias_init,
            rng=rng,
            dtype=dtype,
        )

    def apply(self, x: Any) -> tuple[Array, Any]:
        """Return the states after the steps, and what the pullback needs."""
        packing, steps, (initial,) = self._opened(x)
        U, relu = self.recurrent_weights, self.activation == "relu"
        a = steps @ self.input_weights  # of all steps, in one product
        a += self.bias
        h = packing.history(a, self.units, initial)
        for before, after, now in packing.steps:
            a[now] += h[before] @ U
            h[after] = np.maximum(a[now], 0) if relu else np.tanh(a[now])
        return self._output(packing, h), (packing, steps, (h,))

    def _walk_pullback(self, dy: Array, saved: Any) -> tuple[Factors, tuple[Array, ...]]:
        """Walk through the steps in reverse: what each parameter's sum over them is of."""
        packing, steps, (h,) = saved
        U_T = self.recurrent_weights.T.copy()
        h_before, h_after = h[packing.before], h[packing.N :]
        relu = self.activation == "relu"
        da = (h_after > 0).astype(h.dtype) if relu else 1 - h_after * h_after  # still without dh
        dh = packing.upstream(dy)
        for before, after, now in reversed(packing.steps):
            da[now] *= dh[after]
            dh[before] += da[now] @ U_T
        factors = {
            "input_weights": (steps, da),
            "recurrent_weights": (h_before, da),
            "bias": (None, da),
        }
        return factors, (dh,)

    def __repr__(self) -> str:
        relu = ', activation="relu")' if self.activation == "relu" else ")"
        return super().__repr__()[:-1] + relu

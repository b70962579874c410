"""The long short-term memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, true_or_false
from handgrad.initializers import Initializer
from handgrad.layers.recurrent.recurrence import Factors, Recurrent

__all__ = ["LSTM"]


class LSTM(Recurrent):
    r"""The long short-term memory: a cell that gates write to, keep and read.

    .. math::
        (a^i_t, a^f_t, a^g_t, a^o_t) &= x_t W + h_{t-1} U + b \\
        i_t = \sigma(a^i_t), \quad f_t &= \sigma(a^f_t), \quad
        g_t = \tanh(a^g_t), \quad o_t = \sigma(a^o_t) \\
        c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\
        h_t &= o_t \odot \tanh(c_t), \qquad t = 1, \dots, T

    for each sequence by itself, where :math:`\sigma` is the sigmoid. The cell :math:`c_t` is handed
    on, and the state :math:`h_t` is handed on and put out; :math:`h_0 = c_0 = 0` unless they are
    given.

    Parameters
    ----------
    in_features : int
        Features of the input, D.
    units : int
        Features of the state, of the cell and of the output, H.
    return_sequences : bool, default True
        Whether the output is the state after every step, (N, T, H), or that after each sequence's
        last step, (N, H).
    unit_forget_bias : bool, default True
        Whether the bias of the forget gate begins at 1, whatever `bias_init` says, so that a new
        cell keeps :math:`\sigma(1) = 0.73` of what it holds at each step and not a half of it.
    init, recurrent_init, bias_init : str or function
        How the three parameters are drawn, see `handgrad.initializers`.
    rng : numpy.random.Generator, optional
        Where they are drawn from; NumPy's global state where it is None.
    dtype : data type, default float64
        Their floating type.

    Attributes
    ----------
    input_weights : Array, (D, 4H)
        :math:`W`, in blocks of H columns for i, f, g and o, PyTorch's order; by default
        "glorot_uniform".
    recurrent_weights : Array, (H, 4H)
        :math:`U`, in the same order; by default "orthogonal": its H rows are orthonormal.
    bias : Array, (1, 4H)
        :math:`b`, in the same order; by default "zeros", with 1 for the forget gate. PyTorch has
        two biases, of which this is the sum.

    Raises
    ------
    ArgumentError
        A size is not a positive integer, `return_sequences` or `unit_forget_bias` is not a bool, an
        initializer is none, `dtype` is not a floating type, or `rng` is not a generator.
    ShapeError
        The input is not (N, T, D), there is not a length from 1 to T for each sequence, or the
        initial state and cell are not (N, H).
    DtypeError
        The lengths are not integers.

    Notes
    -----
    **Input.** Sequences `x`, (N, T, D), alone; ``(x, lengths)`` where they are padded, with the
    steps of each, (N,); or ``(x, lengths, state, cell)`` with :math:`h_0` and :math:`c_0`, (N, H),
    which then have gradients. What stands at and after a sequence's length is never looked at: it
    changes nothing, the output there is 0, and so is the gradient. The last state is the one at the
    sequence's own length; `last_states` gives state and cell, to go on from. With a state,
    `lengths` may be None.

    **More of them.** Several layers are several in a `Model`, which hands the lengths on to each;
    two directions are `Bidirectional`. A loss leaves the padding out if it is given the weights
    ``np.arange(T) < lengths[:, None]``.

    **Gradient.** Write :math:`dv` for the gradient of the loss with respect to :math:`v`, through
    everything that follows from it, and :math:`dy_t` for that of the output, 0 where a step is not
    put out. From the last step to the first, with :math:`da_{T+1} = 0` and :math:`dc_{T+1} = 0`,

    .. math::
        dh_t &= dy_t + da_{t+1} U^T \\
        dc_t &= dh_t \odot o_t \odot (1 - \tanh^2 c_t) + dc_{t+1} \odot f_{t+1} \\
        da^i_t &= dc_t \odot g_t \odot i_t \odot (1 - i_t) \\
        da^f_t &= dc_t \odot c_{t-1} \odot f_t \odot (1 - f_t) \\
        da^g_t &= dc_t \odot i_t \odot (1 - g_t^2) \\
        da^o_t &= dh_t \odot \tanh(c_t) \odot o_t \odot (1 - o_t)

    and then, with the four blocks side by side again in :math:`da_t`,

    .. math::
        dx_t = da_t W^T, \quad
        dW = \sum_t x_t^T da_t, \quad
        dU = \sum_t h_{t-1}^T da_t, \quad
        db = \sum_t \sum_n da_{tn}, \quad
        dh_0 = da_1 U^T, \quad
        dc_0 = dc_1 \odot f_1.

    **Derivation** (backpropagation through time). For one sequence, unit :math:`j` and gates'
    column :math:`k`, with :math:`a_{tk} = \sum_d x_{td} w_{dk} + \sum_j h_{t-1,j} u_{jk} + b_k`.

    *The state* reaches the loss as an output, and through all 4H columns of the next step:

    .. math::
        dh_{tj} = dy_{tj} + \sum_k da_{t+1,k} \frac{\partial a_{t+1,k}}{\partial h_{tj}}
                = dy_{tj} + \sum_k da_{t+1,k} \, u_{jk}

    *The cell* reaches it through the state of its own step and through the next cell:

    .. math::
        dc_{tj} &= dh_{tj} \frac{\partial h_{tj}}{\partial c_{tj}}
                 + dc_{t+1,j} \frac{\partial c_{t+1,j}}{\partial c_{tj}} \\
                &= dh_{tj} \, o_{tj} (1 - \tanh^2 c_{tj}) + dc_{t+1,j} \, f_{t+1,j}

    *The gates*: i, f and g reach it through the cell, o through the state, each unit through its
    own. With :math:`\sigma' = \sigma (1 - \sigma)` and :math:`\tanh' = 1 - \tanh^2`,

    .. math::
        \frac{\partial c_t}{\partial a^i_t} = g_t \, i_t (1 - i_t), \quad
        \frac{\partial c_t}{\partial a^f_t} = c_{t-1} \, f_t (1 - f_t), \quad
        \frac{\partial c_t}{\partial a^g_t} = i_t \, (1 - g_t^2), \quad
        \frac{\partial h_t}{\partial a^o_t} = \tanh(c_t) \, o_t (1 - o_t).

    None of these four, nor :math:`\partial h_t / \partial c_t`, asks for a gradient, so the code
    has them for all steps before it walks: the four are what ``da`` begins as, the fifth is
    ``through``. The walk multiplies the first three blocks by :math:`dc_t` and the fourth by
    :math:`dh_t`, and lets each step add what it knows of the state and the cell before it:
    ``dh[before] += da @ U.T`` and ``dc[before] += dc[after] * f``.

    *The parameters* are the same at every step of every sequence, so their gradients sum over
    both; :math:`s` stands for a step of a sequence:

    .. math::
        dw_{dk} &= \sum_s da_{sk} \frac{\partial a_{sk}}{\partial w_{dk}} = \sum_s x_{sd} \, da_{sk}
        \qquad dx_{sd} = \sum_k da_{sk} \, w_{dk} \\
        du_{jk} &= \sum_s h_{s-1,j} \, da_{sk} \qquad db_k = \sum_s da_{sk}

    In matrices, with all steps as rows, each is one product after the walk: ``x.T @ da``,
    ``da @ W.T``, ``h_before.T @ da`` and ``da.sum(axis=0)``.

    **One tanh for four gates.** With :math:`u = e^{a/2}`,

    .. math::
        \frac{1 + \tanh(a/2)}{2}
            = \frac12 \Bigl( 1 + \frac{u - u^{-1}}{u + u^{-1}} \Bigr)
            = \frac{u}{u + u^{-1}} = \frac{1}{1 + e^{-a}} = \sigma(a).

    So the columns of W, U and b for i, f and o are halved beforehand, which gives :math:`a / 2`
    there, one tanh goes over all columns, and ``a * scale + shift`` makes sigmoids of those of i, f
    and o: `scale` is 1/2 and `shift` 1/2 there, and 1 and 0 at g.

    **Shapes.** :math:`X` and :math:`dX` (N, T, D); :math:`Y` and :math:`dY` (N, T, H) or (N, H);
    :math:`h_0` and :math:`c_0` (N, H). Inside, all steps of all sequences are rows, without the
    padding; ``now`` are the rows of one step. ``h`` and ``c`` begin with N rows more, the initial
    ones; there ``before`` and ``after`` are those before and after the step. They come from
    `handgrad.layers.recurrent.packing`.

    **Saved.** The steps of the input, the states and cells before and after them, the gates, and
    the cells' tanh: seven times as many numbers as the output has, and the input.

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory" (1997); with a forget gate, Gers,
    Schmidhuber and Cummins, "Learning to forget" (2000), section 3; as here, Goodfellow, Bengio and
    Courville, "Deep Learning" (2016), eqs. 10.40 to 10.44; for the forget gate's bias, Jozefowicz,
    Zaremba and Sutskever, "An empirical exploration of recurrent network architectures" (2015).

    Examples
    --------
    >>> import numpy as np
    >>> lstm = LSTM(2, 3, return_sequences=False, rng=np.random.default_rng(0))
    >>> x, lengths = np.ones((2, 4, 2)), np.array([4, 1])
    >>> lstm((x, lengths)).shape
    (2, 3)
    >>> dx, _ = lstm.grad(np.ones((2, 3)))
    >>> (dx != 0).all(axis=2)
    array([[ True,  True,  True,  True],
           [ True, False, False, False]])
    >>> lstm.bias.round(1)
    array([[0., 0., 0., 1., 1., 1., 0., 0., 0., 0., 0., 0.]])
    """

    gates = 4
    states = ("state", "cell")

    def __init__(
        self,
        in_features: int,
        units: int,
        *,
        return_sequences: bool = True,
        unit_forget_bias: bool = True,
        init: Initializer = "glorot_uniform",
        recurrent_init: Initializer = "orthogonal",
        bias_init: Initializer = "zeros",
        rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
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
        self.unit_forget_bias = true_or_false(
            unit_forget_bias, "unit_forget_bias", "LSTM", "write False to begin at `bias_init`"
        )
        if self.unit_forget_bias:
            self.bias[:, self.units : 2 * self.units] = 1

    def apply(self, x: Any) -> tuple[Array, Any]:
        """Return the states after the steps, and what the pullback needs."""
        packing, steps, (state, cell) = self._opened(x)
        H = self.units
        scale = np.full_like(self.bias, 0.5)
        scale[:, 2 * H : 3 * H] = 1
        shift, U = 1 - scale, self.recurrent_weights * scale
        gates = steps @ (self.input_weights * scale)  # of all steps, in one product
        gates += self.bias * scale
        h, c = packing.history(gates, H, state), packing.history(gates, H, cell)
        tanh_c = np.empty_like(gates, shape=(packing.S, H))
        for before, after, now in packing.steps:
            a = gates[now]
            a += h[before] @ U
            np.tanh(a, out=a)
            a *= scale
            a += shift
            i, f, g, o = a[:, :H], a[:, H : 2 * H], a[:, 2 * H : 3 * H], a[:, 3 * H :]
            new = np.multiply(f, c[before], out=c[after])
            new += i * g
            np.multiply(o, np.tanh(new, out=tanh_c[now]), out=h[after])
        return self._output(packing, h), (packing, steps, (h, c), gates, tanh_c)

    def _walk_pullback(self, dy: Array, saved: Any) -> tuple[Factors, tuple[Array, ...]]:
        """Walk through the steps in reverse: what each parameter's sum over them is of."""
        packing, steps, (h, c), gates, tanh_c = saved
        H, U_T = self.units, self.recurrent_weights.T.copy()
        i, f, g, o = (gates[:, k * H : (k + 1) * H] for k in range(4))
        h_before, c_before = h[packing.before], c[packing.before]
        through = o * (1 - tanh_c * tanh_c)
        da = 1 - gates
        da *= gates  # the sigmoids' derivatives; at g another takes their place
        da = da.reshape(-1, 4, H)  # of each gate without its factor: dc, and for o dh
        da[:, 0] *= g
        da[:, 1] *= c_before
        da[:, 2] = i * (1 - g * g)
        da[:, 3] *= tanh_c
        dh, dc = packing.upstream(dy), packing.history(through, H, None)
        for before, after, now in reversed(packing.steps):
            dc[after] += dh[after] * through[now]
            da[now, :3] *= dc[after][:, None]
            da[now, 3] *= dh[after]
            dh[before] += da[now].reshape(-1, 4 * H) @ U_T
            dc[before] += dc[after] * f[now]
        da = da.reshape(-1, 4 * H)
        factors = {
            "input_weights": (steps, da),
            "recurrent_weights": (h_before, da),
            "bias": (None, da),
        }
        return factors, (dh, dc)

"""The gated recurrent unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.initializers import Drawn
from handgrad.layers.recurrent.recurrence import Factors, Recurrent
from handgrad.parameter import Parameter

__all__ = ["GRU"]


class GRU(Recurrent):
    r"""The gated recurrent unit: a state that a gate mixes with a candidate for the next one.

    .. math::
        (p^r_t, p^z_t, p^n_t) &= x_t W + b, \qquad (q^r_t, q^z_t, q^n_t) = h_{t-1} U \\
        r_t &= \sigma(p^r_t + q^r_t), \qquad z_t = \sigma(p^z_t + q^z_t) \\
        m_t &= q^n_t + b', \qquad n_t = \tanh(p^n_t + r_t \odot m_t) \\
        h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}, \qquad t = 1, \dots, T

    for each sequence by itself, where :math:`\sigma` is the sigmoid, and :math:`h_0 = 0` unless it
    is given. The reset gate r multiplies the candidate's product with U, to which a bias
    :math:`b'` was added, as in PyTorch and in Keras (``reset_after=True``); in the paper it
    multiplies the state, before the product.

    Parameters
    ----------
    in_features : int
        Features of the input, D.
    units : int
        Features of the state and of the output, H.
    return_sequences : bool, default True
        Whether the output is the state after every step, (N, T, H), or that after each sequence's
        last step, (N, H).
    init, recurrent_init, bias_init : str or function
        How the input weights, the recurrent weights and both biases are drawn, see
        `handgrad.initializers`.
    rng : numpy.random.Generator, optional
        Where they are drawn from; NumPy's global state where it is None.
    dtype : data type, default float64
        Their floating type.

    Attributes
    ----------
    input_weights : Array, (D, 3H)
        :math:`W`, in blocks of H columns for r, z and n, PyTorch's order; by default
        "glorot_uniform".
    recurrent_weights : Array, (H, 3H)
        :math:`U`, in the same order; by default "orthogonal": its H rows are orthonormal.
    bias : Array, (1, 3H)
        :math:`b`, in the same order; by default "zeros". For r and z it is the sum of PyTorch's
        two biases.
    recurrent_bias : Array, (1, H)
        :math:`b'`, the bias that the reset gate multiplies; by default "zeros".

    Raises
    ------
    ArgumentError
        A size is not a positive integer, `return_sequences` is not a bool, an initializer is none,
        `dtype` is not a floating type, or `rng` is not a generator.
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

    **Gradient.** Write :math:`dv` for the gradient of the loss with respect to :math:`v`, through
    everything that follows from it, and :math:`dy_t` for that of the output, 0 where a step is not
    put out. From the last step to the first, with :math:`dh_{T+1} = 0` and :math:`dq_{T+1} = 0`,

    .. math::
        dh_t &= dy_t + dh_{t+1} \odot z_{t+1} + dq_{t+1} U^T \\
        dp^n_t &= dh_t \odot (1 - z_t) \odot (1 - n_t^2) \\
        dq^n_t &= dp^n_t \odot r_t \\
        dq^z_t = dp^z_t &= dh_t \odot (h_{t-1} - n_t) \odot z_t \odot (1 - z_t) \\
        dq^r_t = dp^r_t &= dp^n_t \odot m_t \odot r_t \odot (1 - r_t)

    and then, with the three blocks side by side again in :math:`dp_t` and :math:`dq_t`,

    .. math::
        dx_t = dp_t W^T, \quad
        dW = \sum_t x_t^T dp_t, \quad
        dU = \sum_t h_{t-1}^T dq_t, \quad
        db = \sum_t \sum_n dp_{tn}, \quad
        db' = \sum_t \sum_n dq^n_{tn}, \quad
        dh_0 = dh_1 \odot z_1 + dq_1 U^T.

    **Derivation** (backpropagation through time). For one sequence, unit :math:`j` and gates'
    column :math:`k`, with :math:`p_{tk} = \sum_d x_{td} w_{dk} + b_k` and
    :math:`q_{tk} = \sum_j h_{t-1,j} u_{jk}`.

    *The state* reaches the loss as an output, through the next state, in which it is mixed, and
    through all 3H columns of the next step's :math:`q`:

    .. math::
        dh_{tj} &= dy_{tj} + dh_{t+1,j} \frac{\partial h_{t+1,j}}{\partial h_{tj}}
                 + \sum_k dq_{t+1,k} \frac{\partial q_{t+1,k}}{\partial h_{tj}}
                 \qquad \text{the first of the two with $q$ held} \\
                &= dy_{tj} + dh_{t+1,j} \, z_{t+1,j} + \sum_k dq_{t+1,k} \, u_{jk}

    *The candidate and the update gate* reach it through the state of their step. Since
    :math:`h_t = n_t + z_t \odot (h_{t-1} - n_t)`, with :math:`\tanh' = 1 - \tanh^2` and
    :math:`\sigma' = \sigma (1 - \sigma)`,

    .. math::
        dp^n_t &= dh_t \odot \frac{\partial h_t}{\partial n_t}
                  \odot \frac{\partial n_t}{\partial p^n_t}
                = dh_t \odot (1 - z_t) \odot (1 - n_t^2) \\
        dp^z_t &= dh_t \odot \frac{\partial h_t}{\partial z_t}
                  \odot \frac{\partial z_t}{\partial p^z_t}
                = dh_t \odot (h_{t-1} - n_t) \odot z_t (1 - z_t)

    *The reset gate* reaches it through the candidate's :math:`p^n_t + r_t \odot m_t`, whose
    gradient is :math:`dp^n_t`, and so do :math:`m_t` and :math:`q^n_t`:

    .. math::
        dr_t = dp^n_t \odot m_t, \qquad
        dp^r_t = dr_t \odot r_t (1 - r_t), \qquad
        dq^n_t = dm_t = dp^n_t \odot r_t

    For r and z the gates see :math:`p` and :math:`q` as a sum, so the two have the same gradient.
    Each of the three blocks of :math:`dq_t` is :math:`dh_t` times what asks for no gradient; so
    the code has that for all steps before it walks, in ``dq``, with :math:`(1 - z) (1 - n^2)` as
    ``slope``. The walk multiplies by :math:`dh_t`, and lets each step add what it knows of the
    state before it, ``dh[after] * z`` and ``dq @ U.T``. After the walk ``dh * slope`` is
    :math:`dp^n` of all steps. In a copy, which is called ``dp``, it takes the place of
    :math:`dq^n`.

    *The parameters* are the same at every step of every sequence, so their gradients sum over
    both; :math:`s` stands for a step of a sequence:

    .. math::
        dw_{dk} &= \sum_s dp_{sk} \frac{\partial p_{sk}}{\partial w_{dk}} = \sum_s x_{sd} \, dp_{sk}
        \qquad dx_{sd} = \sum_k dp_{sk} \, w_{dk} \\
        du_{jk} &= \sum_s h_{s-1,j} \, dq_{sk}
        \qquad db_k = \sum_s dp_{sk} \qquad db'_j = \sum_s dq^n_{sj}

    In matrices, with all steps as rows, each is one product after the walk: ``x.T @ dp``,
    ``dp @ W.T``, ``h_before.T @ dq``, and sums over the rows.

    **The sigmoids** are :math:`\sigma(a) = (1 + \tanh(a/2)) / 2`, derived in `LSTM`: the columns
    of W, U and b for r and z are halved beforehand, which is ``scale``.

    **Shapes.** :math:`X` and :math:`dX` (N, T, D); :math:`Y` and :math:`dY` (N, T, H) or (N, H);
    :math:`h_0` (N, H). Inside, all steps of all sequences are rows, without the padding; ``now``
    are the rows of one step. ``h`` begins with N rows more, the initial state; there ``before`` and
    ``after`` are those before and after the step. They come from
    `handgrad.layers.recurrent.packing`.

    **Saved.** The steps of the input, the states before and after them, the gates and candidates,
    and :math:`m`: five times as many numbers as the output has, and the input.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation" (2014), eqs. 5 to 8; in this form in PyTorch's documentation of ``torch.nn.GRU``.

    Examples
    --------
    >>> import numpy as np
    >>> gru = GRU(2, 3, rng=np.random.default_rng(0))
    >>> y = gru((np.ones((2, 4, 2)), np.array([4, 1])))
    >>> (y != 0).all(axis=2)
    array([[ True,  True,  True,  True],
           [ True, False, False, False]])
    >>> dx, _ = gru.grad(np.ones((2, 4, 3)))
    >>> dx.shape, sorted(gru.gradients)
    ((2, 4, 2), ['bias', 'input_weights', 'recurrent_bias', 'recurrent_weights'])
    """

    gates = 3
    recurrent_bias = Parameter()

    def _wanted(self, D: int, H: int) -> dict[str, Drawn]:
        return {**super()._wanted(D, H), "recurrent_bias": Drawn((1, H), self.bias_init, H, H)}

    def apply(self, x: Any) -> tuple[Array, Any]:
        """Return the states after the steps, and what the pullback needs."""
        packing, steps, (state,) = self._opened(x)
        H = self.units
        scale = np.full_like(self.bias, 0.5)
        scale[:, 2 * H :] = 1
        U = self.recurrent_weights * scale
        gates = steps @ (self.input_weights * scale)  # of all steps, in one product
        gates += self.bias * scale
        h = packing.history(gates, H, state)
        m = np.empty_like(gates, shape=(packing.S, H))
        for before, after, now in packing.steps:
            q, rz, n = h[before] @ U, gates[now, : 2 * H], gates[now, 2 * H :]
            rz += q[:, : 2 * H]
            np.tanh(rz, out=rz)
            rz *= 0.5
            rz += 0.5
            n += rz[:, :H] * np.add(q[:, 2 * H :], self.recurrent_bias, out=m[now])
            np.tanh(n, out=n)
            new = np.subtract(h[before], n, out=h[after])
            new *= rz[:, H:]
            new += n
        return self._output(packing, h), (packing, steps, (h,), gates, m)

    def _walk_pullback(self, dy: Array, saved: Any) -> tuple[Factors, tuple[Array, ...]]:
        """Walk through the steps in reverse: what each parameter's sum over them is of."""
        packing, steps, (h,), gates, m = saved
        H, U_T = self.units, self.recurrent_weights.T.copy()
        r, z, n = (gates[:, k * H : (k + 1) * H] for k in range(3))
        h_before = h[packing.before]
        slope = (1 - z) * (1 - n * n)
        dq = 1 - gates
        dq *= gates  # the sigmoids' derivatives; at n another takes their place
        dq = dq.reshape(-1, 3, H)  # of each block without its factor dh
        dq[:, 0] *= slope * m
        dq[:, 1] *= h_before - n
        dq[:, 2] = slope * r
        dh = packing.upstream(dy)
        for before, after, now in reversed(packing.steps):
            dq[now] *= dh[after][:, None]
            dh[before] += dh[after] * z[now]
            dh[before] += dq[now].reshape(-1, 3 * H) @ U_T
        dq = dq.reshape(-1, 3 * H)
        dp = dq.copy()
        dp[:, 2 * H :] = dh[packing.N :] * slope
        factors = {
            "input_weights": (steps, dp),
            "recurrent_weights": (h_before, dq),
            "bias": (None, dp),
            "recurrent_bias": (None, dq[:, 2 * H :]),
        }
        return factors, (dh,)

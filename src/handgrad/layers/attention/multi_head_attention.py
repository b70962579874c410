"""Attention with several heads."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, positive_size, true_or_false
from handgrad.component import Component
from handgrad.errors import ArgumentError, ShapeError
from handgrad.initializers import Drawn, Initializer, draw_parameters, floating_type
from handgrad.layers.attention.dot_product import attend, attend_pullback, blocks_of, largest
from handgrad.layers.attention.inputs import mask_bias, named_inputs
from handgrad.parameter import Parameter
from handgrad.per_sample.summands import Products, over_places
from handgrad.shapes import Shape, leading_axes, shape_text

__all__ = ["MultiHeadAttention"]


class MultiHeadAttention(Component):
    r"""Each position asks all others a question, and takes from those whose keys answer it.

    Queries, keys and values are affine maps of the input, whose D features are shared out among H
    heads, :math:`d = D / H` for each. In each head of each sequence, query :math:`i` of T is
    answered by a mean of all S values :math:`v_j`, weighted by how well their keys :math:`k_j` fit:

    .. math::
        Q &= \frac{X_q W_q + b_q}{\sqrt d}, \qquad K = X_k W_k, \qquad V = X_v W_v + b_v \\
        s_{ij} &= \sum_c q_{ic} \, k_{jc} + m_{ij}, \qquad
        p_{ij} = \frac{e^{s_{ij}}}{\sum_k e^{s_{ik}}}, \qquad
        y_{ic} = \sum_j p_{ij} \, v_{jc} \\
        O &= Y W_o + b_o

    where :math:`m_{ij}` is 0 if query :math:`i` may attend to key :math:`j`, and else
    :math:`-\infty`, and Y has the heads' answers side by side. In self-attention
    :math:`X_q = X_k = X_v`.

    Parameters
    ----------
    features : int
        Features of the queries' input and of the output, D.
    num_heads : int
        Number of heads, H, a divisor of `features`.
    causal : bool, default False
        Whether a query attends to nothing later: to keys :math:`j \le i` alone.
    bias : bool, default True
        Whether queries, values and output have biases. One of the keys, as PyTorch has it, would
        add :math:`\sum_c q_{ic} b_c` to all scores of a row, which changes no softmax.
    key_features, value_features : int, optional
        Features of the inputs of keys and values; D where they are None.
    init, bias_init : str or function, default "glorot_uniform" and "zeros"
        How the weights and the biases are drawn, see `handgrad.initializers`.
    rng : numpy.random.Generator, optional
        Where the initial parameters are drawn from; NumPy's global state where it is None.
    dtype : data type, default float64
        The parameters' floating type.

    Attributes
    ----------
    query_weights, key_weights, value_weights, output_weights : Array
        :math:`W_q` (D, D), :math:`W_k` (key_features, D), :math:`W_v` (value_features, D) and
        :math:`W_o` (D, D). Columns 0 to d - 1 of the first three are head 0's.
    query_bias, value_bias, output_bias : Array, (1, D)
        None where there are no biases.

    Raises
    ------
    ArgumentError
        A size is not a positive integer, `num_heads` does not divide `features`, `causal` or
        `bias` is not a bool, an initializer is none, `dtype` is not a floating type, or `rng` is
        not a generator.
    ShapeError
        The input is in none of the forms below, its features are not those of the layer, or the
        arrays of a tuple do not fit each other.
    DtypeError
        What should be a mask or lengths is neither booleans nor integers.

    Notes
    -----
    **Input.** How many arrays there are says what they are:

    ==============================  ===============================================
    ``x``                           self-attention of x, (N, T, D)
    ``(x, mask)``                   the same, with a mask or lengths
    ``(query, key, value)``         (N, T, D), (N, S, key_features) and
                                    (N, S, value_features)
    ``(query, key, value, mask)``   the same, with a mask or lengths
    ==============================  ===============================================

    A mask is of booleans, (N, S) or, for each query its own, (N, T, S). **True is where attention
    may go**, as in Keras and in PyTorch's ``scaled_dot_product_attention``; the masks of PyTorch's
    ``nn.MultiheadAttention`` say the opposite, True is what they leave out. Lengths are integers
    from 0 to S, (N,): to how many keys of each sequence, counted from the first, attention may go.
    A causal layer asks for both: :math:`j \le i`, and what the mask says.

    **A row without keys.** The weights of a query that may attend to nothing are 0, so its answer
    is 0, its output is the output's bias, and its gradient is 0. (A softmax has no number there.)

    **Gradients.** Write :math:`da` for the gradient of the loss with respect to :math:`a`. With
    :math:`e_{ij} = e^{s_{ij}}`, :math:`z_i = \sum_j e_{ij}` and :math:`g_{ic} = dy_{ic} / z_i`,

    .. math::
        ds_{ij} &= e_{ij} \Bigl( \sum_c g_{ic} \, v_{jc} - \sum_c g_{ic} \, y_{ic} \Bigr) \\
        dv_{jc} &= \sum_i e_{ij} \, g_{ic}, \qquad
        dq_{ic} = \sum_j ds_{ij} \, k_{jc}, \qquad
        dk_{jc} = \sum_i ds_{ij} \, q_{ic}

    in each head, and for each of the four affine maps, as for `Linear`, with its own x and y

    .. math:: dX = dY \, W^T, \qquad dW = X^T dY, \qquad db = \sum_i dY_i.

    **Derivation.** From the output to the input, in one head of one sequence. *The answers.* All
    weights of a row reach its answer, and a value reaches all answers:

    .. math::
        dp_{ij} &= \sum_c dy_{ic} \frac{\partial y_{ic}}{\partial p_{ij}}
                 = \sum_c dy_{ic} \, v_{jc} \\
        dv_{jc} &= \sum_i dy_{ic} \frac{\partial y_{ic}}{\partial v_{jc}}
                 = \sum_i p_{ij} \, dy_{ic}

    *The softmax.* All scores of a row reach all of its weights. By the quotient rule, with
    :math:`[\cdot]` 1 where the condition holds and 0 elsewhere,

    .. math::
        \frac{\partial p_{ik}}{\partial s_{ij}}
            &= \frac{[k = j] \, e_{ik} \, z_i - e_{ik} \, e_{ij}}{z_i^2}
             = p_{ik} \bigl( [k = j] - p_{ij} \bigr) \\
        ds_{ij} &= \sum_k dp_{ik} \, \frac{\partial p_{ik}}{\partial s_{ij}}
                 = p_{ij} \, dp_{ij} - p_{ij} \sum_k p_{ik} \, dp_{ik}

    whose last sum, over keys, is one over features, of answers that are there already:

    .. math:: \sum_k p_{ik} \, dp_{ik} = \sum_c dy_{ic} \sum_k p_{ik} \, v_{kc}
              = \sum_c dy_{ic} \, y_{ic}.

    With :math:`p_{ij} = e_{ij} / z_i` both say :math:`dy_{ic} / z_i`, so that a division of each
    row takes the place of one of each pair:

    .. math::
        ds_{ij} &= \frac{e_{ij}}{z_i} \Bigl( \sum_c dy_{ic} \, v_{jc} - \sum_c dy_{ic} \, y_{ic}
                   \Bigr)
                 = e_{ij} \Bigl( \sum_c g_{ic} \, v_{jc} - \sum_c g_{ic} \, y_{ic} \Bigr) \\
        dv_{jc} &= \sum_i \frac{e_{ij}}{z_i} \, dy_{ic} = \sum_i e_{ij} \, g_{ic}

    which are ``e * (g @ v.T - vecdot(g, y))`` and ``e.T @ g``. *The scores.* A query reaches those
    of its row, a key those of its column; the mask is a constant, and where it is
    :math:`-\infty`, :math:`e_{ij}` is 0 and so is :math:`ds_{ij}`:

    .. math::
        dq_{ic} &= \sum_j ds_{ij} \frac{\partial s_{ij}}{\partial q_{ic}}
                 = \sum_j ds_{ij} \, k_{jc} \\
        dk_{jc} &= \sum_i ds_{ij} \frac{\partial s_{ij}}{\partial k_{jc}}
                 = \sum_i ds_{ij} \, q_{ic}

    which are ``ds @ k`` and ``ds.T @ q``. *The affine maps* have `Linear`'s lines, ``dy @ W.T``,
    ``x.T @ dy`` and ``dy.sum(axis=0)``, all positions of all sequences being rows; that of the
    queries gets ``dq / sqrt(d)``. In self-attention x reaches the loss along three ways, and its
    gradient is the sum of the three.

    **Heads** are an axis, (N, H, T, d): the same numbers in another order, and the gradients are
    put back in the first order. All products run over sequences and heads.

    **Sums that ride along.** With a column of ones behind the values, one product gives
    :math:`z_i` beside the answers, and another gives the bracket of :math:`ds_{ij}`:

    .. math::
        \sum_j e_{ij} \, [\, v_j \;|\; 1 \,] = [\, z_i \, y_i \;|\; z_i \,], \qquad
        [\, g_i \;|\; {-\textstyle\sum_c} g_{ic} y_{ic} \,] \cdot [\, v_j \;|\; 1 \,]
            = \sum_c g_{ic} \, v_{jc} - \sum_c g_{ic} \, y_{ic}

    in the code ``e @ [v | 1]`` and ``ds = [g | -vecdot(g, y)] @ [v | 1].T; ds *= e``. These lines,
    from scores to answers and back, stand in `handgrad.layers.attention.dot_product`.

    **Stability.** The largest score of a row is first subtracted from it. That divides
    :math:`e_{ij}` and :math:`z_i` by one number and changes no :math:`p_{ij}`, so the derivation
    holds as it is: every :math:`e_{ij}` is in [0, 1] then, and :math:`z_i` is at least 1, or 0
    where there are no keys.

    **Blocks.** In a causal layer queries :math:`a` to :math:`b - 1` attend to keys below
    :math:`b`, so 64 at a time are worked on with those keys alone, and of a long sequence almost
    half of all pairs are never looked at. Sums over queries add up the blocks'.

    **Shapes.** Query and output (N, T, D); key (N, S, key_features); value (N, S,
    value_features); scores (N, H, T, S).

    **Saved.** The inputs; queries, keys, values and answers; of each block :math:`e` and
    :math:`z`. PyTorch computes :math:`e` again instead, which saves the memory of all pairs.

    References
    ----------
    Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin, "Attention is all you
    need", NeurIPS 2017, section 3.2; the sum over features in the gradient, Dao, Fu, Ermon, Rudra
    and Ré, "FlashAttention", NeurIPS 2022, appendix B.2.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> attention = MultiHeadAttention(4, 2, causal=True, rng=rng)
    >>> x = rng.standard_normal((1, 3, 4))
    >>> y, saved = attention.apply(x)
    >>> y.shape
    (1, 3, 4)
    >>> attention.attention_weights(saved)[0, 0].round(2)  # of the first head
    array([[1.  , 0.  , 0.  ],
           [0.95, 0.05, 0.  ],
           [0.24, 0.61, 0.15]])

    Two queries look at three others, of which the last is padding:

    >>> cross = MultiHeadAttention(4, 2, key_features=5, value_features=5, rng=rng)
    >>> query, others = rng.standard_normal((1, 2, 4)), rng.standard_normal((1, 3, 5))
    >>> y = cross((query, others, others, [2]))
    >>> dquery, dkey, dvalue, _ = cross.grad(rng.standard_normal((1, 2, 4)))
    >>> (dvalue != 0).any(axis=2)
    array([[ True,  True, False]])
    """

    takes_tuple = True
    takes_lengths = True
    _block = 64  # queries that are worked on at a time where they may not attend to later keys
    _largest = staticmethod(largest)  # any number would do, as the proof shows with another

    query_weights = Parameter()
    query_bias = Parameter()
    key_weights = Parameter()
    value_weights = Parameter()
    value_bias = Parameter()
    output_weights = Parameter()
    output_bias = Parameter()

    def __init__(
        self,
        features: int,
        num_heads: int,
        *,
        causal: bool = False,
        bias: bool = True,
        key_features: int | None = None,
        value_features: int | None = None,
        init: Initializer = "glorot_uniform",
        bias_init: Initializer = "zeros",
        rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        owner = "MultiHeadAttention"
        D = self.features = positive_size(features, "features", owner)
        self.num_heads = positive_size(num_heads, "num_heads", owner)
        if D % self.num_heads:
            divisors = [str(h) for h in range(1, min(D, 64) + 1) if D % h == 0]
            raise ArgumentError(
                f"num_heads={num_heads} for {owner} of {D} features",
                "a divisor of the features, since each head has as many of them",
                f"choose one of {', '.join(divisors)}",
            )
        self.causal = true_or_false(causal, "causal", owner, "leave it out for False")
        self.bias = true_or_false(bias, "bias", owner, "leave it out for True")
        others = {"key_features": key_features, "value_features": value_features}
        self.key_features, self.value_features = (
            D if size is None else positive_size(size, name, owner) for name, size in others.items()
        )
        self.init, self.bias_init, self.rng = init, bias_init, rng
        self.dtype = floating_type(dtype, owner)
        self._scale = (D // self.num_heads) ** -0.5
        wanted = {}
        inputs = {"query": D, "key": self.key_features, "value": self.value_features, "output": D}
        for name, K in inputs.items():
            wanted[f"{name}_weights"] = Drawn((K, D), init, K, D)
            if self.bias and name != "key":
                wanted[f"{name}_bias"] = Drawn((1, D), bias_init, K, D)
        self.parameters = draw_parameters(wanted, f"{owner}({D}, {self.num_heads})", rng, dtype)

    def apply(self, x: Any) -> tuple[Array, Any]:
        """Return the heads' answers through the last affine map, and what the pullback needs."""
        query, key, value, allowed = named_inputs(x, self)
        q = self._heads(self._affine("query", query))
        k = self._heads(self._affine("key", key))
        v = self._heads(self._affine("value", value))
        q *= self._scale
        m, (T, S) = mask_bias(allowed, q, k, self.causal), (q.shape[2], k.shape[2])
        blocks = blocks_of(T, S, self._block) if self.causal else [(slice(T), slice(S))]
        y, attended = attend(q, k, v, m, blocks, self._largest)
        answers = self._side_by_side(y)
        parts = len(x) if isinstance(x, tuple) else 0
        saved = (parts, (query, key, value), answers, attended)
        return self._affine("output", answers), saved

    def pullback(
        self, dy: Array, saved: Any, need_dx: bool = True, out: dict[str, Array] | None = None
    ) -> tuple[Any, dict[str, Array]]:
        """Return the gradients of the inputs, in their form, and of the four affine maps."""
        dx, factors = self._maps_pullback(dy, saved, need_dx)
        gradients = {} if out is None else out
        for name, (x, da) in factors.items():
            weights, bias = f"{name}_weights", f"{name}_bias"
            x, da = x.reshape(-1, x.shape[-1]), da.reshape(-1, da.shape[-1])
            gradients[weights] = np.matmul(x.T, da, out=gradients.get(weights))
            if bias in self.parameters:
                gradients[bias] = np.add.reduce(da, axis=0, keepdims=True, out=gradients.get(bias))
        return dx, gradients

    def pullback_per_sample(
        self, dy: Array, saved: Any, need_dx: bool = True
    ) -> tuple[Any, dict[str, Any]]:
        """Return the same, with sums over the positions of each sequence alone."""
        dx, factors = self._maps_pullback(dy, saved, need_dx)
        found: dict[str, Any] = {
            f"{name}_weights": Products(*pair) for name, pair in factors.items()
        }
        found |= {f"{name}_bias": over_places(da) for name, (_, da) in factors.items()}
        return dx, {name: found[name] for name in self.parameters}

    def _maps_pullback(self, dy: Array, saved: Any, need_dx: bool) -> Any:
        """Return the inputs' gradients, and of each affine map its x and the gradient of its y."""
        parts, inputs, answers, attended = saved
        dq, dk, dv = attend_pullback(self._heads(dy @ self.output_weights.T), attended)
        dq *= self._scale
        dmaps = list(map(self._side_by_side, (dq, dk, dv)))
        maps = ("query", "key", "value")
        factors = {
            "output": (answers, dy),
            **dict(zip(maps, zip(inputs, dmaps, strict=True), strict=True)),
        }
        if not need_dx:
            return None, factors
        dx, dkey, dvalue = (
            factors[name][1] @ self.parameters[f"{name}_weights"].T for name in maps
        )
        if parts > 2:
            return (dx, dkey, dvalue, None)[:parts], factors
        dx += dkey
        dx += dvalue
        return (dx, None)[:parts] if parts else dx, factors

    def _affine(self, name: str, x: Array) -> Array:
        """Return ``x @ weights + bias`` of the affine map of that name."""
        y: Array = x @ self.parameters[f"{name}_weights"]
        bias = self.parameters.get(f"{name}_bias")
        if bias is not None:
            y += bias[0]
        return y

    def _heads(self, x: Array) -> Array:
        """Return features (N, T, D) as those of the heads, (N, H, T, d), of the same numbers."""
        return x.reshape(*x.shape[:2], self.num_heads, -1).swapaxes(1, 2)

    def _side_by_side(self, y: Array) -> Array:
        """Return those of the heads as (N, T, D) again."""
        y = y.swapaxes(1, 2)
        return y.reshape(*y.shape[:2], -1)

    def attention_weights(self, saved: Any) -> Array:
        r"""Return how much each query took from each key, :math:`p_{ij}`.

        Parameters
        ----------
        saved
            What `apply` returned beside the output.

        Returns
        -------
        Array, (N, H, T, S)
            Rows sum to 1, or to 0 where a query had no keys.
        """
        q, k, *_, done = saved[-1]
        p = np.zeros_like(q, shape=(*q.shape[:3], k.shape[2]))
        for rows, keys, e, z in done:
            np.divide(e, z, out=p[:, :, rows, keys])
        return p

    def output_shape(self, input_shape: Shape) -> Shape:
        several = bool(input_shape) and isinstance(input_shape[0], tuple)
        shapes = input_shape if several else (input_shape,)
        sizes = (self.features, self.key_features, self.value_features)
        # Of fewer than three arrays the first one is query, key and value.
        given = shapes[:3] if len(shapes) > 2 else shapes[:1] * 3
        for shape, D in zip(given, sizes, strict=True):
            if len(leading := leading_axes(shape, D, self)) != 2 and leading != (...,):
                raise ShapeError(
                    f"an input of shape {shape_text(shape)} for {self!r}",
                    f"sequences, (N, positions, {D})",
                    "put sequences first, positions second and features last",
                )
        return (*leading_axes(shapes[0], self.features, self), self.features)

    def __repr__(self) -> str:
        text = f"{self.features}, {self.num_heads}"
        if self.causal:
            text += ", causal=True"
        if not self.bias:
            text += ", bias=False"
        for name in ("key_features", "value_features"):
            if (size := getattr(self, name)) != self.features:
                text += f", {name}={size}"
        return f"MultiHeadAttention({text})"

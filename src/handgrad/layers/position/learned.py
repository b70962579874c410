"""Positions as vectors that are learned."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, positive_size
from handgrad.component import Component
from handgrad.initializers import Drawn, Initializer, draw_parameters, floating_type
from handgrad.layers.position.steps import check_steps
from handgrad.parameter import Parameter
from handgrad.per_sample.summands import check_samples
from handgrad.shapes import Shape

__all__ = ["LearnedPositionalEncoding"]


class LearnedPositionalEncoding(Component):
    r"""Adds to each step of a sequence a vector for its position, which is learned.

    .. math:: y_{ntd} = x_{ntd} + w_{td}, \qquad 0 \le t < T

    Parameters
    ----------
    max_length : int
        The most steps that a sequence may have, :math:`T_{max}`.
    features : int
        Features, D.
    init : str or function, default "normal"
        How the vectors are drawn, see `handgrad.initializers`: as those of an `Embedding`.
    rng : numpy.random.Generator, optional
        Where they are drawn from; NumPy's global state where it is None.
    dtype : data type, default float64
        Their floating type.

    Attributes
    ----------
    weights : Array, (max_length, D)
        A vector for each position.

    Raises
    ------
    ArgumentError
        A size is not a positive integer, or another argument is outside what it may be.
    ShapeError
        A sequence is longer than `max_length`, or its features are not D.

    Notes
    -----
    **Gradients.**

    .. math:: dx_{ntd} = dy_{ntd}, \qquad dw_{td} = \sum_n dy_{ntd} \, [t < T].

    **Derivation.** A sequence of :math:`T` steps sees the first :math:`T` vectors, each at its own
    step, so with :math:`\partial y_{ntd} / \partial w_{se} = [t = s][d = e]`

    .. math::
        dw_{se} = \sum_{ntd} dy_{ntd} \frac{\partial y_{ntd}}{\partial w_{se}}
                = \sum_n dy_{nse} \quad (s < T), \qquad
        dw_{se} = 0 \quad (s \geq T).

    What no sequence has reached is not learned: it stays what was drawn.

    **Of each sample.** Without the sum, :math:`dw_{ntd} = dy_{ntd}`.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (..., T, D), with any
    :math:`T` up to `max_length`; the vectors' gradient sums over the axes before.

    **Saved.** Nothing: `dy` says how many steps there were.

    References
    ----------
    Gehring, Auli, Grangier, Yarats and Dauphin, "Convolutional sequence to sequence learning", ICML
    2017, section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> encoding = LearnedPositionalEncoding(3, 2, init="ones")
    >>> y = encoding(np.zeros((5, 2, 2)))
    >>> dx = encoding.grad(np.ones((5, 2, 2)))
    >>> encoding.gradients["weights"]
    array([[5., 5.],
           [5., 5.],
           [0., 0.]])
    """

    weights = Parameter()

    def __init__(
        self,
        max_length: int,
        features: int,
        *,
        init: Initializer = "normal",
        rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        name = "LearnedPositionalEncoding"
        T = self.max_length = positive_size(max_length, "max_length", name)
        D = self.features = positive_size(features, "features", name)
        self.init, self.rng, self.dtype = init, rng, floating_type(dtype, name)
        wanted = {"weights": Drawn((T, D), init, T, D)}
        self.parameters = draw_parameters(wanted, f"{name}({T}, {D})", rng, dtype)

    def apply(self, x: Array) -> tuple[Array, None]:
        """Return ``x + weights[:T]``."""
        self.output_shape(x.shape)
        return x + self.weights[: x.shape[-2]], None

    def pullback(
        self,
        dy: Array,
        saved: None,
        need_dx: bool = True,
        out: dict[str, Array] | None = None,
    ) -> tuple[Array, dict[str, Array]]:
        """Return `dy`, and its sum over the sequences."""
        gradients = {} if out is None else out
        if "weights" not in gradients:
            gradients["weights"] = np.empty_like(dy, shape=self.weights.shape)
        T, D = dy.shape[-2:]
        gradients["weights"][:T] = np.add.reduce(dy.reshape(-1, T, D), axis=0)
        gradients["weights"][T:] = 0
        return dy, gradients

    def pullback_per_sample(
        self, dy: Array, saved: None, need_dx: bool = True
    ) -> tuple[Array, dict[str, Array]]:
        """Return `dy`, and of each sequence the same, with zeros where it has no steps."""
        N, T = len(check_samples(dy, axes=3)), dy.shape[-2]
        gradients = np.zeros_like(dy, shape=(N, *self.weights.shape))
        gradients[:, :T] = dy.reshape(N, -1, *dy.shape[-2:]).sum(axis=1)
        return dy, {"weights": gradients}

    def output_shape(self, input_shape: Shape) -> Shape:
        return check_steps(input_shape, self.max_length, self.features, self)

    def __repr__(self) -> str:
        return f"LearnedPositionalEncoding({self.max_length}, {self.features})"

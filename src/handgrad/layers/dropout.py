"""Inverted dropout around a layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.adapter import adapt
from handgrad.arguments import Array, is_real
from handgrad.component import ExerciseLayer
from handgrad.errors import ArgumentError
from handgrad.per_sample.contract import Seen, as_it_is
from handgrad.randomness import check_rng
from handgrad.shapes import Shape

__all__ = ["Dropout"]


class Dropout(ExerciseLayer):
    r"""Inverted dropout around a layer: zeroes entries of the layer's output at random.

    .. math::
        Y = M \odot F(X), \qquad
        m_{nk} = \frac{r_{nk}}{1 - p}, \qquad r_{nk} \sim \mathrm{Bernoulli}(1 - p)

    where :math:`F` is the wrapped layer. In evaluation mode it is exactly the wrapped layer.

    Parameters
    ----------
    layer : Component
        What is wrapped: a component, or an object that keeps only the exercise's calls.
    p : float
        The probability with which an entry is dropped, 0 <= p < 1.
    rng : numpy.random.Generator, optional
        Where the masks are drawn from; where it is None, NumPy's global state, one call of
        ``np.random.binomial(1, 1 - p, size=output.shape)`` after the wrapped layer has run.

    Raises
    ------
    ArgumentError
        `p` is outside [0, 1), `layer` cannot be wrapped, or `rng` is not a generator.

    Notes
    -----
    **Gradient.** The mask that was drawn in the forward pass is applied to the upstream gradient,
    and the rest is the wrapped layer's pullback:

    .. math:: dF_{nk} = dy_{nk} \, m_{nk}.

    **Derivation.** Once drawn, the mask is a constant: :math:`y_{nk} = m_{nk} f_{nk}` gives

    .. math::
        \frac{\partial L}{\partial f_{nk}}
            = \sum_{ij} dy_{ij} \frac{\partial y_{ij}}{\partial f_{nk}}
            = \sum_{ij} dy_{ij} \, m_{ij} \, [i = n][j = k]
            = dy_{nk} \, m_{nk}

    which is ``dy * mask``, with the scale inside the mask. By the chain rule the wrapped layer's
    pullback of this is the gradient of everything below.

    **The expectation is right.** For a fixed input

    .. math:: \mathbb{E}[y_{nk}] = f_{nk} \frac{\mathbb{E}[r_{nk}]}{1 - p}
              = f_{nk} \frac{1 - p}{1 - p} = f_{nk},

    so training and evaluation agree on average, and evaluation needs no scale: that is what
    "inverted" means. Since the pullback is linear in the mask, the same holds for the gradient.

    **Shapes.** Those of the wrapped layer; the mask has the shape of its output.

    **Saved.** What the wrapped layer saves, and the mask, which is None in evaluation mode.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent
    neural networks from overfitting", JMLR 15 (2014), section 4; inverted as in section 10.

    Examples
    --------
    >>> import numpy as np
    >>> from handgrad import Linear
    >>> layer = Linear(1, 4)
    >>> layer.weights, layer.bias = np.ones((1, 4)), np.zeros((1, 4))
    >>> dropout = Dropout(layer, p=0.5, rng=np.random.default_rng(1))
    >>> dropout([[3.0]])
    array([[6., 6., 0., 6.]])
    >>> dropout.eval()([[3.0]])
    array([[3., 3., 3., 3.]])
    """

    def __init__(self, layer: Any, p: float, *, rng: np.random.Generator | None = None) -> None:
        if not is_real(p) or not 0 <= p < 1:
            raise ArgumentError(
                f"p={p!r} for Dropout",
                "a probability with 0 <= p < 1",
                "p is the share of entries that are dropped; 0.5 drops half of them",
            )
        check_rng(rng, "Dropout")
        self.layer = adapt(layer)
        self.takes_integers = self.layer.takes_integers
        self.takes_tuple = self.layer.takes_tuple
        self.takes_lengths = self.layer.takes_lengths
        self.p = float(p)
        self.rng = rng

    def apply(self, x: Any) -> tuple[Array, Any]:
        """Return the wrapped layer's output times a mask, and what both pullbacks need."""
        f, saved = self.layer.apply(x)
        if not self.training:
            return f, (saved, None)
        mask = np.asarray(self._keep(f.shape), f.dtype, like=f)
        mask *= 1 / (1 - self.p)
        return f * mask, (saved, mask)

    def pullback(
        self,
        dy: Array,
        saved: Any,
        need_dx: bool = True,
        out: dict[str, Any] | None = None,
        seen: Seen = as_it_is,
    ) -> tuple[Any, dict[str, Any]]:
        """Return the wrapped layer's pullback of ``dy * mask``."""
        saved, mask = saved
        df = dy if mask is None else dy * mask
        offered = (out or {}).get("layer")
        dx, gradients = seen(self.layer).pullback(df, saved, need_dx, offered)
        return dx, {"layer": gradients}

    def _keep(self, shape: tuple[int, ...]) -> Array:
        """Draw 1 for each entry that is kept, and 0 for each that is dropped."""
        if self.rng is None:
            return np.random.binomial(1, 1 - self.p, size=shape)
        return self.rng.random(shape) >= self.p

    def update_buffers(self, saved: Any) -> None:
        if self.layer.training:
            self.layer.update_buffers(saved[0])

    def output_shape(self, input_shape: Shape) -> Shape:
        return self.layer.output_shape(input_shape)

    def __repr__(self) -> str:
        return f"Dropout({self.layer!r}, p={self.p:g})"

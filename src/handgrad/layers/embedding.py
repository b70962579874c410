"""The embedding of indices."""

from __future__ import annotations

from operator import index
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, positive_size
from handgrad.component import Component
from handgrad.errors import ArgumentError, DtypeError, ShapeError
from handgrad.initializers import Drawn, Initializer, draw_parameters, floating_type
from handgrad.kernels.compiling import kernel
from handgrad.parameter import Parameter
from handgrad.per_sample.summands import Summands, check_samples
from handgrad.shapes import Shape

__all__ = ["Embedding"]


class Embedding(Component):
    r"""A vector for each index: the rows of a table, looked up.

    .. math:: y_{nd} = w_{x_n, d} \, [x_n \neq p]

    for indices :math:`x_n` from 0 to :math:`K - 1`, of words or of categories. The index :math:`p`,
    if there is one, fills up sequences to one length and stands for nothing.

    Parameters
    ----------
    num_embeddings : int
        Indices, K: the size of the vocabulary.
    features : int
        Entries of each vector, D.
    padding_index : int, optional
        The index :math:`p` whose vector is always 0.
    init : str or function, default "normal"
        How the table is drawn, see `handgrad.initializers`.
    rng : numpy.random.Generator, optional
        Where it is drawn from; NumPy's global state where it is None.
    dtype : data type, default float64
        The table's floating type.

    Attributes
    ----------
    weights : Array, (K, D)
        The table. The row of `padding_index` is 0 at first; nothing ever reads it.

    Raises
    ------
    ArgumentError
        A size is not a positive integer, or `padding_index` is no index.
    DtypeError
        The input does not hold integers.
    ShapeError
        An index is negative, or K or more.

    Notes
    -----
    **Gradient.**

    .. math:: dw_{kd} = \sum_n dy_{nd} \, [x_n = k] \, [k \neq p].

    An index is no number that could be a little larger, so there is no `dx`: it is None.

    **Derivation.** A lookup is a product with a one-hot row, :math:`y_{nd} = \sum_k [x_n = k]
    [k \neq p] \, w_{kd}`, so with :math:`\partial y_{nd} / \partial w_{je} = [x_n = j] [j \neq p]
    [d = e]`

    .. math::
        dw_{je} = \sum_{nd} dy_{nd} \frac{\partial y_{nd}}{\partial w_{je}}
                = [j \neq p] \sum_{n \,:\, x_n = j} dy_{ne} :

    each upstream row is added to the row of its index, and an index that stands in the minibatch
    several times has the sum. ``gradient[x] += dy`` would keep the last of them alone, since NumPy
    reads all rows before it writes any; ``np.add.at`` adds one after the other. It is fast for
    indices along one axis, so the table's entries are counted through, and entry :math:`d` of row
    :math:`x_n` is ``x * D + d``.

    **Of each sample.** The sum over :math:`n` stays within the sample, over its own indices. Most
    rows of its table are 0, so the sums are kept for the rows that it has, and the square of the
    norm is the sum of theirs.

    **Shapes.** :math:`x` is any (...) of integers, :math:`y` and :math:`dy` are (..., D).

    **Saved.** The indices.

    References
    ----------
    Bengio, Ducharme, Vincent and Jauvin, "A neural probabilistic language model", JMLR 3 (2003),
    section 2, where the table is C.

    Examples
    --------
    >>> import numpy as np
    >>> embedding = Embedding(4, 2, padding_index=0, rng=np.random.default_rng(0))
    >>> embedding.weights = [[0, 0], [1, 2], [3, 4], [5, 6]]
    >>> embedding([[1, 3, 1, 0]])
    array([[[1., 2.],
            [5., 6.],
            [1., 2.],
            [0., 0.]]])
    >>> embedding.grad([[[1.0, 0.0], [7.0, 7.0], [1.0, 5.0], [9.0, 9.0]]])
    >>> embedding.gradients["weights"]
    array([[0., 0.],
           [2., 5.],
           [0., 0.],
           [7., 7.]])
    """

    weights = Parameter()
    takes_integers = True

    def __init__(
        self,
        num_embeddings: int,
        features: int,
        padding_index: int | None = None,
        *,
        init: Initializer = "normal",
        rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        K = self.num_embeddings = positive_size(num_embeddings, "num_embeddings", "Embedding")
        D = self.features = positive_size(features, "features", "Embedding")
        self.padding_index = None if padding_index is None else _index(padding_index, K)
        self.init, self.rng, self.dtype = init, rng, floating_type(dtype, "Embedding")
        wanted = {"weights": Drawn((K, D), init, K, D)}
        self.parameters = draw_parameters(wanted, f"Embedding({K}, {D})", rng, dtype)
        if self.padding_index is not None:
            self.weights[self.padding_index] = 0

    def apply(self, x: Array) -> tuple[Array, Array]:
        """Return ``weights[x]``, with 0 where `x` is the padding, and `x` as what is saved."""
        if x.dtype.kind not in "iu":
            raise DtypeError(
                f"{x.dtype} as the indices for {self!r}",
                "integers",
                "convert them with x.astype(np.int64), if they are whole numbers; put the layer "
                "first in a model, or what stands before it makes floats of them",
            )
        least, most = x.min(), x.max()
        if least < 0 or most >= self.num_embeddings:
            raise ShapeError(
                f"indices from {least} to {most} for {self!r}",
                f"indices from 0 to {self.num_embeddings - 1}, one for each row of the table",
                "count from 0, give the table as many rows as there are words, and one more for "
                "what is not among them; fill up with padding_index, not with -1",
            )
        y: Array = np.take(self.weights, x, axis=0)
        if self.padding_index is not None:
            y[x == self.padding_index] = 0
        return y, x

    def pullback(
        self,
        dy: Array,
        saved: Array,
        need_dx: bool = True,
        out: dict[str, Array] | None = None,
    ) -> tuple[None, dict[str, Array]]:
        """Return None, and each row of `dy` added to the row of its index."""
        gradients = {} if out is None else out
        table = gradients.get("weights")
        if table is None or not table.flags.c_contiguous:  # its entries are counted through
            table = gradients["weights"] = np.empty_like(dy, order="C", shape=self.weights.shape)
        table.fill(0)
        lookup_pullback(table, saved.reshape(-1), dy.reshape(-1, self.features))
        if self.padding_index is not None:
            table[self.padding_index] = 0
        return None, gradients

    def pullback_per_sample(
        self, dy: Array, saved: Array, need_dx: bool = True
    ) -> tuple[None, dict[str, Any]]:
        """Return None, and of each sample its rows of `dy`, added to the rows of its indices."""
        return None, {"weights": _Rows(saved, check_samples(dy), self.padding_index)}

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.features)

    def __repr__(self) -> str:
        padding = "" if self.padding_index is None else f", padding_index={self.padding_index}"
        return f"Embedding({self.num_embeddings}, {self.features}{padding})"


@kernel
def lookup_pullback(table: Any, x: Any, dy: Any) -> None:
    """Add each row of `dy` to the row of `table` of its index."""
    np.add.at(*_counted_through(table, x, dy))


@lookup_pullback.compiled()
def _(table: Any, x: Any, dy: Any) -> None:
    if dy.shape != (x.size, table.shape[1]):  # or the loop would read beyond its end
        raise ValueError("the upstream gradient has not a row for each index")
    for n in range(x.size):
        if x[n] < 0 or x[n] >= len(table):  # the array was written to since the lookup
            raise IndexError("an index is none of the table's rows")
        row = table[x[n]]
        for d in range(row.size):
            row[d] += dy[n, d]


class _Rows(Summands):
    """Gradients of the table, one for each sample, of which most rows are 0."""

    def __init__(self, x: Array, dy: Array, padding_index: int | None) -> None:
        self.x = x.astype(np.intp).reshape(len(dy), -1)
        self.dy = dy.reshape(len(dy), -1, dy.shape[-1])
        self.padding_index = padding_index

    def __add__(self, other: Any) -> Self:
        x = np.concatenate([self.x, other.x], axis=1)
        dy = np.concatenate([self.dy, other.dy], axis=1)
        return type(self)(x, dy, self.padding_index)

    def _summed(self) -> tuple[Array, Array, Array]:
        """Return pairs of a sample and an index of it, each once, and the sums of their rows."""
        counts = self.x.max() + 1
        samples = np.arange(len(self.x), like=self.x)[:, None]
        pairs, places = np.unique(samples * counts + self.x, return_inverse=True)
        rows = np.zeros_like(self.dy, shape=(len(pairs), self.dy.shape[-1]), order="C")
        np.add.at(*_counted_through(rows, places, self.dy))
        if self.padding_index is not None:
            rows[pairs % counts == self.padding_index] = 0
        return pairs // counts, pairs % counts, rows

    def write(self, out: Array) -> None:
        out[...] = 0
        samples, indices, rows = self._summed()
        out[samples, indices] = rows

    def squares(self) -> Array:
        samples, _, rows = self._summed()
        squares = np.zeros_like(rows, shape=len(self.x))
        np.add.at(squares, samples, np.vecdot(rows, rows))
        return squares


def _counted_through(table: Array, x: Array, dy: Array) -> tuple[Array, Array, Array]:
    """Return the table's entries in a row, which of them each entry of `dy` is for, and `dy` so.

    Two neighbours are one complex number, where they can be: its sum adds both at once.
    """
    D, entries, added = table.shape[1], table.reshape(-1), dy.ravel()
    pair = {"f": np.complex64, "d": np.complex128}.get(table.dtype.char)
    if pair is not None and D % 2 == 0 and dy.dtype == table.dtype:
        D, entries, added = D // 2, entries.view(pair), added.view(pair)
    places = x.astype(np.intp).reshape(-1, 1) * D + np.arange(D, like=x)
    return entries, places.reshape(-1), added


def _index(value: object, K: int) -> int:
    try:
        p = -1 if isinstance(value, bool) else index(value)  # type: ignore[arg-type]
    except TypeError:
        p = -1
    if not 0 <= p < K:
        raise ArgumentError(
            f"padding_index={value!r} for Embedding",
            f"one of the indices, from 0 to {K - 1}, or None",
            "0 is the custom; count the words from 1 then",
        )
    return p

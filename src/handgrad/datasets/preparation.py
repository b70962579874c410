"""What prepares data for training, as far as NumPy does not have it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, as_floats, as_numbers, is_real, positive_size
from handgrad.errors import ArgumentError, CallOrderError, DtypeError, ShapeError

__all__ = ["Standardizer", "one_hot", "row_slices", "stratified_split"]


def row_slices(N: int, at_once: int = 4096) -> Iterator[slice]:
    """Yield slices of N rows, so that data larger than memory can be gone through."""
    return (slice(i, min(i + at_once, N)) for i in range(0, N, at_once))


class Standardizer:
    r"""Shift and scale each feature to mean 0 and standard deviation 1.

    .. math:: z_{nd} = \frac{x_{nd} - \mu_d}{\sigma_d}, \qquad
              \mu_d = \frac{1}{N} \sum_n x_{nd}, \qquad
              \sigma_d^2 = \frac{1}{N} \sum_n (x_{nd} - \mu_d)^2

    Parameters
    ----------
    shared_scale : bool, default False
        Whether all features are divided by one number, the root of the mean of all
        :math:`\sigma_d^2`. For pixels, which have one unit: a pixel at the border, which is
        hardly ever touched, would otherwise count as much as those that tell images apart.
    missing : bool, default False
        Whether NaN stands for a number that is missing: it is left out where the data is measured,
        and becomes 0, which is the mean.

    Attributes
    ----------
    mean, scale : Array, (D,)
        What is subtracted from each feature, and what it is divided by; float64.

    Raises
    ------
    CallOrderError
        `transform` is called before `fit`.
    ShapeError
        The data is not (N, D), or has another D than the data that was fitted.
    ArgumentError
        The data that was to be fitted holds NaN or infinity.

    Notes
    -----
    **Fit on the training data alone.** What the held-out data looks like must not leak into it.

    **Constant features** have :math:`\sigma = 0`; they are shifted to 0 and not scaled.

    **Precision.** `mean` and `scale` are computed in float64, in two passes of a few thousand
    rows at a time, so that a `numpy.memmap` is never in memory as a whole. `transform` keeps the
    precision of floats; integers become float64.

    References
    ----------
    Bishop, "Pattern Recognition and Machine Learning" (2006), section 9.1.

    Examples
    --------
    >>> standardizer = Standardizer().fit([[1.0, 5.0], [3.0, 5.0]])
    >>> standardizer.transform([[1.0, 5.0], [4.0, 6.0]])
    array([[-1.,  0.],
           [ 2.,  1.]])
    """

    mean: Array | None = None
    scale: Array | None = None

    def __init__(self, shared_scale: bool = False, missing: bool = False) -> None:
        self.shared_scale, self.missing = shared_scale, missing

    def fit(self, x: npt.ArrayLike) -> Self:
        """Measure the training data, (N, D), and return the standardizer itself."""
        x = as_numbers(x, "data", self)
        if x.ndim != 2:
            raise ShapeError(
                f"data of shape {x.shape} for {self!r}",
                "a row of features for each datapoint, (N, D)",
                "reshape it, for instance with x.reshape(len(x), -1)",
            )
        count: Any = len(x)
        if self.missing and x.dtype.kind == "f":
            count = sum((~np.isnan(x[rows])).sum(axis=0) for rows in row_slices(len(x)))
            none = count == 0  # of which any measure is right
            low, high = (np.where(none, 0.0, f.reduce(x, axis=0)) for f in (np.fmin, np.fmax))
            count = np.maximum(count, 1)
        else:
            low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            width = high - low
        if not np.isfinite(width).all():
            raise ArgumentError(
                f"NaN, infinity or numbers beyond all measure in column "
                f"{int(np.argmin(np.isfinite(width)))} of the data for {self!r}",
                "finite numbers",
                "leave out the rows that hold them, or fill in what is missing",
            )
        width[width == 0] = 1
        # In units of the width, so that no square overflows or vanishes.
        parts = [*row_slices(len(x))]
        add = np.nansum if self.missing else np.sum
        mean = sum(add((x[rows] - low) / width, axis=0) for rows in parts) / count
        square = sum(add(np.square((x[rows] - low) / width - mean), axis=0) for rows in parts)
        square = square / count
        self.mean = low + width * mean
        scale = width * np.sqrt(square)
        if self.shared_scale and (largest := scale.max()) > 0:
            scale[:] = largest * np.sqrt(np.square(scale / largest).mean())
        self.scale = np.where(scale > 0, scale, 1.0)
        return self

    def transform(self, x: npt.ArrayLike) -> Array:
        """Return the data, (N, D), shifted and scaled."""
        mean, scale = self._fitted("transform")
        x = as_floats(x, "data", self)
        if x.shape[-1:] != mean.shape:
            raise ShapeError(
                f"data of shape {x.shape} for {self!r}",
                f"{len(mean)} features on the last axis, as in the data that was fitted",
                "give the same columns in the same order",
            )
        z: Array = x - mean.astype(x.dtype)
        z /= scale.astype(x.dtype)
        if self.missing:
            z[np.isnan(z)] = 0
        return z

    def restore(self, z: npt.ArrayLike) -> Array:
        """Return the data, (N, D), that `transform` makes `z` of."""
        mean, scale = self._fitted("restore")
        z = as_floats(z, "data", self)
        x: Array = z * scale.astype(z.dtype) + mean.astype(z.dtype)
        return x

    def _fitted(self, method: str) -> tuple[Array, Array]:
        if self.mean is None or self.scale is None:
            raise CallOrderError(
                f"a call of {method} on {self!r} before fit",
                "a measure of the training data first",
                f"call fit(x) on the training data, then {method} on any data",
            )
        return self.mean, self.scale

    def state_dict(self) -> dict[str, Any]:
        """Return what `fit` has measured."""
        return {"mean": self.mean, "scale": self.scale}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.mean, self.scale = (
            None if state[name] is None else np.asarray(state[name]) for name in ("mean", "scale")
        )

    def __repr__(self) -> str:
        missing = ", missing=True" if self.missing else ""
        return f"Standardizer(shared_scale={self.shared_scale}{missing})"


def one_hot(
    y: npt.ArrayLike, classes: int | None = None, dtype: npt.DTypeLike = np.float64
) -> Array:
    """Return a row for each class index, 1 in the column of that class and 0 elsewhere.

    Parameters
    ----------
    y : integers, (N,)
        Class indices.
    classes : int, optional
        How many classes there are, K; where it is None, one more than the largest index.
    dtype : data type, default float64
        The type of the rows.

    Returns
    -------
    Array, (N, K)
        The rows.

    Raises
    ------
    DtypeError
        `y` does not hold integers.
    ShapeError
        `y` is not one axis, or an index is no class.

    Examples
    --------
    >>> one_hot([2, 0], classes=3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    y = as_numbers(y, "class indices", "one_hot")
    if y.dtype.kind not in "iu":
        raise DtypeError(
            f"class indices of type {y.dtype} for one_hot",
            "integers",
            "convert them with y.astype(np.int64)",
        )
    K = int(y.max()) + 1 if classes is None else positive_size(classes, "classes", "one_hot")
    if y.ndim != 1 or y.min() < 0 or y.max() >= K:
        raise ShapeError(
            f"class indices of shape {y.shape} from {y.min()} to {y.max()} for one_hot",
            f"indices (N,) from 0 to {max(K, 1) - 1}",
            "make y flat, count the classes from 0, and give classes= their number",
        )
    return np.eye(K, dtype=dtype)[y]


def stratified_split(
    y: npt.ArrayLike, fraction: float, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    r"""Split datapoints in two at random, every class in the same proportion.

    Parameters
    ----------
    y : array_like, (N,)
        The class of each datapoint: indices, or names.
    fraction : float
        The share that is held out, 0 < fraction < 1.
    rng : numpy.random.Generator
        Where the choice is drawn from.

    Returns
    -------
    training, held_out : Array
        Indices of the datapoints on either side, ascending; together all of them.

    Raises
    ------
    ArgumentError
        `fraction` is outside (0, 1), or no class has two datapoints.
    ShapeError
        `y` is empty, or is not one axis.

    Notes
    -----
    Of a class with :math:`n` datapoints, :math:`fn` rounded down or up are held out, and of two or
    more at least one lands on either side. Where the classes' shares leave a choice, those with
    the largest remainder are rounded up, until the total is :math:`fN` rounded.

    Examples
    --------
    >>> import numpy as np
    >>> y = ["a", "a", "a", "a", "b", "b"]
    >>> training, held_out = stratified_split(y, 0.5, np.random.default_rng(0))
    >>> [y[i] for i in training], [y[i] for i in held_out]
    (['a', 'a', 'b'], ['a', 'a', 'b'])
    """
    y = np.asarray(y)
    if y.ndim != 1 or not y.size:
        raise ShapeError(
            f"classes of shape {y.shape} for stratified_split",
            "the class of each datapoint, (N,)",
            "take argmax(axis=1) of one-hot rows",
        )
    if not is_real(fraction) or not 0 < fraction < 1:
        raise ArgumentError(
            f"fraction={fraction!r} for stratified_split",
            "the share that is held out, 0 < fraction < 1",
            "0.2 holds out a fifth",
        )
    _, members, sizes = np.unique(y, return_inverse=True, return_counts=True)
    if sizes.max() < 2:
        raise ArgumentError(
            f"{len(sizes)} classes with one datapoint each for stratified_split",
            "a class with two datapoints or more, so that one can be held out",
            "split at random instead: rng.permutation(len(y))",
        )
    share = fraction * sizes
    # Rounded first: 0.1 * 70 is 7.000000000000001, which is 7 and not 8 when rounded up.
    share = np.where(np.isclose(share, np.rint(share), rtol=1e-12, atol=0), np.rint(share), share)
    lowest = np.maximum(np.floor(share), np.minimum(1, sizes - 1)).astype(np.int64)
    highest = np.minimum(np.ceil(share), sizes - 1).astype(np.int64)
    counts = lowest.copy()
    for k in np.argsort(lowest - share, kind="stable"):  # the largest remainder first
        if counts.sum() >= round(fraction * len(y)):
            break
        counts[k] = max(highest[k], lowest[k])
    held_out = np.zeros(len(y), dtype=bool)
    for k, count in enumerate(counts):
        held_out[rng.permutation(np.flatnonzero(members == k))[:count]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)

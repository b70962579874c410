"""The data set that ships with handgrad."""

from __future__ import annotations

from importlib import resources

import numpy as np

from handgrad.datasets.dataset import Dataset

__all__ = ["load_digits"]


def load_digits() -> Dataset:
    """Return the UCI optical digits: 1,797 images of 8 x 8 pixels, ten classes.

    Returns
    -------
    Dataset
        `x`, float64 (1797, 64), holds whole numbers from 0 to 16, an image's rows one after the
        other; `y` holds the digits. Both are what scikit-learn's function of this name gives.

    Notes
    -----
    **Licence.** CC BY 4.0, as the UCI Machine Learning Repository publishes it. The description of
    the data set carries licence and citation.

    References
    ----------
    Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning
    Repository (1998), doi:10.24432/C50P49.

    Examples
    --------
    >>> digits = load_digits()
    >>> digits
    Dataset(1,797 rows, 64 features, digit: 10 classes)
    >>> digits.x[0].reshape(8, 8).astype(int)[:2], digits.y[0]
    (array([[ 0,  0,  5, 13,  9,  1,  0,  0],
           [ 0,  0, 13, 15, 10, 15,  5,  0]]), np.int64(0))
    """
    folder = resources.files(__package__)
    with (folder / "digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        x, y = arrays["x"].astype(np.float64), arrays["y"].astype(np.int64)
    return Dataset(
        x,
        y,
        feature_names=tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)),
        class_names=tuple("0123456789"),
        target_name="digit",
        description=(folder / "digits.txt").read_text(encoding="utf-8"),
        image=(8, 8),
    )

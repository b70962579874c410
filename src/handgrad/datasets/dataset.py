"""What every reader returns."""

from __future__ import annotations

from dataclasses import dataclass

from handgrad.arguments import Array
from handgrad.datasets.columns import Column

__all__ = ["Dataset"]


@dataclass(frozen=True, repr=False, eq=False)
class Dataset:
    """Features, targets, and what they are called.

    Parameters
    ----------
    x : Array, (N, D)
        Features: finite numbers, or NaN where one is missing in a table. A large file's are read
        from the disk as they are needed (`numpy.memmap`) wherever its format allows that.
    y : Array, (N,)
        Targets: class indices, int64, where there are `class_names`; else numbers, float64. Of
        shape (0,) where the data has no targets.
    feature_names : tuple of str
        A name for each of the D columns of `x`.
    class_names : tuple of str
        A name for each class, in the order of the indices; empty where `y` holds numbers.
    target_name : str
        What the targets are called; empty where there are none.
    description : str
        Where the data comes from.
    image : tuple of int
        The shape of a datapoint that is an image, so that ``x[n].reshape(image)`` shows it; empty
        where a datapoint is a row of features.
    columns : tuple of Column
        Of a table, what became of each of its columns; to be handed to `read` for more of its kind.
    notes : tuple of str
        Sentences that say what was decided, and what is odd.

    Examples
    --------
    >>> import numpy as np
    >>> Dataset(np.ones((2, 3)), np.array([0, 1]), ("a", "b", "c"), ("no", "yes"), "answer")
    Dataset(2 rows, 3 features, answer: 2 classes)
    """

    x: Array
    y: Array
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] = ()
    target_name: str = ""
    description: str = ""
    image: tuple[int, ...] = ()
    columns: tuple[Column, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        N, D = self.x.shape
        targets = ""
        if self.target_name:
            kind = f"{len(self.class_names)} classes" if self.class_names else "numbers"
            targets = f", {self.target_name}: {kind}"
        return f"Dataset({N:,} rows, {D:,} features{targets})"

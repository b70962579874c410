"""The data that ships, the readers of a user's own, and what prepares either for training."""

from handgrad.datasets.columns import Column
from handgrad.datasets.dataset import Dataset
from handgrad.datasets.digits import load_digits
from handgrad.datasets.preparation import Standardizer, one_hot, stratified_split
from handgrad.datasets.reader import read
from handgrad.datasets.rows import from_rows

__all__ = [
    "Column",
    "Dataset",
    "Standardizer",
    "from_rows",
    "load_digits",
    "one_hot",
    "read",
    "stratified_split",
]

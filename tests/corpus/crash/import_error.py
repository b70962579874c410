"""Imports what is not there."""

import nmpy as np


class ReLU:
    def __call__(self, x):
        return np.maximum(0, x)

"""The embedding, wherever its table and its gradient are."""

import numpy as np

from handgrad import diagnose
from handgrad.diagnosis import Status
from handgrad.diagnosis.kinds.embedding import EmbeddingKind


class Embedding:
    def __init__(self, words, features):
        self.table = np.random.randn(words, features)

    def __call__(self, x):
        self.x = x
        return self.table[x]

    def grad(self, dy):
        dW = np.zeros_like(self.table)
        np.add.at(dW, self.x, dy)
        return dW


def test_the_gradient_is_returned_or_kept():
    class Keeps(Embedding):
        def grad(self, dy):
            self.gradients = {"weights": super().grad(dy)}

    for cls in (Embedding, Keeps):
        assert diagnose(cls, "embedding").status is Status.RIGHT


def test_in_place_with_an_array_of_indices():
    class Once(Embedding):
        def grad(self, dy):
            dW = np.zeros_like(self.table)
            dW[self.x] += dy
            return dW

    assert [c.name for c in diagnose(Once, "embedding").causes] == ["repeated indices count once"]


def test_some_words_come_twice_and_some_do_not_come():
    kind = EmbeddingKind()
    for seed in range(20):
        for given in kind.givens(kind.shapes, seed):
            counts = np.bincount(given.x.ravel(), minlength=len(given["weights"]))
            assert counts.max() > 1
            assert counts.min() == 0

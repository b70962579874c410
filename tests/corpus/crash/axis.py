"""An axis too many."""

import numpy as np


class CrossEntropy:
    def __init__(self, average=True):
        self.average = average

    def __call__(self, logits, targets):
        e = np.exp(logits - logits.max(axis=2, keepdims=True))
        self.p = e / e.sum(axis=2, keepdims=True)
        self.y = targets
        return -np.mean(np.sum(targets * np.log(self.p), axis=1))

    def grad(self):
        return (self.p - self.y) / len(self.y)

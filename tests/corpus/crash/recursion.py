"""Calls itself."""


class ReLU:
    def __call__(self, x):
        return self(x)

    def grad(self, in_gradient):
        return in_gradient

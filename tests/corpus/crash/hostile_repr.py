"""Cannot even be printed."""


class Angry(Exception):
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


class ReLU:
    def __repr__(self):
        raise Angry

    def __call__(self, x):
        raise Angry

    def grad(self, in_gradient):
        return in_gradient

"""Never comes back."""


class ReLU:
    def __call__(self, x):
        i = 0
        while i < len(x):
            if x[i, 0] > 0:
                i = i
        return x

    def grad(self, in_gradient):
        return in_gradient

"""The model, with the catalogue's mistakes written by hand."""


class Right:
    def __init__(self, components):
        self.components = list(components)

    def forward(self, x):
        for component in self.components:
            x = component(x)
        return x

    def backward(self, in_gradient):
        gradients = []
        for component in reversed(self.components):
            result = component.grad(in_gradient)
            if isinstance(result, tuple):
                gradients.append({"weights": result[0], "bias": component.gradients["bias"]})
                in_gradient = result[1]
            else:
                gradients.append({})
                in_gradient = result
        return gradients[::-1]

    def update_parameters(self, gradients, lr):
        for component, g in zip(self.components, gradients):
            for name in g:
                setattr(component, name, getattr(component, name) - lr * g[name])


class WalksForward(Right):
    def backward(self, in_gradient):
        gradients = []
        for component in self.components:
            result = component.grad(in_gradient)
            if isinstance(result, tuple):
                gradients.append({"weights": result[0], "bias": component.gradients["bias"]})
                in_gradient = result[1]
            else:
                gradients.append({})
                in_gradient = result
        return gradients


class Ascends(Right):
    def update_parameters(self, gradients, lr):
        for component, g in zip(self.components, gradients):
            for name in g:
                setattr(component, name, getattr(component, name) + lr * g[name])


class PilesUp(Right):
    total = None

    def backward(self, in_gradient):
        fresh = super().backward(in_gradient)
        if self.total is None:
            self.total = fresh
        else:
            self.total = [{n: t[n] + f[n] for n in t} for t, f in zip(self.total, fresh)]
        return self.total


class NotReversed(Right):
    """Gradients in the order of the backward walk, parameters in that of the forward walk."""

    def backward(self, in_gradient):
        return super().backward(in_gradient)[::-1]


class ChainBroken(Right):
    """Passes the loss' gradient to every component."""

    def backward(self, in_gradient):
        gradients = []
        for component in reversed(self.components):
            result = component.grad(in_gradient)
            if isinstance(result, tuple):
                gradients.append({"weights": result[0], "bias": component.gradients["bias"]})
            else:
                gradients.append({})
        return gradients[::-1]


class BiasNotUpdated(Right):
    def update_parameters(self, gradients, lr):
        for component, g in zip(self.components, gradients):
            if "weights" in g:
                component.weights = component.weights - lr * g["weights"]


class EqualsMinus(Right):
    def update_parameters(self, gradients, lr):
        for component, g in zip(self.components, gradients):
            for name in g:
                setattr(component, name, -lr * g[name])


CASES = {
    "EqualsMinus": ("model", ["the old parameters are lost in the step"]),
    "WalksForward": ("model", ["walks forwards in the backward pass"]),
    "Ascends": ("model", ["ascends"]),
    "PilesUp": ("model", ["gradients pile up"]),
    "NotReversed": ("model", ["updated with the gradients in reverse order"]),
    "ChainBroken": ("model", ["every component gets the loss' gradient"]),
    "BiasNotUpdated": ("model", ["the bias is not updated"]),
}

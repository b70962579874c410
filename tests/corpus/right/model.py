"""Right implementations of the model, as students write them."""

import numpy as np


class Model:
    """Gradients as the layers return them, in the components' order."""

    def __init__(self, components):
        self.components = components

    def forward(self, x):
        for c in self.components:
            x = c(x)
        return x

    def backward(self, in_gradient):
        grads = []
        for c in reversed(self.components):
            result = c.grad(in_gradient)
            if isinstance(result, tuple):
                gw, in_gradient = result
                grads.append({"weights": gw, "bias": c.gradients["bias"]})
            else:
                in_gradient = result
                grads.append({})
        grads.reverse()
        return grads

    def update_parameters(self, grads, lr):
        for c, g in zip(self.components, grads):
            if g:
                target = c.layer if hasattr(c, "layer") else c
                target.weights = target.weights - lr * g["weights"]
                target.bias = target.bias - lr * g["bias"]


class InPlace:
    """Indices backwards, gradients inserted in front, parameters changed in place."""

    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        out = x
        for i in range(len(self.layers)):
            out = self.layers[i](out)
        return out

    def backward(self, loss_gradient):
        gradient = loss_gradient
        all_gradients = []
        for i in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[i]
            if hasattr(layer, "weights") or hasattr(layer, "layer"):
                dw, gradient = layer.grad(gradient)
                inner = getattr(layer, "layer", layer)
                all_gradients.insert(0, (dw, inner.gradients["bias"]))
            else:
                gradient = layer.grad(gradient)
                all_gradients.insert(0, None)
        return all_gradients

    def update_parameters(self, gradients, lr):
        for layer, g in zip(self.layers, gradients):
            if g is None:
                continue
            inner = getattr(layer, "layer", layer)
            inner.weights -= lr * g[0]
            inner.bias -= lr * g[1]


class WeightsAndInput:
    """Keeps the pairs of weights' and input's gradients; reads the bias' when it updates."""

    def __init__(self, components=[]):
        self.components = list(components)
        self.grads = None

    def forward(self, inputs):
        for component in self.components:
            inputs = component(inputs)
        return inputs

    def backward(self, in_gradient):
        self.grads = []
        for component in self.components[::-1]:
            g = component.grad(in_gradient)
            self.grads.append(g)
            in_gradient = g[1] if isinstance(g, tuple) else g
        self.grads = self.grads[::-1]
        return self.grads

    def update_parameters(self, grads, lr):
        for component, g in zip(self.components, grads):
            if isinstance(g, tuple) and g[0] is not None:
                layer = component.layer if hasattr(component, "layer") else component
                layer.weights = layer.weights - lr * g[0]
                layer.bias = layer.bias - lr * layer.gradients["bias"]


class DictOfGradients:
    """Gradients in a dictionary by the component's number."""

    def __init__(self, modules):
        self.modules = tuple(modules)

    def forward(self, x):
        for m in self.modules:
            x = m(x)
        return x

    def backward(self, g):
        grads = {}
        for i, m in reversed(list(enumerate(self.modules))):
            r = m.grad(g)
            if type(r) is tuple:
                grads[i] = {"weights": r[0], "bias": (m.layer if hasattr(m, "layer") else m).gradients["bias"]}
                g = r[1]
            else:
                g = r
        return grads

    def update_parameters(self, grads, lr):
        for i in grads:
            m = self.modules[i]
            if hasattr(m, "layer"):
                m = m.layer
            for name in ("weights", "bias"):
                setattr(m, name, getattr(m, name) - lr * grads[i][name])


CASES = {
    "Model": ("model", "right"),
    "InPlace": ("model", "right"),
    "WeightsAndInput": ("model", "right"),
    "DictOfGradients": ("model", "right"),
}

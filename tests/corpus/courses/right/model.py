from layers import Dropout, Linear


class Model:
    def __init__(self, components):
        self.components = components

    def forward(self, x):
        for component in self.components:
            x = component(x)
        return x

    def backward(self, in_gradient):
        gradients = []
        for component in reversed(self.components):
            if isinstance(component, (Linear, Dropout)):
                gradient_weights, in_gradient = component.grad(in_gradient)
                layer = component.layer if isinstance(component, Dropout) else component
                gradients.append((gradient_weights, layer.gradients["bias"]))
            else:
                in_gradient = component.grad(in_gradient)
                gradients.append(None)
        return gradients[::-1]

    def update_parameters(self, gradients, lr):
        for component, gradient in zip(self.components, gradients):
            if gradient is not None:
                layer = component.layer if isinstance(component, Dropout) else component
                layer.weights -= lr * gradient[0]
                layer.bias -= lr * gradient[1]

"""A model beside its own layers, whose bias has no gradient."""

from handgrad import diagnose
from handgrad.diagnosis import Status, Verdict
from students import Base, verdicts


class Linear(Base):
    """Gives no gradient of its bias, which the exercise lets be; and can say what it is."""

    def grad(self, dy):
        return self.x.T @ dy, dy @ self.weights.T

    def get_type(self):
        return "layer of mine"


class WeightsAlone:
    def __init__(self, components):
        self.components = components

    def backward(self, dy):
        found = []
        for component in reversed(self.components):
            dy = component.grad(dy)
            if isinstance(dy, tuple):
                dW, dy = dy
                found.append(dW)
        return found[::-1]

    def forward(self, x):
        for component in self.components:
            x = component(x)
        return x

    def update_parameters(self, gradients, lr):
        layers = [c for c in self.components if isinstance(c, Linear)]
        for layer, dW in zip(layers, gradients, strict=True):
            assert layer.get_type() == "layer of mine"
            layer.weights -= lr * dW


def test_a_model_is_not_blamed_for_a_bias_that_its_layers_let_be():
    diagnosis = diagnose(WeightsAlone, "model")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert verdicts(diagnosis)["b step"] is Verdict.UNKNOWN


def test_ours_stand_in_for_the_students_own_class(monkeypatch):
    """They are instances of it, and answer what only it answers, even where it is wrong."""
    monkeypatch.setattr(Linear, "grad", lambda self, dy: (self.weights, dy))
    diagnosis = diagnose(WeightsAlone, "model")
    assert diagnosis.headline == "WeightsAlone is wrong: the bias is not updated", str(diagnosis)

"""Models, also of a student's own layers."""

import numpy as np
import pytest

from handgrad import (
    diagnose,
)
from handgrad.diagnosis import Status, Verdict
from students import OutIn, conventions, verdicts


class Walk:
    def __init__(self, components):
        self.components = components

    def forward(self, x):
        for component in self.components:
            x = component.forward(x)
        return x

    def backward(self, dy):
        found = []
        for component in self.components[::-1]:
            dy = component.backward(dy)
            if isinstance(dy, tuple):
                dW, dy = dy
                found.append((dW, component.gradients["bias"]))
        return found

    def update_parameters(self, gradients, lr):
        layers = [c for c in self.components if hasattr(c, "weights")]
        for layer, (dW, db) in zip(reversed(layers), gradients, strict=True):
            layer.weights -= lr * dW
            layer.bias -= lr * db


def test_gradients_from_the_last_to_the_first_are_another_convention():
    diagnosis = diagnose(Walk, "model")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert conventions(diagnosis) == {"gradients from the last component to the first"}


def test_gradients_in_a_dictionary_are_found():
    class Named(Walk):
        def backward(self, dy):
            found = super().backward(dy)[::-1]
            return {f"layer {i}": {"dW": dW, "db": db} for i, (dW, db) in enumerate(found)}

        def update_parameters(self, gradients, lr):
            pairs = [tuple(each.values()) for each in gradients.values()]
            super().update_parameters(pairs[::-1], lr)

    diagnosis = diagnose(Named, "model")
    assert diagnosis.headline == "Named is right"
    assert verdicts(diagnosis)["dW"] is Verdict.RIGHT


def test_a_model_that_keeps_its_gradients_to_itself_is_judged_by_its_step():
    class Private(Walk):
        def backward(self, dy):
            self.found = super().backward(dy)

        def update_parameters(self, gradients, lr):
            assert gradients is None
            super().update_parameters(self.found, lr)

    diagnosis = diagnose(Private, "model")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert verdicts(diagnosis)["dW"] is Verdict.UNKNOWN

    class Odd(Walk):
        def backward(self, dy):
            self.found = super().backward(dy)
            return [1, 2]

        def update_parameters(self, gradients, lr):
            super().update_parameters(self.found, lr)

    assert verdicts(diagnose(Odd, "model"))["dW"] is Verdict.UNKNOWN


class Affine(OutIn):
    """Only takes part in `OnlyOwn`."""


class OnlyOwn(Walk):
    """Takes no layers but its own."""

    def forward(self, x):
        for component in self.components:
            x = component(x)
        return x

    def backward(self, dy):
        self.db = []
        found = []
        for component in reversed(self.components):
            if isinstance(component, Affine):
                dW, dy = component.grad(dy)
                found.insert(0, {"w": dW, "b": component.db})
            else:
                dy = component.grad(dy)
                found.insert(0, {})
        return found

    def update_parameters(self, gradients, lr):
        for component, gradient in zip(self.components, gradients, strict=True):
            for name, array in gradient.items():
                setattr(component, name, getattr(component, name) - lr * array)


def test_a_model_that_takes_only_its_own_layers_gets_them():
    diagnosis = diagnose(OnlyOwn, "model")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert verdicts(diagnosis)["dW"] is Verdict.RIGHT


def test_a_model_whose_own_layers_are_wrong_is_told_to_mend_them_first(monkeypatch):
    monkeypatch.setattr(Affine, "grad", lambda self, dy: (self.w, dy))
    diagnosis = diagnose(OnlyOwn, "model")
    assert diagnosis.status is Status.FAILED
    assert "its own Affine is not right: mend that one first" in diagnosis.notes


def test_ours_say_what_they_are():
    class Asks(Walk):
        def forward(self, x):
            assert [c.get_type() for c in self.components[:2]] == ["layer", "activation"]
            return super().forward(x)

    assert diagnose(Asks, "model").status is Status.RIGHT


class Steps(Walk):
    """Returns the gradients in the components' order, and takes them so."""

    def backward(self, dy):
        return super().backward(dy)[::-1]

    def update_parameters(self, gradients, lr):
        super().update_parameters(gradients[::-1], lr)


class UphillWithoutBias(Steps):
    def update_parameters(self, gradients, lr):
        super().update_parameters([(-dW, 0 * db) for dW, db in gradients], lr)


class Doubled(Steps):
    def backward(self, dy):
        return [(2 * dW, 2 * db) for dW, db in super().backward(dy)]

    def update_parameters(self, gradients, lr):
        super().update_parameters(gradients, lr / 2)


class TurnedInPlace(Walk):
    """Walks its own list, which it turns round; the gradients are in that order."""

    def backward(self, dy):
        self.components.reverse()
        found = []
        for component in self.components:
            dy = component.backward(dy)
            if isinstance(dy, tuple):
                dW, dy = dy
                found.append((dW, component.gradients["bias"]))
        return found

    def update_parameters(self, gradients, lr):
        super().update_parameters(gradients[::-1], lr)


class TurnedInPlaceInOurOrder(TurnedInPlace):
    """The same, with the gradients in the order of the forward pass."""

    def backward(self, dy):
        return super().backward(dy)[::-1]


@pytest.mark.parametrize(
    ("cls", "said"),
    [
        (Steps, "is right"),
        (UphillWithoutBias, "the weights ascend (W step); the bias is not updated (b step)"),
        (Doubled, "is wrong: the returned gradients are doubled"),
        (TurnedInPlace, "is wrong: the components are turned round in place"),
        (TurnedInPlaceInOurOrder, "is wrong: the components are turned round in place"),
    ],
)
def test_a_step_gets_its_own_name(cls, said):
    diagnosis = diagnose(cls, "model")
    assert diagnosis.headline.endswith(said), str(diagnosis)


def test_random_numbers_go_on_after_a_model():
    class Noisy(Steps):
        def forward(self, x):
            np.random.rand()
            return super().forward(x)

    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    assert diagnose(Noisy, "model").status is Status.RIGHT
    assert np.random.rand() == expected


def test_a_dropout_around_an_activation_that_crashes_is_noted():
    class Unpacks:
        def __init__(self, layer, p):
            self.layer, self.p = layer, p

        def __call__(self, x):
            y = self.layer(x)
            self.mask = np.random.binomial(1, 1 - self.p, y.shape) / (1 - self.p)
            return y * self.mask

        def grad(self, dy):
            dW, dx = self.layer.grad(dy * self.mask)
            return dW, dx

    diagnosis = diagnose(Unpacks, "dropout")
    assert diagnosis.status is Status.RIGHT
    (note,) = diagnosis.notes
    assert note.startswith("around an activation it does not run: ValueError: too many values")
    assert note.endswith("`dW, dx = self.layer.grad(dy * self.mask)`")


def test_a_dropout_that_takes_only_its_own_layer_gets_it():
    class Strict:
        def __init__(self, layer, p):
            assert isinstance(layer, Affine)
            self.layer, self.p = layer, p

        def __call__(self, x):
            y = self.layer(x)
            self.mask = np.random.binomial(1, 1 - self.p, y.shape) / (1 - self.p)
            return y * self.mask

        def grad(self, dy):
            return self.layer.grad(dy * self.mask)

    assert diagnose(Strict, "dropout").status is Status.RIGHT

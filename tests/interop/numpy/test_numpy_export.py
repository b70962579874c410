"""Networks as a file of Python: NumPy alone computes what we do, for every row of the table."""

import subprocess
import sys

import numpy as np
import pytest

from exchange import COMPONENTS, ROWS, numpy_out
from handgrad import Component, Dropout, Linear, Model, Parameter, ReLU, Residual, Sigmoid
from handgrad.errors import ArgumentError
from handgrad.interop.numpy import export
from helpers import OwnLinear, generator, random

FACTOR = 3.0


def test_every_row_is_computed_as_here_where_handgrad_is_not(tmp_path):
    assert numpy_out(COMPONENTS, tmp_path) == len(ROWS)


def predicted(folder, *inputs):
    """Return what the file predicts, in a process of its own, and what it wrote."""
    np.savez(folder / "x.npz", *inputs)
    code = (
        "import sys, numpy; sys.modules['handgrad'] = None; sys.path.insert(0, sys.argv[1])\n"
        "import predict\n"
        "x = numpy.load(sys.argv[1] + '/x.npz')\n"
        "numpy.save(sys.argv[1] + '/y.npy', predict.predict(*(x[name] for name in x)))"
    )
    command = [sys.executable, "-I", "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    return np.load(folder / "y.npy") if done.returncode == 0 else done.stderr


def scaled(x, owner):
    """Multiply, by a number that another function reads from the component."""
    return x * owner.factor * FACTOR


class Scale(Component):
    """A user's own component, with a function and a constant of its module, and a table."""

    weights = Parameter()

    def __init__(self, D):
        self.parameters = {"weights": np.arange(1.0, D + 1)}
        self.factor, self.table = 2.0, np.eye(D)[::-1].copy()
        self.places = (1, ("a", None, float("inf")))

    def apply(self, x):
        if not self.training:
            x = x @ self.table
        y = scaled(x, self) * self.weights * len(self.places)
        mask = x > 0
        return y, mask

    def pullback(self, dy, saved, need_dx=True, out=None):
        raise NotImplementedError


def test_a_users_component_comes_along_with_what_it_refers_to(tmp_path):
    model = Model([Scale(3), Dropout(Sigmoid(), 0.5), Linear(3, 2)])
    export(model, tmp_path, (None, 3))
    x = random(5, 3)
    np.testing.assert_allclose(predicted(tmp_path, x), model.predict(x), rtol=1e-13)
    text = (tmp_path / "predict.py").read_text(encoding="utf-8")
    assert "FACTOR = 3.0" in text
    assert "mask" not in text
    assert "training" not in text
    assert "pullback" not in text


def test_a_dense_network_is_as_short_as_its_formulas(tmp_path):
    export(Model([Linear(64, 64), ReLU(), Linear(64, 10)]), tmp_path, (None, 64))
    text = (tmp_path / "predict.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 90
    assert all(len(line) <= 110 for line in text.splitlines())
    classes = text[text.index("class Linear") : text.index("def predict")]
    assert (
        classes
        == '''class Linear(Layer):
    """An affine map of the features, the same for every row."""

    def apply(self, x):
        y = x @ self.weights
        if (bias := self.bias) is not None:
            add_row(y, bias)
        return y


def rectified(x):
    return x.clip(0, np.inf)


class ReLU(Layer):
    """The rectified linear unit, entry by entry."""

    def apply(self, x):
        y = rectified(x)
        return y


NETWORK = Model(
    components=(
        Linear(arrays('0', 'weights', 'bias')),
        ReLU(),
        Linear(arrays('2', 'weights', 'bias')),
    ),
)


'''
    )


def test_a_layer_at_two_places_is_one(tmp_path):
    layer = Linear(4, 4)
    model = Model([layer, Residual(Model([ReLU(), layer]))])
    export(model, tmp_path, (None, 4))
    with np.load(tmp_path / "network.npz") as arrays:
        assert sorted(arrays) == ["0.bias", "0.weights"]
    x = random(3, 4)
    np.testing.assert_allclose(predicted(tmp_path, x), model.predict(x), rtol=1e-13)


def test_what_does_not_fit_is_refused_by_the_file(tmp_path):
    export(Linear(4, 2), tmp_path, (None, 4))
    for shape in ((3, 5), (4,), (0, 4)):
        words = f"got an input of shape {shape}, expected (None, 4), and not empty"
        assert words in predicted(tmp_path, np.zeros(shape))


class Drawing(ReLU):
    def apply(self, x):
        return x * self.rng.random(), None


class Made(ReLU):
    def apply(self, x):
        return Dropout(ReLU(), 0.5).apply(x)


class Foreign(ReLU):
    def apply(self, x):
        return pytest.approx(x), None


typed = {"ReLU": ReLU, "__name__": "typed_in"}
exec("class Typed(ReLU):\n    def apply(self, x):\n        return x, None", typed)
drawing = Drawing()
drawing.rng = generator()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Model([OwnLinear(4, 2, generator())]), "at 0, for NumPy alone"),
        (Model([drawing]), "at 0.rng, which a formula reads"),
        (Model([Made()]), "made in a formula of"),
        (Model([Foreign()]), "pytest of pytest in the module"),
        (Model([typed["Typed"]()]), "module typed_in, whose text cannot be read"),
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_is(model, words, tmp_path):
    with pytest.raises(ArgumentError, match=words):
        export(model, tmp_path / "new", (None, 4))
    assert not list(tmp_path.iterdir())

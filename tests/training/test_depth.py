"""How parameters are drawn decides whether a deep network trains at all."""

import numpy as np
import pytest

from handgrad import SGD, CrossEntropy, Linear, Model, ReLU, Trainer
from handgrad.datasets import load_digits
from handgrad.training import Accuracy
from helpers import generator

DEPTH, WIDTH = 10, 64


@pytest.fixture(scope="module")
def digits():
    digits = load_digits()
    return (digits.x / 16).astype(np.float32), digits.y


def deep(init, bias_init):
    options = {"init": init, "bias_init": bias_init, "rng": generator(), "dtype": np.float32}
    hidden = [part for _ in range(DEPTH) for part in (Linear(64, WIDTH, **options), ReLU())]
    return Model([*hidden, Linear(WIDTH, 10, **options)])


@pytest.mark.parametrize(
    ("init", "bias_init", "learns"), [("he", "zeros", True), ("exercise", "exercise", False)]
)
def test_ten_layers_of_relu_train_with_hes_variance_and_not_with_the_exercises(
    digits, init, bias_init, learns
):
    x, y = digits
    trainer = Trainer(
        deep(init, bias_init),
        CrossEntropy(),
        SGD(0.02, momentum=0.9),
        metrics=[Accuracy()],
        rng=generator(1),
    )
    trainer.fit(x[:1500], y[:1500], epochs=8, batch_size=32, progress=False)
    accuracy = trainer.evaluate(x[1500:], y[1500:])["accuracy"]
    assert accuracy > 0.85 if learns else accuracy < 0.15


def test_the_signal_keeps_its_size_with_hes_variance(digits):
    """The derivation on the page of `handgrad.initializers`, measured."""
    x = generator(2).standard_normal((500, WIDTH))
    for init, factor in (("he", 1.0), ("exercise", 0.5 * WIDTH * 0.05**2)):
        model = deep(init, "zeros")
        first, _ = Model(model.components[:2]).apply(x)
        last, _ = Model(model.components[2 : 2 * DEPTH]).apply(first)
        measured = np.mean(last**2) / np.mean(first**2)
        assert 0.2 < measured / factor ** (DEPTH - 1) < 5

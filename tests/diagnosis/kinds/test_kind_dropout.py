"""Dropouts, and the masks that they draw."""

import numpy as np

import handgrad
from handgrad import (
    Dropout,
    Linear,
    diagnose,
)
from handgrad.diagnosis import Status, Verdict
from students import verdicts


def test_a_mask_of_a_few_numbers_that_keeps_all_by_chance_is_seen_as_shared():
    class PerFeature(handgrad.Dropout):
        def apply(self, x):
            y, inner = self.layer.apply(x)
            mask = np.random.binomial(1, 1 - self.p, y.shape[1]) / (1 - self.p)
            return y * mask, (mask, inner)

        def pullback(self, dy, saved, need_dx=True, out=None):
            mask, inner = saved
            return self.layer.pullback(dy * mask, inner, need_dx, out)

    for seed in range(30):
        diagnosis = diagnose(PerFeature, "dropout", seed=seed)
        assert [c.name for c in diagnosis.causes][-1:] == ["one mask for all rows"], seed


def test_masks_of_a_generator_of_ones_own_are_right():
    class Own:
        def __init__(self, layer, probability):
            self.layer, self.keep_prob = layer, 1 - probability
            self.rng = np.random.default_rng()

        def forward(self, x):
            y = self.layer.forward(x)
            self.mask = (self.rng.random(y.shape) < self.keep_prob) / self.keep_prob
            return y * self.mask

        def backward(self, dy):
            return self.layer.backward(dy * self.mask)

    assert diagnose(Own, "dropout").status is Status.RIGHT
    assert diagnose(Own(Linear(3, 4), 0.3), "dropout").status is Status.RIGHT

    class Alone(Own):
        def __init__(self, layer, probability):
            self.inside, self.what = layer, probability

        forward = Own.forward

    found = diagnose(Alone(Linear(3, 4), 0.3), "dropout")
    assert found.status is Status.FAILED

    class Nothing:
        def __init__(self, layer, p):
            pass

    assert "which Nothing" not in str(diagnose(Nothing(None, 0.3), "dropout"))
    assert "no attribute holds a number" in diagnose(Nothing(None, 0.3), "dropout").failure.error


def test_a_dropout_without_its_layer_is_a_clear_error():
    class Loose:
        def __init__(self, p):
            self.p = p

    assert "no attribute holds an object" in diagnose(Loose(0.3), "dropout").failure.error


def test_a_share_that_is_neither_p_nor_its_rest():
    class Half(Dropout):
        def _keep(self, shape):
            return np.random.binomial(1, 0.5, size=shape)

    diagnosis = diagnose(Half, "dropout")
    assert [f.quantity for f in diagnosis.wrong] == ["mask"]
    assert diagnosis.causes == ()
    assert "entries are kept; with p = 0.3 it should be 70%" in str(diagnosis)


def test_a_training_attribute_is_enough_for_evaluation():
    class Flag:
        def __init__(self, layer, p):
            self.layer, self.p, self.training = layer, p, True

        def __call__(self, x):
            y = self.layer(x)
            scale = 1 / (1 - self.p)
            self.mask = np.random.binomial(1, 1 - self.p, y.shape) * scale if self.training else 1
            return y * self.mask

        def grad(self, dy):
            return self.layer.grad(dy * self.mask)

    assert verdicts(diagnose(Flag, "dropout"))["evaluation"] is Verdict.RIGHT

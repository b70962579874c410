"""What holds for all inputs of the losses, and what one is of another."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import (
    Adam,
    BinaryCrossEntropy,
    CrossEntropy,
    HingeLoss,
    HuberLoss,
    L1Loss,
    Linear,
    Model,
    MSELoss,
    ReLU,
    Trainer,
)
from handgrad.errors import ArgumentError, ShapeError
from helpers import D, K, N, generator, random, refuses

FINITE = st.floats(allow_nan=False, allow_infinity=False)
MODERATE = arrays(np.float64, (4, 3), elements=st.floats(-50, 50))
SHARES = arrays(np.float64, (4, 3), elements=st.floats(0, 1))


def both(loss, *arguments):
    """Return the value and the gradient."""
    value, saved = loss.apply(*arguments)
    return value, loss.pullback(saved)


def same(first, second, **tolerance):
    for one, other in zip(first, second, strict=True):
        assert_allclose(one, other, **{"atol": 1e-12, **tolerance})


# Numbers


@given(x=MODERATE, y=MODERATE)
def test_a_huber_loss_lies_between_the_two_that_it_is_made_of(x, y):
    value, gradient = both(HuberLoss(), x, y)
    same(both(HuberLoss(delta=1e6), x, y), (MSELoss()(x, y) / 2, both(MSELoss(), x, y)[1] / 2))
    assert value <= MSELoss()(x, y) / 2 + 1e-12
    assert value <= L1Loss()(x, y) + 1e-12
    assert np.all(np.abs(gradient) <= 1 / x.size)
    small = HuberLoss(delta=1e-9)(x, y) / 1e-9
    assert_allclose(small, L1Loss()(x, y), atol=1e-9)


@pytest.mark.parametrize("kind", [MSELoss, L1Loss, HuberLoss, BinaryCrossEntropy])
@given(x=MODERATE, y=SHARES)
def test_a_sum_is_the_mean_times_the_entries(kind, x, y):
    value, gradient = both(kind(), x, y)
    same(both(kind(average=False), x, y), (12 * value, 12 * gradient), rtol=1e-12)


@pytest.mark.parametrize("kind", [MSELoss, L1Loss, HuberLoss, BinaryCrossEntropy, HingeLoss])
@pytest.mark.parametrize("average", [True, False])
def test_weights_of_0_alone_give_0(kind, average):
    targets = generator().integers(0, 2, N) if kind is HingeLoss else np.zeros((N, K))
    value, gradient = both(kind(average=average), random(N, K), targets, np.zeros(N))
    assert value == 0
    assert not gradient.any()


def test_a_repr_says_what_is_not_the_default():
    assert repr(L1Loss()) == "L1Loss()"
    assert repr(HuberLoss(average=False)) == "HuberLoss(average=False, delta=1.0)"
    said = "BinaryCrossEntropy(positive_weight=2.0)"
    assert repr(BinaryCrossEntropy(positive_weight=2)) == said


def test_targets_of_another_shape_are_told_the_right_one():
    for loss in (L1Loss(), HuberLoss(), BinaryCrossEntropy()):
        with refuses(ShapeError, loss, match=r"\(7, 1\) and targets of shape \(7,\)[\s\S]*reshape"):
            loss(random(N, 1), np.zeros(N))


# Yes or no


@given(logits=arrays(np.float64, 5, elements=st.floats(-300, 300)), seed=st.integers(0, 99))
def test_a_binary_cross_entropy_is_that_of_two_classes(logits, seed):
    answers = generator(seed).integers(0, 2, 5)
    pairs = np.stack([np.zeros(5), logits], axis=1)
    value, gradient = both(CrossEntropy(), pairs, answers)
    same(both(BinaryCrossEntropy(), logits, answers), (value, gradient[:, 1]))
    same(both(BinaryCrossEntropy(), -logits, 1 - answers), (value, -gradient[:, 1]))


@given(logits=arrays(np.float64, (4, 3), elements=FINITE), answers=SHARES)
def test_a_binary_cross_entropy_is_finite_for_all_finite_logits(logits, answers):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, gradient = both(BinaryCrossEntropy(), logits, answers)
    assert 0 <= value < np.inf
    assert np.all(np.abs(gradient) <= 1 / 12)


def test_a_binary_cross_entropy_is_exact_far_from_0():
    logits, answers = np.array([-40.0, 40.0]), np.array([0, 1])
    value, gradient = both(BinaryCrossEntropy(average=False), logits, answers)
    assert_allclose(value, 2 * np.exp(-40), rtol=1e-14)
    assert_allclose(gradient[0], np.exp(-40), rtol=1e-14)


@given(logits=MODERATE, answers=SHARES, weight=st.floats(0, 20))
def test_a_weight_of_a_yes_multiplies_what_a_yes_adds(logits, answers, weight):
    yes = both(BinaryCrossEntropy(False, positive_weight=1), logits, np.ones((4, 3)))
    plain = both(BinaryCrossEntropy(False), logits, np.ones((4, 3)))
    same(yes, plain)
    weighted = both(BinaryCrossEntropy(False, positive_weight=weight), logits, answers)
    value, gradient = both(BinaryCrossEntropy(False), logits, answers)
    soft = np.maximum(-logits, 0) + np.log1p(np.exp(-np.abs(logits)))
    more = (weight - 1) * answers
    slope = -1 / (1 + np.exp(logits))
    same(weighted, (value + (more * soft).sum(), gradient + more * slope), rtol=1e-9)
    each = BinaryCrossEntropy(False, positive_weight=[weight] * 3)
    same(both(each, logits, answers), weighted)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32])
def test_answers_may_be_of_any_type(kind):
    logits, answers = random(N, K).astype(np.float32), generator().integers(0, 2, (N, K))
    expected = both(BinaryCrossEntropy(), logits, answers)
    got = both(BinaryCrossEntropy(), logits, answers.astype(kind))
    assert got[0] == expected[0]
    assert_array_equal(got[1], expected[1])
    assert got[0].dtype == got[1].dtype == np.float32


def test_what_is_no_answer_is_refused():
    loss = BinaryCrossEntropy()
    for answers in ([-1, 1], [0, 2], [0, np.nan]):
        with refuses(ArgumentError, loss, match=r"targets from[\s\S]*CrossEntropy"):
            loss([1.0, 2.0], answers)


# Classes


def definition(scores, classes, margin):
    """Return the sum over the wrong classes for each row, as CS231n writes it."""
    return np.array(
        [
            sum(max(0, o - row[t] + margin) for k, o in enumerate(row) if k != t)
            for row, t in zip(scores, classes, strict=True)
        ]
    )


@given(scores=MODERATE, seed=st.integers(0, 99), margin=st.floats(0.1, 20))
def test_a_hinge_loss_is_its_definition_over_the_number_of_classes(scores, seed, margin):
    classes = generator(seed).integers(0, 3, 4)
    rows = definition(scores, classes, margin)
    value, gradient = both(HingeLoss(margin=margin), scores, classes)
    assert_allclose(3 * value, rows.mean(), atol=1e-12)
    assert_allclose(3 * HingeLoss(False, margin)(scores, classes), rows.sum(), atol=1e-12)
    assert_allclose(gradient.sum(axis=1), 0, atol=1e-15)
    assert_allclose(gradient * 12, (gradient * 12).round(), atol=1e-12)


def test_a_hinge_loss_is_at_rest_where_the_right_class_is_ahead():
    scores = np.array([[3.0, 2.0, -1.0]])
    value, gradient = both(HingeLoss(), scores, np.array([0]))  # one of them exactly by the margin
    assert value == 0
    assert not gradient.any()


def test_a_class_that_a_mask_rules_out_costs_nothing():
    scores, classes = random(N, K), generator().integers(0, K, N)
    value, gradient = both(HingeLoss(False), scores, classes)
    masked = np.insert(scores, K, -np.inf, axis=1)
    got = both(HingeLoss(False), masked, classes)
    same(got, (value * K / (K + 1), np.insert(gradient, K, 0, axis=1) * K / (K + 1)))


def test_one_hot_rows_are_told_how_they_become_indices():
    with refuses(ShapeError, match="argmax"):
        HingeLoss()(random(N, K), np.eye(K)[generator().integers(0, K, N)])
    with refuses(ShapeError, match="0 to 3"):
        HingeLoss()(random(N, K), np.full(N, K))


# In training


def test_a_network_learns_a_question_of_yes_or_no():
    rng = generator()
    x = rng.standard_normal((200, D))
    y = (x[:, :1] * x[:, 1:2] > 0).astype(int)
    model = Model([Linear(D, 32, init="he", rng=rng), ReLU(), Linear(32, 1, rng=rng)])
    trainer = Trainer(model, BinaryCrossEntropy(), Adam(lr=0.01), rng=rng)
    history = trainer.fit(x, y, epochs=60, progress=False)
    assert history["loss"][-1] < 0.2
    assert np.mean((model.forward(x) > 0) == y) > 0.95


@pytest.mark.parametrize("loss", [L1Loss(), HuberLoss(), HingeLoss()], ids=repr)
def test_a_network_learns_with_the_other_losses(loss):
    rng = generator()
    x = rng.standard_normal((100, D))
    y = x.argmax(axis=1) if isinstance(loss, HingeLoss) else x @ rng.standard_normal((D, D))
    model = Model([Linear(D, D, rng=rng)])
    history = Trainer(model, loss, Adam(lr=0.1), rng=rng).fit(x, y, epochs=40, progress=False)
    assert history["loss"][-1] < 0.3 * history["loss"][0]


def test_a_delta_beyond_the_type_makes_half_of_the_squared_error():
    x, y = (random(N, D, seed=seed).astype(np.float32) for seed in (0, 1))
    huber, mse = HuberLoss(delta=1e300), MSELoss()
    assert_allclose(huber(x, y), mse(x, y) / 2, rtol=1e-6)
    assert_allclose(huber.grad(), mse.grad() / 2, rtol=1e-6)

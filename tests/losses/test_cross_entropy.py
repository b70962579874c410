"""The cross-entropy's smoothing and its ignored rows."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from handgrad import SGD, CrossEntropy, Linear, Model, Trainer
from handgrad.errors import ShapeError
from handgrad.kernels.mode import using
from handgrad.losses.cross_entropy import FEW
from helpers import D, K, N, generator, random, refuses


def both(loss, *arguments):
    value, saved = loss.apply(*arguments)
    return value, loss.pullback(saved)


def same(first, second):
    for one, other in zip(first, second, strict=True):
        assert_allclose(one, other, rtol=1e-12, atol=1e-14)


@given(share=st.floats(0, 1), seed=st.integers(0, 99), average=st.booleans())
def test_smoothing_is_a_loss_of_smoothed_targets(share, seed, average):
    rng = generator(seed)
    logits, classes = rng.standard_normal((N, K)), rng.integers(0, K, N)
    rows = (1 - share) * np.eye(K)[classes] + share / K
    expected = both(CrossEntropy(average), logits, rows)
    same(both(CrossEntropy(average, share), logits, classes), expected)
    same(both(CrossEntropy(average, share), logits, np.eye(K)[classes]), expected)


def test_a_smoothed_loss_wants_no_logit_to_be_endless():
    classes = np.zeros(N, int)
    values = [CrossEntropy(label_smoothing=0.1)(size * np.eye(K)[classes], classes)
              for size in (1, 5, 50)]  # fmt: skip
    assert values[1] < values[0]
    assert values[1] < values[2]


@pytest.mark.parametrize("index", [-100, -1, 0, 2, 10**6])
@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_what_is_ignored_is_what_a_weight_of_0_leaves_out(index, average, share):
    rng = generator()
    logits, kept = rng.standard_normal((N, 2, K)), rng.integers(0, 2, (N, 2)).astype(bool)
    classes = rng.integers(0, K, (N, 2))
    kept &= classes != index
    ignoring = CrossEntropy(average, share, ignore_index=index)
    expected = both(CrossEntropy(average, share), logits, classes, kept * 1.0)
    same(both(ignoring, logits, np.where(kept, classes, index)), expected)
    weights = rng.uniform(0.1, 3.0, N)
    expected = both(CrossEntropy(average, share), logits, classes, kept * weights[:, None])
    same(both(ignoring, logits, np.where(kept, classes, index), weights), expected)


def test_where_all_is_ignored_the_loss_is_0():
    loss = CrossEntropy(ignore_index=-100)
    value, gradient = both(loss, random(N, K), np.full(N, -100))
    assert value == 0
    assert not gradient.any()
    assert loss.count(random(N, K), np.full(N, -100)) == 0


def test_in_one_hot_rows_nothing_is_ignored():
    rows = np.eye(K)[generator().integers(0, K, N)]
    same(
        both(CrossEntropy(ignore_index=0), random(N, K), rows),
        both(CrossEntropy(), random(N, K), rows),
    )


def test_an_index_that_is_none_is_still_found():
    loss = CrossEntropy(ignore_index=-100)
    with refuses(ShapeError, loss, match="class indices from -1 to 2"):
        loss(random(4, 3), [0, -100, -1, 2])
    with refuses(ShapeError, loss, match="class indices from 0 to 3"):
        loss(random(4, 3), [0, -100, 3, 2])


def test_a_single_logit_is_told_of_the_loss_that_takes_it():
    with refuses(ShapeError, match="BinaryCrossEntropy"):
        CrossEntropy()(random(N, 1), np.zeros(N, int))


def test_its_repr_says_what_is_not_the_default():
    assert repr(CrossEntropy()) == "CrossEntropy(average=True)"
    said = "CrossEntropy(average=False, label_smoothing=0.1, ignore_index=-1)"
    assert repr(CrossEntropy(False, 0.1, -1)) == said


def test_ignored_rows_do_not_count_in_a_training_either():
    rng = generator()
    x, y = rng.standard_normal((40, D)), rng.integers(0, 3, 40)
    kept = rng.integers(0, 2, 40).astype(bool)
    histories, models = [], []
    for data, loss in (
        ((x, np.where(kept, y, -100)), CrossEntropy(ignore_index=-100)),
        ((x, y, kept * 1.0), CrossEntropy()),
    ):
        model = Model([Linear(D, 3, rng=generator())])
        trainer = Trainer(model, loss, SGD(lr=0.5), rng=generator(3))
        inputs, targets, *weights = data
        more = {"sample_weight": weights[0]} if weights else {}
        histories.append(
            trainer.fit(inputs, targets, epochs=3, progress=False, batch_size=8, **more)
        )
        models.append(model)
    assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-12)
    assert_allclose(models[0].parameters, models[1].parameters, rtol=1e-12)


def test_classes_may_have_weights_beside_ignored_ones():
    rng = generator()
    x, y = rng.standard_normal((20, D)), rng.integers(0, 3, 20)
    y[::3] = -100
    weights = np.array([0.5, 2.0, 1.0])
    model = Model([Linear(D, 3, rng=rng)])
    logits = torch.tensor(model.forward(x))
    trainer = Trainer(model, CrossEntropy(ignore_index=-100), SGD(lr=0.0001), rng=rng)
    history = trainer.fit(x, y, class_weight=weights, epochs=1, progress=False, batch_size=20)
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(y), torch.tensor(weights))
    assert_allclose(history["loss"][0], expected.item(), rtol=1e-12)


@pytest.mark.parametrize("N", [3, FEW // 5 + 1])
def test_class_indices_are_the_one_hot_rows_in_either_form(N):
    logits, classes = random(N, 5, seed=1), np.arange(N) % 5
    expected = both(CrossEntropy(), logits, np.eye(5)[classes])
    for form in ("numpy", "compiled"):
        with using(form):
            same(both(CrossEntropy(), logits, classes), expected)

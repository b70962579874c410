"""Metrics: exact over batches, and what scikit-learn and PyTorch say."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    mean_absolute_error,
    r2_score,
    top_k_accuracy_score,
)

from handgrad.errors import ArgumentError, ShapeError
from handgrad.training import R2, Accuracy, ConfusionMatrix, MeanAbsoluteError, TopK
from handgrad.training.metrics.metric import check_metrics

N, K = 53, 7


def measure(metric, predictions, targets, cuts=(), weight=None):
    metric.reset()
    given = (predictions, targets) if weight is None else (predictions, targets, weight)
    for parts in zip(*(np.split(array, cuts) for array in given), strict=True):
        if len(parts[0]):
            metric.update(*parts)
    return metric.result()


@pytest.fixture
def scores():
    rng = np.random.default_rng(5)
    classes = rng.integers(0, K, N)
    return rng.standard_normal((N, K)) + 1.5 * np.eye(K)[classes], classes


@pytest.mark.parametrize("one_hot", [False, True])
def test_classes_against_others(scores, one_hot):
    predictions, classes = scores
    targets = np.eye(K)[classes] if one_hot else classes
    named = predictions.argmax(axis=1)
    assert measure(Accuracy(), predictions, targets) == accuracy_score(classes, named)
    assert np.array_equal(
        measure(ConfusionMatrix(), predictions, targets),
        confusion_matrix(classes, named, labels=range(K)),
    )
    for k in (1, 2, 3, K, K + 5):
        top = torch.topk(torch.tensor(predictions), min(k, K), dim=1).indices.numpy()
        expected = np.mean((top == classes[:, None]).any(axis=1))
        assert measure(TopK(k), predictions, targets) == pytest.approx(expected, abs=1e-15)
    assert 0 < measure(Accuracy(), predictions, targets) < measure(TopK(2), predictions, targets)


@pytest.mark.parametrize("shape", [(N,), (N, 3), (N, 3, 2)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_numbers_against_others(shape, dtype):
    rng = np.random.default_rng(7)
    targets = rng.standard_normal(shape) * 3 + 1
    predictions = (targets + rng.standard_normal(shape)).astype(dtype)
    K = shape[-1] if len(shape) > 1 else 1  # the outputs are the last axis
    flat = predictions.astype(np.float64).reshape(-1, K), targets.reshape(-1, K)
    found = measure(MeanAbsoluteError(), predictions, targets, [5, 20])
    assert found == pytest.approx(mean_absolute_error(flat[1], flat[0]), rel=1e-12)
    found = measure(R2(), predictions, targets, [5, 20])
    assert found == pytest.approx(r2_score(flat[1], flat[0]), rel=1e-12)


def some_weights(kind, shape, rng):
    """Return weights of some leading axes: numbers, or a mask."""
    weight = rng.uniform(0, 3, shape) if kind == "numbers" else rng.integers(0, 2, shape)
    weight[0] = 1
    return weight


@pytest.mark.parametrize("kind", ["numbers", "mask"])
@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("T", [1, 5])
def test_weights_as_scikit_learn_has_them(kind, axes, T):
    rng = np.random.default_rng(11)
    weight = some_weights(kind, (N, T)[:axes], rng)
    each = np.broadcast_to(weight.reshape(N, -1), (N, T)).ravel()
    classes = rng.integers(0, K, (N, T))
    scores = rng.standard_normal((N, T, K)) + 1.5 * np.eye(K)[classes]
    named = scores.argmax(axis=-1)
    flat = classes.ravel(), named.ravel()
    for targets in (classes, np.eye(K)[classes]):
        found = measure(Accuracy(), scores, targets, [5, 20], weight)
        assert found == pytest.approx(accuracy_score(*flat, sample_weight=each), rel=1e-12)
        found = measure(TopK(3), scores, targets, [5, 20], weight)
        top = top_k_accuracy_score(
            flat[0], scores.reshape(-1, K), k=3, labels=range(K), sample_weight=each
        )
        assert found == pytest.approx(top, rel=1e-12)
        found = measure(ConfusionMatrix(), scores, targets, [5, 20], weight)
        matrix = confusion_matrix(*flat, labels=range(K), sample_weight=each)
        np.testing.assert_allclose(found, matrix, rtol=1e-12)
    numbers = rng.standard_normal((2, N, T, 3))
    for metric, theirs in ((MeanAbsoluteError(), mean_absolute_error), (R2(), r2_score)):
        found = measure(metric, *numbers, [5, 20], weight)
        rows = numbers[1].reshape(-1, 3), numbers[0].reshape(-1, 3)
        assert found == pytest.approx(theirs(*rows, sample_weight=each), rel=1e-12)


@pytest.mark.parametrize("cuts", [(), (2, 7)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("made", [Accuracy, partial(TopK, 2), ConfusionMatrix])
def test_an_ignored_index_does_not_count(made, weighted, cuts):
    rng = np.random.default_rng(0)
    scores, targets = rng.standard_normal((11, 4)), rng.integers(0, 4, 11)
    kept = rng.random(11) < 0.6
    weight = rng.random(11) if weighted else None
    ignored = np.where(kept, targets, -100)
    found = measure(made(ignore_index=-100), scores, ignored, cuts, weight)
    expected = measure(made(), scores, targets, cuts, kept * (1 if weight is None else weight))
    assert found == pytest.approx(expected, rel=1e-12)
    nothing = measure(made(ignore_index=-100), scores, np.full(11, -100), cuts, weight)
    assert np.sum(nothing) == 0


def test_what_is_masked_does_not_count(scores):
    predictions, classes = scores
    mask = np.arange(N) % 3 > 0
    numbers = np.random.default_rng(3).standard_normal((2, N))
    for metric in (Accuracy(), TopK(2), ConfusionMatrix()):
        whole = measure(metric, predictions, classes, [17], mask)
        assert np.array_equal(whole, measure(metric, predictions[mask], classes[mask]))
        assert not np.array_equal(whole, measure(metric, predictions, classes))
    for metric in (MeanAbsoluteError(), R2()):
        whole = measure(metric, *numbers, [17], mask)
        assert whole == pytest.approx(measure(metric, *numbers[:, mask]), rel=1e-12)
        assert measure(metric, *numbers, (), np.zeros(N)) in (0, 1)


@pytest.mark.parametrize(
    "metric", [Accuracy(), TopK(2), ConfusionMatrix(), MeanAbsoluteError(), R2()]
)
def test_weights_that_do_not_fit(metric):
    metric.reset()
    targets = np.zeros((4, 3), int)
    for weight in (np.ones(3), np.ones((4, 2)), np.ones(())):
        with pytest.raises(ShapeError, match="one weight for each row"):
            metric.update(np.zeros((4, 3)), targets, weight)
    for weight in (-np.ones(4), np.full(4, np.nan)):
        with pytest.raises(ArgumentError, match="finite numbers >= 0"):
            metric.update(np.zeros((4, 3)), targets, weight)


def test_r2_keeps_its_digits_far_from_zero():
    rng = np.random.default_rng(8)
    targets = 1e8 + rng.standard_normal((N, 1))
    predictions = targets + 0.1 * rng.standard_normal((N, 1))
    exact = r2_score(targets - 1e8, predictions - 1e8)
    assert measure(R2(), predictions, targets, [11, 12]) == pytest.approx(exact, abs=1e-7)


def test_r2_of_targets_that_are_all_equal():
    targets = np.full((4, 2), 3.0)
    predictions = targets.copy()
    assert measure(R2(), predictions, targets) == 1
    predictions[0, 1] = 4
    assert measure(R2(), predictions, targets, [2]) == r2_score(targets, predictions) == 0.5


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, N), max_size=6), st.integers(0, 2**32 - 1))
def test_batches_do_not_matter(cuts, seed):
    rng = np.random.default_rng(seed)
    predictions, classes = rng.standard_normal((N, K)).round(1), rng.integers(0, K, N)
    numbers = rng.standard_normal((N, K))
    cuts = sorted(cuts)
    for metric in (Accuracy(), TopK(3), ConfusionMatrix()):
        whole = measure(metric, predictions, classes)
        assert np.array_equal(measure(metric, predictions, classes, cuts), whole)
    for metric in (MeanAbsoluteError(), R2()):
        whole = measure(metric, predictions, numbers)
        assert measure(metric, predictions, numbers, cuts) == pytest.approx(whole, rel=1e-12)


def test_equal_scores_rank_by_their_place():
    predictions, targets = np.zeros((4, 4)), np.arange(4)
    assert measure(TopK(1), predictions, targets) == measure(Accuracy(), predictions, targets)
    assert [measure(TopK(k), predictions, targets) for k in (1, 2, 3, 4)] == [0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize(
    "metric", [Accuracy(), TopK(2), ConfusionMatrix(), MeanAbsoluteError(), R2()]
)
def test_state_goes_on(metric, scores):
    predictions, classes = scores
    targets = np.eye(K)[classes]
    whole = measure(metric, predictions, targets, [20])
    metric.reset()
    metric.update(predictions[:20], targets[:20])
    state = metric.state_dict()
    metric.reset()
    metric.load_state_dict(state)
    metric.update(predictions[20:], targets[20:])
    assert np.array_equal(metric.result(), whole)


def test_nothing_seen():
    for metric in (Accuracy(), MeanAbsoluteError(), TopK(3)):
        metric.reset()
        assert metric.result() == 0


@pytest.mark.parametrize("metric", [Accuracy(), TopK(2), ConfusionMatrix()])
@pytest.mark.parametrize(
    ("predictions", "targets"),
    [
        (np.zeros((3, 1)), np.zeros(3, int)),
        (np.zeros(3), np.zeros(3, int)),
        (np.zeros((3, 4)), np.zeros(2, int)),
        (np.zeros((3, 4)), np.zeros(3)),
        (np.zeros((3, 4)), np.zeros((3, 5))),
    ],
)
def test_classes_refuse(metric, predictions, targets):
    metric.reset()
    with pytest.raises(ShapeError, match=type(metric).__name__):
        metric.update(predictions, targets)


@pytest.mark.parametrize("metric", [TopK(2), ConfusionMatrix()])
@pytest.mark.parametrize("wrong", [-1, 4])
def test_an_index_without_a_column(metric, wrong):
    metric.reset()
    with pytest.raises(ShapeError, match="count the classes from 0"):
        metric.update(np.zeros((2, 4)), np.array([0, wrong]))


@pytest.mark.parametrize("metric", [R2(), MeanAbsoluteError()])
def test_numbers_refuse_broadcasting(metric):
    metric.reset()
    with pytest.raises(ShapeError, match="one shape"):
        metric.update(np.zeros((3, 1)), np.zeros(3))


def test_confusion_matrix_of_another_width():
    metric = ConfusionMatrix()
    metric.reset()
    metric.update(np.zeros((2, 4)), np.array([0, 1]))
    with pytest.raises(ShapeError, match="as many scores"):
        metric.update(np.zeros((2, 5)), np.array([0, 1]))


def test_what_is_no_metric():
    with pytest.raises(ArgumentError, match="brackets"):
        check_metrics([Accuracy])
    with pytest.raises(ArgumentError, match="derive a class"):
        check_metrics(["accuracy"])
    with pytest.raises(ArgumentError, match="twice"):
        check_metrics([TopK(3), TopK(3)])
    with pytest.raises(ArgumentError, match="positive"):
        TopK(0)


@pytest.mark.parametrize(
    ("metric", "change"),
    [
        (Accuracy(), {"seen": "7"}),
        (Accuracy(), {"right": [1, 2]}),
        (Accuracy(), {"look": 3}),
        (Accuracy(), {"_class__": 3}),
        (Accuracy(), {"_dict__": {}}),
        (ConfusionMatrix(), {"counts": 7}),
        (ConfusionMatrix(), {"counts": np.zeros((3, 3), complex)}),
        (R2(), {"mean": {}}),
    ],
)
def test_a_state_that_a_metric_cannot_have_is_refused(metric, change):
    metric.reset()
    with pytest.raises(ArgumentError, match="older checkpoint"):
        metric.load_state_dict(metric.state_dict() | change)
    assert metric.result() is not None


def test_a_state_may_stand_beside_a_default_in_the_class():
    class Seen(Accuracy):
        _seen = 0

    metric, other = Seen(), Seen()
    for one in (metric, other):
        one.reset()
    metric.update(np.eye(3), np.arange(3))
    other.load_state_dict(metric.state_dict())
    assert other.result() == 1

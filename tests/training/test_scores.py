"""Precision, recall, F1, balanced accuracy and AUC, beside scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from handgrad.training.metrics.scores import class_scores, mean_scores, roc_auc


@pytest.mark.parametrize(("K", "there"), [(2, (0, 1)), (3, (0, 1, 2)), (4, (0, 2, 3)), (3, (0, 1))])
def test_they_are_those_of_scikit_learn(K, there):
    rng = np.random.default_rng(K)
    y = rng.choice(there, 97)
    scores = rng.random((97, K)) + np.eye(K)[y] / 2
    scores /= scores.sum(axis=1, keepdims=True)
    said = scores.argmax(axis=1)
    confusion = metrics.confusion_matrix(y, said, labels=range(K))
    each = class_scores(confusion)
    wanted = metrics.precision_recall_fscore_support(y, said, labels=range(K), zero_division=0)
    for name, expected in zip(("precision", "recall", "f1"), wanted, strict=False):
        np.testing.assert_allclose(each[name], expected, rtol=1e-12)
    means = mean_scores(confusion, scores, y)
    assert list(means) == ["balanced_accuracy", "precision", "recall", "f1", "roc_auc"]
    for name, function in (
        ("precision", metrics.precision_score),
        ("recall", metrics.recall_score),
        ("f1", metrics.f1_score),
    ):
        expected = function(y, said, average="macro", zero_division=0)
        assert means[name] == pytest.approx(expected, rel=1e-12)
    true = np.isin(said, there)
    recall = metrics.recall_score(y, said, labels=there, average="macro")
    assert means["balanced_accuracy"] == pytest.approx(recall, rel=1e-12)
    if true.all():
        assert recall == pytest.approx(metrics.balanced_accuracy_score(y, said), rel=1e-12)
    areas = [metrics.roc_auc_score(y == k, scores[:, k]) for k in there]
    assert means["roc_auc"] == pytest.approx(np.mean(areas), rel=1e-12)
    if there == (0, 1, 2):
        whole = metrics.roc_auc_score(y, scores, multi_class="ovr", average="macro")
        assert means["roc_auc"] == pytest.approx(whole, rel=1e-12)


def test_equal_scores_share_their_rank():
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 4, 50).astype(float), rng.random(50) < 0.3
    expected = metrics.roc_auc_score(positive, scores)
    assert roc_auc(scores, positive) == pytest.approx(expected, rel=1e-12)


def test_one_class_alone_has_no_area():
    means = mean_scores(np.array([[3, 1], [0, 0]]), np.ones((4, 2)), np.zeros(4, dtype=int))
    assert "roc_auc" not in means
    assert means["balanced_accuracy"] == 0.75

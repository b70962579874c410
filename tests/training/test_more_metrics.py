"""Metrics as scikit-learn has them, by name, of functions, and added up over processes."""

import copy
import inspect
import signal
from typing import get_args

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import metrics as theirs

from handgrad import CrossEntropy, Linear, Model, Trainer
from handgrad.errors import ArgumentError
from handgrad.optimizers import SGD
from handgrad.training import (
    F1,
    R2,
    ROCAUC,
    Accuracy,
    BalancedAccuracy,
    Callback,
    ConfusionMatrix,
    FunctionMetric,
    LogLoss,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    ModelCheckpoint,
    Precision,
    Recall,
    TopK,
)
from handgrad.training.named_metrics import MetricName, made_metrics

N, K = 61, 4
RNG = np.random.default_rng(0)
SCORES, Y = RNG.standard_normal((N, K)).round(1), RNG.integers(0, K - 1, N)
WEIGHTS = RNG.integers(0, 3, N).astype(float)
SAID = SCORES.argmax(axis=1)
P = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)


def area(y, p, sample_weight):
    there = [theirs.roc_auc_score(y == k, p[:, k], sample_weight=sample_weight) for k in range(3)]
    return np.mean(there)


CASES = [
    (F1(), lambda w: theirs.f1_score(Y, SAID, average="macro", sample_weight=w)),
    (
        Precision(),
        lambda w: theirs.precision_score(
            Y, SAID, average="macro", zero_division=0, sample_weight=w
        ),
    ),
    (
        Recall(),
        lambda w: theirs.recall_score(Y, SAID, average="macro", zero_division=0, sample_weight=w),
    ),
    (F1(positive=1), lambda w: theirs.f1_score(Y == 1, SAID == 1, sample_weight=w)),
    (Precision(positive=2), lambda w: theirs.precision_score(Y == 2, SAID == 2, sample_weight=w)),
    (Recall(positive=0), lambda w: theirs.recall_score(Y == 0, SAID == 0, sample_weight=w)),
    (BalancedAccuracy(), lambda w: recall_of_those_there(w)),
    (ROCAUC(), lambda w: area(Y, P, w)),
    (LogLoss(), lambda w: theirs.log_loss(Y, P, labels=range(K), sample_weight=w)),
]


def recall_of_those_there(w):
    return theirs.recall_score(Y, SAID, labels=range(3), average="macro", sample_weight=w)


def over_batches(metric, predictions, targets, weights, size=7):
    """Return the result over batches, with a break in the middle from which it goes on."""
    metric.reset()
    for start in range(0, len(targets), size):
        part = slice(start, start + size)
        metric.update(predictions[part], targets[part], None if weights is None else weights[part])
        if start == 21:
            state = metric.state_dict()
            metric.reset()
            metric.load_state_dict(state)
    return metric.result()


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("metric", "expected"), CASES, ids=lambda case: "" if inspect.isfunction(case) else repr(case)
)
def test_a_metric_is_scikit_learns_over_batches(metric, expected, weights):
    assert_allclose(over_batches(metric, SCORES, Y, weights), expected(weights), rtol=1e-12)
    one_hot = np.eye(K)[Y]
    assert_allclose(over_batches(metric, SCORES, one_hot, weights), expected(weights), rtol=1e-12)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_the_percentage_error_is_scikit_learns(weights):
    y, said = RNG.standard_normal((2, N, 2))
    ours = over_batches(MeanAbsolutePercentageError(), said, y, weights)
    assert_allclose(ours, theirs.mean_absolute_percentage_error(y, said, sample_weight=weights))


@pytest.mark.parametrize("metric", [m for m, _ in CASES[:1] + CASES[6:]], ids=repr)
def test_ignored_classes_do_not_count(metric):
    ignoring = type(metric)(ignore_index=1)
    kept = Y != 1
    assert_allclose(
        over_batches(ignoring, SCORES, Y, None), over_batches(metric, SCORES[kept], Y[kept], None)
    )


def test_nothing_and_one_class():
    for metric in (F1(), BalancedAccuracy(), LogLoss()):
        metric.reset()
        assert metric.result() == 0
    area = ROCAUC()
    area.reset()
    area.update(SCORES[:3], np.zeros(3, int))
    assert np.isnan(area.result())
    with pytest.raises(ArgumentError, match="from 0 to 3"):
        over_batches(F1(positive=4), SCORES, Y, None)
    with pytest.raises(ArgumentError, match="damaged"):
        area.load_state_dict({"0": 3.0})


def trainer(metrics):
    rng = np.random.default_rng(0)
    return Trainer(
        Model([Linear(3, K, rng=rng)]), CrossEntropy(), SGD(0.1), metrics=metrics, rng=rng
    )


def macro_f1(y, scores, sample_weight=None):
    return theirs.f1_score(y, scores.argmax(axis=1), average="macro", sample_weight=sample_weight)


def test_a_trainer_takes_names_and_functions(tmp_path):
    x = RNG.standard_normal((N, 3))
    made = trainer(["accuracy", "f1", macro_f1])
    made.fit(x, Y, epochs=2, validation_data=(x, Y, WEIGHTS), progress=False)
    history = made.history
    assert_allclose(history["f1"], history["macro_f1"])
    assert_allclose(history["validation_f1"], history["validation_macro_f1"])
    weighted = macro_f1(Y, made.predict(x), WEIGHTS)
    assert history["validation_macro_f1"][-1] == pytest.approx(weighted)


def test_a_function_is_not_saved_and_may_join_again(tmp_path):
    x = RNG.standard_normal((N, 3))

    made, whole = trainer([macro_f1, "f1"]), trainer([macro_f1, "f1"])
    whole.fit(x, Y, epochs=3, progress=False)
    made.fit(x, Y, epochs=1, callbacks=[ModelCheckpoint(tmp_path)], progress=False)
    resumed = Trainer.resume(tmp_path)
    assert [metric.name for metric in resumed.metrics] == ["f1"]
    resumed.metrics = (*resumed.metrics, FunctionMetric(macro_f1))
    resumed.fit(x, Y, epochs=3, progress=False)
    assert resumed.history["macro_f1"] == whole.history["macro_f1"]
    assert resumed.history["f1"] == whole.history["f1"]


class Stop(Callback):
    """Ctrl-C after the third step of the second epoch."""

    def on_step(self, trainer):
        if (trainer.epochs_done, trainer.steps_done) == (1, 3):
            signal.raise_signal(signal.SIGINT)


def test_an_epoch_under_way_goes_on_without_the_function(tmp_path):
    x = RNG.standard_normal((N, 3))
    made, whole = trainer([macro_f1, "f1", "roc_auc"]), trainer(["f1", "roc_auc"])
    whole.fit(x, Y, epochs=3, batch_size=8, progress=False)
    saving = ModelCheckpoint(tmp_path)
    made.fit(x, Y, epochs=3, batch_size=8, callbacks=[Stop(), saving], progress=False)
    assert made.history.interrupted
    resumed = Trainer.resume(tmp_path)
    resumed.fit(x, Y, epochs=3, batch_size=8, progress=False)
    for name in ("f1", "roc_auc"):
        assert resumed.history[name] == whole.history[name]


@pytest.mark.parametrize("result", ["0.5", None, [1, "a"], {}, 1j])
def test_a_function_whose_result_is_no_number_is_named(result):
    def odd(targets, predictions):
        return result

    with pytest.raises(ArgumentError, match=r"from the metric odd\n  expected: a number"):
        trainer([odd]).fit(RNG.standard_normal((N, 3)), Y, epochs=1, progress=False)


def test_names_and_functions_that_are_no_metrics():
    assert {metric.name for metric in made_metrics(get_args(MetricName))} == set(
        get_args(MetricName)
    )
    with pytest.raises(ArgumentError, match="balanced_accuracy"):
        trainer(["acuracy"])
    with pytest.raises(ArgumentError, match="brackets"):
        trainer([F1])
    with pytest.raises(ArgumentError, match="sample_weight"):
        trainer([lambda y, p: 0.0]).evaluate(SCORES[:, :3], Y, sample_weight=WEIGHTS)
    assert FunctionMetric(macro_f1, "mine").name == "mine"


# In several processes

SHARED = [
    Accuracy(),
    BalancedAccuracy(),
    ConfusionMatrix(),
    F1(),
    LogLoss(),
    Precision(),
    ROCAUC(),
    Recall(),
    TopK(2),
    MeanAbsoluteError(),
    MeanAbsolutePercentageError(),
    R2(),
    FunctionMetric(lambda y, said, sample_weight=None: float(np.abs(y - said).max()), "largest"),
]


@pytest.mark.parametrize("metric", SHARED, ids=lambda metric: metric.name)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("first", [0, 4, 11])
def test_what_two_have_gathered_is_what_one_would_have(metric, weighted, first):
    rng = np.random.default_rng(0)
    said = rng.standard_normal((11, 3))
    of_classes = metric.name not in ("r2", "largest") and "error" not in metric.name
    y = rng.integers(3, size=11) if of_classes else rng.standard_normal((11, 3))
    weights = rng.random(11) if weighted else None

    def gathered(*parts):
        found = copy.deepcopy(metric)
        found.reset()
        for part in parts:
            if len(y[part]):
                found.update(said[part], y[part], *([] if weights is None else [weights[part]]))
        return found

    whole = gathered(slice(None)).result()
    together = gathered(slice(first))
    then = max(first, 8)
    together.merge(gathered(slice(first, then), slice(then, None)).state_dict())
    np.testing.assert_allclose(together.result(), whole, rtol=1e-13)

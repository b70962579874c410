"""scikit-learn's networks: the same predictions, and a training that goes on."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor

from handgrad import Adam, Dropout, HingeLoss, Trainer
from handgrad.errors import ArgumentError
from handgrad.interop.sklearn import from_sklearn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 5))
SCORES = X @ RNG.standard_normal((5, 3))
TARGETS = {
    "three classes": np.array(["a", "b", "c"])[SCORES.argmax(axis=1)],
    "two classes": np.where(SCORES[:, 0] > 0, "yes", "no"),
    "several labels": (SCORES > 0).astype(int),
    "a number": SCORES[:, 0],
    "three numbers": SCORES,
}


def fitted(form, **options):
    kind = MLPRegressor if "number" in form else MLPClassifier
    options = {"hidden_layer_sizes": (7, 4), "max_iter": 3, "random_state": 0, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return kind(**options).fit(X, TARGETS[form])


def agree(ours, theirs, rows=X):
    assert_array_equal(ours.predict(rows).shape, theirs.predict(rows).shape)
    if isinstance(theirs, MLPRegressor):
        return assert_allclose(ours.predict(rows), theirs.predict(rows), rtol=0, atol=1e-12)
    assert_array_equal(ours.predict(rows), theirs.predict(rows))
    assert_array_equal(ours.classes_, theirs.classes_)
    return assert_allclose(ours.predict_proba(rows), theirs.predict_proba(rows), rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("form", TARGETS)
def test_what_comes_back_predicts_the_same(form, activation):
    theirs = fitted(form, activation=activation)
    agree(from_sklearn(theirs), theirs)


def test_float32_stays_float32():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = MLPClassifier((7,), max_iter=3).fit(X.astype(np.float32), TARGETS["two classes"])
    ours = from_sklearn(theirs)
    assert ours.model_.parameters.dtype == np.float32
    rows = X.astype(np.float32)
    assert_allclose(ours.predict_proba(rows), theirs.predict_proba(rows), rtol=0, atol=1e-6)


def test_no_hidden_layer_and_names_of_features():
    table = pd.DataFrame(X, columns=list("abcde"))
    theirs = MLPClassifier((), solver="lbfgs", max_iter=200, random_state=0)
    ours = from_sklearn(theirs.fit(table, TARGETS["three classes"]))
    agree(ours, theirs, table)
    assert_array_equal(ours.feature_names_in_, list("abcde"))


@pytest.mark.parametrize("form", TARGETS)
@pytest.mark.parametrize("activation", ["identity", "tanh"])
def test_a_training_goes_on_with_dropout_and_callbacks(form, activation):
    theirs = fitted(form, activation=activation)
    told = []
    ours = from_sklearn(theirs, dropout=0.3, epochs=2, lr=0.001, callbacks=[told.append])
    agree(ours, theirs)  # nothing is dropped in a prediction
    assert any(isinstance(component, Dropout) for component in ours.model_.components)
    before = ours.model_.parameters.copy()
    ours.fit(X, TARGETS[form])
    assert ours.n_iter_ == 2
    assert len(told) == 2
    step = np.abs(ours.model_.parameters - before)
    assert 0 < step.max() < 0.02  # from where it was
    assert pickle.loads(pickle.dumps(ours)).partial_fit(X, TARGETS[form]).n_iter_ == 3


def test_its_model_goes_on_with_another_loss():
    theirs = fitted("three classes", max_iter=1)
    model = from_sklearn(theirs).model_
    indices = np.searchsorted(theirs.classes_, TARGETS["three classes"])
    trainer = Trainer(model, HingeLoss(), Adam(0.02), metrics=["accuracy"])
    trainer.fit(X, indices, epochs=100, progress=False)
    assert trainer.evaluate(X, indices)["accuracy"] > 0.9


def test_a_clone_begins_anew_with_the_same_layers():
    ours = clone(from_sklearn(fitted("two classes", activation="identity"), epochs=1))
    assert [a.shape for a in ours.fit(X, TARGETS["two classes"]).model_[0].parameters.values()] == [
        (5, 7),
        (1, 7),
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: from_sklearn(LogisticRegression()), "LogisticRegression for from_sklearn"),
        (lambda: from_sklearn(MLPClassifier()), "that is not fitted"),
        (lambda: from_sklearn(fitted("two classes"), hidden=(3,)), r"hidden=\(3,\) for what"),
        (lambda: from_sklearn(fitted("two classes"), standardize=True), "standardize=True"),
    ],
)
def test_what_cannot_come_is_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_a_loss_that_we_lack_is_refused():
    theirs = MLPRegressor(loss="poisson", hidden_layer_sizes=(3,), max_iter=9, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs.fit(X, np.exp(TARGETS["a number"] / 9))
    with pytest.raises(ArgumentError, match="loss='poisson'"):
        from_sklearn(theirs)

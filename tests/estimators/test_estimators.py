"""scikit-learn's interface: its own checks, and what its users do with an estimator."""

import pickle
import re
import signal
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import (
    load_iris,
    make_friedman1,
    make_multilabel_classification,
)
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.metrics import recall_score
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from handgrad import BatchNorm, Linear, Model, ReLU
from handgrad.errors import ArgumentError, ShapeError
from handgrad.estimators import NetworkClassifier, NetworkRegressor
from handgrad.training import Callback

QUICK = {"hidden": (20,), "lr": 0.02, "epochs": 30, "random_state": 0}


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def friedman():
    return make_friedman1(200, random_state=0)


@pytest.mark.parametrize("estimator", [NetworkClassifier(), NetworkRegressor()], ids=repr)
def test_scikit_learns_own_checks_pass_and_none_is_expected_to_fail(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the checks themselves do, and what they skip
        found = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = [(c["check_name"], c["exception"]) for c in found if c["status"] == "failed"]
    assert not failed
    skipped = {check["check_name"] for check in found if check["status"] == "skipped"}
    assert skipped <= {
        "check_array_api_input",  # which asks for a setting of the environment
        "check_classifiers_multilabel_output_format_decision_function",  # there are probabilities
    }
    assert len(found) > 50


# Classes


def test_the_defaults_learn_and_say_how(iris):
    X, y = iris
    network = NetworkClassifier(random_state=0).fit(X, y)
    assert network.score(X, y) > 0.96
    assert_array_equal(network.classes_, [0, 1, 2])
    assert network.n_iter_ == len(network.loss_curve_) == network.history_.epochs == 100
    assert network.loss_curve_[-1] < network.loss_curve_[0] / 5
    p = network.predict_proba(X)
    assert_allclose(p.sum(axis=1), 1)
    assert_array_equal(network.predict(X), p.argmax(axis=1))
    assert_allclose(np.exp(network.predict_log_proba(X)), p)
    assert isinstance(network.model_, Model)
    assert not network.model_.training


@pytest.mark.parametrize("names", [np.array(["a", "b", "c"]), np.array(["a", "b", "c"], object)])
def test_classes_may_be_strings(iris, names):
    X, y = iris
    network = NetworkClassifier(**QUICK).fit(X, names[y])
    assert set(network.predict(X)) <= set("abc")
    assert network.score(X, names[y]) > 0.9


def test_classes_may_be_booleans_and_pandas_strings(iris):
    X, y = iris
    network = NetworkClassifier(**QUICK).fit(X, y == 0)
    assert network.predict(X).dtype == bool
    assert network.score(X, y == 0) == 1
    table = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    target = pd.Series(np.array(["x", "y", "z"])[y], dtype="string")
    network = NetworkClassifier(**QUICK).fit(table, target)
    assert_array_equal(network.feature_names_in_, table.columns)
    assert network.score(table, target) > 0.9
    with pytest.raises(ValueError, match="feature names"):
        network.predict(table[["b", "a", "c", "d"]])


def test_several_labels():
    X, Y = make_multilabel_classification(200, 6, n_classes=3, random_state=0)
    network = NetworkClassifier(**QUICK | {"epochs": 60}).fit(X, Y)
    said, p = network.predict(X), network.predict_proba(X)
    assert said.shape == p.shape == Y.shape
    assert_array_equal(said, p > 0.5)
    assert_allclose(np.exp(network.predict_log_proba(X)), p)
    assert (said == Y).mean() > 0.8  # a logistic regression for each label has 0.78
    assert_array_equal(network.classes_, [0, 1, 2])
    with pytest.raises(ArgumentError, match="sample_weight"):
        NetworkClassifier(**QUICK, class_weight="balanced").fit(X, Y)


def test_a_rare_class_is_found_where_classes_are_balanced():
    rng = np.random.default_rng(0)
    y = (rng.random(600) < 0.04).astype(int)
    X = rng.standard_normal((600, 3)) + 1.2 * y[:, None]
    found = {}
    for weights in (None, "balanced", {0: 1, 1: 24}):
        network = NetworkClassifier(**QUICK, class_weight=weights).fit(X, y)
        found[str(weights)] = recall_score(y, network.predict(X))
    assert found["None"] < 0.5
    assert min(found["balanced"], found["{0: 1, 1: 24}"]) > 0.75


def test_one_class_is_none(iris):
    X, y = iris
    with pytest.raises(ValueError, match="1 class"):
        NetworkClassifier(**QUICK).fit(X[:40], y[:40])


# Numbers


def test_a_regression(friedman):
    X, y = friedman
    network = NetworkRegressor(random_state=0).fit(X[:150], 1e5 + 100 * y[:150])
    assert network.score(X[150:], 1e5 + 100 * y[150:]) > 0.8
    assert network.predict(X).shape == y.shape
    assert network.loss_curve_[-1] < 0.1  # of targets that are standardized


def test_several_targets(friedman):
    X, y = friedman
    both = np.c_[y, -1000 * y]
    network = NetworkRegressor(random_state=0).fit(X, both)
    assert network.predict(X).shape == both.shape
    assert network.score(X, both) > 0.9
    assert NetworkRegressor(**QUICK).fit(X, both[:, :1]).predict(X).shape == (len(y), 1)
    network = NetworkRegressor(**QUICK, warm_start=True).fit(X, both)
    with pytest.raises(ShapeError, match="2 numbers for each row"):
        network.fit(X, y)


def test_nothing_is_standardized_unless_it_is_wanted(friedman):
    X, y = friedman
    network = NetworkRegressor(**QUICK, standardize=False).fit(X, y)
    assert_allclose(network.predict(X)[:, None], network.model_.eval().forward(X))


# What both do


def test_weights_of_rows(iris):
    X, y = iris
    weights = np.where(y == 2, 0.0, 1.0)
    network = NetworkClassifier(**QUICK).fit(X, y, sample_weight=weights)
    assert set(network.predict(X)) == {0, 1}
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        NetworkClassifier(**QUICK).fit(X, y, sample_weight=-weights)


def test_early_stopping_keeps_the_best(friedman):
    X, y = friedman
    network = NetworkRegressor(
        hidden=(20,),
        lr=0.03,
        schedule="constant",
        epochs=200,
        early_stopping=True,
        patience=3,
        random_state=0,
    ).fit(X, y, sample_weight=np.ones(len(y)))
    assert network.n_iter_ < 200
    held_out = network.history_["validation_loss"]
    assert np.argmin(held_out) == network.n_iter_ - 1 - 3
    classes = NetworkClassifier(**QUICK, early_stopping=True).fit(*load_iris(return_X_y=True))
    assert "validation_loss" in classes.history_


def test_the_scales_are_those_of_the_rows_that_are_trained_on(friedman):
    X, y = friedman
    held = NetworkRegressor(**QUICK, early_stopping=True, validation_fraction=0.25).fit(X, y)
    assert held._scaler.n_samples_seen_ == held._target_scaler.n_samples_seen_ == 0.75 * len(X)
    assert NetworkRegressor(**QUICK).fit(X, y)._scaler.n_samples_seen_ == len(X)


def test_a_fit_that_failed_is_begun_again(iris):
    X, y = iris
    network = NetworkClassifier(**QUICK, early_stopping=True, validation_fraction=2.0)
    network.set_params(warm_start=True)
    with pytest.raises(ArgumentError, match=r"validation_fraction=2\.0 for NetworkClassifier"):
        network.fit(X, y)
    assert network.set_params(validation_fraction=0.2).fit(X, y).score(X, y) > 0.8


def test_parameters_are_taken_as_elsewhere_or_named(iris):
    X, y = iris
    short = {**QUICK, "epochs": 1}
    for dtype in (np.float32, np.dtype("float64")):
        network = NetworkClassifier(**short, dtype=dtype).fit(X, y)
        assert network.model_.parameters.dtype == dtype
        assert clone(network).dtype == dtype
    for wrong in (
        {"hidden": "10"},
        {"dtype": "float16"},
        {"callbacks": print},
        {"callbacks": [3]},
        {"early_stopping": True, "validation_fraction": 0},
    ):
        (name, value), *_ = reversed(wrong.items())
        said = "3 as a callback" if value == [3] else f"{name}={value!r}"
        with pytest.raises(ArgumentError, match=re.escape(said)):
            NetworkClassifier(**{**short, **wrong}).fit(X, y)


def test_a_warm_start_goes_on(iris):
    X, y = iris
    network = NetworkClassifier(**QUICK, warm_start=True).fit(X, y)
    before = network.model_.parameters.copy()
    assert network.fit(X, y).n_iter_ == 60
    assert not np.array_equal(before, network.model_.parameters)
    assert network.history_["lr"][30] == network.lr  # the schedule begins again
    cold = NetworkClassifier(**QUICK).fit(X, y).fit(X, y)
    assert_array_equal(cold.model_.parameters, before)


def test_partial_fit(iris):
    X, y = iris
    network = NetworkClassifier(hidden=(20,), lr=0.02, random_state=0)
    for start in (0, 1, 2):
        network.partial_fit(X[start::3], y[start::3], classes=[0, 1, 2])
    for _ in range(20):
        network.partial_fit(X, y)
    assert network.n_iter_ == 23
    assert network.history_["lr"] == [network.lr] * 23
    assert network.score(X, y) > 0.9
    with pytest.raises(ArgumentError, match="the class 3 for a network that knows"):
        network.partial_fit(X, y + 1)
    with pytest.raises(ArgumentError, match="give a dict"):
        NetworkClassifier(class_weight="balanced").partial_fit(X, y)
    numbers = NetworkRegressor(hidden=(20,), random_state=0)
    for _ in range(30):
        numbers.partial_fit(X[:, :3], X[:, 3], sample_weight=np.ones(len(X)))
    assert numbers.score(X[:, :3], X[:, 3]) > 0.9


def test_a_sparse_matrix_is_as_good_as_a_dense_one(friedman):
    X, y = friedman
    X = np.where(X > 0.5, X, 0)
    for container in (sparse.csr_array, sparse.csc_matrix):
        dense = NetworkRegressor(**QUICK).fit(X, y)
        found = NetworkRegressor(**QUICK).fit(container(X), y)
        assert_allclose(found.predict(container(X)), dense.predict(X))
    stopped = NetworkClassifier(**QUICK, early_stopping=True, class_weight="balanced")
    weights = np.ones(len(y))
    stopped.fit(sparse.csr_array(X), y > np.median(y), sample_weight=weights)
    assert "validation_loss" in stopped.history_
    assert stopped.score(sparse.csr_array(X), y > np.median(y)) > 0.7


def own_network(inputs, outputs, rng):
    layers = [Linear(inputs, 16, init="he", rng=rng), BatchNorm(16), ReLU()]
    return Model([*layers, Linear(16, outputs, rng=rng)])


def test_a_network_of_ones_own(iris):
    X, y = iris
    networks = [NetworkClassifier(**QUICK, model=own_network).fit(X, y) for _ in range(2)]
    assert isinstance(networks[0].model_.components[1], BatchNorm)
    assert_array_equal(*(network.model_.parameters for network in networks))
    assert networks[0].score(X, y) > 0.9
    with pytest.raises(ArgumentError, match=r"handgrad\.Model"):
        NetworkClassifier(model=lambda inputs, outputs: Linear(inputs, outputs)).fit(X, y)
    with pytest.raises(ShapeError, match="3 numbers for each row"):
        NetworkClassifier(model=lambda i, o: Model([Linear(i, 2)])).fit(X, y)


class Count(Callback):
    def __init__(self):
        self.epochs = 0

    def on_epoch(self, trainer):
        self.epochs += 1


def test_callbacks_options_and_progress(iris, capsys):
    X, y = iris
    count = Count()
    options = {"optimizer": "sgd", "max_norm": 1.0, "dropout": 0.2, "dtype": "float32"}
    network = NetworkClassifier(
        **QUICK, **options, activation="tanh", callbacks=[count], verbose=True
    ).fit(X, y)
    assert count.epochs == 30
    assert network.model_.parameters.dtype == np.float32
    assert network._trainer.optimizer.max_norm == 1.0
    assert "epoch 30/30" in capsys.readouterr().out
    assert repr(NetworkClassifier(7, epochs=1).fit(X, y).model_[0]) == "Linear(4, 7)"
    for wrong in ({"activation": "step"}, {"dropout": 1.0}, {"hidden": (0,)}, {"epochs": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            NetworkClassifier(**wrong).fit(X, y)


def test_a_network_in_scikit_learns_hands(iris, tmp_path):
    X, y = iris
    copy = clone(NetworkClassifier(hidden=(7, 5), lr=0.01, class_weight="balanced"))
    assert copy.get_params()["hidden"] == (7, 5)
    assert copy.set_params(lr=0.1).lr == 0.1
    scaled = StandardScaler().set_output(transform="pandas")
    table = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    pipeline = make_pipeline(scaled, NetworkClassifier(**QUICK)).fit(table, y)
    assert_array_equal(pipeline[-1].feature_names_in_, table.columns)
    assert pipeline.score(table, y) > 0.9
    grid = GridSearchCV(NetworkClassifier(**QUICK), {"hidden": [(), (20,)]}, cv=2, n_jobs=2)
    assert grid.fit(X, y).best_score_ > 0.9
    assert cross_val_score(NetworkClassifier(**QUICK), X, y, cv=3).mean() > 0.9
    calibrated = CalibratedClassifierCV(NetworkClassifier(**QUICK), cv=2).fit(X, y)
    assert calibrated.score(X, y) > 0.9


def test_a_fitted_network_is_dumped_and_goes_on(iris, tmp_path):
    X, y = iris
    network = NetworkClassifier(**QUICK, class_weight="balanced", warm_start=True).fit(X, y)
    joblib.dump(network, tmp_path / "network.joblib")
    loaded = joblib.load(tmp_path / "network.joblib")
    assert_array_equal(loaded.predict_proba(X), network.predict_proba(X))
    assert_array_equal(loaded.fit(X, y).model_.parameters, network.fit(X, y).model_.parameters)
    large = NetworkClassifier(hidden=(1000,), epochs=1, random_state=0).fit(X, y)
    held = large.model_.parameters.nbytes
    assert len(pickle.dumps(large)) < 3.5 * held  # the parameters, and Adam's two means


def test_a_notebook_shows_it(iris):
    network = NetworkClassifier(hidden=(7,))
    assert "NetworkClassifier" in network._repr_html_()
    assert "Not fitted" in network._repr_html_()
    assert "hidden" in network._repr_html_()


class CtrlC(Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_step(self, trainer):
        if trainer.epochs_done == self.epoch:
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_ends_the_fit_and_says_so(iris):
    X, y = iris
    with pytest.warns(UserWarning, match="stopped by Ctrl-C after step 1 of epoch 3"):
        network = NetworkClassifier(**QUICK, callbacks=[CtrlC(2)]).fit(X, y)
    assert network.n_iter_ == 2
    with pytest.raises(KeyboardInterrupt):
        NetworkClassifier(**QUICK, callbacks=[CtrlC(0)]).fit(X, y)


def test_asked_too_early():
    with pytest.raises(NotFittedError):
        NetworkRegressor().predict([[1.0]])


def test_a_column_is_taken_for_a_row_with_a_warning(iris):
    X, y = iris
    with pytest.warns(DataConversionWarning, match="column-vector"):
        NetworkClassifier(**QUICK | {"epochs": 1}).fit(X, y[:, None])
    with pytest.raises(ValueError, match="MultiOutputClassifier"):
        NetworkClassifier(**QUICK).fit(X, np.c_[y, y])


def test_without_scikit_learn_the_import_names_the_extra():
    code = "import sys; sys.modules['sklearn'] = None; import handgrad.estimators"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'pip install "handgrad[sklearn]"' in found.stderr


@pytest.mark.parametrize(
    "changed",
    [{"hidden": 9}, {"optimizer": "sgd"}, {"weight_decay": 0.5}, {"standardize": False}],
    ids=repr,
)
def test_what_a_network_is_made_of_does_not_change_where_it_goes_on(iris, changed):
    X, y = iris
    network = NetworkClassifier(hidden=4, epochs=1, random_state=0, warm_start=True).fit(X, y)
    network.set_params(**changed)
    for go_on in (network.fit, network.partial_fit):
        with pytest.raises(ArgumentError, match=next(iter(changed))):
            go_on(X, y)
    network.set_params(warm_start=False, callbacks=None).fit(X, y)
    assert network.n_iter_ == 1


def test_the_classes_of_the_first_part_are_those_of_all(iris):
    X, y = iris
    network = NetworkClassifier(hidden=4, random_state=0).partial_fit(X, y)
    network.partial_fit(X, y, classes=[2, 1, 0])
    with pytest.raises(ArgumentError, match="the classes of the first call"):
        network.partial_fit(X, y, classes=[0, 1, 2, 3])
    with pytest.raises(ArgumentError, match="two classes"):
        NetworkClassifier().partial_fit(X, y, classes=[])


def test_a_class_whose_rows_do_not_count_is_not_rare(iris):
    X, y = iris
    network = NetworkClassifier(**QUICK, class_weight="balanced")
    counts = np.where(y == 2, 0.0, 1.0)
    found = network.fit(X, y, sample_weight=counts)
    assert (found.predict(X[y < 2]) == y[y < 2]).all()


def test_several_labels_may_be_sparse():
    X, y = make_multilabel_classification(60, random_state=0)
    dense, packed = (
        NetworkClassifier(hidden=4, epochs=2, random_state=0).fit(X, labels).predict_proba(X)
        for labels in (y, sparse.csr_matrix(y))
    )
    assert_array_equal(dense, packed)


def test_no_hidden_layers_are_an_empty_list(iris):
    with pytest.raises(ArgumentError, match="hidden=None"):
        NetworkClassifier(hidden=None).fit(*iris)


def test_a_search_may_draw_from_arrays(iris):
    options = {"early_stopping": np.array([True, False]), "hidden": np.array([2, 3])}
    network = NetworkClassifier(epochs=1, random_state=0)
    search = RandomizedSearchCV(network, options, n_iter=2, cv=2, random_state=0)
    assert search.fit(*iris).best_params_["hidden"] in {2, 3}


def test_a_model_is_no_function_that_makes_one(iris):
    for given in (Model([Linear(4, 3)]), 5):
        with pytest.raises(ArgumentError, match="a function of the numbers of features"):
            NetworkClassifier(model=given).fit(*iris)

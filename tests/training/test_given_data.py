"""What a trainer is given: names, a share to hold out, and what is no number."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from handgrad import CrossEntropy, Linear, Model, MSELoss, ReLU
from handgrad.datasets import stratified_split
from handgrad.errors import ArgumentError, DtypeError
from handgrad.optimizers import Adam
from handgrad.training import Trainer

N, D, K = 53, 5, 3


@pytest.fixture
def data():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((N, D))
    return x, (x @ rng.standard_normal((D, K))).argmax(axis=1)


def small_model(rng=None):
    rng = np.random.default_rng(0) if rng is None else rng
    return Model([Linear(D, 11, rng=rng), ReLU(), Linear(11, K, rng=rng)])


def trained(x, y, *, epochs=3, loss=None, **options):
    loss = CrossEntropy() if loss is None else loss
    trainer = Trainer(small_model(), loss, Adam(lr=0.01), rng=np.random.default_rng(3))
    trainer.fit(x, y, epochs=epochs, batch_size=8, progress=False, **options)
    return trainer


def test_a_trainer_takes_names(data):
    x, y = data
    rng = np.random.default_rng(0)
    trainer = Trainer(small_model(rng=rng), "cross-entropy", "sgd", rng=rng)
    assert trainer.fit(x, y, epochs=3, progress=False)["loss"][-1] < np.log(K)
    assert isinstance(trainer.loss, CrossEntropy)
    assert (trainer.optimizer.lr, trainer.optimizer.momentum) == (0.02, 0.9)
    with pytest.raises(ArgumentError, match="cross_entropy"):
        Trainer(small_model(), "crossentropy", "sgd")
    with pytest.raises(ArgumentError, match="rmsprop"):
        Trainer(small_model(), "mse", "lion")


def test_a_share_is_held_out_always_the_same_one(data):
    x, y = data
    one = trained(x, y, validation_split=0.25, epochs=2)
    assert "validation_loss" in one.history
    training, held_out = stratified_split(y, 0.25, np.random.default_rng(len(y)))
    held = (x[held_out], y[held_out])
    other = trained(x[training], y[training], validation_data=held, epochs=2)
    assert one.history.values == other.history.values
    numbers = np.random.default_rng(0).standard_normal((len(x), K))
    weighted = trained(
        x, numbers, loss=MSELoss(), validation_split=0.5, sample_weight=np.ones(len(x))
    )
    assert "validation_loss" in weighted.history
    for share in (0.0, 1.0, "a"):
        with pytest.raises(ArgumentError, match="validation_split"):
            trained(x, y, validation_split=share)
    with pytest.raises(ArgumentError, match="validation_data="):
        trained([(x, y)], None, validation_split=0.2)
    with pytest.raises(ArgumentError, match="one row"):
        trained(x[:1], numbers[:1], loss=MSELoss(), validation_split=0.2)


@pytest.mark.parametrize("names", ["abc", ["a", "b", "c"]])
def test_labels_that_are_strings_are_refused_with_the_way_out(data, names):
    x, y = data
    labels = np.array(list(names), dtype=object if names == "abc" else None)[y]
    with pytest.raises(DtypeError, match=r"np\.unique\(y, return_inverse=True\)"):
        trained(x, labels)
    classes, indices = np.unique(labels, return_inverse=True)  # as it says
    said = trained(x, indices, epochs=30).predict(x).argmax(axis=1)
    assert (classes[said] == labels).mean() > 0.5


def test_tables_with_strings_dates_and_holes_and_sparse_matrices_get_advice_that_is_true(data):
    x, y = data
    table = pd.DataFrame(x)
    table["city"] = np.array(["Bern", "Rome", "Oslo"])[y]
    with pytest.raises(DtypeError, match="get_dummies"):
        trained(table, y)
    numbers = pd.get_dummies(table, dtype=float)
    assert numbers.shape[1] == x.shape[1] + 3
    model = Model([Linear(numbers.shape[1], K)])
    Trainer(model, "cross_entropy", "adam").fit(numbers, y, epochs=1, progress=False)
    trained(table.select_dtypes("number"), y, epochs=1)
    dates = np.array("2020-01-01", "M8[D]") + np.arange(len(y))[:, None]
    with pytest.raises(DtypeError, match="timedelta64"):
        trained(dates, y)
    assert ((dates - dates.min()) / np.timedelta64(1, "D")).dtype == float
    holes = pd.DataFrame(x).astype("Float64").mask(x > 1)
    with pytest.raises(DtypeError, match="missing"):
        trained(holes, y)
    matrix = sparse.csr_array(x)
    with pytest.raises(DtypeError, match="toarray"):
        trained(matrix, y)
    rows = np.array_split(np.arange(len(y)), 3)
    trained([(matrix[part].toarray(), y[part]) for part in rows], None, epochs=1)


def test_numbers_that_are_written_as_strings(data):
    x, y = data
    with pytest.raises(DtypeError, match=r"astype\(np\.float64\)"):
        trained(x.astype(str), y)
    trained(x.astype(str).astype(np.float64), y, epochs=1)

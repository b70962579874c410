"""TensorBoard, MLflow, the learning-rate finder, and pictures in notebooks."""

import pickle
import sys
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from handgrad import Linear, Model, MSELoss, ReLU
from handgrad.errors import ArgumentError
from handgrad.optimizers import SGD, Adam
from handgrad.training import MLflow, TensorBoard, Trainer, find_learning_rate


def data():
    x = np.random.default_rng(0).standard_normal((60, 4))
    return x, x[:, :1] - 2 * x[:, 1:2]


def made(optimizer=None):
    rng = np.random.default_rng(1)
    model = Model([Linear(4, 9, init="he", rng=rng), ReLU(), Linear(9, 1, init="he", rng=rng)])
    return Trainer(model, MSELoss(), Adam(0.01) if optimizer is None else optimizer, rng=rng)


def fitted(*callbacks, epochs=3):
    x, y = data()
    trainer = made()
    trainer.fit(*(x, y), epochs=epochs, validation_data=(x, y), callbacks=callbacks, progress=False)
    return trainer


def test_tensorboard_reads_what_is_written_for_it(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    trainer = fitted(TensorBoard(tmp_path / "logs"))
    events = EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    assert {"loss/training", "loss/validation", "lr/training"} <= set(events.Tags()["tensors"])
    written = events.Tensors("loss/validation")
    assert [event.step for event in written] == [1, 2, 3]
    values = [float(make_ndarray(event.tensor_proto)) for event in written]
    np.testing.assert_allclose(values, trainer.history["validation_loss"], rtol=1e-6)


def test_mlflow_is_logged_to(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own
        import mlflow

        mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
        with mlflow.start_run() as run:
            trainer = fitted(MLflow())
            assert mlflow.active_run() is not None
        found = mlflow.tracking.MlflowClient()
        history = found.get_metric_history(run.info.run_id, "validation_loss")
        assert [metric.step for metric in history] == [1, 2, 3]
        assert [m.value for m in history] == trainer.history["validation_loss"]
        assert found.get_run(run.info.run_id).data.params["loss"] == "MSELoss()"
        fitted(MLflow(), epochs=1)  # in a run of its own
        assert mlflow.active_run() is None
        mlflow.set_tracking_uri("")


@pytest.mark.parametrize(
    ("callback", "module"), [(TensorBoard("x"), "tensorboard.summary"), (MLflow(), "mlflow")]
)
def test_what_is_missing_is_named(callback, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    extra = module.split(".")[0]
    with pytest.raises(ArgumentError, match=rf"handgrad\[{extra}\]"):
        fitted(callback)


# The learning rate


@pytest.mark.parametrize("optimizer", [Adam(), SGD(momentum=0.9)], ids=["Adam", "SGD"])
def test_the_rate_that_is_found_trains_and_the_trainer_stays_as_it_is(optimizer, tmp_path):
    x, y = data()
    trainer = made(optimizer)
    before, state = trainer.model.parameters.copy(), trainer.rng.bit_generator.state
    found = find_learning_rate(trainer, x, y, batch_size=20)
    assert_array_equal(trainer.model.parameters, before)
    assert trainer.rng.bit_generator.state == state
    assert (trainer.optimizer.steps, trainer.optimizer.lr) == (0, 0.001)
    assert 1e-4 < found.suggestion < 1
    assert len(found.rates) == len(found.losses) < 100  # it has seen a training diverge
    trainer.optimizer.lr = found.suggestion
    losses = trainer.fit(x, y, epochs=20, batch_size=20, progress=False)["loss"]
    assert losses[-1] < losses[0] / 5
    picture = found.plot(tmp_path / "rates.png")
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")
    assert picture.axes[0].get_xscale() == "log"
    assert "suggestion" in repr(found)


def test_the_finder_takes_batches_and_refuses_what_it_cannot_use():
    x, y = data()
    found = find_learning_rate(made(), [(x[:30], y[:30]), (x[30:], y[30:])], steps=30)
    assert 1e-5 < found.suggestion < 10
    for wrong in ({"low": 0}, {"low": 1.0, "high": 0.1}, {"steps": 5}):
        with pytest.raises(ArgumentError):
            find_learning_rate(made(), x, y, **wrong)
    with pytest.raises(ArgumentError, match="a Trainer, which knows model, loss and optimizer"):
        find_learning_rate(made().model, x, y)
    with pytest.raises(ArgumentError, match="smaller low"):
        find_learning_rate(made(SGD()), x, y, low=1e8, high=1e9)


# Pictures


def test_a_picture_shows_in_a_notebook_without_a_magic_line():
    figure = fitted(epochs=1).history.plot()
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert "matplotlib.pyplot" not in type(figure).__mro__[0].__module__
    assert pickle.loads(pickle.dumps(figure)).axes

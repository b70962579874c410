"""Predicting writes to nothing, so that it may be done while others train."""

import copy
import threading

import numpy as np
import pytest

from handgrad import CrossEntropy, Dropout, Linear, Model, ReLU, evaluating
from handgrad.errors import CallOrderError
from handgrad.optimizers import Adam
from handgrad.training import Accuracy, Callback, Trainer
from handgrad.walk import walk

N, D, K = 40, 5, 3


def network():
    rng = np.random.default_rng(0)
    return Model([Dropout(Linear(D, 16, rng=rng), 0.5), ReLU(), Linear(16, K, rng=rng)])


def modes(model):
    return [component.training for _, component in walk(model)]


def test_six_threads_predict_while_a_copy_trains():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((N, D)), rng.integers(0, K, N)
    model = network()
    trainer = Trainer(model, CrossEntropy(), Adam(lr=0.01), metrics=[Accuracy()])
    right, measured = trainer.predict(x, batch_size=10), trainer.evaluate(x, y)
    wrong, seen, stop = [], [], threading.Event()

    def predict():
        for i in range(400):
            if not np.array_equal(trainer.predict(x, batch_size=10), right):  # four batches
                wrong.append(i)
            if i % 10 == 0 and trainer.evaluate(x, y, batch_size=N) != measured:
                wrong.append(i)
            seen.append(all(modes(model)))

    class Watch(Callback):
        def on_step(self, trainer):
            seen.append(all(modes(trainer.model)))
            if stop.is_set():
                trainer.stop()

    def train():
        other = Trainer(copy.deepcopy(model), CrossEntropy(), Adam(lr=0.01))
        other.fit(x, y, epochs=10_000, batch_size=8, callbacks=[Watch()], progress=False)
        wrong.extend([-1] * np.array_equal(other.model.parameters, model.parameters))

    learner = threading.Thread(target=train)
    threads = [threading.Thread(target=predict) for _ in range(6)]
    for thread in (learner, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    learner.join()
    assert not wrong
    assert all(seen)
    assert len(seen) > 2400
    assert all(modes(model))


def test_a_training_goes_on_with_dropout_while_others_predict_with_its_model():
    x = np.random.default_rng(1).standard_normal((N, D))
    y = np.arange(N) % K
    model, dropped, stop = network(), [], threading.Event()
    trainer = Trainer(model, CrossEntropy(), Adam(lr=0.0))
    expected = trainer.predict(x)
    wrong = []

    def predict():
        while not stop.is_set():
            wrong.append(not np.array_equal(trainer.predict(x), expected))

    class Watch(Callback):
        def on_step(self, trainer):
            dropped.append(trainer.model.training)

    thread = threading.Thread(target=predict)
    thread.start()
    trainer.fit(x, y, epochs=40, batch_size=8, callbacks=[Watch()], progress=False)
    stop.set()
    thread.join()
    assert all(dropped)
    assert not any(wrong)
    assert len(wrong) > 1
    # With dropout the loss in training is another than without.
    assert np.std(trainer.history["loss"]) > 0


def test_nobody_trains_in_evaluation_mode():
    trainer = Trainer(network(), CrossEntropy(), Adam(lr=0.01))
    x, y = np.ones((N, D)), np.arange(N) % K
    with evaluating(), pytest.raises(CallOrderError, match="where that context has ended"):
        trainer.fit(x, y, epochs=1, progress=False)
    trainer.fit(x, y, epochs=1, progress=False)

"""Inputs of every form: integers, tuples, lists, mapped files, batches of one's own."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import (
    GRU,
    Component,
    CrossEntropy,
    LayerNorm,
    Linear,
    Model,
    MSELoss,
    ReLU,
    Tanh,
    evaluating,
)
from handgrad.errors import ArgumentError, ShapeError
from handgrad.optimizers import Adam
from handgrad.training import Accuracy, Callback, Trainer
from helpers import refuses
from trees import Mean, Table

N, D, T, V, K = 53, 5, 4, 11, 3


class Join(Component):
    """Features and rows of a table, side by side: two inputs, one of them of integers."""

    takes_tuple = True

    def __init__(self, seed=0):
        self.seed = seed
        self.table = Table(V, 2, seed)

    def apply(self, x):
        features, words = x
        assert words.dtype.kind in "iu"
        rows, saved = self.table.apply(words)
        return np.concatenate([features, rows.astype(features.dtype)], axis=-1), saved

    def pullback(self, dy, saved, need_dx=True, out=None):
        _, gradients = self.table.pullback(dy[..., -2:], saved)
        return (dy[..., :-2], None), {"table": gradients}


@pytest.fixture
def several():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((N, D)), rng.integers(0, V, N)
    return x, rng.integers(0, K, N)


@pytest.fixture
def words():
    rng = np.random.default_rng(2)
    x = rng.integers(0, V, (N, T))
    return x, x % K


def joined():
    return Model([Join(), Linear(D + 2, K, rng=np.random.default_rng(3))])


def tabled():
    return Model([Table(V, D), ReLU(), Linear(D, K, rng=np.random.default_rng(3))])


def make(model, loss=None, **options):
    options = {"rng": np.random.default_rng(4), **options}
    return Trainer(model, loss or CrossEntropy(), Adam(lr=0.05), **options)


def by_hand(model, x, y, take, epochs=2, size=8):
    """Train as a trainer does, with nothing of its batches."""
    rng, loss, optimizer = np.random.default_rng(4), CrossEntropy(), Adam(lr=0.05)
    for _ in range(epochs):
        order = rng.permutation(N)
        for begin in range(0, N, size):
            rows = order[begin : begin + size]
            loss(model.forward(take(x, rows)), y[rows])
            optimizer.update(model.parameters, model.backward(loss.grad()).flat)
    return model.parameters


class Again:
    """Batches, anew each time."""

    def __init__(self, *columns, size=8):
        self.columns, self.size = columns, size

    def __iter__(self):
        for begin in range(0, len(self.columns[-1]), self.size):
            part = slice(begin, begin + self.size)
            yield tuple(
                tuple(c[part] for c in column) if isinstance(column, tuple) else column[part]
                for column in self.columns
            )


def test_a_tuple_of_arrays(several, tmp_path, monkeypatch):
    monkeypatch.setattr("handgrad.training.batches.arrays.SMALL", 0)
    x, y = several
    expected = by_hand(joined(), x, y, lambda x, rows: tuple(part[rows] for part in x))
    files = []
    for i, part in enumerate(x):
        np.save(tmp_path / f"{i}.npy", part)
        files.append(np.load(tmp_path / f"{i}.npy", mmap_mode="r"))
    for inputs in (x, tuple(files), (x[0], x[1].tolist())):
        trainer = make(joined(), metrics=[Accuracy()])
        trainer.fit(inputs, y, epochs=2, batch_size=8, validation_data=(x, y), progress=False)
        assert_array_equal(trainer.model.parameters, expected)
    whole = trainer.predict(x)
    assert_array_equal(whole, trainer.model.eval().apply(x)[0])
    assert trainer.evaluate(x, y)["accuracy"] == np.mean(whole.argmax(axis=1) == y)
    assert trainer.history["validation_loss"][-1] == pytest.approx(
        float(CrossEntropy()(whole, y)), rel=1e-12
    )
    for batches in (Again(x, y), list(Again(x, y)), [(x,)]):
        assert_array_equal(trainer.predict(batches), whole)
    for batches in (Again(x, y), [(x, y)]):
        assert trainer.evaluate(batches)["loss"] == pytest.approx(trainer.evaluate(x, y)["loss"])
    pairs = [(a, b) for a, b in zip(np.split(x[0], [9]), np.split(x[1], [9]), strict=True)]
    assert_array_equal(trainer.predict(pairs), whole)  # each batch is a tuple, the inputs alone
    single = make(joined())
    single.fit(Again(x, y), epochs=1, progress=False)


def test_integers_stay_integers(words):
    x, y = words
    expected = by_hand(tabled(), x, y, lambda x, rows: x[rows])
    for inputs in (x, x.astype(np.uint8), x.tolist()):
        trainer = make(tabled(), metrics=[Accuracy()])
        trainer.fit(inputs, y, epochs=2, batch_size=8, progress=False)
        assert_array_equal(trainer.model.parameters, expected)
    whole = trainer.predict(x)
    assert whole.shape == (N, T, K)
    assert_array_equal(trainer.predict(Again(x)), whole)
    assert trainer.evaluate(x, y)["accuracy"] == np.mean(whole.argmax(axis=-1) == y)
    assert trainer.evaluate(Again(x, y))["accuracy"] == trainer.evaluate(x, y)["accuracy"]


def test_floats_take_the_type_of_the_model_and_so_do_integers_elsewhere():
    seen = []

    class Look(Component):
        def apply(self, x):
            seen.append(x.dtype)
            return x, None

        def pullback(self, dy, saved, need_dx=True, out=None):
            return dy, {}

    class LookAtBoth(Look):
        takes_tuple = True

        def apply(self, x):
            seen.extend(part.dtype for part in x)
            return x[0], None

        def pullback(self, dy, saved, need_dx=True, out=None):
            return (dy, None), {}

    layer = Linear(1, 1, dtype=np.float32)
    x, y = np.arange(6).reshape(6, 1), np.zeros((6, 1))
    for inputs in (x, x.astype(np.float64), Again(x, y)):
        targets = None if isinstance(inputs, Again) else y
        make(Model([Look(), layer]), MSELoss()).fit(inputs, targets, epochs=1, progress=False)
    assert set(seen) == {np.dtype(np.float32)}
    seen.clear()
    both = make(Model([LookAtBoth(), layer]), MSELoss())
    both.fit((x.astype(np.float64), x[:, 0] > 2), y, epochs=1, progress=False)
    both.predict((x.astype(np.float64), x))
    assert seen == [np.float32, np.bool_, np.float32, np.int64]


def test_several_inputs_for_a_model_of_one_are_refused(several):
    x, y = several
    trainer = make(Model([Linear(D, K)]))
    for use in (
        lambda: trainer.fit((x[0], x[0]), y, epochs=1, progress=False),
        lambda: trainer.evaluate((x[0], x[0]), y),
        lambda: trainer.predict((x[0], x[0])),
    ):
        with pytest.raises(ArgumentError, match="takes_tuple"):
            use()
    rows = tuple(x[0])  # rows in a tuple are rows
    assert_array_equal(trainer.predict(rows), trainer.predict(x[0]))
    assert_array_equal(trainer.predict([x[0], x[0]]), np.tile(trainer.predict(x[0]), (2, 1)))


def test_one_input_for_a_model_of_several_is_refused(several):
    x, y = several
    trainer = make(joined())
    for wrong in (x[0], list(x)):
        with pytest.raises(ArgumentError, match=r"x=\(a, b\)"):
            trainer.fit(wrong, y, epochs=1, progress=False)
    with pytest.raises(ArgumentError, match="give y beside x"):
        trainer.fit(x[0], epochs=1, progress=False)
    with pytest.raises(ShapeError, match="as many targets as inputs"):
        trainer.fit((x[0], x[1][:-1]), y, epochs=1, progress=False)


# Sequences, and what of them counts


class Sequences:
    """Sequences of several lengths, in batches padded to the longest of each."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.all = []
        for size, length in ((7, 5), (3, 11), (8, 2)):
            x = rng.integers(0, V, (size, length))
            mask = np.arange(length) < rng.integers(1, length + 1, size)[:, None]
            self.all.append((x, x % K, mask))

    def __iter__(self):
        return iter(self.all)

    def flat(self):
        """Return the tokens that count."""
        return [np.concatenate([b[i][b[2]] for b in self.all]) for i in range(2)]


@pytest.mark.parametrize("average", [True, False])
def test_an_epoch_s_mean_is_that_of_the_tokens_that_count(average):
    data, loss = Sequences(), CrossEntropy(average)
    trainer = make(tabled(), loss, metrics=[Accuracy()])
    trainer.fit(data, epochs=9, progress=False)
    x, y = data.flat()
    expected = float(loss(trainer.predict(x), y))
    right = np.mean(trainer.predict(x).argmax(axis=1) == y)
    trainer.optimizer.lr = 0.0
    trainer.fit(data, epochs=10, validation_data=data, progress=False)
    for found in (trainer.evaluate(data), trainer.history.row()):
        assert found["loss"] == pytest.approx(expected, rel=1e-12)
        assert found["accuracy"] == pytest.approx(right, rel=1e-12)
    assert trainer.history["validation_loss"][-1] == pytest.approx(expected, rel=1e-12)
    by_rows = [float(loss(trainer.predict(x), y, mask)) * len(x) for x, y, mask in data]
    assert sum(by_rows) / 18 != pytest.approx(expected, rel=1e-3)


def test_a_mask_of_tokens_beside_arrays(words):
    x, y = words
    mask = np.random.default_rng(5).random((N, T)) < 0.6
    mask[:, 0] = True
    trainer = make(tabled(), metrics=[Accuracy()])
    trainer.fit(x, y, epochs=2, batch_size=8, sample_weight=mask, progress=False)
    other = make(tabled(), metrics=[Accuracy()])
    wrong = np.where(mask, y, (y + 1) % K)  # what is masked may be whatever it likes
    other.fit(x, wrong, epochs=2, batch_size=8, sample_weight=mask, progress=False)
    assert_array_equal(trainer.model.parameters, other.model.parameters)
    assert trainer.history.state_dict() == other.history.state_dict()
    found = trainer.evaluate(x, y, sample_weight=mask)
    named = trainer.predict(x).argmax(axis=-1)
    assert found["accuracy"] == pytest.approx(np.mean((named == y)[mask]), rel=1e-12)


@pytest.mark.parametrize("one_hot", [False, True])
def test_class_weights_of_tokens(words, one_hot):
    x, y = words
    targets = np.eye(K)[y] if one_hot else y
    table, mask = np.array([2.0, 1.0, 0.5]), np.random.default_rng(5).random((N, T)) < 0.6
    ours, theirs = make(tabled()), make(tabled())
    ours.fit(x, targets, epochs=1, class_weight=table, sample_weight=mask, progress=False)
    theirs.fit(x, targets, epochs=1, sample_weight=table[y] * mask, progress=False)
    assert_array_equal(ours.model.parameters, theirs.model.parameters)


def test_metrics_see_the_sample_weights_and_not_the_classes(words):
    x, y = words
    weights, seen = np.random.default_rng(6).random(N), []

    class Look(Accuracy):
        def update(self, predictions, targets, sample_weight=None):
            seen.append(sample_weight)
            super().update(predictions, targets, sample_weight)

    trainer = make(tabled(), metrics=[Look()], rng=None)
    options = {"batch_size": N, "epochs": 1, "progress": False}
    trainer.fit(x, y, sample_weight=weights, class_weight={0: 9.0}, **options)
    assert_array_equal(np.sort(seen.pop()), np.sort(weights))
    trainer = make(tabled(), metrics=[Look()])
    trainer.fit(x, y, class_weight={0: 9.0}, **options)
    assert seen == [None]


def test_a_metric_without_weights_says_so(words):
    x, y = words

    class Plain(Accuracy):
        def update(self, predictions, targets):
            super().update(predictions, targets)

    trainer = make(tabled(), metrics=[Plain()])
    trainer.fit(x, y, epochs=1, progress=False)
    with pytest.raises(ArgumentError, match="sample_weight=None") as caught:
        trainer.evaluate(x, y, sample_weight=np.ones(N))
    assert "Plain()" in str(caught.value)
    with pytest.raises(ArgumentError, match="sample_weight=None"):
        trainer.fit(x, y, epochs=2, sample_weight=np.ones(N), progress=False)


def test_an_evaluation_within_a_stream_ends_there():
    model = Model([Mean(D), Linear(D, K, rng=np.random.default_rng(3))])
    x, y = np.random.default_rng(1).standard_normal((4, 8, D)) + 3, np.arange(8) % K

    class Batches:
        def __iter__(self):
            with evaluating():
                for part in x:
                    assert not model.training
                    yield part, y

    class Modes(Callback):
        def on_step(self, trainer):
            modes.append(model.training)

    modes = []
    trainer = make(model)
    trainer.fit(Batches(), epochs=2, progress=False, callbacks=[Modes()])
    assert modes == [True] * 8
    assert model.components[0].buffers["mean"].all()


@pytest.mark.parametrize(("build", "shape"), [(lambda: Model([Linear(D, K)]), (D,)), (tabled, ())])
def test_a_list_of_rows_is_predicted_as_it_is_trained(build, shape):
    rng, trainer = np.random.default_rng(1), make(build())
    rows = [*(rng.standard_normal((N, *shape)) if shape else rng.integers(0, V, N))]
    trainer.fit(rows, np.arange(N) % K, epochs=1, progress=False)
    assert_array_equal(trainer.predict(rows), trainer.predict(np.array(rows)))
    assert trainer.predict([np.array(rows[:5]), np.array(rows[5:])]).shape == (N, K)


def stack_behind(first):
    return Model([first, GRU(D, K, rng=np.random.default_rng(3), dtype=np.float32)])


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    "first", [Tanh, lambda: LayerNorm(D, dtype=np.float32)], ids=["Tanh", "norm"]
)
def test_sequences_of_integers_with_lengths_become_floats(first, alone):
    rng = np.random.default_rng(2)
    x, lengths = rng.integers(-3, 4, (N, T, D)), rng.integers(1, T + 1, N)
    y, model = np.zeros((N, T, K)), stack_behind(first())
    given, floats = (x, x.astype(np.float32)) if alone else ((x, lengths), (x * 1.0, lengths))
    assert_allclose(model.forward(given), model.forward(floats), atol=1e-6)
    trainer = make(model, MSELoss())
    expected = trainer.predict(floats)
    assert expected.dtype == np.float32
    for batches in (given, [given]):
        assert_array_equal(trainer.predict(batches), expected)
    trainer.fit(given, y, epochs=1, progress=False)
    trainer.fit(Again(given, y), epochs=2, progress=False)


def test_outputs_of_several_lengths_are_not_put_together():
    model = Model([Table(V, D), GRU(D, K, rng=np.random.default_rng(3))])
    batches = [np.ones((2, steps), int) for steps in (4, 3, 4)]
    message = r"(?s)outputs of shapes \(4, 3\), \(3, 3\) for the rows .* pad all batches"
    with refuses(ShapeError, match=message):
        make(model).predict(batches)

"""The trainer: what a step is, which rows it sees, and what stops it."""

import io
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handgrad import CrossEntropy, Dropout, Linear, Model, MSELoss, ReLU, Sigmoid
from handgrad.errors import ArgumentError, DataError, DtypeError, ShapeError, TrainingError
from handgrad.optimizers import SGD, Adam
from handgrad.optimizers.schedules import ReduceOnPlateau, Step
from handgrad.training import (
    R2,
    Accuracy,
    Callback,
    ConfusionMatrix,
    Metric,
    ModelCheckpoint,
    Trainer,
)
from handgrad.training.batches import ArrayBatches, Inputs, make_batches
from handgrad.training.batches.file import rows_on_disk
from handgrad.walk import walk

N, D, K = 53, 5, 3


def network(seed=0, dtype=np.float64, p=None):
    rng = np.random.default_rng(seed)
    hidden = Linear(D, 11, rng=rng, dtype=dtype)
    return Model(
        [
            hidden if p is None else Dropout(hidden, p, rng=rng),
            ReLU(),
            Linear(11, K, rng=rng, dtype=dtype),
        ]
    )


@pytest.fixture
def data():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((N, D))
    return x, (x @ rng.standard_normal((D, K))).argmax(axis=1)


def trained(x, y, *, seed=3, epochs=3, batch_size=8, model=None, loss=None, **options):
    """Return a trainer that has trained."""
    model = network() if model is None else model
    rng = np.random.default_rng(seed)
    loss = CrossEntropy() if loss is None else loss
    trainer = Trainer(model, loss, Adam(lr=0.01), metrics=options.pop("metrics", ()), rng=rng)
    trainer.fit(x, y, epochs=epochs, batch_size=batch_size, progress=False, **options)
    return trainer


class Exercise:
    """What the exercise asks of a layer, and nothing more."""

    def __init__(self, n, k):
        rng = np.random.default_rng(9)
        self.weights, self.bias = rng.standard_normal((n, k)), rng.standard_normal((1, k))

    def __call__(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def grad(self, dy):
        self.gradients = {"bias": dy.sum(axis=0, keepdims=True)}
        return self.x.T @ dy, dy @ self.weights.T


class ExerciseLoss:
    """What the exercise asks of a loss."""

    def __call__(self, predictions, targets):
        self.difference = predictions - targets
        return np.mean(self.difference**2)

    def grad(self):
        return 2 * self.difference / self.difference.size


# What a step is


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_fit_is_the_bare_loop(data, dtype):
    x, y = data[0].astype(dtype), data[1]
    trainer = trained(x, y, model=network(dtype=dtype, p=0.2), epochs=3, batch_size=8)

    model, loss, optimizer = network(dtype=dtype, p=0.2), CrossEntropy(), Adam(lr=0.01)
    rng = np.random.default_rng(3)
    means = []
    for _ in range(3):
        order, total = rng.permutation(N), 0.0
        for begin in range(0, N, 8):
            rows = order[begin : begin + 8]
            total += float(loss(model.forward(x[rows]), y[rows])) * len(rows)
            gradients = model.backward(loss.grad())
            optimizer.update(model.parameters, gradients.flat)
        means.append(total / N)
    assert np.array_equal(trainer.model.parameters, model.parameters)
    assert trainer.model.parameters.dtype == dtype
    assert trainer.history["loss"] == means
    norm = np.linalg.norm(gradients.flat.astype(np.float64))
    assert trainer.history["gradient_norm"][-1] == pytest.approx(norm, rel=1e-12)
    own = gradients[0]["layer"].values()  # of the layer within the dropout
    first = np.linalg.norm(np.concatenate([g.ravel() for g in own]))
    assert trainer.history["gradient_norm.0.layer"][-1] == pytest.approx(first, rel=1e-6)
    names = [name for name in trainer.history.values if name.startswith("gradient_norm")]
    assert names == ["gradient_norm", "gradient_norm.0.layer", "gradient_norm.2"]
    assert trainer.history["gradient_norm.0.layer"][0] != trainer.history["gradient_norm.2"][0]


def test_seeds_fix_everything(data):
    runs = []
    for _ in range(2):
        np.random.seed(4)
        model = Model([Dropout(Linear(D, 7), 0.3), ReLU(), Linear(7, K)])
        trainer = Trainer(model, CrossEntropy(), SGD(lr=0.1))
        trainer.fit(*data, epochs=2, batch_size=8, progress=False)
        runs.append(model.parameters.copy())
    assert np.array_equal(*runs)
    assert not np.array_equal(
        trained(*data, seed=3).model.parameters, trained(*data, seed=4).model.parameters
    )


def test_inputs_take_the_type_of_the_model(data):
    x, y = data
    ours = trained(x, y, model=network(dtype=np.float32))
    theirs = trained(x.astype(np.float32), y, model=network(dtype=np.float32))
    assert np.array_equal(ours.model.parameters, theirs.model.parameters)
    whole = np.arange(N * D).reshape(N, D) % 7
    assert np.array_equal(
        trained(whole, y).model.parameters, trained(whole.astype(float), y).model.parameters
    )
    assert ours.predict(x).dtype == np.float32


def test_lists_will_do(data):
    x, y = data
    assert np.array_equal(
        trained(x.tolist(), y.tolist()).model.parameters, trained(x, y).model.parameters
    )


def test_the_exercise_s_own_objects_train(data):
    x, y = data
    targets = np.eye(K)[y]
    model = Model([Linear(D, 7, rng=np.random.default_rng(2)), ReLU(), Exercise(7, K)])
    trainer = trained(x, targets, model=model, loss=ExerciseLoss(), epochs=40)
    reference = Model([Linear(D, 7, rng=np.random.default_rng(2)), ReLU(), Linear(7, K)])
    reference.components[2].weights = Exercise(7, K).weights
    reference.components[2].bias = Exercise(7, K).bias
    other = trained(x, targets, model=reference, loss=MSELoss(), epochs=40)
    assert np.allclose(model.parameters, other.model.parameters, rtol=0, atol=1e-10)
    assert trainer.history["loss"][-1] < 0.3 * trainer.history["loss"][0]
    assert trainer.evaluate(x, targets)["loss"] < 0.1


def test_a_model_in_a_model_and_a_layer_twice(data):
    x, y = data
    rng = np.random.default_rng(2)
    twice = Linear(D, D, rng=rng)
    model = Model([Model([twice, ReLU(), twice]), Linear(D, K, rng=rng)])
    history = trained(x, y, model=model).history
    names = [name for name in history.values if name.startswith("gradient_norm")]
    assert names == ["gradient_norm", "gradient_norm.0.0", "gradient_norm.1"]
    squares = history["gradient_norm.0.0"][0] ** 2 + history["gradient_norm.1"][0] ** 2
    assert history["gradient_norm"][0] == pytest.approx(squares**0.5, rel=1e-12)


# Which rows a step sees


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_every_row_is_seen_once(rows, batch_size, seed):
    x = np.arange(rows)[:, None] * np.ones(3)
    inputs = Inputs(np.dtype(np.float32))
    batches = ArrayBatches((x,), np.arange(rows), np.arange(rows) + 0.5, batch_size, inputs)
    seen = []
    for xs, ys, weights in batches.run(batches.order(np.random.default_rng(seed))):
        assert np.array_equal(xs, ys[:, None] * np.ones(3))
        assert xs.dtype == np.float32
        assert np.array_equal(weights, ys + 0.5)
        seen.append(ys.copy())
    sizes = [len(ys) for ys in seen]
    assert len(sizes) == batches.steps
    assert set(sizes[:-1]) <= {batch_size}
    assert sorted(np.concatenate(seen)) == list(range(rows))


def test_epochs_are_shuffled_differently():
    seen = []

    class Look(Metric):
        name = "look"

        def reset(self):
            self._rows = []

        def update(self, predictions, targets):
            self._rows += targets[:, 0].tolist()

        def result(self):
            seen.append(self._rows)
            return 0.0

    y = np.arange(N, dtype=float)[:, None]
    Trainer(Model([Linear(1, 1)]), MSELoss(), SGD(lr=0.0), metrics=[Look()]).fit(
        np.ones((N, 1)), y, epochs=3, batch_size=8, progress=False
    )
    assert [sorted(rows) for rows in seen] == [list(range(N))] * 3
    assert seen[0] != seen[1] != seen[2] != list(range(N))


@pytest.mark.parametrize("mode", ["r", "c", "r+"])
@pytest.mark.parametrize("fortran", [False, True])
def test_a_memmap_gives_what_the_array_gives(data, tmp_path, monkeypatch, mode, fortran):
    monkeypatch.setattr("handgrad.training.batches.arrays.SMALL", 0)
    x, y = data
    np.save(tmp_path / "x.npy", np.asfortranarray(x) if fortran else x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode=mode)
    if mode != "r":
        mapped[7] = 2.0  # not to be missed
        x = x.copy()
        x[7] = 2.0
    assert (rows_on_disk(mapped[3:]) is None) == (mode == "c" or fortran)
    ours = trained(mapped[3:], y[3:], validation_data=(mapped[:9], y[:9]))
    theirs = trained(x[3:], y[3:], validation_data=(x[:9], y[:9]))
    assert np.array_equal(ours.model.parameters, theirs.model.parameters)
    assert ours.history.state_dict() == theirs.history.state_dict()
    assert np.array_equal(ours.predict(mapped), theirs.predict(x))


def test_a_memmap_with_an_offset(tmp_path):
    values = np.arange(60_000, dtype=np.int32).reshape(-1, 3)
    path = tmp_path / "x.dat"
    path.write_bytes(b"\0" * 12_345 + values.tobytes())
    mapped = np.memmap(path, np.int32, "r", offset=12_345, shape=values.shape)
    for part in (slice(None), slice(1_000, None), slice(5, 17_001)):
        rows = np.random.default_rng(0).permutation(len(values[part]))[:50]
        with rows_on_disk(np.asarray(mapped)[part][:]) as found:
            assert np.array_equal(found.read(rows, np.empty((50, 3), np.int32)), values[part][rows])
            inner = found.read(slice(7, 12), np.empty((5, 3), np.int32))
        assert np.array_equal(inner, values[part][7:12])
    assert rows_on_disk(mapped[::2]) is None
    assert rows_on_disk(mapped[:, :2]) is None
    assert rows_on_disk(mapped * 2) is None
    with path.open("rb") as file, io.FileIO(file.fileno(), closefd=False) as nameless:
        assert rows_on_disk(np.memmap(nameless, np.uint8, "r")) is None


def test_another_file_of_the_same_name(tmp_path):
    x = np.random.default_rng(0).standard_normal((20, 3))
    path = tmp_path / "x.npy"
    np.save(path, x)
    mapped = np.load(path, mmap_mode="r")
    for others in (x + 1, x[:5]):
        np.save(tmp_path / "new.npy", others)
        (tmp_path / "new.npy").replace(path)
        assert rows_on_disk(mapped) is None
    path.unlink()
    assert rows_on_disk(mapped) is None


def test_a_file_that_is_cut_while_it_is_in_use(data, tmp_path, monkeypatch):
    monkeypatch.setattr("handgrad.training.batches.arrays.SMALL", 0)
    x, y = data
    path = tmp_path / "x.npy"
    np.save(path, x)
    mapped = np.load(path, mmap_mode="r")

    def cut(trainer):
        os.truncate(path, 200)

    with pytest.raises(DataError, match="ends within row"):
        trained(mapped, y, callbacks=[cut])


def test_a_memmap_stays_on_the_disk(tmp_path):
    rows, columns = 200_000, 256
    path = tmp_path / "x.dat"
    block = np.random.default_rng(0).standard_normal((4_000, columns), dtype=np.float32)
    with path.open("wb") as file:
        for _ in range(rows // len(block)):
            file.write(block)
    script = textwrap.dedent(
        f"""
        import sys, resource
        import numpy as np
        import handgrad

        def peak():
            try:
                lines = open("/proc/self/status").read().splitlines()
            except OSError:
                return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            return next(int(l.split()[1]) for l in lines if l.startswith("VmHWM")) // 1024

        idle = peak()
        from handgrad import CrossEntropy, Linear, Model
        from handgrad.optimizers import SGD
        from handgrad.training import Accuracy, Trainer
        x = np.memmap(sys.argv[1], dtype=np.float32, mode="r", shape=({rows}, {columns}))
        y = np.arange({rows}) % 4
        model = Model([Linear({columns}, 4, dtype=np.float32)])
        trainer = Trainer(model, CrossEntropy(), SGD(lr=0.1), metrics=[Accuracy()])
        held_out = x[:50_000], y[:50_000]
        trainer.fit(x, y, epochs=1, validation_data=held_out, progress=False)
        trainer.predict(x)
        print(peak() - idle)
        """
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True, text=True, check=True, env=environment, timeout=120,
    )  # fmt: skip
    path.unlink()
    assert 0 < int(run.stdout) < 150 < rows * columns * 4 >> 20


class Again:
    """Batches of arrays, anew each time."""

    def __init__(self, *arrays, size=8):
        self.arrays, self.size = arrays, size

    def __iter__(self):
        for begin in range(0, len(self.arrays[0]), self.size):
            yield tuple(array[begin : begin + self.size] for array in self.arrays)


def test_an_iterable_of_batches(data):
    x, y = data
    held_out = Again(x[:20], y[:20])
    ours = trained(Again(x, y), None, validation_data=held_out, metrics=[Accuracy()])
    theirs = trained(
        list(Again(x, y)), None, validation_data=(x[:20], y[:20]), metrics=[Accuracy()]
    )
    assert np.array_equal(ours.model.parameters, theirs.model.parameters)
    assert ours.history["validation_accuracy"] == theirs.history["validation_accuracy"]
    assert ours.history["validation_loss"] == pytest.approx(theirs.history["validation_loss"])
    assert ours.evaluate(Again(x, y))["loss"] == pytest.approx(ours.evaluate(x, y)["loss"])
    whole = ours.predict(x)
    for some in (Again(x, y), Again(x), [b[0] for b in Again(x)], (b[0] for b in Again(x))):
        assert np.allclose(ours.predict(some), whole, rtol=1e-12, atol=0)


def test_a_generator_is_good_for_one_epoch(data):
    trainer = trained((batch for batch in Again(*data)), None, epochs=1)
    assert trainer.epochs_done == 1
    with pytest.raises(ArgumentError, match="read only once, for 2 epochs"):
        trainer.fit((batch for batch in Again(*data)), epochs=3, progress=False)


@pytest.mark.parametrize("empty", [[], iter([])])
def test_no_batches(empty):
    trainer = Trainer(network(), CrossEntropy(), SGD(lr=0.1))
    for use in (
        trainer.evaluate,
        trainer.predict,
        lambda b: trainer.fit(b, epochs=1, progress=False),
    ):
        with pytest.raises((ArgumentError, ShapeError), match=r"batch|empty"):
            use(empty)


# Weights


def test_sample_weights(data):
    x, y = data
    weights = np.arange(N) % 3
    ours = trained(x, y, sample_weight=weights, batch_size=N)
    kept = np.repeat(np.arange(N), weights)
    # All rows in one batch: a row with weight 2 is a row that is there twice.
    model, loss, optimizer = network(), CrossEntropy(), Adam(lr=0.01)
    for _ in range(3):
        value = loss(model.forward(x[kept]), y[kept])
        gradients = model.backward(loss.grad())
        optimizer.update(model.parameters, gradients.flat)
    assert np.allclose(ours.model.parameters, model.parameters, rtol=0, atol=1e-9)
    assert ours.history["loss"][-1] == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("class_weight", [{0: 2.0, 2: 0.5}, [2.0, 1.0, 0.5]])
@pytest.mark.parametrize("one_hot", [False, True])
def test_class_weights(data, class_weight, one_hot):
    x, y = data
    weights = np.array([2.0, 1.0, 0.5])[y]
    targets = np.eye(K)[y] if one_hot else y
    ours = trained(x, targets, class_weight=class_weight)
    theirs = trained(x, targets, sample_weight=weights)
    assert np.array_equal(ours.model.parameters, theirs.model.parameters)
    assert not np.allclose(ours.model.parameters, trained(x, y).model.parameters)
    both = trained(x, targets, class_weight=class_weight, sample_weight=np.arange(N))
    alike = trained(x, targets, sample_weight=weights * np.arange(N))
    assert np.array_equal(both.model.parameters, alike.model.parameters)


def test_weights_of_validation_and_of_batches(data):
    x, y = data
    weights = np.random.default_rng(6).random(N)
    trainer = trained(Again(x, y, weights), None, validation_data=(x, y, weights))
    expected = CrossEntropy()(trainer.model.forward(x), y, weights)
    assert trainer.history["validation_loss"][-1] == pytest.approx(expected)
    assert trainer.evaluate(x, y, sample_weight=weights)["loss"] == pytest.approx(expected)
    assert trainer.evaluate(Again(x, y, weights))["loss"] == pytest.approx(expected)


def test_a_loss_without_weights_says_so(data):
    x, y = data
    targets = np.eye(K)[y]
    with pytest.raises(ArgumentError, match="third argument"):
        trained(x, targets, loss=ExerciseLoss(), sample_weight=np.ones(N))
    with pytest.raises(ArgumentError, match="third argument"):
        trained(x, targets, loss=ExerciseLoss(), class_weight={0: 2.0})

    class Broken(ExerciseLoss):
        def __call__(self, predictions, targets, weights=None):
            raise TypeError("a fault of its own")

    with pytest.raises(TypeError, match="of its own"):
        trained(x, targets, loss=Broken(), sample_weight=np.ones(N))


@pytest.mark.parametrize(
    "weights",
    [{-1: 1.0}, {0: -1.0}, {0: np.inf}, {"a": 1.0}, {0: "b"}, [[1.0]], [np.nan], {1.5: 1.0}],
)
def test_class_weights_that_are_none(data, weights):
    with pytest.raises(ArgumentError, match="class_weight"):
        trained(*data, class_weight=weights)


@pytest.mark.parametrize("targets", [np.zeros(N), np.zeros((N, K, 2))])
def test_class_weights_need_classes(data, targets):
    with pytest.raises(ArgumentError, match="use sample_weight"):
        trained(data[0], targets, class_weight={0: 2.0})


@pytest.mark.parametrize("weights", [np.ones(N - 1), -np.ones(N), np.full(N, np.nan), np.ones(())])
def test_sample_weights_that_are_none(data, weights):
    with pytest.raises(ArgumentError, match="sample weights"):
        trained(*data, sample_weight=weights)
    with pytest.raises(ArgumentError, match="sample weights"):
        trained(*data, validation_data=(*data, weights))


# Evaluation


@pytest.mark.parametrize("loss", [CrossEntropy(), CrossEntropy(average=False)])
def test_the_loss_of_a_set_is_that_of_all_its_rows(data, loss):
    x, y = data
    trainer = trained(x, y, loss=loss, metrics=[Accuracy(), ConfusionMatrix()])
    found = trainer.evaluate(x, y, batch_size=8)
    assert found["loss"] == pytest.approx(float(loss(trainer.model.forward(x), y)), rel=1e-12)
    assert found["accuracy"] == np.mean(trainer.predict(x).argmax(axis=1) == y)
    assert found["confusion_matrix"].sum() == N


def test_evaluation_is_in_evaluation_mode_and_leaves_no_trace(data):
    x, y = data
    trainer = trained(x, y, model=network(p=0.5))
    model = trainer.model
    model.components[1].eval()
    modes = [c.training for c in model.components]
    before = model.parameters.copy()
    one, two = trainer.predict(x), trainer.predict(x, batch_size=7)
    assert np.allclose(one, two, rtol=1e-12, atol=0)
    assert trainer.evaluate(x, y) == trainer.evaluate(x, y)
    assert [c.training for c in model.components] == modes == [True, False, True]
    assert np.array_equal(model.parameters, before)
    assert np.array_equal(model.eval().forward(x), one)
    trainer.fit(x, y, epochs=4, progress=False)
    assert not model.training
    assert not model.components[0].training


def test_a_training_gives_each_component_back_its_mode(data):
    x, y = data
    shared = Dropout(Linear(D, D), 0.5)
    model = Model([shared, ReLU(), Model([Sigmoid(), shared]), Linear(D, K)])
    shared.eval()
    modes = [component.training for _, component in walk(model)]
    assert modes == [True, False, False, True, True, True, True]
    trained(x, y, model=model)
    assert [component.training for _, component in walk(model)] == modes


def test_outputs_that_are_the_inputs_own_memory(data):
    class Same(ReLU):
        def apply(self, x):
            return x, x

    x = data[0].astype(np.float32)
    found = Trainer(Model([Same()]), MSELoss(), SGD(lr=0.1)).predict(x, batch_size=8)
    assert np.array_equal(found, x)
    assert not np.shares_memory(
        Trainer(Model([Same()]), MSELoss(), SGD(lr=0.1)).predict(data[0]), data[0]
    )


def test_a_callback_may_evaluate_in_the_midst_of_an_epoch(data):
    x, y = data

    class Ask(Callback):
        def on_step(self, trainer):
            trainer.evaluate(x, y)

    metrics = [Accuracy(), ConfusionMatrix()]
    asked = trained(x, y, model=network(p=0.5), metrics=metrics, callbacks=[Ask()])
    plain = trained(x, y, model=network(p=0.5), metrics=metrics)
    assert asked.history.state_dict() == plain.history.state_dict()


def test_validation_changes_nothing(data):
    x, y = data
    plain = trained(x, y, model=network(p=0.5))
    watched = trained(x, y, model=network(p=0.5), validation_data=(x, y), metrics=[Accuracy()])
    assert np.array_equal(plain.model.parameters, watched.model.parameters)
    assert plain.history["loss"] == watched.history["loss"]
    found = watched.evaluate(x, y)
    assert watched.history["validation_loss"][-1] == pytest.approx(found["loss"])
    assert watched.history["validation_accuracy"][-1] == found["accuracy"]


def test_regression_with_r2():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 2))
    y = x @ [[1.0], [-2.0]] + 3
    trainer = Trainer(Model([Linear(2, 1)]), MSELoss(), Adam(lr=0.05), metrics=[R2()], rng=rng)
    history = trainer.fit(x, y, epochs=60, batch_size=32, progress=False)
    assert history["r2"][0] < 0.5 < 0.999 < history["r2"][-1]


# The schedule


def test_the_schedule_steps_once_an_epoch(data):
    trainer = Trainer(network(), CrossEntropy(), SGD(lr=0.5), schedule=Step(2, 0.1))
    history = trainer.fit(*data, epochs=5, progress=False)
    assert history["lr"] == pytest.approx([0.5, 0.5, 0.05, 0.05, 0.005])


@pytest.mark.parametrize("validation", [False, True])
def test_the_schedule_sees_the_validation_loss(data, validation):
    seen = []

    class Watch(Step):
        def step(self, optimizer, value=None):
            seen.append(value)

    x, y = data
    trainer = Trainer(network(), CrossEntropy(), SGD(lr=0.5), schedule=Watch(2))
    held_out = (x[:9], y[:9]) if validation else None
    history = trainer.fit(x, y, epochs=3, validation_data=held_out, progress=False)
    assert seen == history["validation_loss" if validation else "loss"]


def test_a_plateau_lowers_the_rate(data):
    schedule = ReduceOnPlateau(patience=0, factor=0.5)
    trainer = Trainer(network(), CrossEntropy(), SGD(lr=1e-9), schedule=schedule)
    history = trainer.fit(*data, epochs=4, validation_data=(-data[0], data[1]), progress=False)
    assert history["lr"][0] == 1e-9
    assert history["lr"][-1] < 1e-9


# Numbers that are not finite


def test_a_rate_that_is_too_large(data, tmp_path):
    x, y = data
    targets = np.eye(K)[y]
    trainer = Trainer(network(), MSELoss(), SGD(lr=1e200), rng=np.random.default_rng(0))
    before = []

    class Keep(Callback):
        def on_step(self, trainer):
            before[:] = [trainer.model.parameters.copy()]

    with pytest.raises(TrainingError) as caught:
        trainer.fit(
            x, targets, epochs=50, batch_size=8, progress=False,
            callbacks=[Keep(), ModelCheckpoint(tmp_path / "run")],
        )  # fmt: skip
    text = str(caught.value)
    assert "epoch 1, step 1" not in text
    assert "epoch" in text
    assert "component" in text
    assert "a smaller learning rate" in text
    assert np.array_equal(trainer.model.parameters, before[0])
    assert isinstance(caught.value, ArithmeticError)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_loss_that_grows_and_grows(dtype):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 5)).astype(dtype)
    model = Model([Linear(5, 3, rng=rng, dtype=dtype)])
    losses, before = [], []
    loss = MSELoss()

    class Watch(Callback):
        def on_step(self, trainer):
            losses.append(float(loss(trainer.model.forward(x), x[:, :3])))
            before[:] = [trainer.model.parameters.copy()]

    trainer = Trainer(model, loss, SGD(lr=10.0))
    with pytest.raises(TrainingError, match="the training has diverged") as caught:
        trainer.fit(x, x[:, :3], epochs=99, batch_size=64, callbacks=[Watch()], progress=False)
    first = f"where it was {trainer.history['loss'][0]:.6g} at first"
    assert f"a loss of {losses[-1]:.6g} in" in str(caught.value)
    assert first in str(caught.value)
    assert "max_norm" in str(caught.value)
    assert losses[-2] <= 1e8 * max(trainer.history["loss"][0], 1) < losses[-1]
    assert np.array_equal(model.parameters, before[0])


def test_what_is_masked_is_not_the_first_loss():
    x = np.random.default_rng(0).standard_normal((64, D))
    batches = [(x, x, np.zeros(64))] + 99 * [(x, x, np.ones(64))]
    trainer = Trainer(Model([Linear(D, D)]), MSELoss(), SGD(lr=10.0))
    with pytest.raises(TrainingError, match="the training has diverged"):
        trainer.fit(batches, epochs=1, progress=False)


def test_a_loss_that_is_large_from_the_start_has_not_diverged():
    x = np.linspace(0, 1, 40)[:, None]
    trainer = Trainer(Model([Linear(1, 1)]), MSELoss(), SGD(lr=0.1))
    history = trainer.fit(x, 1e9 * x, epochs=3, progress=False)
    assert history["loss"][0] > history["loss"][-1] > 1e8


def test_the_first_component_whose_output_is_not_finite(data):
    class Spoil(ReLU):
        def apply(self, x):
            y, saved = super().apply(x)
            return np.where(np.arange(len(y))[:, None] == 2, np.inf, y), saved

    rng = np.random.default_rng(0)
    model = Model([Linear(D, 7, rng=rng), Model([Model([ReLU()]), Spoil()]), Linear(7, K, rng=rng)])
    with pytest.raises(
        TrainingError, match=r"epoch 1, step 1; .* the output of component 1\.1, Spoil"
    ):
        trained(*data, model=model)


def test_the_first_component_whose_gradient_is_not_finite(data):
    class Spoil(ReLU):
        def pullback(self, dy, saved, need_dx=True, out=None):
            dx, gradients = super().pullback(dy, saved, need_dx, out)
            return dx * np.nan, gradients

    rng = np.random.default_rng(0)
    model = Model([Linear(D, 7, rng=rng), Spoil(), Linear(7, K, rng=rng)])
    before = model.parameters.copy()
    with pytest.raises(TrainingError, match="the gradient of the input of component 1, Spoil"):
        trained(*data, model=model)
    assert np.array_equal(model.parameters, before)


@pytest.mark.parametrize(("value", "gradient"), [(np.nan, 1.0), (1.0, np.nan)])
def test_a_loss_that_is_not_finite(data, value, gradient):
    class Spoil(ExerciseLoss):
        def __call__(self, predictions, targets):
            return value * super().__call__(predictions, targets)

        def grad(self):
            return gradient * super().grad()

    x, y = data
    what = "the loss" if np.isnan(value) else "the gradient of the loss"
    with pytest.raises(TrainingError, match=f"{what}, .*Spoil"):
        trained(x, np.eye(K)[y], loss=Spoil())


def test_a_gap_in_the_data_names_its_row(data):
    x, y = data
    x[37, 4] = np.nan
    with pytest.raises(TrainingError, match="the inputs, at row 37, column 4") as caught:
        trained(x, y)
    assert "try cleaning the data" in str(caught.value)
    with pytest.raises(TrainingError, match="row 5 of the batch, column 4"):
        trained(Again(x, y), None)
    x, targets = np.ones((N, D)), np.ones((N, K))
    targets[11, 2] = np.inf
    with pytest.raises(TrainingError, match="the targets, at row 11, column 2"):
        trained(x, targets, loss=MSELoss())


def test_a_gap_in_the_validation(data):
    x, y = data
    held_out = x.copy()
    held_out[3, 1] = np.nan
    with pytest.raises(TrainingError, match=r"the validation after epoch 1; .* row 3"):
        trained(x, y, validation_data=(held_out, y))


@pytest.mark.parametrize("seed", [None, 0])
def test_the_same_mask_is_drawn_again_to_find_it(data, seed):
    class Spoil(ReLU):
        def apply(self, x):  # one mask in thirty keeps so few that it spoils the output
            y, saved = super().apply(x)
            return (y * np.inf if np.count_nonzero(y) == 1 else y), saved

    first = Linear(D, 1)
    first.weights, first.bias = np.zeros((D, 1)), np.ones((1, 1))
    np.random.seed(0)
    rng = None if seed is None else np.random.default_rng(seed)
    model = Model([Dropout(first, 0.5, rng=rng), Spoil(), Linear(1, K)])
    trainer = Trainer(model, CrossEntropy(), SGD(lr=0.0), rng=np.random.default_rng(1))
    with pytest.raises(TrainingError, match="the output of component 1, Spoil") as caught:
        trainer.fit(*data, epochs=100, batch_size=8, progress=False)
    assert "epoch 1, step 1;" not in str(caught.value)


def test_a_gradient_whose_square_overflows_is_no_reason_to_stop():
    x = np.full((4, 1), 1e12, dtype=np.float32)
    y = np.zeros((4, 1), dtype=np.float32)
    model = Model([Linear(1, 1, rng=np.random.default_rng(0), dtype=np.float32)])
    model.parameters = np.array([1e-3, 0.0])
    trainer = Trainer(model, MSELoss(), SGD(lr=1e-24))
    history = trainer.fit(x, y, epochs=1, progress=False)
    assert np.isfinite(history["loss"][0])
    assert history["gradient_norm"][0] > 1e20


def test_an_update_that_is_not_finite(data):
    class Overflow:
        lr = 1.0

        def update(self, parameters, gradients):
            parameters[-1] = np.inf

    trainer = Trainer(
        Model([Model([Linear(D, 7)]), ReLU(), Linear(7, K)]), CrossEntropy(), Overflow()
    )
    with pytest.raises(TrainingError, match=r"component 2, Linear\(7, 3\), that the last update"):
        trainer.fit(*data, epochs=1, batch_size=N, progress=False)


def test_what_cannot_be_found_again(data):
    class Once(ReLU):
        calls = 0

        def apply(self, x):
            y, saved = super().apply(x)
            self.calls += 1
            return (y * np.nan if self.calls == 3 else y), saved

    model = Model([Linear(D, 7), Once(), Linear(7, K)])
    with pytest.raises(TrainingError, match="nothing, when the batch was run again"):
        trained(*data, model=model)


# Arguments


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"model": [ReLU()]}, "handgrad.Model"),
        ({"loss": MSELoss}, "brackets"),
        ({"loss": "cubic"}, "as the name of a loss"),
        ({"loss": ReLU()}, "as the loss"),
        ({"optimizer": {}}, "as the optimizer"),
        ({"optimizer": 0.1}, "as the optimizer"),
        ({"optimizer": None}, "as the optimizer"),
        ({"schedule": 0.1}, "as the schedule"),
        ({"rng": 3}, "default_rng"),
        ({"metrics": ["acuracy"]}, "as the name of a metric"),
        ({"metrics": Accuracy()}, "a list of metrics"),
    ],
)
def test_arguments_of_a_trainer(change, what):
    given = {"model": network(), "loss": MSELoss(), "optimizer": SGD(lr=0.1), **change}
    with pytest.raises(ArgumentError, match=what):
        Trainer(given.pop("model"), given.pop("loss"), given.pop("optimizer"), **given)


@pytest.mark.parametrize(
    ("change", "error", "what"),
    [
        ({"epochs": 0}, ArgumentError, "epochs"),
        ({"batch_size": 0}, ArgumentError, "batch_size"),
        ({"y": None}, ArgumentError, "give y"),
        ({"y": np.zeros(N - 1, int)}, ShapeError, "as many targets"),
        ({"x": np.array(3.0)}, ShapeError, "first axis"),
        ({"x": np.array([["a"]] * N)}, DtypeError, "real numbers"),
        ({"x": np.zeros((N, D + 1))}, ShapeError, "component 0|features"),
        ({"x": 3, "y": None}, ArgumentError, "int without targets"),
        ({"x": [(1,)], "y": None}, ArgumentError, "batch 1 of list"),
        ({"x": [7], "y": None}, ArgumentError, "int as batch 1"),
        ({"x": [], "y": None, "sample_weight": [1.0]}, ArgumentError, "within the batches"),
        ({"callbacks": [ModelCheckpoint]}, ArgumentError, "brackets"),
        ({"callbacks": [3]}, ArgumentError, "derive it"),
        ({"callbacks": print}, ArgumentError, "a list of callbacks"),
        ({"validation_data": np.zeros((N, D))}, ArgumentError, "without targets"),
    ],
)
def test_arguments_of_fit(data, change, error, what):
    given = {"x": data[0], "y": data[1], "epochs": 1, "progress": False, **change}
    trainer = Trainer(network(), CrossEntropy(), SGD(lr=0.1))
    before = trainer.model.parameters.copy()
    with pytest.raises(error, match=what):
        trainer.fit(given.pop("x"), given.pop("y"), **given)
    assert np.array_equal(trainer.model.parameters, before)
    assert trainer.epochs_done == 0


def test_epochs_count_from_the_beginning(data):
    trainer = trained(*data, epochs=2)
    assert trainer.history.ended == "2 epochs done"
    before = trainer.model.parameters.copy()
    assert trainer.fit(*data, epochs=2, progress=False).epochs == 2
    assert np.array_equal(trainer.model.parameters, before)
    trainer.fit(*data, epochs=5, batch_size=8, progress=False)
    assert np.array_equal(trainer.model.parameters, trained(*data, epochs=5).model.parameters)
    assert repr(trainer).endswith("5 epochs done)")


def test_make_batches_knows_rows_from_batches():
    assert (
        make_batches([[1.0, 2.0]], None, None, 2, Inputs(np.dtype(float)), labelled=False).rows == 1
    )
    assert (
        make_batches([np.ones((3, 2))], None, None, 2, Inputs(np.dtype(float)), labelled=False).rows
        is None
    )


def test_importing_handgrad_loads_no_trainer():
    code = "import handgrad, sys; print([m for m in ('rich', 'matplotlib') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code + "; import handgrad.training; "
         "print([m for m in ('rich', 'matplotlib', 'safetensors') if m in sys.modules])"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parent)  # fmt: skip
    assert run.stdout.split() == ["[]", "[]"]

"""Checkpoints: everything comes back, and whatever goes wrong, one whole checkpoint stays."""

import errno
import fcntl
import io
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from safetensors import safe_open
from safetensors.numpy import load_file

from handgrad import GRU, SGD, Activation, CrossEntropy, Dropout, Linear, Model, ReLU, Sigmoid
from handgrad.checkpoint import FILE, load, save, to_config
from handgrad.checkpoint.decoder import Decoder
from handgrad.errors import ArgumentError, CheckpointError
from helpers import D, H, K, generator, refuses
from mutations import parts_of


def network(seed=0, dtype=np.float64):
    """Return a model with dropout, a model in it, a shared layer, and one generator for all."""
    rng = np.random.default_rng(seed)
    shared = Linear(5, 5, rng=rng, dtype=dtype)
    inner = Model([Linear(5, 7, rng=rng, dtype=dtype), Sigmoid()])
    last = Dropout(Linear(7, 2, rng=rng, dtype=dtype), 0.25, rng=rng)
    first, dropout = Linear(3, 5, rng=rng, dtype=dtype), Dropout(shared, 0.5, rng=rng)
    return Model([first, ReLU(), dropout, shared, inner, last])


def state(epoch):
    """Return a training state like one that a trainer has; two epochs differ in every part."""
    rng = np.random.default_rng(epoch)
    return {
        "epoch": epoch,
        "optimizer": SGD(0.1 * epoch, momentum=0.9),
        "loss": CrossEntropy(average=False),
        "buffers": {"velocity": rng.standard_normal(19), "steps": np.int64(epoch)},
        "losses": [0.1 * epoch, float("nan"), float("inf")],
        "order": rng.permutation(11),
        "rng": rng,
        "none": None,
    }


def check(checkpoint, seed, epoch):
    """Assert that a checkpoint is exactly ``network(seed)`` with ``state(epoch)``."""
    model, training, expected = checkpoint.model, checkpoint.training, state(epoch)
    assert (model.parameters == network(seed).parameters).all()
    assert training["epoch"] == epoch
    assert training["optimizer"].lr == 0.1 * epoch
    assert (training["buffers"]["velocity"] == expected["buffers"]["velocity"]).all()
    assert (training["order"] == expected["order"]).all()
    assert (training["rng"].random(3) == expected["rng"].random(3)).all()


def files_of(folder):
    return sorted(path.name for path in Path(folder).iterdir())


# What comes back


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_a_model_goes_on_bit_for_bit(tmp_path, dtype):
    model = network(3, dtype)
    model.parameters[5] = np.nan
    save(tmp_path, model)
    twin = load(tmp_path).model
    assert twin.parameters.dtype == dtype
    np.testing.assert_array_equal(twin.parameters, model.parameters)
    model.parameters[5] = twin.parameters[5] = 0.5
    x = np.random.default_rng(1).standard_normal((7, 3)).astype(dtype)
    for _ in range(3):  # three draws of every mask, all from the one generator
        np.testing.assert_array_equal(twin.forward(x), model.forward(x))
    np.testing.assert_array_equal(twin.eval().forward(x), model.eval().forward(x))


def test_the_training_state_comes_back(tmp_path):
    save(tmp_path, network(1), state(3))
    checkpoint = load(tmp_path)
    check(checkpoint, 1, 3)
    training = checkpoint.training
    assert training["none"] is None
    assert training["losses"][0] == 0.1 * 3
    assert np.isnan(training["losses"][1])
    assert training["losses"][2] == np.inf
    assert training["buffers"]["steps"] == 3
    assert training["loss"].average is False
    training["order"] += 1  # the arrays are one's own, to write to
    load(tmp_path)


def test_a_generator_is_shared_by_model_and_training(tmp_path):
    model = network()
    save(tmp_path, model, {"rng": model.components[2].rng})
    checkpoint = load(tmp_path)
    assert checkpoint.training["rng"] is checkpoint.model.components[2].rng
    assert checkpoint.training["rng"] is checkpoint.model.components[-1].rng


@pytest.mark.parametrize(
    "array",
    [
        np.arange(15.0).reshape(3, 5).T,
        np.arange(30)[::2],
        np.arange(3, dtype=">i4"),
        np.array(3.5),
        np.zeros((0, 3), np.float32),
        np.array([True, False]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_every_array_comes_back_whatever_its_layout(tmp_path, array):
    save(tmp_path, Model([ReLU()]), array)
    twin = load(tmp_path).training
    assert twin.shape == array.shape
    assert twin.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(twin, array)


def test_a_memmap_is_stored_as_an_array(tmp_path):
    array = np.memmap(tmp_path / "data", np.float32, "w+", shape=(7, 3))
    array[...] = np.arange(21).reshape(7, 3)
    save(tmp_path / "run", Model([ReLU()]), {"x": array})
    np.testing.assert_array_equal(load(tmp_path / "run").training["x"], array)


def test_keys_that_look_like_paths_do_not_collide(tmp_path):
    a, b = np.zeros(3), np.ones(3)
    save(tmp_path, Model([ReLU()]), {"x/y": a, "x": {"y": b}, "x~1y": a + 2})
    training = load(tmp_path).training
    assert (training["x/y"] == 0).all()
    assert (training["x"]["y"] == 1).all()
    assert (training["x~1y"] == 2).all()


def test_loading_leaves_the_global_random_state_alone(tmp_path):
    save(tmp_path, Model([Linear(3, 5)]))
    np.random.seed(3)
    expected = np.random.random(5)
    np.random.seed(3)
    load(tmp_path)
    assert (np.random.random(5) == expected).all()


def test_the_file_is_plain_safetensors_with_the_documented_names(tmp_path):
    model = network()
    save(tmp_path, model, state(3) | {"losses": [0.5] * 40})
    tensors = load_file(tmp_path / FILE)
    assert sorted(tensors) == sorted(
        [
            f"{place}.{name}"
            for place in ("0", "2.layer", "4.0", "5.layer")
            for name in ("weights", "bias")
        ]
        + [f"training/{name}" for name in ("buffers/velocity", "order", "losses")]
    )
    np.testing.assert_array_equal(tensors["2.layer.weights"], model.components[3].weights)
    np.testing.assert_array_equal(tensors["4.0.bias"], model.components[4].components[0].bias)
    np.testing.assert_array_equal(tensors["training/order"], state(3)["order"])
    assert tensors["training/losses"].tolist() == [0.5] * 40
    with safe_open(tmp_path / FILE, framework="numpy") as file:
        metadata = file.metadata()
    assert metadata["format"] == "handgrad checkpoint"
    assert metadata["version"] == "2"
    assert json.loads(metadata["model"])["components"][0]["in_features"] == 3
    assert json.loads(metadata["training"])["epoch"] == 3


def test_the_arrays_lie_at_multiples_of_their_entries(tmp_path):
    training = {"a": np.ones(3, bool), "b": np.ones(5, np.float32), "c": np.ones(7), "d": np.int8}
    save(tmp_path, Model([Linear(3, 5, dtype=np.float16)]), training)
    header, begin = parts_of((tmp_path / FILE).read_bytes())[0], 0
    del header["__metadata__"]
    for tensor in header.values():
        begin = tensor["data_offsets"][0]
        assert begin % {"F64": 8, "F32": 4, "F16": 2, "BOOL": 1}[tensor["dtype"]] == 0
    assert begin


def test_a_history_of_many_epochs_is_no_longer_than_its_numbers(tmp_path):
    rng = np.random.default_rng(3)
    losses = rng.standard_normal(200_000).tolist()
    counts = rng.integers(0, 99, (500, 3, 3)).tolist()
    losses[7], losses[8], losses[9] = float("nan"), float("inf"), -0.0
    lists = {"losses": losses, "counts": counts, "flags": [True, False] * 50}
    lists |= {"mixed": [1, 2.5, True, None] * 20, "ragged": [[1], [1, 2]] * 20, "empty": [[]] * 40}
    lists |= {"large": [2**63, -1] * 20, "larger": [2**64] * 40}
    save(tmp_path, Model([ReLU()]), lists)
    assert len(parts_of((tmp_path / FILE).read_bytes())[0]["__metadata__"]["training"]) < 3000
    twin = load(tmp_path).training
    assert repr(twin) == repr(lists)


def test_strings_work_as_folders_and_folders_are_made(tmp_path):
    save(str(tmp_path / "a" / "b"), network(5), state(2))
    check(load(str(tmp_path / "a" / "b")), 5, 2)


def test_a_name_that_ends_in_safetensors_is_the_file_itself(tmp_path):
    save(tmp_path / "a" / "net.safetensors", network(5), state(2))
    assert files_of(tmp_path / "a") == ["net.safetensors"]
    check(load(tmp_path / "a" / "net.safetensors"), 5, 2)
    with pytest.raises(CheckpointError, match="no readable checkpoint"):
        load(tmp_path / "a")


def test_a_save_replaces_what_was_there_and_leaves_strangers_alone(tmp_path):
    strangers = ["history.csv", "parameters-1.safetensors", "checkpoint.json.bak", "notes"]
    for name in strangers[:3]:
        (tmp_path / name).write_text("mine")
    (tmp_path / "notes").mkdir()
    for epoch in (1, 2, 3):
        save(tmp_path, network(epoch), state(epoch))
        check(load(tmp_path), epoch, epoch)
        assert files_of(tmp_path) == sorted([FILE, *strangers])


class Scaled(Activation):
    def __init__(self, factor):
        self.factor = factor

    def apply(self, x):
        return self.factor * x, None

    def pullback(self, dy, saved, need_dx=True, out=None):
        return self.factor * dy, {}


def test_classes_of_ones_own(tmp_path):
    save(tmp_path, Model([Linear(3, 2), Scaled(2.5)]))
    assert load(tmp_path, classes=[Scaled]).model.components[1].factor == 2.5
    with pytest.raises(CheckpointError, match=r"pass classes=\[Scaled\]"):
        load(tmp_path)


class Running(Activation):
    """Subtracts a running mean; holds whatever it is given."""

    def __init__(self, size, inner):
        self.size, self.inner = size, inner
        self.buffers = {"mean": np.zeros(size, np.float32), "count": np.zeros((), np.int64)}

    def apply(self, x):
        y, saved = self.inner.apply(x)
        return y - self.buffers["mean"], (saved, y)

    def pullback(self, dy, saved, need_dx=True, out=None):
        dx, gradients = self.inner.pullback(dy, saved[0], need_dx)
        return dx, {"inner": gradients}

    def update_buffers(self, saved):
        self.buffers["mean"] += saved[1].mean(axis=0)
        self.buffers["count"] += 1
        self.inner.update_buffers(saved[0])


def test_buffers_come_back_as_parameters_do_at_any_depth(tmp_path):
    shared = Running(5, Linear(5, 5))
    model = Model([Dropout(Model([shared, ReLU()]), 0.5), Running(5, shared)])
    for _ in range(3):
        model(np.random.default_rng(3).standard_normal((7, 5)))
    model.components[1].eval()
    assert shared.buffers["count"] == 6
    save(tmp_path, model)
    assert sorted(load_file(tmp_path / FILE)) == [
        *("0.layer.0.count", "0.layer.0.inner.bias", "0.layer.0.inner.weights", "0.layer.0.mean"),
        *("1.count", "1.mean"),
    ]
    twin = load(tmp_path, classes=[Running]).model
    inner = twin.components[0].layer.components[0]
    assert twin.components[1].inner is inner
    assert [c.training for c in (twin, twin.components[1], inner, inner.inner)] == [True] + [
        False
    ] * 3
    for one, other in ((shared, inner), (model.components[1], twin.components[1])):
        for name, array in one.buffers.items():
            assert other.buffers[name].dtype == array.dtype
            np.testing.assert_array_equal(other.buffers[name], array)
    np.testing.assert_array_equal(twin.parameters, model.parameters)


def test_somebody_elses_layer_comes_back_with_its_parameters(tmp_path):
    class Affine:
        def __init__(self, D, K):
            self.D, self.K = D, K
            self.weights, self.bias = np.ones((D, K)), np.ones((1, K))
            self.gradients = {}

        def __call__(self, x):
            self.x = x
            return x @ self.weights + self.bias

        def grad(self, in_gradient):
            self.gradients["bias"] = in_gradient.sum(axis=0, keepdims=True)
            return self.x.T @ in_gradient, in_gradient @ self.weights.T

    model = Model([Affine(3, 5), Dropout(Affine(5, 2), 0.5)])
    model.parameters = np.random.default_rng(3).standard_normal(32)
    save(tmp_path, model)
    twin = load(tmp_path, classes=[Affine]).model
    x = np.random.default_rng(1).standard_normal((7, 3))
    np.testing.assert_array_equal(twin.eval().forward(x), model.eval().forward(x))


# What is refused while saving, before anything changes


@pytest.mark.parametrize(
    ("model", "training", "error"),
    [
        (Linear(3, 2), None, ArgumentError),
        (network(), {"f": abs}, CheckpointError),
        (network(), {"x": np.array(["a"])}, CheckpointError),
        (network(), {3: "x"}, CheckpointError),
        (network(), {"other": network()}, CheckpointError),
        (network(), [Linear(3, 2)], CheckpointError),
        (Model([Linear(3, 2, dtype=np.longdouble)]), None, CheckpointError),
        (network(), "x" * 2**26, CheckpointError),
    ],
    ids=["layer", "function", "strings", "key", "model", "component", "longdouble", "too long"],
)
def test_what_cannot_be_saved_leaves_the_old_checkpoint(tmp_path, model, training, error):
    save(tmp_path, network(7), state(3))
    before = files_of(tmp_path)
    with pytest.raises(error):
        save(tmp_path, model, training)
    assert files_of(tmp_path) == before
    check(load(tmp_path), 7, 3)


def test_a_model_whose_layers_have_moved_away_is_not_saved(tmp_path):
    layer = Linear(3, 2)
    first, _ = Model([layer]), Model([layer])
    with pytest.raises(ArgumentError, match="moved into another model"):
        save(tmp_path, first)
    assert not files_of(tmp_path)


def test_a_component_of_the_model_may_stand_in_the_training_state(tmp_path):
    model = network()
    save(tmp_path, model, {"last": model.components[-1]})
    checkpoint = load(tmp_path)
    assert checkpoint.training["last"] is checkpoint.model.components[-1]


# Failures of the file system, and kills


class Disk:
    """Stands between the code and the disk: its nth call fails, or is the last of a killed process.

    Every call that changes something is one step: open, write, fsync, replace, remove.
    """

    def __init__(self, monkeypatch, fatal, kill):
        self.fatal, self.kill, self.steps = fatal, kill, 0
        for owner, name in (
            (os, "fsync"),
            (os, "replace"),
            (Path, "unlink"),
            (Path, "mkdir"),
        ):
            monkeypatch.setattr(owner, name, self.watched(getattr(owner, name)))
        monkeypatch.setattr(Path, "open", lambda path, mode: self.open(path, mode))

    def step(self):
        self.steps += 1
        if self.kill and self.steps >= self.fatal:  # a dead process does not tidy up either
            raise SystemExit("killed")
        if self.steps == self.fatal:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def watched(self, call):
        def act(*args, **options):
            self.step()
            return call(*args, **options)

        return act

    def open(self, path, mode):
        self.step()
        return BitByBit(path, mode, self.step)


class BitByBit(io.FileIO):
    """A file to which a few bytes are written at a time, with a step before each."""

    def __init__(self, path, mode, step):
        super().__init__(path, mode)
        self.step = step

    def write(self, data):
        for start in range(0, len(data), 500):
            self.step()
            super().write(data[start : start + 500])


@pytest.mark.parametrize("kill", [False, True], ids=["error", "kill"])
def test_at_every_step_that_fails_the_old_or_the_new_checkpoint_stays(tmp_path, kill):
    outcomes, fatal = [], 0
    while True:
        fatal += 1
        place = tmp_path / str(fatal)
        save(place, network(1), state(1))
        with pytest.MonkeyPatch.context() as monkeypatch:
            disk = Disk(monkeypatch, fatal, kill)
            try:
                save(place, network(2), state(2))
                failed = False
            except (CheckpointError, SystemExit):
                failed = True
        epoch = load(place).training["epoch"]
        check(load(place), epoch, epoch)
        outcomes.append(epoch)
        if not kill and failed and epoch == 1:
            assert files_of(place) == [FILE], "a failed save leaves nothing behind"
        if fatal > disk.steps:
            assert not failed
            break
        save(place, network(3), state(3))  # the next one clears up what the killed one has left
        assert files_of(place) == [FILE]
        check(load(place), 3, 3)
    assert outcomes == sorted(outcomes), "there is one moment at which the new one takes over"
    assert outcomes[0] == 1
    assert outcomes[-1] == 2
    assert len(outcomes) > 15


def test_a_disk_that_is_full_is_explained(tmp_path):
    with pytest.MonkeyPatch.context() as monkeypatch:
        Disk(monkeypatch, 3, kill=False)
        with pytest.raises(CheckpointError, match="No space left on device") as caught:
            save(tmp_path / "run", network())
    assert "make room" in caught.value.mend
    assert not files_of(tmp_path / "run")


def test_ctrl_c_leaves_nothing_behind(tmp_path, monkeypatch):
    save(tmp_path, network(1), state(1))

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, network(2), state(2))
    assert files_of(tmp_path) == [FILE]
    check(load(tmp_path), 1, 1)


def test_ctrl_c_right_after_the_moment_that_counts_keeps_the_new_one(tmp_path, monkeypatch):
    save(tmp_path, network(1), state(1))
    replace = os.replace

    def interrupted(*args):
        replace(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, network(2), state(2))
    check(load(tmp_path), 2, 2)


def test_a_folder_that_is_a_file_is_explained(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(CheckpointError, match="refusal to write"):
        save(tmp_path / "run", network())
    with pytest.raises(CheckpointError, match="no readable checkpoint"):
        load(tmp_path / "run")


def run(script, *arguments):
    """Start a Python process that runs `script`."""
    prelude = (
        f"import sys, numpy as np\nsys.path[:0] = {sys.path!r}\nfrom test_checkpoint import *\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", prelude + textwrap.dedent(script), *map(str, arguments)],
        cwd=Path(__file__).parent,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_limit_of_the_system_on_the_size_of_files(tmp_path):
    save(tmp_path, network(1), state(1))
    process = run(
        """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        try:
            save(sys.argv[1], Model([Linear(100, 100)]))
        except CheckpointError as error:
            sys.exit(0 if "too large" in str(error) else str(error))
        sys.exit("no error")
        """,
        tmp_path,
    )
    assert process.communicate()[1] == ""
    assert process.returncode == 0
    assert files_of(tmp_path) == [FILE]
    check(load(tmp_path), 1, 1)


def test_processes_that_save_into_one_folder_never_leave_half_a_state(tmp_path):
    save(tmp_path, network(0), state(0))
    script = """
        model, training = network(int(sys.argv[2])), state(int(sys.argv[2]))
        for _ in range(40):
            save(sys.argv[1], model, training)
    """
    processes = [run(script, tmp_path, seed) for seed in (1, 2)]
    reads = 0
    while any(process.poll() is None for process in processes):
        checkpoint = load(tmp_path)
        seed = checkpoint.training["epoch"]
        check(checkpoint, seed, seed)
        reads += 1
    assert [process.communicate()[1] for process in processes] == ["", ""]
    assert [process.returncode for process in processes] == [0, 0]
    assert reads > 3
    check(load(tmp_path), *[load(tmp_path).training["epoch"]] * 2)
    save(tmp_path, network(3), state(3))
    assert files_of(tmp_path) == [FILE]


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def flock(*args):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    save(tmp_path, network(2), state(2))
    check(load(tmp_path), 2, 2)


def test_a_reader_that_is_overtaken_reads_on_in_the_old_one(tmp_path, monkeypatch):
    save(tmp_path, network(1), state(1))
    build = Decoder.build

    def overtaken(*arguments):
        monkeypatch.undo()
        save(tmp_path, network(2), state(2))
        return build(*arguments)

    monkeypatch.setattr(Decoder, "build", overtaken)
    overtaken = load(tmp_path)
    save(tmp_path, network(3), state(3))  # nor do its arrays lie in the file
    check(overtaken, 1, 1)
    check(load(tmp_path), 3, 3)


# Damage and ill will


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the bytes of a whole checkpoint, and a place for damaged ones."""
    place = tmp_path_factory.mktemp("whole")
    save(place, network(1), state(1))
    return (place / FILE).read_bytes(), place / "damaged.safetensors"


@given(data=st.data())
@settings(deadline=None, max_examples=300)
def test_a_flipped_bit_never_passes(whole, data):
    original, path = whole
    at = data.draw(st.integers(0, 8 * len(original) - 1))
    damaged = bytearray(original)
    damaged[at // 8] ^= 1 << at % 8
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError):
        load(path)


@given(data=st.data())
@settings(deadline=None, max_examples=100)
def test_a_file_that_is_cut_or_longer_or_replaced_never_passes(whole, data):
    original, path = whole
    damaged = data.draw(
        st.integers(0, len(original) - 1).map(lambda size: original[:size])
        | st.binary(min_size=1, max_size=9).map(lambda more: original + more)
        | st.binary(max_size=99)
    )
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError):
        load(path)


def test_a_file_that_is_missing_or_no_file_is_explained(tmp_path):
    with pytest.raises(CheckpointError, match=re.escape("No such file")):
        load(tmp_path)
    (tmp_path / FILE).mkdir()
    with pytest.raises(CheckpointError, match="no ordinary file"):
        load(tmp_path)
    (tmp_path / FILE).rmdir()
    os.mkfifo(tmp_path / FILE)  # whoever opens it would wait for ever
    with pytest.raises(CheckpointError, match="no ordinary file"):
        load(tmp_path)


def test_a_folder_of_version_1_is_refused_with_a_line_that_says_so(tmp_path):
    (tmp_path / "checkpoint.json").write_text('{"format": "handgrad checkpoint", "version": 1}')
    with pytest.raises(CheckpointError, match="a checkpoint of version 1 in") as caught:
        load(tmp_path)
    assert "\n" not in caught.value.got
    save(tmp_path, network(1), state(1))
    check(load(tmp_path), 1, 1)


def test_a_damaged_checkpoint_can_be_saved_over(tmp_path):
    (tmp_path / FILE).write_bytes(b"\xff")
    save(tmp_path, network(2), state(2))
    check(load(tmp_path), 2, 2)
    assert files_of(tmp_path) == [FILE]


def test_an_initializer_of_ones_own_is_no_hindrance(tmp_path):
    def init(shape, rng):
        return rng.standard_normal(shape)

    options = {"init": init, "bias_init": init, "rng": generator()}
    model = Model([GRU(D, H, recurrent_init=init, **options), Linear(H, K, **options)])
    save(tmp_path, model)
    twin = load(tmp_path).model
    assert_array_equal(twin.parameters, model.parameters)
    assert twin.components[0].recurrent_init == twin.components[1].bias_init == "zeros"
    save(tmp_path, twin)
    with refuses(CheckpointError, match="value of type function"):
        to_config(model)  # without its parameters

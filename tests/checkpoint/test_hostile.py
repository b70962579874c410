"""Files made to harm: only handgrad's own errors, in bounded time and memory."""

import json
import sys
import time
import tracemalloc

import numpy as np
import pytest

from handgrad import Linear, Model, ReLU
from handgrad.checkpoint import load, save
from handgrad.checkpoint.notation import MOST_OBJECTS
from handgrad.errors import CheckpointError
from mutations import forged, parts_of

MB = 2**20
SECONDS = 8
"""Of the processor's time. Half a second is the most there is; a time that doubles is years."""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


def forge(path, model=None, training=None, change=None, header=None, data=None, **options):
    """Write a checkpoint that is consistent in its digest, as an attacker can.

    Parameters
    ----------
    model, training
        Change the descriptions, or stand in their place where they are texts.
    change
        Changes the whole header.
    header, data
        Tensors, and their bytes, in the place of those that are there.
    """
    save(path, Model([Linear(3, 2)]), {"x": np.arange(3.0)})
    found, bytes_ = parts_of(path.read_bytes())
    metadata = found["__metadata__"]
    for key, edit in (("model", model), ("training", training)):
        if isinstance(edit, str):
            metadata[key] = edit
        elif edit is not None:
            content = json.loads(metadata[key])
            content = edit(content) or content
            metadata[key] = json.dumps(content)
    if isinstance(header, bytes):
        found = header
    elif header is not None:
        found = {"__metadata__": metadata, **header}
    if change is not None:
        change(found)
    path.write_bytes(forged(found, bytes_ if data is None else data, **options))


def refused(path, match=None):
    """Assert that loading raises our error, within the bounds that the library promises."""
    began = time.process_time()
    with pytest.raises(CheckpointError, match=match) as caught:
        load(path)
    assert time.process_time() - began < SECONDS
    error = caught.value
    while error is not None:
        assert len(str(error)) < 3500
        error = error.__cause__
    del caught, error
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 200 * MB
    finally:
        tracemalloc.stop()


def linear(D, K):
    return {"$class": "handgrad.Linear", "in_features": D, "out_features": K}


def chain(*components):
    return {"$class": "handgrad.Model", "components": list(components)}


def tensor(shape, end, dtype="F64", start=0):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


WEIGHTS, BIAS = tensor([3, 2], 48), tensor([1, 2], 64, start=48)
X = {"training/x": tensor([3], 88, start=64)}


def set_layers(*layers):
    return lambda content: content.update(components=list(layers))


def test_a_forged_checkpoint_that_is_right_loads(path):
    forge(path, header={"0.weights": WEIGHTS, "0.bias": BIAS, **X}, data=bytes(88))
    assert (load(path).model.parameters == 0).all()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (set_layers(linear(10**9, 10**9)), "no more entries than"),
        (set_layers(linear(3, 2), linear(70_000, 70_000)), "no more entries than"),
        (set_layers(*[linear(200, 300), linear(300, 200)] * 2), "no more entries than"),
        (
            set_layers(linear({"$array": [10**9], "dtype": "int64", "shape": []}, 10**9)),
            "no more entries than",
        ),
        (set_layers(linear(-3, -2)), "refuses"),
        (set_layers(linear(2, 3)), r"0.weights that is float64 \(3, 2\), where .* \(2, 3\)"),
        (set_layers(linear(3, 2), linear(2, 3)), "1.weights that is none, where the model needs"),
        (set_layers({"$class": "handgrad.ReLU"}), r"0.\w+ that is .*, where .* needs none"),
        (
            set_layers(linear(3, 2) | {"dtype": {"$dtype": "float32"}}),
            r"0.weights that is float64 \(3, 2\), where the model needs float32 \(3, 2\)",
        ),
        (lambda c: linear(3, 2), "a Linear where the model should be"),
        (lambda c: 3, "a int where the model should be"),
        (lambda c: {"$class": ["handgrad.ReLU"]}, "the class"),
        (lambda c: {"$class": ["handgrad.ReLU", "handgrad.Model"] * 99}, "the class"),
        (lambda c: {"$class": "x" * 10**5}, "the class"),
        (lambda c: {"$array": [], "dtype": "int8", "shape": [0] * 65}, "damaged"),
        (lambda c: {"$array": [], "dtype": "int8", "shape": [0, 2**62]}, "damaged"),
        (lambda c: {"$array": [], "dtype": "int8", "shape": [0, 2**70]}, "damaged"),
        (lambda c: {"$array": [1], "dtype": "int8", "shape": ["x" * 10**5, 10**9]}, "damaged"),
        (lambda c: {"$array": [[1]], "dtype": "int8", "shape": [1]}, "damaged"),
        (lambda c: {"$array": [1e300], "dtype": "float16", "shape": [1]}, "damaged"),
        ("", "description"),
        ("NaN", "a float where"),
        ("9" * 5000, "description"),
        ("[" * 10**6, "description"),
        ('{"$class":' * 5 * 10**4, "description"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else "",
)
def test_a_hostile_description_is_refused(path, monkeypatch, model, message):
    forge(path, model)
    draw = np.random.standard_normal

    def bounded(shape):
        assert np.prod([float(n) for n in shape]) < 2**17, "memory was taken before the check"
        return draw(shape)

    monkeypatch.setattr(np.random, "standard_normal", bounded)
    refused(path, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h["__metadata__"].pop("model"), "KeyError in its description"),
        (lambda h: h["__metadata__"].pop("training"), "KeyError in its description"),
        (lambda h: h["__metadata__"].pop("sha256"), "its description has changed since"),
        (lambda h: h["__metadata__"].pop("data"), "its tensors have changed since"),
        (lambda h: h["__metadata__"].pop("format"), "somebody else's file"),
        (lambda h: h["__metadata__"].update(version="3"), "version '3'"),
        (lambda h: h["__metadata__"].update(version="3" * 10**5), "version '333"),
        (lambda h: h["__metadata__"].update(version=2), "deserializing header"),
        (lambda h: h.update(__metadata__=[]), "deserializing header"),
        (lambda h: h.pop("__metadata__"), "somebody else's file"),
        (lambda h: h["__metadata__"].update(training="{}"), "training/x that is float64"),
        (
            lambda h: h["__metadata__"].update(training='{"x": {"$array": "training/y"}}'),
            "damaged",
        ),
        (
            lambda h: h["__metadata__"].update(training='[{"$array": "training/x"},' * 2 + "0]]"),
            "damaged",
        ),
    ],
)
def test_a_hostile_header_is_explained(path, change, message):
    forge(path, change=change)
    refused(path, message)


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ({"0.weights": WEIGHTS}, 48),
        ({"0.weights": WEIGHTS, "0.bias": BIAS, "1.bias": tensor([1], 72, start=64)}, 72),
        ({"0.weights": WEIGHTS, "0.bias": BIAS}, 56),
        ({"0.weights": WEIGHTS, "0.bias": BIAS}, 72),
        ({"0.weights": WEIGHTS, "0.bias": tensor([1, 2], 56, "F32", 48)}, 56),
        ({"0.weights": tensor([2**40, 2**40], 48), "0.bias": BIAS}, 64),
        ({"0.weights": tensor([2**40], 2**43), "0.bias": BIAS}, 64),
        ({"0.weights": tensor([-3, -2], 48), "0.bias": BIAS}, 64),
        ({"0.weights": tensor([3.0, 2], 48), "0.bias": BIAS}, 64),
        ({"0.weights": tensor([True] * 6, 8), "0.bias": BIAS}, 64),
        ({"0.weights": tensor([0, 2**62], 0), "0.bias": tensor([1, 2], 16)}, 16),
        ({"0.weights": tensor([0, 2**70], 0), "0.bias": tensor([1, 2], 16)}, 16),
        ({"0.weights": tensor([0] * 65, 0), "0.bias": tensor([1, 2], 16)}, 16),
        ({"0.weights": tensor([1] * 65, 8), "0.bias": tensor([1], 16, start=8)}, 16),
        ({"0.weights": tensor([10**4000] * 99, 8), "0.bias": BIAS}, 64),
        ({"0.weights": tensor(["x" * 10**5, 10**9], 8), "0.bias": BIAS}, 64),
        ({"0.weights": WEIGHTS, "0.bias": tensor([1, 2], 48, start=32)}, 64),
        ({"0.weights": tensor([3, 2], 48, "F99"), "0.bias": BIAS}, 64),
        ({"0.weights": tensor([3, 2], 12, "BF16"), "0.bias": tensor([1, 2], 28, start=12)}, 28),
        ({"0.weights": tensor([3, 2], 48, ["F64"]), "0.bias": BIAS}, 64),
        ({"0.weights": {**WEIGHTS, "data_offsets": 3}, "0.bias": BIAS}, 64),
        ({"0.weights": {**WEIGHTS, "data_offsets": [0, 48, 0]}, "0.bias": BIAS}, 64),
        ({"0.weights": {**WEIGHTS, "shape": None}, "0.bias": BIAS}, 64),
        ({"0.weights": 3}, 0),
        ({"x" * 10**5: 3}, 0),
        (b"[]", 0),
        (b"{", 0),
        (b"{}", 0),
        (b"\xff", 0),
        (b"[" * 10**6, 0),
        (b'{"__metadata__":' * 10**5, 0),
        (b"9" * 10**6, 0),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_hostile_header_is_refused(path, header, size):
    forge(path, header=header, data=bytes(size))
    refused(path)


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 10**8 + 1, 10**7, 2**20 + 1, 700, 1, 0])
def test_a_header_that_claims_another_length_is_refused(path, length):
    forge(path, length=length)
    refused(path)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9])
def test_a_file_that_is_hardly_one(path, size):
    path.write_bytes((3).to_bytes(8, "little")[:size] + b"{}"[: max(0, size - 8)])
    refused(path)


def test_a_header_that_is_too_long_is_not_read(path):
    with path.open("wb") as file:
        file.write((63 * MB).to_bytes(8, "little"))
        file.write(b"[" * (63 * MB))
    refused(path, "a header of")
    with path.open("wb") as file:
        file.write((2**39).to_bytes(8, "little"))
        file.truncate(2**40)  # which takes no room on the disk
    refused(path, "a header of")


@pytest.mark.parametrize("item", ['{"":0}', "[0]"])
def test_the_longest_description_that_is_read_takes_little(path, item):
    count = (2**20 - 2000) // (len(json.dumps(item)) - 1)
    forge(path, training="[" + ",".join([item] * count) + "]")
    refused(path, "training/x that is")


def test_a_name_that_stands_before_every_other_takes_little(path):
    forge(path, training=json.dumps({"x" * 5 * 10**5: [0] * 100_000}))
    refused(path, "names of 1000 characters")


def doubled(levels):
    """Return a description of 4 KB in which each level holds the one below it twice."""
    model = chain({"$class": "handgrad.ReLU"})
    for level in range(levels):
        same = "model" + "/components/0" * (levels - level)
        model = chain(model, {"$same": same})
    return model


@pytest.mark.parametrize("levels", [14, 26, 40])
def test_parts_that_hold_the_one_below_them_twice_do_not_double_the_time(path, levels):
    text = json.dumps(doubled(levels))
    assert levels > 20 or len(text) < 4096
    forge(path, model=text)
    refused(path, f"more than {MOST_OBJECTS} objects")


def test_a_few_levels_of_the_same_are_no_harm(path):
    inner = Model([ReLU()])
    for _ in range(5):
        inner = Model([inner, inner])
    save(path, inner)
    twin = load(path).model
    first, second = twin.components
    assert first is second
    assert first.components[0] is first.components[1]


def test_what_could_not_be_read_is_not_written(path):
    deep = Model([ReLU()])
    for _ in range(14):
        deep = Model([deep, deep])
    with pytest.raises(CheckpointError, match=f"more than {MOST_OBJECTS} objects"):
        save(path, deep)
    nested = []
    for _ in range(200):
        nested = [nested]
    with pytest.raises(CheckpointError, match="nested too deeply"):
        save(path, Model([ReLU()]), nested)
    with pytest.raises(CheckpointError, match="nested too deeply"):
        save(path, Model([ReLU()]), {"x" * 2000: 3})
    with pytest.raises(CheckpointError, match="without their arrays"):
        save(path, Model([ReLU()]), "x" * 2**22)
    assert not path.exists()


def test_as_deep_as_may_be_comes_back(path):
    deep = Model([Linear(3, 3)])
    for _ in range(60):
        deep = Model([deep])
    save(path, deep)
    assert (load(path).model.parameters == deep.parameters).all()


@pytest.mark.parametrize("components", [[linear(3, 2)] + [{"$class": "handgrad.ReLU"}] * 8190])
def test_as_many_objects_as_may_be(path, components):
    forge(path, model=set_layers(*components))
    began = time.process_time()
    assert len(load(path).model.components) == 8191
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("training/x", "no readable checkpoint .*Unable to allocate"),
        ("0.weights", r"0.weights that is float64 \(1099511627776,\), where the model needs"),
    ],
)
def test_a_file_larger_than_the_memory(path, name, message):
    tensors = {other: tensor([0], 0) for other in ("0.weights", "0.bias", "training/x")}
    forge(path, header={**tensors, name: tensor([2**40], 2**43)}, data=b"")
    with path.open("r+b") as file:
        try:
            file.truncate(path.stat().st_size + 2**43)
        except OSError:
            pytest.skip("no file may be so long here")
    with pytest.raises(CheckpointError, match=message):
        load(path)


def test_names_with_halves_of_characters_are_not_written(path):
    with pytest.raises(CheckpointError, match="a name that UTF-8 does not have"):
        save(path, Model([ReLU()]), {"\ud800": np.arange(3)})
    assert not path.exists()


def test_a_message_has_no_halves_of_characters(path):
    forge(path, model='{"$class": "\\ud800"}')
    with pytest.raises(CheckpointError) as caught:
        load(path)
    str(caught.value).encode()


def test_loading_reads_no_module(path):
    forge(path, model=lambda c: {"$class": "antigravity.Model"})
    refused(path, "the class")
    assert "antigravity" not in sys.modules

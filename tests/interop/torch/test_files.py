"""Files of tensors: what PyTorch's users write, and what `load_state_dict` of theirs takes."""

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.torch import load_file, save_file
from torch import nn

from handgrad import (
    GRU,
    LSTM,
    BatchNorm,
    Bidirectional,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    Linear,
    MaxPool2d,
    Model,
    MultiHeadAttention,
    ReLU,
)
from handgrad.checking.cases import CASES
from handgrad.errors import ArgumentError, CheckpointError
from handgrad.interop.torch import from_torch, load_state_dict, save_state_dict, to_torch
from handgrad.interop.torch.kinds import OURS
from handgrad.walk import buffers, parameters, snapshot

# The first row with parameters of each component, and all of those that hold others.
ROWS = {}
for case in CASES:
    subject, (given, *_) = case.draw(np.random.default_rng(0))
    if type(subject) in OURS and (any(parameters(subject)) or any(buffers(subject))):
        shape = None if isinstance(given, tuple) else given.shape
        last = [*parameters(subject), *buffers(subject)][-1].name
        ROWS[f"{case.component.__name__}, {last}"] = subject, shape


def seed(module):
    """Give a module numbers that are no defaults, a batch norm's statistics among them."""
    generator = torch.Generator().manual_seed(0)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.1)
    return module.double().eval()


def written(module, path):
    """Write a module's tensors; those that are one there stand in the file for each place."""
    save_file({name: t.clone() for name, t in module.state_dict().items()}, path)
    return path


@pytest.mark.parametrize("row", ROWS)
def test_what_is_written_is_taken_and_comes_back(row, tmp_path):
    component, shape = ROWS[row]
    save_state_dict(component, tmp_path / "a", input_shape=shape)
    module = to_torch(component, input_shape=shape)
    expected = {name: t.clone() for name, t in module.state_dict().items()}
    seed(module).load_state_dict(load_file(tmp_path / "a"), strict=True)
    for name, tensor in module.state_dict().items():
        assert_array_equal(tensor, expected[name])
    wanted, changed = snapshot(component), copy.deepcopy(component)
    for _, holder, key in (*parameters(changed), *buffers(changed)):
        holder[key][...] = 7
    load_state_dict(changed, tmp_path / "a", input_shape=shape)
    for name, array in snapshot(changed).items():
        assert_array_equal(array, wanted[name])


class Net(nn.Module):
    """A class as people write them: names of its own, and a forward pass that no one can read."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(4)
        self.fc2 = nn.Linear(5, 2)
        self.fc1 = nn.Linear(4 * 3 * 2, 5)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.max_pool2d(torch.relu(self.bn2(self.conv2(x))), 2)
        return self.fc2(torch.relu(self.fc1(torch.flatten(x, 1))))


def like_net():
    convolutions = [Conv2d(3, 4, 3, padding=1), BatchNorm(4), ReLU()]
    convolutions += [Conv2d(4, 4, 3, padding=1), BatchNorm(4), ReLU()]
    end = [Dropout(Linear(24, 5), 0.5), ReLU(), Linear(5, 2)]
    return Model([*convolutions, MaxPool2d(2), Flatten(), *end])


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_class_of_somebodys_own_is_read_by_shapes_and_numbers(prefix, tmp_path):
    net, model = seed(Net()), like_net()
    tensors = {prefix + name: tensor for name, tensor in net.state_dict().items()}
    save_file(tensors, tmp_path / "net.safetensors")
    load_state_dict(model, tmp_path / "net.safetensors")
    x = np.random.default_rng(0).standard_normal((2, 6, 5, 3))
    expected = net(torch.tensor(x).permute(0, 3, 1, 2)).detach()
    assert_allclose(model.predict(x), expected, rtol=1e-10)


def test_float32_and_halves_are_read_as_numbers(tmp_path):
    net, model = seed(Net()).half(), like_net()
    load_state_dict(model, written(net, tmp_path / "net"))
    assert_array_equal(model[3].bias, net.conv2.bias.detach().numpy().astype(float))


def test_no_pytorch_is_needed(tmp_path):
    written(nn.Linear(2, 3), tmp_path / "net")
    code = f"""
import sys
sys.modules["torch"] = None
from handgrad import Linear, Model
from handgrad.errors import ArgumentError
from handgrad.interop.torch import from_torch, load_state_dict, save_state_dict, to_torch
model = Model([Linear(2, 3)])
load_state_dict(model, {str(tmp_path / "net")!r})
save_state_dict(model, {str(tmp_path / "again")!r}, names={{"fc": "0"}})
for turn in (to_torch, from_torch):
    try:
        turn(model)
    except ArgumentError as error:
        assert "pip install 'handgrad[torch]'" in str(error)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert set(load_file(tmp_path / "again")) == {"fc.weight", "fc.bias"}


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(7, 4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.rnn = nn.LSTM(4, 3, num_layers=2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(6, 4, batch_first=True)
        self.out = nn.Linear(4, 5)

    def forward(self, x):
        x = self.words(x)
        x = self.attention(x, x, x)[0]
        return self.out(self.gru(self.rnn(x)[0])[0])


def like_tagger():
    both = [Bidirectional(LSTM(D, 3), LSTM(D, 3)) for D in (4, 6)]
    return Model([Embedding(7, 4), MultiHeadAttention(4, 2), *both, GRU(6, 4), Linear(4, 5)])


def test_layers_of_a_recurrent_module_attention_and_two_biases(tmp_path):
    net, model = seed(Tagger()), like_tagger()
    load_state_dict(model, written(net, tmp_path / "net"))
    x = np.random.default_rng(0).integers(0, 7, (2, 5))
    assert_allclose(model.predict(x), net(torch.tensor(x)).detach(), rtol=1e-10)
    names = {"words": "0", "attention": "1", "rnn:0": "2", "rnn:1": "3", "gru": "4", "out": "5"}
    save_state_dict(model, tmp_path / "back", names=names)
    again = Tagger().double().eval()
    again.load_state_dict(load_file(tmp_path / "back"), strict=True)
    assert_allclose(again(torch.tensor(x)).detach(), model.predict(x), rtol=1e-10)


class Twins(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.Linear(3, 3), nn.Linear(3, 3)


@pytest.mark.parametrize("final", [None, nn.LayerNorm(6)], ids=["", "a norm behind"])
@pytest.mark.parametrize("first", [False, True])
def test_a_transformers_encoder_is_read_without_names(first, final, tmp_path):
    """Of 11 layers, so that the tenth does not come before the second."""

    def drawn(seed):
        options = {"dropout": 0.0, "norm_first": first, "batch_first": True}
        layer = nn.TransformerEncoderLayer(6, 3, 6, **options)
        encoder = nn.TransformerEncoder(layer, 11, final, enable_nested_tensor=False)
        torch.manual_seed(seed)
        for parameter in encoder.parameters():
            nn.init.normal_(parameter)
        return nn.Sequential(nn.Embedding(9, 6), encoder, nn.Linear(6, 2)).double().eval()

    model, net = from_torch(drawn(0)), drawn(1)
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    load_state_dict(model, tmp_path / "net.safetensors")
    x = np.arange(9).reshape(1, 9)
    found = model.predict(x)
    assert_allclose(found, net(torch.tensor(x)).detach(), rtol=1e-10, atol=1e-12)


def test_what_is_alike_is_asked_for_and_not_guessed(tmp_path):
    net, model = seed(Twins()), Model([Linear(3, 3), ReLU(), Linear(3, 3)])
    before = model.parameters.copy()
    written(net, tmp_path / "net")
    with pytest.raises(ArgumentError, match=r"(?s)decode, encode are alike.*names=\{'decode': '0'"):
        load_state_dict(model, tmp_path / "net")
    assert_array_equal(model.parameters, before)
    load_state_dict(model, tmp_path / "net", names={"encode": "0", "decode": "2"})
    assert_array_equal(model[0].bias[0], net.encode.bias.detach())
    load_state_dict(model, tmp_path / "net", names={"decode": "0"})  # which leaves one
    assert_array_equal(model[2].bias[0], net.encode.bias.detach())


def test_a_layer_at_two_places_has_one_set_of_tensors(tmp_path):
    layer = Linear(3, 3)
    model = Model([layer, ReLU(), layer])
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3)).double()
    written(net, tmp_path / "two")
    with pytest.raises(ArgumentError, match="2 and 0 differ, and are one component"):
        load_state_dict(model, tmp_path / "two")
    net[2] = net[0]
    written(net, tmp_path / "both")
    save_file(nn.Sequential(net[0]).state_dict(), tmp_path / "one")  # as save_model leaves it
    for name in ("both", "one"):
        layer.weights = 0 * layer.weights
        load_state_dict(model, tmp_path / name)
        assert_array_equal(layer.weights, net[0].weight.detach().T)


def test_every_tensor_that_does_not_fit_is_named_at_once(tmp_path):
    tensors = {
        "0.weight": torch.ones(4, 2),
        "0.bias": torch.ones(4, dtype=torch.int64),
        "2.weight": torch.ones(1, 5),
        "4.weight": torch.ones(2, 2),
        "4.bias": torch.ones(2).bfloat16(),
        "4.scale": torch.ones(2),
        "9.weight": torch.ones(1),
        "\x1b[31m.weight": torch.ones(1),
    }
    save_file(tensors, tmp_path / "net")
    model = Model([Linear(2, 4), ReLU(), Linear(4, 1), ReLU(), Linear(1, 2)])
    with pytest.raises(ArgumentError) as caught:
        load_state_dict(model, tmp_path / "net")
    for line in (
        "0.bias is I64, where F16, F32, F64 are read",
        "2.weight is (1, 5), where Linear(4, 1) at '2' needs (1, 4)",
        "2.bias (1,), for Linear(4, 1) at '2': there is none",
        "4.weight is (2, 2), where",
        "4.bias is BF16",
        "4.scale: Linear(1, 2) at '4' has none",
        "9 has weight (1,): nothing in the model has",
        r"\x1b[31m has weight (1,): nothing in the model has",
    ):
        assert line in str(caught.value)


def test_too_few_and_too_many_are_named(tmp_path):
    written(nn.Sequential(nn.Linear(2, 4)), tmp_path / "net")
    with pytest.raises(ArgumentError, match=r"Linear\(4, 1\) at '2' needs weight \(1, 4\), bias"):
        load_state_dict(Model([Linear(2, 4), ReLU(), Linear(4, 1)]), tmp_path / "net")
    for names, message in (({"fc": "0"}, "no module 'fc'"), ({"0": "7"}, "parameters at '7'")):
        with pytest.raises(ArgumentError, match=message):
            load_state_dict(Model([Linear(2, 4)]), tmp_path / "net", names=names)
        with pytest.raises(ArgumentError, match="names"):
            save_state_dict(Model([Linear(2, 4)]), tmp_path / "b", names={"0": "7"})
    with pytest.raises(ArgumentError, match="list as the model"):
        load_state_dict([Linear(2, 4)], tmp_path / "net")


def test_a_padding_that_is_not_0_is_refused(tmp_path):
    written(seed(nn.Embedding(5, 2)), tmp_path / "net")
    with pytest.raises(ArgumentError, match="padding_idx 3 that is not 0"):
        load_state_dict(Model([Embedding(5, 2, padding_index=3)]), tmp_path / "net")


def hostile(header, content=b""):
    text = json.dumps(header).encode() if isinstance(header, dict) else header
    return len(text).to_bytes(8, "little") + text + content


def of(shape, end, dtype="F64"):
    return {"weight": {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"1234567",
        (2**62).to_bytes(8, "little"),
        hostile(b"{" * 1000),
        hostile(of([2, 2], 32), b"\0" * 31),
        hostile(of([2**40, 2**40], 32), b"\0" * 32),
        hostile(of([2**62, 4], 8), b"\0" * 8),
        hostile(of([2, 2], 2**50), b"\0" * 32),
        hostile(of([2, 2], 32, "F65"), b"\0" * 32),
        hostile(of([-2, -2], 32), b"\0" * 32),
    ],
)
def test_a_damaged_file_is_refused_before_memory_is_taken(data, tmp_path):
    (tmp_path / "net").write_bytes(data)
    model = Model([Linear(2, 2, bias=False)])
    with pytest.raises(CheckpointError, match="damaged file of tensors"):
        load_state_dict(model, tmp_path / "net")


def test_a_tensor_that_is_too_large_for_the_model_is_not_read(tmp_path):
    with open(tmp_path / "net", "wb") as file:  # 64 GiB that take no room on the disk
        file.write(hostile(of([2**17, 2**16], 2**36)))
        file.truncate(file.tell() + 2**36)
    with pytest.raises(ArgumentError, match=r"weight is \(131072, 65536\), where"):
        load_state_dict(Model([Linear(2, 2, bias=False)]), tmp_path / "net")


def test_what_torch_save_writes_is_told_from_it(tmp_path):
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "net.pt")
    with pytest.raises(CheckpointError, match=r"what torch\.save has written \(\.pt, \.pth\)"):
        load_state_dict(Model([Linear(2, 2)]), tmp_path / "net.pt")


def test_no_file_is_no_file(tmp_path):
    with pytest.raises(CheckpointError, match="no readable file of tensors"):
        load_state_dict(Model([Linear(2, 2)]), tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="a refusal to write"):
        save_state_dict(Model([Linear(2, 2)]), tmp_path)

"""Networks that come in from ONNX, of ours and of PyTorch, and files that must not."""

import copy
import itertools
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from exchange import COMPONENTS, onnx_in, run_onnx
from handgrad import (
    GRU,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    Model,
    MultiHeadAttention,
    PositionalEncoding,
    ReLU,
    Residual,
)
from handgrad.errors import CheckpointError
from handgrad.interop.onnx import export, import_onnx
from helpers import generator, random

FILES = sorted((Path(__file__).parent / "files").glob("*.onnx"))
"""What PyTorch 2.13 wrote with torch.onnx.export(..., dynamo=True), which takes it seconds each."""


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda cls: cls.__name__)
def test_what_was_written_comes_back(component, tmp_path):
    assert onnx_in(component, tmp_path / "model.onnx")


def input_for(path, channels=True):
    """Return an input as the file takes it, and as we do."""
    tensor = onnx.load(path).graph.input[0].type.tensor_type
    shape = [size.dim_value or 3 for size in tensor.shape.dim]
    rng = generator()
    if tensor.elem_type == TensorProto.INT64:
        x = rng.integers(0, 9, shape)
    else:
        x = rng.standard_normal(shape).astype("float32")
    return x, np.moveaxis(x, 1, -1) if channels and x.ndim > 2 and x.dtype.kind == "f" else x


def assert_same(path, channels=True):
    theirs, ours = input_for(path, channels)
    y = run_onnx(path, theirs)
    model = import_onnx(path)
    found = model.predict(ours)
    y = np.moveaxis(y, 1, -1) if theirs is not ours and y.ndim > 2 else y
    np.testing.assert_allclose(found, y, rtol=1e-5, atol=2e-6)
    return model


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_pytorchs_newer_exporter_is_understood(path):
    assert_same(path, channels="cnn" in path.stem)


class Recurrent(torch.nn.Module):
    def __init__(self, cls, last, **options):
        super().__init__()
        self.table, self.last = torch.nn.Embedding(9, 4), last
        self.layer = cls(4, 5, batch_first=True, **options)
        self.head = torch.nn.Linear(5 * (1 + self.layer.bidirectional), 2)

    def forward(self, x):
        y, _ = self.layer(self.table(x))
        return self.head(y[:, -1] if self.last else y)


class Around(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = torch.nn.Linear(5, 5), torch.nn.Linear(5, 5)

    def forward(self, x):
        h = torch.relu(x + self.other(torch.tanh(self.one(x))))
        return torch.cat([self.one(h), torch.sigmoid(self.other(h))], dim=-1)


class Attention(torch.nn.Module):
    """PyTorch's own; `all_weights` lets it compute them one product after the other."""

    def __init__(self, all_weights=False, **options):
        super().__init__()
        self.layer = torch.nn.MultiheadAttention(4, 2, batch_first=True, **options)
        self.all_weights = all_weights
        for parameter in self.parameters():
            torch.nn.init.normal_(parameter)

    def forward(self, x):
        return self.layer(x, x, x, need_weights=self.all_weights)[0]


class Character(torch.nn.Module):
    """Attention as people write it, to what comes before, of a table with positions."""

    def __init__(self):
        super().__init__()
        self.table, self.positions = torch.nn.Embedding(9, 4), torch.nn.Embedding(12, 4)
        self.qkv, self.output = torch.nn.Linear(4, 12), torch.nn.Linear(4, 4)

    def forward(self, x):
        x = self.table(x) + self.positions(torch.arange(x.shape[1]))
        N, T, D = x.shape
        q, k, v = (a.view(N, T, 2, 2).transpose(1, 2) for a in self.qkv(x).chunk(3, -1))
        y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.output(y.transpose(1, 2).reshape(N, T, D)) + x


class Positions(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.randn(1, 9, 4))

    def forward(self, x):
        return x + self.table[:, : x.shape[1]]


def encoder(**options):
    options = {"batch_first": True, **options}
    layer = torch.nn.TransformerEncoderLayer(4, 2, 5, **options)
    return torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


nn = torch.nn
BATCH, BOTH = {0: "batch"}, {0: "batch", 1: "time"}
SEQUENCES = {
    "attention": (Attention, (3, 6, 4), BATCH),
    "attention by products": (lambda: Attention(all_weights=True, bias=False), (3, 6, 4), None),
    "character": (Character, None, BOTH),
    "encoder": (encoder, (3, 6, 4), BATCH),
    "encoder of one": (lambda: encoder(norm_first=True, activation="gelu"), (1, 6, 4), None),
    "positions": (Positions, (3, 6, 4), BOTH),
    "softplus": (lambda: nn.Sequential(nn.GELU("tanh"), nn.Softplus(beta=2)), (3, 6, 4), BOTH),
}
"""Networks of sequences, their inputs, and which axes are left open."""
NETWORKS = {
    "around": (Around, (3, 5)),
    "images": (
        lambda: nn.Sequential(
            *(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(4), nn.AvgPool2d(2)),
            *(nn.Conv2d(4, 4, 3, groups=2, bias=False), nn.MaxPool2d(2, 1), nn.Flatten()),
            nn.Linear(4 * 1 * 2, 3),
        ),
        (3, 2, 8, 11),
    ),
    "pooled": (
        lambda: nn.Sequential(
            nn.Conv1d(2, 4, 3, dilation=2), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3)
        ),
        (3, 2, 8),
    ),
    "groups": (lambda: nn.Sequential(nn.GroupNorm(2, 4), nn.ReLU()), (3, 4, 5, 6)),
    "instances": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.InstanceNorm2d(3, affine=True)),
        (3, 2, 5, 6),
    ),
    "lstm": (lambda: Recurrent(nn.LSTM, last=True), None),
    "gru": (lambda: Recurrent(nn.GRU, last=False, bidirectional=True), None),
    "rnn": (lambda: Recurrent(nn.RNN, last=False, nonlinearity="relu"), None),
}


def pytorch(make, shape, path, axes=None):
    """Write a network as PyTorch's exporter of TorchScript does."""
    torch.manual_seed(0)
    x = torch.zeros((3, 6), dtype=torch.int64) if shape is None else torch.zeros(shape)
    network = make().eval()
    for name, parameter in network.named_parameters():
        if "norm" in name or name == "0.weight":  # which are 1 and 0 at first
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, but a hundred times as fast
        torch.onnx.export(
            network,
            (x,),
            path,
            dynamo=False,
            opset_version=17,
            input_names=["x"],
            dynamic_axes=axes and {"x": axes},
        )


@pytest.mark.parametrize("name", NETWORKS)
def test_pytorchs_networks_agree(name, tmp_path):
    pytorch(*NETWORKS[name], tmp_path / "model.onnx")
    assert_same(tmp_path / "model.onnx")


@pytest.mark.parametrize("name", SEQUENCES)
def test_pytorchs_sequences_agree(name, tmp_path):
    make, shape, axes = SEQUENCES[name]
    pytorch(make, shape, tmp_path / "model.onnx", axes)
    assert_same(tmp_path / "model.onnx", channels=False)


def test_attention_over_so_many_steps_is_no_attention_over_any(tmp_path):
    pytorch(Attention, (3, 6, 4), tmp_path / "model.onnx", BOTH)  # which writes the 6 all the same
    with pytest.raises(CheckpointError, match=r"shape \[6, "):
        import_onnx(tmp_path / "model.onnx")


def test_attention_comes_in_as_one_layer(tmp_path):
    path = tmp_path / "model.onnx"
    pytorch(Character, None, path, BOTH)
    names = [type(component).__name__ for component in import_onnx(path).components]
    assert names == ["Embedding", "LearnedPositionalEncoding", "Residual"]
    model = Model([MultiHeadAttention(6, 3, causal=True), PositionalEncoding(20, 6)])
    export(model, path, (None, None, 6))
    attention, encoding = import_onnx(path).components
    assert attention.causal
    assert attention.num_heads == 3
    assert isinstance(encoding, PositionalEncoding)


@pytest.mark.parametrize("norm", [nn.BatchNorm1d, nn.LayerNorm])
def test_a_normalization_behind_a_flattening_keeps_each_feature(norm, tmp_path):
    layers = [nn.Conv2d(2, 4, 3), nn.Flatten(), norm(16), nn.Linear(16, 3)]
    network = nn.Sequential(*layers).eval()
    rng = generator()
    for tensor in network.state_dict().values():
        tensor.copy_(torch.from_numpy(rng.uniform(0.5, 2, tensor.shape)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path, x = tmp_path / "model.onnx", torch.zeros(3, 2, 4, 4)
        torch.onnx.export(network, (x,), path, dynamo=False, opset_version=17)
    assert_same(path)


def test_a_network_goes_on_training_here(tmp_path):
    model = Model([Conv2d(1, 2, 3), ReLU(), MaxPool2d(2), Flatten(), Linear(18, 3)])
    export(model, tmp_path / "model.onnx", (None, 8, 8, 1))
    again = import_onnx(tmp_path / "model.onnx")
    assert [type(c) for c in again.components] == [type(c) for c in model.components]
    assert again.parameters.size == model.parameters.size
    assert not again.training
    x = random(4, 8, 8, 1)
    again.train().forward(x)
    assert again.backward(random(4, 3)).flat.any()


def two_layers(path):
    """Write two layers that both take the lengths, and return the file to be changed."""
    export(Model([GRU(3, 4), GRU(4, 2)]), path, ((None, None, 3), (None,)), dtype="float32")
    return onnx.load(path)


def without_lengths_for_one(model):
    [*_, last] = [node for node in model.graph.node if node.op_type == "GRU"]
    last.input[4] = ""


def with_lengths_that_are_computed(model):
    model.graph.node.insert(0, helper.make_node("Neg", ["lengths"], ["less"], name="less"))
    for node in model.graph.node:
        if node.op_type == "Cast":
            node.input[0] = "less"


def with_a_state_that_nothing_takes(model):
    state = helper.make_tensor_value_info("state", TensorProto.FLOAT, [None, 4])
    model.graph.input.append(state)


def with_states_after_lengths(model):
    """Let the second layer begin with a state, which a model would hand to the first."""
    model.graph.input.append(helper.make_tensor_value_info("state", TensorProto.FLOAT, [None, 2]))
    axes = numpy_helper.from_array(np.array([0]), "axes")
    model.graph.initializer.append(axes)
    model.graph.node.insert(0, helper.make_node("Unsqueeze", ["state", "axes"], ["begin"]))
    [*_, last] = [node for node in model.graph.node if node.op_type == "GRU"]
    last.input.append("begin")


def with_a_clip_beside(model):
    """Let what the network takes beside its input be data."""
    model.graph.node.append(helper.make_node("Relu", ["lengths"], ["z"], name="odd"))
    model.graph.output[0].name = "z"


BESIDE = {
    without_lengths_for_one: "not every layer is given",
    with_lengths_that_are_computed: "no inputs of the network",
    with_a_state_that_nothing_takes: "not every layer is given",
    with_states_after_lengths: "not every layer is given",
    with_a_clip_beside: "'odd'",
}


@pytest.mark.parametrize("changed", BESIDE, ids=lambda f: f.__name__)
def test_inputs_that_go_elsewhere_than_a_model_hands_them_are_refused(changed, tmp_path):
    model = two_layers(tmp_path / "model.onnx")
    assert import_onnx(tmp_path / "model.onnx").takes_lengths
    changed(model)
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(CheckpointError, match=BESIDE[changed]):
        import_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("operator", "place", "value", "words"),
    [
        ("ReduceMax", 1, [2], "Div: there is no component"),
        ("Max", 1, np.float32(0), "another axis than the keys"),
        ("Equal", 1, np.float32(1), "Div: there is no component"),
        ("Mul", 1, np.float32(0.25), r"scores times 0.25, where 1 / sqrt\(2\) belongs"),
        ("Range", 2, 2, "Where: a mask that is no input of the network"),
    ],
)
def test_attention_with_another_number_is_none(operator, place, value, words, tmp_path):
    path = tmp_path / "model.onnx"
    layer = MultiHeadAttention(6, 3, causal=True)
    export(layer, path, ((None, None, 6), (None,)), dtype="float32")
    assert len(import_onnx(path)) == 1
    model = onnx.load(path)
    node = [each for each in model.graph.node if each.op_type == operator][-1]
    (tensor,) = [t for t in model.graph.initializer if t.name == node.input[place]]
    tensor.CopyFrom(numpy_helper.from_array(np.asarray(value), tensor.name))
    onnx.save(model, path)
    with pytest.raises(CheckpointError, match=words):
        import_onnx(path)


# Files that are broken, or somebody's trap


def small():
    """Return a network of two nodes that is right, for a test to break."""
    W = numpy_helper.from_array(random(4, 3).astype("float32"), "W")
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["h"], name="first"),
        helper.make_node("Relu", ["h"], ["y"], name="second"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])
    graph = helper.make_graph(nodes, "graph", [x], [y], [W])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


def truncated(model):
    return model.SerializeToString()[:-30]


def noise(model):
    return generator().bytes(2000)


def outside(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "../../../etc/passwd"), ("length", "48")):
        tensor.external_data.add(key=key, value=value)


def gigantic(model):
    model.graph.initializer[0].dims[:] = [2**40, 2**20]


def with_an_option_that_is_no_text(model):
    model.graph.node[1].attribute.append(helper.make_attribute("odd name", 1))
    return model.SerializeToString().replace(b"odd name", b"odd\xffname")


def negative(model):
    model.graph.initializer[0].dims[:] = [-4, -3]


def nothing_inside(model):
    model.graph.initializer[0].dims[:] = [0, 3]
    model.graph.initializer[0].raw_data = b""


def cyclic(model):
    model.graph.node[0].input[0] = "y"


def itself(model):
    model.graph.node[1].input[0] = "y"


def halves(model):
    array = numpy_helper.from_array(np.ones((4, 3), "float16"), "W")
    model.graph.initializer[0].CopyFrom(array)


def whole_numbers(model):
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((4, 3), "int64"), "W"))


def not_finite(model):
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.full((4, 3), np.nan, "f4"), "W"))


def future(model):
    model.opset_import[0].version = 10_000


def ancient(model):
    model.opset_import[0].version = 7


def versionless(model):
    del model.opset_import[:]


def foreign(model):
    model.graph.node[1].domain = "com.example"


def unknown(model):
    model.graph.node[1].op_type = "Det"


def twice(model):
    model.graph.node[1].output[0] = "h"


def many(model):
    model.graph.node.extend([model.graph.node[1]] * 20_000)


def no_input(model):
    del model.graph.input[:]


def of_texts(model):
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING


def padded_beyond_measure(model):
    kernel = numpy_helper.from_array(np.ones((3, 4, 1, 1), "float32"), "W")
    model.graph.initializer[0].CopyFrom(kernel)
    node = helper.make_node("Conv", ["x", "W"], ["h"], name="first", pads=[2**30] * 4)
    model.graph.node[0].CopyFrom(node)
    shape = model.graph.input[0].type.tensor_type.shape
    for _ in range(2):
        shape.dim.add(dim_param="size")


def crossed(model):
    """Let two branches share a node that is not where both begin."""
    square = numpy_helper.from_array(np.ones((4, 4), "float32"), "W")
    model.graph.initializer[0].CopyFrom(square)
    nodes = [
        *(helper.make_node("Tanh", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["b"])),
        *(helper.make_node("Add", ["a", "x"], ["c"]), helper.make_node("Add", ["b", "c"], ["y"])),
    ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def with_an_axis_of_text(model):
    odd = helper.make_node("Softmax", ["h"], ["y"], name="second", axis="x")
    model.graph.node[1].CopyFrom(odd)


def without_an_output(model):
    model.graph.node.append(helper.make_node("Relu", ["y"], [], name="third"))


def without_an_input(model):
    node = helper.make_node("Mul", ["x", "s"], ["h"], name="first")
    model.graph.node[0].CopyFrom(node)
    model.graph.node.insert(0, helper.make_node("Sigmoid", [], ["s"], name="none"))


def with_axes_of_axes(model):
    axes = numpy_helper.from_array(np.ones((1, 1), "int64"), "W")
    model.graph.initializer[0].CopyFrom(axes)
    model.graph.node[0].CopyFrom(helper.make_node("ReduceMean", ["x", "W"], ["h"], name="first"))


def pooled(model, *nodes):
    """Let a network begin with a mean over the steps, which keeps an axis for them."""
    model.graph.input[0].type.tensor_type.shape.dim.add(dim_value=2)
    steps = numpy_helper.from_array(np.array([1]), "W")
    model.graph.initializer[0].CopyFrom(steps)
    del model.graph.node[:]
    mean = helper.make_node("ReduceMean", ["x", "W"], ["h" if nodes else "y"], name="first")
    model.graph.node.extend([mean, *nodes])


def with_a_softmax_over_a_pool(model):
    pooled(model, helper.make_node("Softmax", ["h"], ["y"], name="second", axis=1))


def with_entries_of_another_type(model):
    model.graph.initializer[0].ClearField("raw_data")
    model.graph.initializer[0].double_data.extend([1.0] * 12)


def in_pieces(model):
    model.graph.initializer[0].segment.begin = 1


def nothing_beyond_measure(model):
    nothing_inside(model)
    model.graph.initializer[0].dims[1] = 2**62


def beyond_any_version(model):
    model.graph.node[1].op_type = "Softmax"
    model.graph.node[1].attribute.append(helper.make_attribute("axis", 9))
    model.ir_version = 2**40


def with_one_tensor_in_many_nodes(model):
    square = numpy_helper.from_array(np.ones((512, 512), "float32"), "W")
    model.graph.initializer[0].CopyFrom(square)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 512
    names = ["x", *(f"h{i}" for i in range(200))]
    del model.graph.node[:]
    for before, after in itertools.pairwise(names):
        model.graph.node.append(helper.make_node("MatMul", [before, "W"], [after]))


WORDS = {
    beyond_any_version: "'second', Softmax: axis 9",
    with_one_tensor_in_many_nodes: "tensors that the file has once and the network often",
    with_entries_of_another_type: "the tensor 'W'",
    in_pieces: "the tensor 'W'",
    nothing_beyond_measure: "the tensor 'W'",
    truncated: "damaged content",
    noise: "damaged content",
    outside: "in another file",
    gigantic: "as its shape says",
    negative: "as its shape says",
    with_an_option_that_is_no_text: "the node 'second' against the standard",
    nothing_inside: "shape (0, 3)",
    cyclic: "'second', Relu",
    itself: "'second', Relu",
    halves: "ONNX's type 10",
    whole_numbers: "int64 of shape (4, 3)",
    not_finite: "NaN or infinity",
    future: "version 10000",
    ancient: "version 7",
    versionless: "version 0",
    foreign: "'second', com.example.Relu",
    unknown: "'second', Det",
    twice: "two values of one name",
    many: "20,002 nodes",
    no_input: "0 inputs",
    of_texts: "type 8",
    padded_beyond_measure: "pads=",
    crossed: "branches that share more",
    with_an_axis_of_text: "the node 'second' against the standard",
    without_an_output: "the node 'third' against the standard",
    without_an_input: "'first', Mul",
    pooled: "without a flattening",
    with_a_softmax_over_a_pool: "'second', Softmax",
    with_axes_of_axes: "over other axes than the positions",
}


@pytest.mark.parametrize("broken", WORDS, ids=lambda f: f.__name__)
def test_a_broken_file_is_refused_in_words_before_memory_is_taken(broken, tmp_path):
    model = copy.deepcopy(small())
    data = broken(model) or model.SerializeToString()
    (tmp_path / "model.onnx").write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError) as caught:
            import_onnx(tmp_path / "model.onnx")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert WORDS[broken] in str(caught.value)
    assert "to mend it:" in str(caught.value)
    assert peak < 60_000_000


def test_the_right_one_is_taken(tmp_path):
    (tmp_path / "model.onnx").write_bytes(small().SerializeToString())
    assert_same(tmp_path / "model.onnx")


def test_a_long_name_is_cut_and_a_path_that_is_none_is_told(tmp_path):
    model = small()
    model.graph.node[1].op_type, model.graph.node[1].name = "Det", "n" * 10**6
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(CheckpointError) as caught:
        import_onnx(tmp_path / "model.onnx")
    assert len(str(caught.value)) < 4000
    for path in (tmp_path, tmp_path / "none.onnx"):
        with pytest.raises(CheckpointError, match="cannot be read"):
            import_onnx(path)


def test_a_deep_network_and_nested_branches_are_bounded(tmp_path):
    deep = Model([ReLU() for _ in range(1000)])
    export(deep, tmp_path / "model.onnx", (None, 3))
    assert len(import_onnx(tmp_path / "model.onnx")) == 1000
    nested = ReLU()
    for _ in range(60):
        nested = Residual(nested)
    export(nested, tmp_path / "model.onnx", (None, 3))
    with pytest.raises(CheckpointError, match="nested more than 50 deep"):
        import_onnx(tmp_path / "model.onnx")

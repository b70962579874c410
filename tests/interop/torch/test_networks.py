"""Whole networks of PyTorch's, what of them is refused, and how."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.torch import load_file
from torch import nn

from handgrad import (
    GRU,
    Adam,
    BatchNorm,
    Conv1d,
    Conv2d,
    CrossEntropy,
    Dropout,
    Embedding,
    Flatten,
    GlobalMaxPool,
    GroupNorm,
    LayerNorm,
    Linear,
    Model,
    MultiHeadAttention,
    Parallel,
    PositionalEncoding,
    ReLU,
    Residual,
    Softmax,
    Trainer,
)
from handgrad.component import Activation
from handgrad.errors import ArgumentError
from handgrad.interop.torch import from_torch, modules, save_state_dict, to_torch
from handgrad.walk import walk

RNG = np.random.default_rng(0)


def seed(module):
    """Give a module numbers that are no defaults, a batch norm's statistics among them."""
    generator = torch.Generator().manual_seed(0)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) - 0.3)
    for name, tensor in module.named_buffers():
        if "var" in name:
            tensor.abs_()
    return module.double()


def images_of(x):
    """Return our images as PyTorch has them."""
    return torch.tensor(x).movedim(-1, 1)


CONVOLUTIONAL = nn.Sequential(
    nn.Sequential(nn.Conv2d(3, 4, 3, padding="same"), nn.BatchNorm2d(4), nn.ReLU6()),
    nn.MaxPool2d(2, ceil_mode=False),
    nn.Conv2d(4, 6, (2, 3), stride=(1, 2), groups=2, padding="valid", bias=False),
    nn.Sequential(nn.Identity(), nn.GroupNorm(3, 6), nn.Softplus()),
    nn.AvgPool2d((1, 2)),
    nn.Flatten(),
    nn.Dropout(0.3),
    nn.BatchNorm1d(24),
    nn.LayerNorm(24),
    nn.Linear(24, 5),
    nn.Tanh(),
    nn.Linear(5, 3),
    nn.LogSoftmax(dim=1),
)


def test_a_convolutional_network_with_everything_behind_its_flattening():
    net = seed(CONVOLUTIONAL).eval()
    model = from_torch(net)
    assert not model.training
    assert len(model) == 12  # a dropout is around what stands before it
    x = RNG.standard_normal((5, 10, 10, 3))
    assert_allclose(model.predict(x), net(images_of(x)).detach(), rtol=1e-10)
    again = to_torch(model)
    assert_allclose(again(images_of(x)).detach(), net(images_of(x)).detach(), rtol=1e-12)


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)), (5, 4, 4, 3)),
        (
            nn.Sequential(
                nn.Conv1d(3, 4, 2), nn.AdaptiveMaxPool1d((1,)), nn.ReLU(), nn.Flatten(),
                nn.Dropout(), nn.Linear(4, 2),
            ),
            (5, 7, 3),
        ),
        (nn.Sequential(nn.Conv2d(3, 2, 1), nn.Softmax(dim=1), nn.Softmax(-1)), (5, 4, 3, 3)),
        (nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(36, 2)), (5, 4, 3, 3)),
    ],
)  # fmt: skip
def test_what_images_pass_through(net, shape):
    x, net = RNG.standard_normal(shape), seed(net).eval()
    y = net(images_of(x)).detach()
    if y.ndim > 2:
        y = y.movedim(1, -1)
    assert_allclose(from_torch(net).predict(x), y, rtol=1e-10)


def test_a_flattening_at_the_front_takes_what_it_is_given_unless_it_is_told_of_images():
    net = seed(nn.Sequential(nn.Flatten(), nn.Linear(36, 2)))
    x = RNG.standard_normal((5, 3, 4, 3))
    rows = from_torch(net).predict(x)
    assert_allclose(rows, net(torch.tensor(x)).detach(), rtol=1e-10)
    told = from_torch(net, input_shape=(None, 3, 4, 3)).predict(x)
    assert_allclose(told, net(images_of(x)).detach(), rtol=1e-10)


def test_where_channels_and_features_meet_the_axes_are_moved():
    text = [Embedding(7, 4), Conv1d(4, 6, 3, padding="same"), BatchNorm(6), LayerNorm(6)]
    text += [GroupNorm(2, 6), PositionalEncoding(9, 6), MultiHeadAttention(6, 2)]
    branches = [GlobalMaxPool(), GRU(6, 3, return_sequences=False)]
    model = Model([*text, Parallel(branches, "concatenate"), Softmax()]).eval()
    x = RNG.integers(0, 7, (2, 9))
    net = to_torch(model)
    assert_allclose(net(torch.tensor(x)).detach(), model.predict(x), rtol=1e-10)
    assert_allclose(from_torch(net).predict(x), model.predict(x), rtol=1e-12)


def test_an_image_around_which_something_is_added():
    inner = Model([LayerNorm(4), Linear(4, 8), ReLU(), Linear(8, 4)])
    model = Model([Conv2d(3, 4, 3), Residual(inner), Residual(Conv2d(4, 4, 1)), Flatten()])
    model = Model([*model.components, Linear(4 * 4 * 2, 3)]).eval()
    x = RNG.standard_normal((2, 6, 4, 3))
    net = to_torch(model)
    assert_allclose(net(images_of(x)).detach(), model.predict(x), rtol=1e-10)
    assert_allclose(from_torch(net).predict(x), model.predict(x), rtol=1e-12)


def test_what_comes_over_can_be_trained_and_takes_nothing_with_it():
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2))
    model = from_torch(net)
    assert model.training
    assert model.parameters.dtype == np.float32
    before = net[0].weight.detach().clone()
    x = RNG.standard_normal((60, 4)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int)
    Trainer(model, CrossEntropy(), Adam(0.01)).fit(x, y, epochs=2, progress=False)
    assert_array_equal(before, net[0].weight.detach())
    assert not np.array_equal(model[0].weights.T, before)


def test_nothing_is_drawn_on_the_way():
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    from_torch(to_torch(Model([Linear(3, 2, rng=RNG), GRU(2, 2, rng=RNG)])))
    assert torch.equal(states[0], torch.get_rng_state())
    assert_array_equal(states[1], np.random.get_state()[1])


def test_what_is_frozen_and_evaluating_stays_so():
    model = Model([Linear(3, 2).freeze(), BatchNorm(2), Linear(2, 1)])
    model[1].eval()
    net = to_torch(model)
    assert [p.requires_grad for p in net.parameters()] == [False, False, True, True, True, True]
    assert [module.training for module in net] == [True, False, True]
    back = from_torch(net)
    assert [part.frozen for part in back.components] == [True, False, False]
    assert [part.training for part in back.components] == [True, False, True]


def test_modes_and_frozen_layers_reach_the_layers_of_a_recurrent_module():
    net = nn.LSTM(3, 4, num_layers=2, batch_first=True, dropout=0.2, bidirectional=True)
    model = from_torch(net.eval().requires_grad_(False))
    assert not any(part.training for _, part in walk(model))
    assert all(part.frozen for _, part in walk(model))
    back = to_torch(model)
    assert not any(p.requires_grad for p in back.parameters())
    assert not any(module.training for module in back)


def test_a_row_that_stands_twice_shares_its_layers():
    block = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
    net = seed(nn.Sequential(block, nn.ReLU(), block))
    model, x = from_torch(net), RNG.standard_normal((4, 3))
    assert model.parameters.size == 12
    assert_allclose(model.predict(x), net(torch.tensor(x)).detach(), rtol=1e-10)


def test_a_norm_without_parameters_keeps_its_type():
    norm = from_torch(nn.BatchNorm1d(3, affine=False))[0]
    assert norm.buffers["running_mean"].dtype == np.float32


def test_layers_that_stand_twice_are_one():
    layer = nn.Linear(3, 3)
    model = from_torch(nn.Sequential(layer, nn.ReLU(), layer))
    assert model[0] is model[2]
    net = to_torch(model)
    assert net[0] is net[2]


def test_a_recurrent_module_of_several_layers_that_stands_twice_is_one():
    rnn = modules.LSTM(4, 2, num_layers=2, bidirectional=True)
    net, x = seed(nn.Sequential(rnn, nn.Tanh(), rnn)), RNG.standard_normal((2, 3, 4))
    model = from_torch(net)
    assert model[0] is model[2]
    assert_allclose(model.predict(x), net(torch.tensor(x)).detach(), rtol=1e-10)


def test_what_is_nested_too_deep_is_refused_both_ways():
    net, model = nn.Sequential(nn.ReLU()), ReLU()
    for _ in range(1000):
        net = nn.Sequential(net)
    with pytest.raises(ArgumentError, match="nested deeper than Python goes"):
        from_torch(net)
    net.append(net)
    with pytest.raises(ArgumentError, match="or holding itself"):
        from_torch(net)
    for _ in range(1000):
        model = Residual(model)
    with pytest.raises(ArgumentError, match="a model nested deeper than Python goes"):
        to_torch(model)


def test_what_writes_into_its_own_output_alone_comes_over():
    inner = nn.Sequential(nn.Linear(3, 3), nn.ReLU(inplace=True), nn.Linear(3, 3))
    net, x = seed(modules.Residual(inner)), RNG.standard_normal((4, 3))
    assert_allclose(from_torch(net).predict(x), net(torch.tensor(x)).detach(), rtol=1e-10)


def test_a_recurrent_module_of_several_layers():
    net = seed(nn.GRU(3, 4, num_layers=3, batch_first=True, dropout=0.2)).eval()
    model = from_torch(net)
    assert repr(model[0]) == "Dropout(GRU(3, 4), p=0.2)"
    x = RNG.standard_normal((2, 5, 3))
    assert_allclose(model.predict(x), net(torch.tensor(x))[0].detach(), rtol=1e-10)


ENCODERS = {
    "norms last": {},
    "norms first": {"norm_first": True, "activation": "gelu", "dropout": 0.0},
    "a module between": {"activation": nn.SiLU()},
}


@pytest.mark.parametrize("name", ENCODERS)
def test_a_transformers_encoder_comes_over_with_its_gradients(name):
    layer = nn.TransformerEncoderLayer(6, 3, 8, batch_first=True, **ENCODERS[name])
    layer.self_attn.dropout = 0.0
    inner = nn.TransformerEncoder(layer, 2, nn.LayerNorm(6), enable_nested_tensor=False)
    net = seed(nn.Sequential(inner, nn.Linear(6, 2)))
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p *= 0.5
            module.eval()
    model = from_torch(net)
    x, dy = RNG.standard_normal((2, 5, 6)), RNG.standard_normal((2, 5, 2))
    given = torch.tensor(x, requires_grad=True)
    y = net(given)
    y.backward(torch.tensor(dy))
    assert_allclose(model.forward(x), y.detach(), rtol=1e-10, atol=1e-12)
    gradients = model.backward(dy)
    assert_allclose(model.grad(dy), given.grad, rtol=1e-10, atol=1e-12)
    dropouts = [part.p for _, part in walk(model) if isinstance(part, Dropout)]
    assert dropouts == ([] if name == "norms first" else [0.05] * 6)
    assert_allclose(gradients[1]["weights"], net[1].weight.grad.T, rtol=1e-10)
    first = net[0].layers[0].self_attn.out_proj.weight.grad
    found = {path: part for path, part in walk(model) if isinstance(part, MultiHeadAttention)}
    path = min(found)
    each = gradients[0]
    for step in path.split(".")[1:]:
        each = each[step]
    assert_allclose(each["output_weights"], first.T, rtol=1e-10, atol=1e-12)


def test_a_transformers_layer_that_stands_three_times_is_passed_three_times():
    layer = nn.TransformerEncoderLayer(6, 3, 8, dropout=0.0, batch_first=True)
    net = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
    net.layers = nn.ModuleList([layer] * 3)
    model, x = from_torch(seed(net)), RNG.standard_normal((2, 5, 6))
    assert_allclose(model.predict(x), net(torch.tensor(x)).detach(), rtol=1e-10, atol=1e-12)
    assert model[0][0] is not model[1][0]
    assert model.parameters.size == sum(p.numel() for p in layer.parameters()) - 6  # of the keys
    layer.norm2 = nn.Identity()
    assert_allclose(from_torch(layer).predict(x), layer(torch.tensor(x)).detach(), rtol=1e-10)


@pytest.mark.parametrize("affine", [True, False])
def test_instances_are_groups_of_one_channel(affine):
    net = seed(nn.Sequential(nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4, affine=affine)))
    x = RNG.standard_normal((2, 5, 6, 3))
    y = net(images_of(x)).detach().movedim(1, -1)
    assert_allclose(from_torch(net).predict(x), y, rtol=1e-10, atol=1e-12)


def test_nothing_becomes_what_changes_nothing():
    x = RNG.standard_normal((2, 3))
    for net in (nn.Identity(), nn.Sequential(), nn.Sequential(nn.Dropout(0.5)).eval()):
        assert_array_equal(from_torch(net).predict(x), x)


class Own(nn.Linear):
    pass


def hooked():
    net = nn.Linear(2, 2)
    net.register_forward_hook(lambda *_: None)
    return net


def half_frozen():
    net = nn.Linear(2, 2)
    net.bias.requires_grad_(False)
    return net


def tied():
    words, out = nn.Embedding(5, 3), nn.Linear(3, 5)
    out.weight = words.weight
    return nn.Sequential(words, out)


def twice():
    norm = nn.BatchNorm1d(4)
    front = nn.Sequential(nn.Conv1d(4, 4, 1), norm, nn.Flatten(), norm)
    return nn.Sequential(front, nn.Linear(4, 2))


def over_pixels_and_channels():
    layer = nn.Linear(5, 5)
    return nn.Sequential(layer, modules.ChannelsFirst(), nn.Conv2d(5, 5, 1), layer)


def in_place(container):
    view = nn.Sequential(nn.Identity(), nn.Flatten())
    return container(nn.Sequential(view, nn.ELU(inplace=True), nn.Linear(3, 3)), nn.Linear(3, 3))


REFUSED = {
    "Linear at '3', whose input has its features second": over_pixels_and_channels,
    "a branch that writes into its input": lambda: in_place(modules.Residual),
    "its input, which another one reads": lambda: in_place(modules.Parallel),
    "Conv3d at '1.0'": lambda: nn.Sequential(nn.ReLU(), nn.Sequential(nn.Conv3d(2, 2, 1))),
    "PReLU at '0'": lambda: nn.Sequential(nn.PReLU()),
    r"MaxPool1d at '1'.*\n.*\n.*pools of \(2, 1\)": lambda: nn.Sequential(
        nn.Conv1d(2, 2, 1), nn.MaxPool1d(2)
    ),
    r"TransformerDecoderLayer, .*\n.*\n.*what an encoder makes": lambda: (
        nn.TransformerDecoderLayer(4, 2, 8, batch_first=True)
    ),
    r"dropout=0.1 of MultiheadAttention at 'self_attn'.*\n.*\n.*no weight of attention": lambda: (
        nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    ),
    "batch_first=False of MultiheadAttention at 'self_attn'": lambda: nn.TransformerEncoderLayer(
        4, 2, 8
    ),
    "activation=<.*sigmoid": lambda: nn.TransformerEncoderLayer(
        4, 2, 8, 0.0, torch.sigmoid, batch_first=True
    ),
    "track_running_stats=True of InstanceNorm1d": lambda: nn.InstanceNorm1d(
        4, track_running_stats=True
    ),
    "Own, a module that has no counterpart": lambda: Own(2, 2),
    "ModuleList at '0'": lambda: nn.Sequential(nn.ModuleList([nn.ReLU()])),
    "ParametrizedLinear": lambda: torch.nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
    "Linear with hooks": hooked,
    "Linear, of which some tensors are frozen": half_frozen,
    "Linear at '1', which shares a tensor": tied,
    "BatchNorm1d at '0.3', which stands twice": twice,
    "Linear of bfloat16": lambda: nn.Linear(2, 2).bfloat16(),
    "Linear of complex64": lambda: nn.Linear(2, 2, dtype=torch.complex64),
    "Linear at '0' on the device meta": lambda: nn.Sequential(nn.Linear(2, 2, device="meta")),
    "padding_mode='reflect' of Conv2d": lambda: nn.Conv2d(2, 2, 1, padding_mode="reflect"),
    "ceil_mode=True of MaxPool2d": lambda: nn.MaxPool2d(2, ceil_mode=True),
    r"dilation=\(1, 2\) of MaxPool2d": lambda: nn.MaxPool2d(2, dilation=(1, 2)),
    "count_include_pad=False of AvgPool2d": lambda: nn.AvgPool2d(2, count_include_pad=False),
    r"AdaptiveAvgPool2d\(2\)": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten()),
    "an adaptive pool without a flattening": lambda: nn.AdaptiveAvgPool2d(1),
    "behind it, but Conv2d at '1'": lambda: nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Conv2d(2, 2, 1)
    ),
    "start_dim=0 of Flatten": lambda: nn.Flatten(0),
    "track_running_stats=False": lambda: nn.BatchNorm1d(3, track_running_stats=False),
    "momentum=None of BatchNorm": lambda: nn.BatchNorm1d(3, momentum=None),
    "bias=False of LayerNorm": lambda: nn.LayerNorm(3, bias=False),
    "max_norm=1.0 of Embedding": lambda: nn.Embedding(3, 2, max_norm=1.0),
    "threshold=5 of Softplus": lambda: nn.Softplus(threshold=5),
    "dim=None of Softmax": nn.Softmax,
    r"batch_first=False of LSTM.*\n.*\n.*which changes no tensor": lambda: nn.LSTM(2, 3),
    "bias=False of GRU": lambda: nn.GRU(2, 3, bias=False, batch_first=True),
    "proj_size=1 of LSTM": lambda: nn.LSTM(2, 3, proj_size=1, batch_first=True),
    "dropout=0.5 of MultiheadAttention": lambda: nn.MultiheadAttention(
        4, 2, dropout=0.5, batch_first=True
    ),
    "add_zero_attn=True": lambda: nn.MultiheadAttention(
        4, 2, add_zero_attn=True, batch_first=True
    ),
    "Linear at '1', whose input has its features second": lambda: nn.Sequential(
        nn.Conv2d(2, 3, 1), nn.Linear(4, 2)
    ),
    "Conv1d at '1', whose input has its features last": lambda: nn.Sequential(
        nn.Linear(4, 2), nn.Conv1d(2, 3, 1)
    ),
    "BatchNorm2d at '1', whose input has its features last": lambda: nn.Sequential(
        modules.FeaturesLast(), nn.BatchNorm2d(3), nn.Softmax(-1)
    ),
    "BatchNorm1d at '1', whose input has its features last": lambda: nn.Sequential(
        nn.Embedding(5, 3), nn.BatchNorm1d(3)
    ),
    "bias_k=Parameter containing": lambda: nn.MultiheadAttention(
        4, 2, add_bias_kv=True, batch_first=True
    ),
    "GroupNorm at '2', whose input has its features those of a flattened": lambda: nn.Sequential(
        nn.Conv2d(2, 3, 1), nn.Flatten(), nn.GroupNorm(2, 12)
    ),
    "nothing tells the number of channels": lambda: nn.Sequential(
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4, 2)
    ),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_what_has_no_counterpart_is_refused_by_its_name(message):
    with pytest.raises(ArgumentError, match=message):
        from_torch(REFUSED[message]())


def test_what_is_no_module_and_what_is_wrong_are_placed():
    with pytest.raises(ArgumentError, match="Model for from_torch"):
        from_torch(Model([ReLU()]))
    with pytest.raises(ArgumentError, match=r"p=1\.0 for Dropout") as caught:
        from_torch(nn.Sequential(nn.ReLU(), nn.Sequential(nn.Dropout(1.0))))
    assert "at '1.0' of the module, Dropout" in caught.value.__notes__


class Cube(Activation):
    def apply(self, x):
        return x**3, x

    def pullback(self, dy, saved, need_dx=True, out=None):
        return 3 * saved**2 * dy, {}


def test_a_component_that_pytorch_lacks_is_refused_with_its_place():
    with pytest.raises(ArgumentError, match="got Cube") as caught:
        to_torch(Model([ReLU(), Residual(Model([Cube()]))]))
    assert "at '1.inner.0' of the model" in caught.value.__notes__


class Scaled(Cube):
    def __init__(self):
        self.parameters = {"scale": np.ones(1)}


def test_a_component_that_pytorch_lacks_is_in_the_way_of_a_file_if_it_has_parameters(tmp_path):
    save_state_dict(Model([Linear(2, 2), Cube(), Linear(2, 1)]), tmp_path / "net")
    assert "2.weight" in load_file(tmp_path / "net")  # where it would be
    save_state_dict(Model([Cube(), Conv2d(2, 3, 1), Flatten(), Linear(12, 2)]), tmp_path / "net")
    with pytest.raises(ArgumentError, match="got Scaled"):
        save_state_dict(Model([Scaled()]), tmp_path / "net")


def test_flattened_images_that_cannot_meet_are_refused():
    flat = Model([Conv2d(2, 3, 1), Flatten()])
    for model in (
        Model([Parallel([flat, Flatten()], "concatenate"), Linear(9, 2)]),
        Model([flat, GroupNorm(3, 12)]),
        Model([Residual(flat, Model([Flatten(), Linear(8, 12)]))]),
    ):
        with pytest.raises(ArgumentError, match=r"flat|Flatten"):
            to_torch(model, input_shape=(None, 2, 2, 2))
    layer = BatchNorm(12)  # of flattened features, and of others
    with pytest.raises(ArgumentError, match="two places that PyTorch has differently"):
        to_torch(Model([flat, layer, Linear(12, 12), layer]))


def test_softmax_over_another_axis_of_images():
    for axis in (-1, 1, 2, -3):
        model = Model([Conv2d(2, 3, 1), Softmax(axis)])
        x = RNG.standard_normal((2, 4, 5, 2))
        y = to_torch(model)(images_of(x)).detach().movedim(1, -1)
        assert_allclose(y, model.predict(x), rtol=1e-10)
        assert_allclose(from_torch(to_torch(model)).predict(x), model.predict(x), rtol=1e-12)


def test_modules_that_pytorch_lacks_take_what_ours_take():
    x, lengths = RNG.standard_normal((2, 4, 3)), np.array([4, 2])
    net = modules.Sequential(modules.FeaturesLast(), modules.LSTM(3, 5, return_sequences=False))
    y = net.double()((torch.tensor(x).movedim(-1, 1), torch.tensor(lengths))).detach()
    assert_allclose(from_torch(net).predict((x, lengths)), y, rtol=1e-10)
    assert isinstance(from_torch(nn.Sequential(nn.ReLU(), nn.Dropout(0.2)))[0], Dropout)

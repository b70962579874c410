"""Recurrent layers in a row and in both directions: PyTorch's own networks, lengths, training."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Component,
    CrossEntropy,
    Dropout,
    Linear,
    Model,
    MultiHeadAttention,
    Sigmoid,
)
from handgrad.checkpoint import load, save
from handgrad.errors import ArgumentError, ShapeError
from handgrad.optimizers import SGD
from handgrad.training import Trainer
from handgrad.walk import named_gradients, parameters
from helpers import D, H, K, N, generator, random, refuses
from trees import Table

T = 6
LENGTHS = np.array([4, 6, 1, 2, 6, 3, 5])
PAIRS = [(RNN, torch.nn.RNN), (LSTM, torch.nn.LSTM), (GRU, torch.nn.GRU)]
of_each = pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda cls: cls.__name__)


def copied(layer, theirs, suffix):
    """Give one of our layers the parameters of a layer and direction of a network of PyTorch."""
    W, U, b, c = (
        getattr(theirs, f"{name}_{suffix}").detach().numpy().T
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    layer.input_weights, layer.recurrent_weights = W, U
    if isinstance(layer, GRU):
        units = layer.units
        layer.bias = [np.concatenate([(b + c)[: 2 * units], b[2 * units :]])]
        layer.recurrent_bias = [c[2 * units :]]
    else:
        layer.bias = [b + c]
    return layer


def theirs_on(network, x, lengths):
    """Run a network of PyTorch on sequences with lengths; return all states and the last ones."""
    rnn = torch.nn.utils.rnn
    packed = rnn.pack_padded_sequence(x, torch.tensor(lengths), True, enforce_sorted=False)
    y, last = network(packed)
    last = last[0] if isinstance(last, tuple) else last
    return rnn.pad_packed_sequence(y, True, total_length=T)[0], last


@of_each
@pytest.mark.parametrize("last", [False, True], ids=["all states", "last states"])
def test_two_layers_in_both_directions_are_pytorchs(ours, theirs, last):
    torch.manual_seed(0)
    network = theirs(D, H, 2, batch_first=True, bidirectional=True, dtype=torch.float64)

    def both(number, D, **options):
        layers = ours(D, H, **options), ours(D, H, **options)
        for layer, reverse in zip(layers, ("", "_reverse"), strict=True):
            copied(layer, network, f"l{number}{reverse}")
        return Bidirectional(*layers)

    model = Model([both(0, D), both(1, 2 * H, return_sequences=not last)])
    x = random(N, T, D)
    given = torch.tensor(x, requires_grad=True)
    expected, states = theirs_on(network, given, LENGTHS)
    if last:  # of the layer on top, both directions side by side
        expected = torch.cat([states[2], states[3]], dim=1)
    y, saved = model.apply((x, LENGTHS))
    dy = random(*y.shape, seed=1)
    assert_allclose(y, expected.detach(), atol=1e-12)
    expected.backward(torch.tensor(dy))
    (dx, nothing), gradients = model.pullback(dy, saved)
    assert nothing is None
    assert_allclose(dx, given.grad, atol=1e-12)
    found = named_gradients(model, gradients)
    for number in (0, 1):
        for direction, reverse in (("forward", ""), ("backward", "_reverse")):
            place, suffix = f"{number}.{direction}_layer", f"l{number}{reverse}"
            for name, other in (("input", "ih"), ("recurrent", "hh")):
                weight = getattr(network, f"weight_{other}_{suffix}")
                assert_allclose(found[f"{place}.{name}_weights"].T, weight.grad, atol=1e-12)
            bias = getattr(network, f"bias_ih_{suffix}").grad
            assert_allclose(found[f"{place}.bias"][0], bias, atol=1e-12)
            if ours is GRU:
                inner = getattr(network, f"bias_hh_{suffix}").grad[2 * H :]
                assert_allclose(found[f"{place}.recurrent_bias"][0], inner, atol=1e-12)


@of_each
def test_it_trains_as_pytorch_trains_it(ours, theirs):
    torch.manual_seed(1)
    network = torch.nn.ModuleDict(
        {
            "words": torch.nn.Embedding(11, D, dtype=torch.float64),
            "rnn": theirs(D, H, 2, batch_first=True, dtype=torch.float64),
            "head": torch.nn.Linear(H, K, dtype=torch.float64),
        }
    )
    table, head = Table(11, D), Linear(H, K)
    table.weights = network["words"].weight.detach().numpy()
    head.weights = network["head"].weight.detach().numpy().T
    head.bias = [network["head"].bias.detach().numpy()]
    lower, upper = ours(D, H), ours(H, H, return_sequences=False)
    copied(lower, network["rnn"], "l0")
    copied(upper, network["rnn"], "l1")
    model, loss = Model([table, lower, upper, head]), CrossEntropy()
    # Ours is the sum of PyTorch's two biases, of which one alone may learn; of a GRU's second the
    # part for n is ours too.
    for bias in (network["rnn"].bias_hh_l0, network["rnn"].bias_hh_l1):
        learns = torch.arange(len(bias)) >= (2 * H if ours is GRU else len(bias))
        bias.register_hook(lambda gradient, learns=learns: gradient * learns)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    for step in range(50):
        words, classes = generator(step).integers(0, 11, (N, T)), generator(step).integers(0, K, N)
        value = loss(model.forward((words, LENGTHS)), classes)
        model.update_parameters(model.backward(loss.grad()), 0.5)
        optimizer.zero_grad()
        _, last = theirs_on(network["rnn"], network["words"](torch.tensor(words)), LENGTHS)
        expected = torch.nn.functional.cross_entropy(
            network["head"](last[1]), torch.tensor(classes)
        )
        expected.backward()
        optimizer.step()
        assert_allclose(value, expected.item(), rtol=1e-10)
    for layer, suffix in ((lower, "l0"), (upper, "l1")):
        twin = copied(ours(layer.in_features, H), network["rnn"], suffix)
        for name, array in layer.parameters.items():
            assert_allclose(array, twin.parameters[name], atol=1e-10)


# How lengths reach who takes them.


class Noted(Component):
    """What it is given, it passes on, and remembers."""

    def __init__(self):
        self.seen = []

    def apply(self, x):
        self.seen.append(x)
        return x, None

    def pullback(self, dy, saved, need_dx=True, out=None):
        return dy, {}


def gru(D, H, **options):
    return GRU(D, H, rng=generator(D), **options)


def test_a_model_hands_lengths_to_those_alone_that_take_them():
    noted, x = Noted(), random(N, T, D)
    first, second = gru(D, H), LSTM(H, K, return_sequences=False, rng=generator())
    model = Model([Sigmoid(), first, noted, Model([Dropout(second, 0.5).eval()])])
    assert model.takes_tuple
    assert model.takes_lengths
    assert not Model([Sigmoid(), noted]).takes_tuple
    h = first((1 / (1 + np.exp(-x)), LENGTHS))
    expected = second((h, LENGTHS))
    assert_array_equal(model.forward((x, LENGTHS)), expected)
    assert_array_equal(noted.seen[0], h)
    dy = random(N, K, seed=1)
    gradients = model.backward(dy)
    dh, _ = second.grad(dy)
    dx, nothing = first.grad(dh)
    assert nothing is None
    s = 1 / (1 + np.exp(-x))
    found = model.grad(dy)
    assert_allclose(found[0], dx * s * (1 - s))
    assert found[1] is None
    assert_array_equal(gradients[1]["bias"], first.gradients["bias"])
    assert_array_equal(model.forward(x), second(first(s)))
    assert_allclose(model.grad(dy).shape, x.shape)


def test_indices_in_front_and_an_initial_state_for_the_first_that_takes_one():
    words, states = generator().integers(0, 11, (N, T)), (random(N, H), random(N, H, seed=1))
    table, first, second = Table(11, D), LSTM(D, H, rng=generator()), LSTM(H, K, rng=generator(1))
    model, dy = Model([table, first, second]), random(N, T, K)
    y = model.forward((words, LENGTHS, *states))
    h = first((table(words), LENGTHS, *states))
    assert_array_equal(y, second((h, LENGTHS)))
    dwords, dlengths, dstate, dcell = model.grad(dy)
    _, _, *expected = first.grad(second.grad(dy)[0])
    assert dwords is dlengths is None
    assert_array_equal((dstate, dcell), expected)


def test_a_tuple_of_something_else_is_not_lengths():
    class Product(Component):
        takes_tuple = True

        def apply(self, x):
            return x[0] * x[1], x

        def pullback(self, dy, saved, need_dx=True, out=None):
            return (dy * saved[1], dy * saved[0]), {}

    layer = gru(D, H)
    model, (left, right) = Model([Product(), layer]), (random(N, T, D), random(N, T, D, seed=1))
    assert not model.takes_lengths
    assert_array_equal(model.forward((left, right)), layer(left * right))
    dy = random(N, T, H)
    dleft, dright = model.grad(dy)
    dx = layer.grad(dy)
    assert_array_equal(dleft, dx * right)
    assert_array_equal(dright, dx * left)


def test_lengths_for_a_model_without_a_component_that_takes_them():
    with refuses(ShapeError, match="rows of several lengths"):
        Model([Linear(D, K)]).forward((random(N, T, D), LENGTHS))


# Both directions.


def both(D, H, combine="concatenate", **options):
    return Bidirectional(gru(D, H, **options), RNN(D, H, rng=generator(1), **options), combine)


def test_each_direction_reads_within_the_lengths():
    layer, x = both(D, H), random(N, T, D)
    y = layer((x, LENGTHS))
    for n, L in enumerate(LENGTHS):
        assert_allclose(y[n, :L, :H], layer.forward_layer(x[n : n + 1, :L])[0])
        assert_allclose(y[n, :L, H:][::-1], layer.backward_layer(x[n : n + 1, :L][:, ::-1])[0])
        assert not y[n, L:].any()
    assert_array_equal(layer((x, np.full(N, T))), layer(x))
    added = Bidirectional(layer.forward_layer, layer.backward_layer, "sum")
    assert_allclose(added((x, LENGTHS)), y[..., :H] + y[..., H:])


def test_one_layer_in_both_directions_has_one_gradient():
    layer, x, dy = gru(D, H), random(N, T, D), random(N, T, 2 * H)
    model = Model([Bidirectional(layer, layer)])
    model.forward((x, LENGTHS))
    shared = model.backward(dy).flat.copy()
    one, two = gru(D, H), gru(D, H)
    apart = Bidirectional(one, two)
    apart((x, LENGTHS))
    apart.grad(dy)
    sums = (a + b for a, b in zip(*[apart.gradients[f"{d}_layer"].values()
                                    for d in ("forward", "backward")], strict=True))  # fmt: skip
    names = list(apart.gradients["forward_layer"])
    by_name = dict(zip(names, sums, strict=True))
    expected = [by_name[name].ravel() for name in layer.parameters]
    assert_allclose(shared, np.concatenate(expected))


class Counted(Noted):
    """Counts the accepted passes."""

    def __init__(self):
        super().__init__()
        self.buffers = {"passes": np.zeros(1)}

    def update_buffers(self, saved):
        passes = self.buffers["passes"]
        passes += 1


def test_buffers_and_modes_are_passed_on():
    counted = Counted(), Counted()
    layer, x = Bidirectional(*(Model([c, gru(D, H)]) for c in counted)), random(N, T, D)
    layer(x)
    layer((x, LENGTHS))
    assert [c.buffers["passes"][0] for c in counted] == [2, 2]
    layer.forward_layer.eval()
    layer(x)
    assert [c.buffers["passes"][0] for c in counted] == [2, 3]
    layer.eval()(x)
    assert [c.buffers["passes"][0] for c in counted] == [2, 3]
    assert not any(c.training for c in counted)


def test_shapes_and_representations():
    layer = both(D, H)
    assert layer.output_shape((None, 7, D)) == (None, 7, 2 * H)
    assert both(D, H, "sum").output_shape((..., D)) == (None, None, H)
    assert both(D, H, return_sequences=False).output_shape((N, T, D)) == (N, 2 * H)
    assert repr(layer) == "Bidirectional(GRU(3, 5), RNN(3, 5))"
    assert repr(both(D, H, "sum")) == 'Bidirectional(GRU(3, 5), RNN(3, 5), combine="sum")'

    class Unknown(Noted):
        takes_lengths = True

    assert Bidirectional(Unknown(), gru(D, H)).output_shape((N, T, D)) == (...,)
    with refuses(ArgumentError, match="takes sequences and their lengths"):
        Bidirectional(Linear(D, H), gru(D, H))
    with refuses(ShapeError, match="5 and 4 features to be added"):
        Bidirectional(gru(D, H), gru(D, K), "sum")


def test_a_checkpoint_holds_both_directions(tmp_path):
    model = Model([both(D, H, "sum"), Dropout(gru(H, K), 0.5)]).eval()
    save(tmp_path / "model", model)
    restored = load(tmp_path / "model").model
    x = random(N, T, D), LENGTHS
    assert_array_equal(restored.forward(x), model.forward(x))
    assert [place.name for place in parameters(restored)] == [
        place.name for place in parameters(model)
    ]


# Training.


def flags(rng, count):
    """Return marked sequences, and at each step whether a mark stands later."""
    x = rng.integers(0, 2, (count, T, 1)) * (rng.random((count, T, 1)) < 0.4)
    later = np.cumsum(x[:, ::-1, 0], axis=1)[:, ::-1] - x[:, :, 0] > 0
    return x.astype(float), later.astype(int)


@pytest.mark.parametrize("with_lengths", [False, True])
def test_the_trainer_takes_sequences_with_and_without_lengths(with_lengths):
    rng = generator()
    x, y = flags(rng, 256)
    lengths = rng.integers(1, T + 1, 256)
    mask = np.arange(T) < lengths[:, None]
    given, weights = ((x, lengths), mask) if with_lengths else (x, None)
    if with_lengths:
        y = np.stack([np.where(m, later_within(row, m), 0) for row, m in zip(x, mask, strict=True)])
    model = Model([Bidirectional(gru(1, 8), gru(1, 8)), Linear(16, 2, init="glorot", rng=rng)])
    trainer = Trainer(model, CrossEntropy(), SGD(lr=1.0, momentum=0.9))
    options = {"epochs": 30, "batch_size": 32, "progress": False}
    trainer.fit(given, y, sample_weight=weights, **options)
    right = trainer.predict(given).argmax(axis=-1) == y
    assert right[mask].mean() > 0.98
    batches = [((x[:64], lengths[:64]) if with_lengths else x[:64], y[:64])] * 2
    assert np.isfinite(trainer.fit(batches, None, epochs=31, progress=False)["loss"][-1])


def later_within(row, mask):
    marks = row[:, 0] * mask
    return (np.cumsum(marks[::-1])[::-1] - marks > 0).astype(int)


def test_both_directions_take_no_masks_and_no_states():
    both, x = Bidirectional(*[MultiHeadAttention(D, 1) for _ in range(2)]), random(N, T, D)
    for *others, axes in (
        (np.ones((N, T), bool), r"\[3, 2\]"),
        (np.ones((N, T, T), bool), r"\[3, 3\]"),
        (LENGTHS, random(N, D), r"\[3, 1, 2\]"),
    ):
        with refuses(ShapeError, match=rf"(?s)arrays of {axes} axes .*leave initial states and"):
            both((x, *others))


@pytest.mark.parametrize("combine", ["sum", "concatenate"])
def test_one_direction_may_know_less_of_its_shape(combine):
    both = Bidirectional(MultiHeadAttention(D, 1), GRU(D, D), combine)
    K = D if combine == "sum" else 2 * D
    assert both.output_shape((...,)) == (None, None, K)
    assert both.output_shape((N, T, D)) == Model([both]).forward(random(N, T, D)).shape == (N, T, K)

"""The gradients of each sample: PyTorch's, those of the definition, and norms without the rows."""

from functools import cache, partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import handgrad
from handgrad import (
    GRU,
    LSTM,
    RNN,
    BatchNorm,
    Conv2d,
    CrossEntropy,
    Dropout,
    Embedding,
    Flatten,
    GroupNorm,
    LayerNorm,
    LearnedPositionalEncoding,
    Linear,
    LogSoftmax,
    Model,
    MSELoss,
    MultiHeadAttention,
    Parallel,
    ReLU,
    Residual,
    Sigmoid,
    Softmax,
)
from handgrad.adapter import adapt
from handgrad.checking import CASES
from handgrad.checking.cases import TWINS
from handgrad.checking.evaluation import cast, floats_as
from handgrad.errors import CallOrderError, GradientsError, PerSampleError, ShapeError
from handgrad.per_sample import summands
from handgrad.per_sample.contract import EachSample
from handgrad.walk import own_arrays, parameters, walk
from helpers import D, H, K, N, OwnLinear, OwnReLU, generator, random, refuses, snapshot
from trees import Pair, Table
from trees import Residual as OwnResidual


@cache
def drawn(case):
    """Return a model of a row's component, an input, and an upstream gradient."""
    np.random.seed(0)
    rng = generator()
    component, (x, *_) = case.draw(rng)
    model = component if isinstance(component, Model) else Model([component])
    return model, x, random(*model.apply(x)[0].shape, seed=1)


def learns(case):
    return not case.targets and any(parameters(drawn(case)[0]))


def apart(case):
    """Return whether no sample sees another, and there are samples."""
    model, _, dy = drawn(case)
    norms = any(isinstance(c, BatchNorm) and c.training for _, c in walk(model))
    steps = any(isinstance(c, LearnedPositionalEncoding) for _, c in walk(model))
    return not norms and dy.ndim > 1 + steps


LEARNING = [case for case in CASES if learns(case)]
ROWS = [case for case in LEARNING if apart(case)]


def masked(array, n):
    """Return an array with zeros for all samples but one."""
    alone = np.zeros_like(array)
    alone[n] = array[n]
    return alone


def by_definition(model, dy, saved):
    """Return the gradients of each sample's share of the loss, one pullback for each."""
    rows = [model.backpropagate(masked(dy, n), saved).flat.copy() for n in range(len(dy))]
    return np.stack(rows)


def step_by_step(torch, layer, x, p):
    """Run a recurrent layer by PyTorch's cells, since vmap cannot look into its kernels."""
    U = p["recurrent_weights"].T
    first, second = p["bias"][0], torch.zeros(len(U), dtype=x.dtype)
    if isinstance(layer, GRU):
        second = torch.cat([second[: 2 * layer.units], p["recurrent_bias"][0]])
    name = type(layer).__name__.lower()
    cell = getattr(torch, f"{name}_{layer.activation}_cell" if name == "rnn" else f"{name}_cell")
    zeros = 0 * (x[:, 0] @ p["input_weights"][:, : layer.units])  # which vmap has seen made
    states, steps = [zeros for _ in layer.states], []
    for t in range(x.shape[1]):
        hx = states if len(states) > 1 else states[0]
        new = cell(x[:, t], hx, p["input_weights"].T, U, first, second)
        states = list(new) if len(states) > 1 else [new]
        steps.append(states[0])
    return torch.stack(steps, dim=1) if layer.return_sequences else states[0]


UNDER_VMAP = TWINS | dict.fromkeys((RNN, LSTM, GRU), step_by_step)


def by_pytorch(model, x, dy):
    """Return what ``vmap(grad)`` says of the model's twin."""
    places = list(parameters(model))

    def value(tensors, x, dy):
        given = {id(place.array): t for place, t in zip(places, tensors, strict=True)}

        def run(component, x):
            p = {name: given[id(array)] for name, array in own_arrays(component).items()}
            p |= {n: torch.tensor(a) for n, a in own_arrays(component, "buffers").items()}
            p |= {name: partial(run, child) for name, child in component.children().items()}
            return UNDER_VMAP[type(component)](torch, component, x, p)

        return (run(model, x[None])[0] * dy).sum()

    each = torch.func.vmap(torch.func.grad(value), (None, 0, 0))
    tensors = [torch.tensor(place.array) for place in places]
    found = each(tensors, torch.tensor(x), torch.tensor(dy))
    return np.concatenate([array.reshape(len(dy), -1).numpy() for array in found], axis=1)


def fit_for_vmap(case):
    """Return whether a twin runs under vmap: one array comes in, and nothing is left to chance."""
    model, x, _ = drawn(case)
    chance = (c for _, c in walk(model) if isinstance(c, Dropout) and c.training and c.p)
    return not isinstance(x, tuple) and not any(chance)


FIT = [case for case in ROWS if fit_for_vmap(case)]


def test_every_component_that_learns_is_compared_with_pytorch():
    assert {case.component for case in FIT} == {case.component for case in LEARNING}
    assert {case.component for case in LEARNING} > {BatchNorm, Conv2d, Embedding, LSTM, Residual}


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("case", FIT, ids=str)
def test_they_are_those_of_vmap(case):
    model, x, dy = drawn(case)
    found = model.per_sample_gradients(x, dy)
    assert_allclose(found, by_pytorch(model, x, dy), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_they_are_the_pullbacks_of_single_rows_and_add_up_and_have_these_norms(case):
    model, x, dy = drawn(case)
    y = model.forward(x)
    saved, _ = model._remembered
    before = snapshot(model), snapshot(x), snapshot(dy), snapshot(saved)
    found, norms = model.per_sample_gradients(None, dy), model.per_sample_norms(None, dy)
    assert (snapshot(model), snapshot(x), snapshot(dy), snapshot(saved)) == before
    assert found.shape == (len(y), model.parameters.size)
    assert_allclose(found, by_definition(model, dy, saved), rtol=1e-12, atol=1e-12)
    assert_allclose(found.sum(axis=0), model.backpropagate(dy, saved).flat, atol=1e-12)
    assert_allclose(norms, np.linalg.norm(found, axis=1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_the_input_has_the_gradient_that_it_has(case):
    model, x, dy = drawn(case)
    _, saved = model.apply(x)
    (dx, each), (expected, gradients) = (
        pullback(dy, saved) for pullback in (model.pullback_per_sample, model.pullback)
    )
    assert snapshot(dx) == snapshot(expected)
    assert each.keys() == gradients.keys()


@pytest.mark.parametrize("case", [case for case in FIT if len(case.about) < 12], ids=str)
def test_single_precision_stays(case):
    model, x, dy = drawn(case)
    single = cast(model, np.float32)
    given = floats_as(np.float32, x), dy.astype(np.float32)
    found, norms = single.per_sample_gradients(*given), single.per_sample_norms(*given)
    assert found.dtype == norms.dtype == np.float32
    assert_allclose(found, model.per_sample_gradients(x, dy), rtol=1e-3, atol=1e-3)
    assert_allclose(norms, model.per_sample_norms(x, dy), rtol=1e-3, atol=1e-3)


def agrees(model, x, dy=None):
    """Ask whether rows and norms are those of the definition."""
    y, saved = model.apply(x)
    dy = random(*y.shape, seed=3) if dy is None else dy
    expected = by_definition(model, dy, saved)
    assert_allclose(model.per_sample_gradients(x, dy), expected, rtol=1e-12, atol=1e-12)
    norms = np.linalg.norm(expected, axis=1)
    assert_allclose(model.per_sample_norms(x, dy), norms, rtol=1e-12, atol=1e-12)


# ------------------------------------------------------------------------------------- factors


@pytest.mark.parametrize(("T", "D", "K"), [(1, 5, 3), (2, 11, 7), (13, 3, 2), (3, 1, 5)])
@pytest.mark.parametrize("block", [1, 50, 1 << 20])
def test_whichever_way_the_norm_is_cheaper_it_is_the_norm(T, D, K, block, monkeypatch):
    monkeypatch.setattr(summands, "_BLOCK", block)
    x, dy = random(N, T, D), random(N, T, K, seed=1)
    rows = x.mT @ dy
    products = summands.Products(x, dy)
    assert_allclose(products.squares(), np.square(rows).sum(axis=(1, 2)), rtol=1e-12)
    products.write(out := np.full_like(rows, np.nan))
    assert_allclose(out, rows, atol=1e-13)


def test_a_norm_of_nothing_is_0_and_not_the_root_of_a_rounding():
    x = np.array([[[0.1] * 7, [0.3] * 7]])
    dy = np.array([[[0.3] * 5, [-0.1] * 5]])
    assert summands.Products(x, dy).squares() < 1e-15
    assert np.isfinite(np.sqrt(summands.Products(1e3 * x, dy).squares()))


def test_norms_do_not_need_memory_for_the_rows():
    import tracemalloc

    rng = generator()
    model = Model([Linear(400, 300, rng=rng), ReLU(), Linear(300, 10, rng=rng)])
    x, dy = random(64, 400), random(64, 10)
    model.per_sample_norms(x, dy)  # whatever is compiled is compiled now
    tracemalloc.start()
    model.per_sample_norms(x, dy)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < model.parameters.nbytes < 64 * model.parameters.nbytes


# ------------------------------------------------------------------------------- what is shared


def shared_layers():
    rng = generator()
    linear, conv = Linear(D, D, rng=rng), Conv2d(2, 2, 3, padding=1, groups=2, rng=rng)
    table, norm, lstm = Embedding(5, D, 1, rng=rng), LayerNorm(D), LSTM(D, D, rng=rng)
    images, steps, indices = random(N, 4, 5, 2), random(N, 4, D), rng.integers(0, 5, (N, 4))
    yield "linear", Model([linear, Sigmoid(), Model([linear, Sigmoid()]), linear]), random(N, D)
    yield "steps", Model([linear, Residual(Model([Sigmoid(), linear])), norm, norm]), steps
    yield "conv", Model([conv, Sigmoid(), conv, Flatten(), Linear(40, K, rng=rng)]), images
    yield "table", Parallel([Model([table, linear]), table]), indices
    yield "lstm", Model([lstm, lstm]), steps


@pytest.mark.parametrize("kind", [name for name, _, _ in shared_layers()])
def test_what_stands_at_two_places_has_the_sum_of_both_and_its_norm(kind):
    model, x = next((m, x) for name, m, x in shared_layers() if name == kind)
    agrees(model if isinstance(model, Model) else Model([model]), x)


def test_two_objects_around_one_layer_are_added_too():
    class Around:
        def __init__(self, layer):
            self.parameters, self.layer = layer.parameters, layer

        def apply(self, x):
            return self.layer.apply(x)

        def pullback(self, dy, saved, need_dx=True, out=None):
            return self.layer.pullback(dy, saved, need_dx, out)

    layer = Linear(D, D, rng=generator())
    agrees(Model([layer, Sigmoid(), Model([layer]), adapt(layer)]), random(N, D))


# ------------------------------------------------------------------------ what others have written


class Scale(handgrad.Component):
    """The contract alone, with a scalar for a parameter."""

    def __init__(self):
        self.parameters = {"scale": np.array(3.0)}

    def apply(self, x):
        return x * self.parameters["scale"], x

    def pullback(self, dy, saved, need_dx=True, out=None):
        return dy * self.parameters["scale"], {"scale": np.sum(dy * saved)}


def own():
    rng = generator()
    ours = OwnResidual(Model([Linear(D, H, rng=rng), ReLU(), Linear(H, D, rng=rng)]))
    yield "the contract", Model([Scale(), Linear(D, K, rng=rng)]), random(N, D)
    yield "a container", Model([Linear(D, D, rng=rng), ours]), random(N, D)
    yield "two branches", Model([Pair(Linear(D, K, rng=rng), Linear(D, K, rng=rng))]), random(N, D)
    yield "a table", Model([Table(5, D), Linear(D, K, rng=rng)]), rng.integers(0, 5, N)
    yield "calls", Model([OwnLinear(D, H, rng), OwnReLU(), OwnLinear(H, K, rng)]), random(N, D)


@pytest.mark.parametrize("kind", [name for name, _, _ in own() if name != "calls"])
def test_what_somebody_else_has_written_is_asked_once_for_each_sample(kind):
    agrees(*next((model, x) for name, model, x in own() if name == kind))


class Doubled(Linear):
    """A layer that has another pullback than the one that it is derived from."""

    def apply(self, x):
        y, saved = super().apply(x)
        return 2 * y, saved

    def pullback(self, dy, saved, need_dx=True, out=None):
        return super().pullback(2 * dy, saved, need_dx, out)


class Tripled(Model):
    """A chain whose pullback does not say how it looks at its components."""

    def apply(self, x):
        y, saved = super().apply(x)
        return 3 * y, saved

    def pullback(self, dy, saved, need_dx=True, out=None):
        return super().pullback(3 * dy, saved, need_dx, out)


def test_whoever_overrides_a_pullback_has_overridden_what_was_said_of_each_sample():
    doubled = Doubled(D, H, rng=generator())
    agrees(Model([doubled, Tripled([ReLU(), Linear(H, K, rng=generator())])]), random(N, D))
    agrees(Tripled([doubled]), random(N, D))


def test_our_layers_have_formulas_of_their_own():
    slow = EachSample.pullback_per_sample
    for case in LEARNING:
        assert case.component.pullback_per_sample is not slow


def test_what_remembers_its_last_call_alone_is_asked_for_that_one():
    *_, (_, model, x) = own()
    rng = generator()
    Linear(D, K, rng=generator())
    layers = [Linear(D, H), ReLU(), Linear(H, K)]
    for mine, theirs in ((layers[0], model[0]), (layers[2], model[2])):
        mine.weights, mine.bias = theirs.parameters["weights"], theirs.parameters["bias"]
    dy = rng.standard_normal((N, K))
    expected = Model(layers).per_sample_gradients(x, dy)
    assert_allclose(model.per_sample_gradients(x, dy), expected, atol=1e-12)


def test_the_gradients_of_a_layer_are_those_of_the_default():
    layer = Linear(D, K, rng=generator())
    y, saved = layer.apply(random(N, D))
    dy = random(*y.shape, seed=1)
    (dx, slow), (same_dx, fast) = (
        method(layer, dy, saved)
        for method in (EachSample.pullback_per_sample, Linear.pullback_per_sample)
    )
    assert_array_equal(dx, same_dx)
    assert_allclose(slow["bias"][:, 0], fast["bias"], atol=1e-14)
    fast["weights"].write(out := np.empty_like(slow["weights"]))
    assert_allclose(slow["weights"], out, atol=1e-14)


# ------------------------------------------------------------------------------------ the calls


def mixed():
    rng = generator()
    attention = Model([LayerNorm(6), MultiHeadAttention(6, 2, causal=True, rng=rng)])
    inner = Model([Linear(6, 11, rng=rng), ReLU(), Dropout(Linear(11, 6, rng=rng), 0.4, rng=rng)])
    body = [Residual(attention), Residual(inner), GroupNorm(2, 6), Linear(6, K, rng=rng)]
    embedded = [Embedding(9, 6, rng=rng), LearnedPositionalEncoding(5, 6, rng=rng)]
    return Model([*embedded, *body]), rng.integers(0, 9, (N, 5))


def test_the_masks_of_the_last_forward_pass_are_kept():
    model, x = mixed()
    dy = random(*model.forward(x).shape, seed=1)
    expected = by_definition(model, dy, model._remembered[0])
    assert_allclose(model.per_sample_gradients(None, dy), expected, atol=1e-12)
    assert_allclose(model.per_sample_norms(None, dy), np.linalg.norm(expected, axis=1))
    assert np.abs(model.per_sample_gradients(x, dy) - expected).max() > 1e-3  # of other masks


def test_a_pass_of_its_own_is_not_remembered():
    model, x = mixed()
    model.eval()
    first = random(*model.forward(x).shape, seed=1)
    expected = model.per_sample_norms(None, first)
    model.per_sample_gradients(x[:2], first[:2])
    assert_array_equal(model.per_sample_norms(None, first), expected)
    agrees(model, x)


def test_one_sample_is_one_row():
    model, x = mixed()
    model.eval()
    y = model.forward(x[:1])
    dy = random(*y.shape, seed=1)
    (row,) = model.per_sample_gradients(x[:1], dy)
    assert_allclose(row, model.backward(dy).flat, atol=1e-13)
    assert_allclose(model.per_sample_norms(x[:1], dy), [np.linalg.norm(row)])


def test_a_sum_has_the_samples_own_gradients_and_a_mean_the_nth_part():
    model = Model([Linear(D, H, rng=generator()), ReLU(), Linear(H, K, rng=generator(1))])
    x, y = random(N, D), generator().integers(0, K, N)
    total, mean = CrossEntropy(average=False), CrossEntropy()
    rows = []
    for n in range(N):
        total(model.forward(x[n : n + 1]), y[n : n + 1])
        rows.append(model.backward(total.grad()).flat.copy())
    for loss, factor in ((total, 1), (mean, N)):
        loss(model.forward(x), y)
        found = model.per_sample_gradients(None, loss.grad())
        assert_allclose(factor * found, rows, atol=1e-13)


def test_what_is_frozen_has_its_gradients_all_the_same():
    model, x = mixed()
    model.eval()
    dy = random(*model.forward(x).shape, seed=1)
    expected = model.per_sample_gradients(x, dy)
    model.components[0].freeze()
    assert_array_equal(model.per_sample_gradients(x, dy), expected)
    assert np.abs(expected[:, : 9 * 6]).max() > 0


def test_they_can_be_written_over_those_of_another_batch():
    model = Model([Linear(D, K, rng=generator())])
    x, dy = random(N, D), random(N, K, seed=1)
    expected = model.per_sample_gradients(x, dy)
    place = np.full_like(expected, np.nan)
    assert model.per_sample_gradients(x, dy, out=place) is place
    assert_array_equal(place, expected)
    for wrong in (place[1:], place.T.copy().T, place.astype("float32")):
        with refuses(ShapeError, model, wrong, match="contiguous"):
            model.per_sample_gradients(x, dy, out=wrong)


def test_a_model_without_parameters_has_rows_of_none():
    x = random(N, D)
    assert Model([ReLU()]).per_sample_gradients(x, x).shape == (N, 0)
    assert_array_equal(Model([ReLU()]).per_sample_norms(x, x), np.zeros(N))


# ----------------------------------------------------------------------------------- what is wrong


def test_samples_that_see_one_another_are_refused():
    x, dy = random(N, D), random(N, D, seed=1)
    model = Model([Linear(D, D, rng=generator()), Residual(BatchNorm(D, affine=False))])
    with refuses(PerSampleError, model, match=r"call model.eval\(\) first"):
        model.per_sample_norms(x, dy)
    agrees(model.eval(), x)
    for component in (Softmax(axis=0), LogSoftmax(axis=-2)):
        model = Model([Linear(D, D, rng=generator()), component])
        with refuses(PerSampleError, model, match="axis=-1"):
            model.per_sample_norms(x, dy)
    agrees(model, random(N, 4, D))  # where it is another axis than the first


@pytest.mark.parametrize("case", [case for case in LEARNING if case not in ROWS], ids=str)
def test_rows_of_the_table_without_samples_of_their_own_are_refused(case):
    model, x, dy = drawn(case)
    with pytest.raises((PerSampleError, ShapeError)):
        model.per_sample_gradients(x, dy)


def test_arrays_that_do_not_fit_are_refused():
    model, flat = Model([Linear(D, K, rng=generator())]), Model([LayerNorm((N, D))])
    x, dy = random(N, D), random(N, K, seed=1)
    with refuses(CallOrderError, model, match="forward pass first"):
        model.per_sample_norms(None, dy)
    for given, words in (
        ((x, dy[1:]), "exactly that output"),
        ((x[:, 1:], dy), "features"),
        ((x[0], dy[0]), r"x\[None\]"),
    ):
        for method in (model.per_sample_gradients, model.per_sample_norms):
            with refuses(ShapeError, model, match=words):
                method(*given)
    with refuses(ShapeError, flat, match=r"x\[None\]"):
        flat.per_sample_gradients(x, x)


@pytest.mark.parametrize(
    ("gradients", "error", "words"),
    [
        ({}, GradientsError, "by their names"),
        ({"scale": np.ones((N, 2))}, ShapeError, "axis of the samples in front"),
        (3, GradientsError, "form in which pullback"),
    ],
)
def test_a_method_of_ones_own_is_looked_at(gradients, error, words, monkeypatch):
    monkeypatch.setattr(Scale, "pullback_per_sample", lambda *_: (None, gradients), raising=False)
    model, x = Model([Scale()]), random(N, D)
    with refuses(error, model, match=words):
        model.per_sample_gradients(x, x)


def test_the_loss_of_a_regression():
    """A line through the origin: the gradient of a row is 2 (w x - y) x."""
    model, x, y = Model([Linear(1, 1, bias=False)]), random(N, 1), random(N, 1, seed=1)
    loss = MSELoss()
    loss(model.forward(x), y)
    expected = 2 * (x * model.parameters - y) * x
    assert_allclose(N * model.per_sample_gradients(None, loss.grad()), expected, atol=1e-14)

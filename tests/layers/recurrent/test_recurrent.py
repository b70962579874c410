"""RNN, LSTM and GRU: their definition, where they begin, lengths, and states to go on from."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import GRU, LSTM, RNN, CrossEntropy, Linear, Model
from handgrad.checkpoint import load, save
from handgrad.errors import ArgumentError, ShapeError
from helpers import D, H, K, N, generator, random, refuses

T = 6
LAYERS = [RNN, LSTM, GRU]
of_each = pytest.mark.parametrize("cls", LAYERS)


def made(cls, D=D, H=H, seed=0, **options):
    """Return a layer whose parameters are as large as its inputs, its biases too."""
    layer, rng = cls(D, H, rng=generator(seed), **options), generator(seed + 1)
    for array in layer.parameters.values():
        array[...] = rng.standard_normal(array.shape)
    return layer


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def blocks(array, H):
    return np.split(array, array.shape[1] // H, axis=1)


# The definitions, a step and a sequence at a time.


def step_rnn(layer, x, h):
    phi = np.tanh if layer.activation == "tanh" else lambda a: np.maximum(a, 0)
    return (phi(x @ layer.input_weights + h @ layer.recurrent_weights + layer.bias[0]),)


def step_lstm(layer, x, h, c):
    gates = zip(*(blocks(a, layer.units) for a in layer.parameters.values()), strict=True)
    i, f, g, o = (x @ W + h @ U + b[0] for W, U, b in gates)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def step_gru(layer, x, h):
    names = ("input_weights", "recurrent_weights", "bias")
    gates = zip(*(blocks(layer.parameters[name], layer.units) for name in names), strict=True)
    (W, U, b), (V, Z, d), (P, Q, e) = gates
    r, z = sigmoid(x @ W + h @ U + b[0]), sigmoid(x @ V + h @ Z + d[0])
    n = np.tanh(x @ P + e[0] + r * (h @ Q + layer.recurrent_bias[0]))
    return ((1 - z) * n + z * h,)


@pytest.mark.parametrize(
    ("layer", "step"),
    [
        (made(RNN), step_rnn),
        (made(RNN, activation="relu"), step_rnn),
        (made(LSTM), step_lstm),
        (made(GRU), step_gru),
    ],
    ids=["RNN", "RNN, relu", "LSTM", "GRU"],
)
def test_the_output_is_the_definition(layer, step):
    x, lengths = random(N, T, D), generator().integers(1, T + 1, N)
    initial = [random(N, H, seed=seed) for seed in range(len(layer.states))]
    y = layer((x, lengths, *initial))
    for n in range(N):
        states = [state[n] for state in initial]
        for t in range(T):
            if t < lengths[n]:
                states = step(layer, x[n, t], *states)
                assert_allclose(y[n, t], states[0])
            else:
                assert not y[n, t].any()


# Where they begin.


@of_each
def test_initial_parameters(cls):
    layer = cls(30, 20, rng=generator())
    columns = 20 * {RNN: 1, LSTM: 4, GRU: 3}[cls]
    W, U, bias = layer.input_weights, layer.recurrent_weights, layer.bias
    assert (W.shape, U.shape, bias.shape) == ((30, columns), (20, columns), (1, columns))
    assert_allclose(U @ U.T, np.eye(20), atol=1e-12)
    limit = np.sqrt(6 / (30 + columns))
    assert 0.95 * limit < np.abs(W).max() <= limit
    expected = np.zeros((1, columns))
    if cls is LSTM:
        expected[:, 20:40] = 1
    if cls is GRU:
        assert_array_equal(layer.recurrent_bias, np.zeros((1, 20)))
    assert_array_equal(bias, expected)


@of_each
def test_one_seed_is_one_layer_in_whatever_type(cls):
    one, two = cls(3, 2, rng=generator(5)), cls(3, 2, rng=generator(5), dtype=np.float32)
    np.random.seed(5)
    three = cls(3, 2)
    np.random.seed(5)
    four = cls(3, 2)
    for name, array in one.parameters.items():
        assert two.parameters[name].dtype == np.float32
        assert_array_equal(array.astype(np.float32), two.parameters[name])
        assert_array_equal(three.parameters[name], four.parameters[name])


def test_initializers_of_ones_own():
    layer = GRU(3, 2, init="ones", recurrent_init=lambda shape, rng: np.full(shape, 2.0),
                bias_init="ones")  # fmt: skip
    assert_array_equal(layer.input_weights, np.ones((3, 6)))
    assert_array_equal(layer.recurrent_weights, np.full((2, 6), 2.0))
    assert_array_equal(layer.bias, np.ones((1, 6)))
    assert_array_equal(layer.recurrent_bias, np.ones((1, 2)))
    assert not LSTM(3, 2, unit_forget_bias=False).bias.any()
    assert_array_equal(LSTM(3, 1, bias_init="normal").bias[0, 1], 1)


@of_each
def test_constructor_arguments_are_kept_and_shown(cls, tmp_path):
    layer = cls(3, 2, return_sequences=False, bias_init="normal", rng=generator())
    assert repr(layer) == f"{cls.__name__}(3, 2, return_sequences=False)"
    model = Model([layer, Linear(2, K, rng=generator())])
    save(tmp_path / "model", model)
    restored = load(tmp_path / "model").model
    x = random(N, T, 3), np.arange(N) % T + 1
    assert_array_equal(restored.forward(x), model.forward(x))
    assert repr(restored) == repr(model)


def test_the_model_shows_the_shapes():
    assert repr(RNN(3, 2, activation="relu")) == 'RNN(3, 2, activation="relu")'
    table = repr(Model([GRU(3, 2), LSTM(2, 4, return_sequences=False), Linear(4, 5)]))
    for line in (
        r"GRU\(3, 2\) +\(\?, \?, 2\) +38",
        r"=False\) +\(\?, 4\) +112",
        r"5\) +\(\?, 5\) +25",
    ):
        assert re.search(line, table), table


# What holds for all lengths.


@st.composite
def sequences(draw):
    """Return a layer, an input for it, and the sizes."""
    cls, last = draw(st.sampled_from(LAYERS)), draw(st.booleans())
    N, T, D, H = (draw(st.integers(1, 5)) for _ in range(4))
    lengths = np.array(draw(st.lists(st.integers(1, T), min_size=N, max_size=N)))
    seed = draw(st.integers(0, 2**32 - 2))
    layer, rng = made(cls, D, H, seed=seed, return_sequences=not last), generator(seed)
    initial = [rng.standard_normal((N, H)) for _ in layer.states]
    return layer, (rng.standard_normal((N, T, D)), lengths, *initial), rng


def there_and_back(layer, x, dy):
    y, saved = layer.apply(x)
    dx, gradients = layer.pullback(dy, saved)
    return y, dx, gradients


@given(sequences())
def test_each_sequence_is_by_itself_and_gradients_add(problem):
    layer, (x, lengths, *initial), rng = problem
    dy = rng.standard_normal(layer.apply(x)[0].shape)
    y, dx, gradients = there_and_back(layer, (x, lengths, *initial), dy)
    sums = dict.fromkeys(gradients, 0.0)
    for n, L in enumerate(lengths):
        states = [state[n : n + 1] for state in initial]
        cut = dy[n : n + 1, :L] if layer.return_sequences else dy[n : n + 1]
        one = (x[n : n + 1, :L], lengths[n : n + 1], *states)
        alone, dalone, shares = there_and_back(layer, one, cut)
        assert_allclose(y[n, :L] if layer.return_sequences else y[n], alone[0], atol=1e-12)
        for whole, part in zip(dx[2:], dalone[2:], strict=True):
            assert_allclose(whole[n], part[0], atol=1e-10)
        assert_allclose(dx[0][n, :L], dalone[0][0], atol=1e-10)
        assert not dx[0][n, L:].any()
        sums = {name: sums[name] + share for name, share in shares.items()}
    for name, gradient in gradients.items():
        assert_allclose(gradient, sums[name], atol=1e-9)


@given(sequences(), st.data())
def test_the_sequences_have_no_order(problem, data):
    layer, (x, lengths, *initial), rng = problem
    order = np.array(data.draw(st.permutations(range(len(x)))))
    dy = rng.standard_normal(layer.apply(x)[0].shape)
    y, dx, gradients = there_and_back(layer, (x, lengths, *initial), dy)
    other = tuple(part[order] for part in (x, lengths, *initial))
    z, dz, others = there_and_back(layer, other, dy[order])
    assert_allclose(z, y[order], atol=1e-12)
    for one, two in zip((dx[0], *dx[2:]), (dz[0], *dz[2:]), strict=True):
        assert_allclose(two, one[order], atol=1e-10)
    for name, gradient in gradients.items():
        assert_allclose(others[name], gradient, atol=1e-9)


@given(sequences(), st.data())
def test_going_on_from_the_last_states_is_never_having_stopped(problem, data):
    layer, (x, _, *initial), rng = problem
    (count, T), stop = x.shape[:2], data.draw(st.integers(1, x.shape[1]))
    x = np.concatenate([x, rng.standard_normal((count, 1, x.shape[2]))], axis=1)
    lengths = np.full(count, T + 1)
    layer.return_sequences = True
    dy = rng.standard_normal((count, T + 1, layer.units))
    y, dx, _ = there_and_back(layer, (x, lengths, *initial), dy)
    first, saved = layer.apply((x[:, :stop], np.full(count, stop), *initial))
    states = layer.last_states(saved)
    second, saved_too = layer.apply((x[:, stop:], np.full(count, T + 1 - stop), *states))
    assert_allclose(np.concatenate([first, second], axis=1), y, atol=1e-12)
    later, _ = layer.pullback(dy[:, stop:], saved_too)
    assert_allclose(later[0], dx[0][:, stop:], atol=1e-10)


@given(sequences())
def test_the_last_state_is_the_one_at_the_length(problem):
    layer, (x, lengths, *initial), rng = problem
    layer.return_sequences = True
    y, saved = layer.apply((x, lengths, *initial))
    rows = np.arange(len(x))
    last, dlast = y[rows, lengths - 1], rng.standard_normal((len(x), layer.units))
    assert_array_equal(layer.last_states(saved)[0], last)
    dy = np.zeros_like(y)
    dy[rows, lengths - 1] = dlast
    expected, gradients = layer.pullback(dy, saved)
    layer.return_sequences = False
    z, saved = layer.apply((x, lengths, *initial))
    found, others = layer.pullback(dlast, saved)
    assert_array_equal(z, last)
    for name, gradient in gradients.items():
        assert_array_equal(others[name], gradient)
    for one, two in zip(expected, found, strict=True):
        assert one is two is None or np.array_equal(one, two)


@of_each
def test_a_gradient_does_not_go_to_later_steps(cls):
    layer, x, dy = made(cls), random(N, T, D), np.zeros((N, T, H))
    dy[:, 3] = random(N, H)
    layer(x)
    dx = layer.grad(dy)
    assert dx[:, :4].all()
    assert not dx[:, 4:].any()


# Forms.


@of_each
def test_the_gradient_has_the_form_of_the_input(cls):
    layer, x, lengths = made(cls), random(N, T, D), np.arange(N) % T + 1
    states = [random(N, H, seed=seed) for seed in (1, 2)][: len(layer.states)]
    dy = random(N, T, H)
    y = layer(x)
    whole = layer.grad(dy)
    assert type(whole) is np.ndarray
    assert_array_equal(layer((x,)), y)
    (alone,) = layer.grad(dy)
    assert_array_equal(alone, whole)
    layer((x, lengths))
    dx, nothing = layer.grad(dy)
    assert nothing is None
    layer((x, lengths, *(np.zeros((N, H)) for _ in states)))
    with_zeros = layer.grad(dy)
    assert_array_equal(with_zeros[0], dx)
    assert [part.shape for part in with_zeros[2:]] == [(N, H)] * len(states)


@of_each
def test_numbers_of_other_kinds(cls):
    layer, x = made(cls), generator().integers(-2, 3, (N, T, D))
    expected = layer(x.astype(float))
    assert_array_equal(layer(x), expected)
    assert_array_equal(layer(x.tolist()), expected)
    lengths = np.arange(N) % T + 1
    for kind in (np.uint8, np.int32):
        assert_array_equal(layer((x, lengths.astype(kind))), layer((x.tolist(), lengths.tolist())))
    single = made(cls, dtype=np.float32)
    y = single((x.astype(np.float32), lengths))
    assert y.dtype == np.float32
    assert single.grad(y)[0].dtype == np.float32


@of_each
def test_what_comes_out_shares_no_memory_with_what_is_kept(cls):
    layer, x, dy = made(cls), random(N, T, D), random(N, T, H)
    for last in (False, True):
        layer.return_sequences = not last
        y, saved = layer.apply(x)
        upstream = dy[:, 0] if last else dy
        expected, _ = layer.pullback(upstream, saved)
        for state in (y, *layer.last_states(saved)):
            state[...] = np.nan
        assert_array_equal(layer.pullback(upstream, saved)[0], expected)


def test_errors_name_the_mend():
    lstm, x = made(LSTM), random(N, T, D)
    with refuses(ShapeError, lstm, match=r"(?s)an input of shape \(7, 3\).*x\[None\]"):
        lstm(random(N, D))
    with refuses(ShapeError, lstm, match=r"(?s)lengths from 0 to 6.*from 1 to 6"):
        lstm((x, np.arange(N)))
    with refuses(ShapeError, lstm, match=r"(?s)\(7, 5\).*pass \(x, lengths, state, cell\)"):
        lstm((x, np.full(N, T), random(N, H)))
    with refuses(ArgumentError, match="return_sequences='no'"):
        GRU(D, H, return_sequences="no")
    with pytest.raises(ShapeError, match="return_sequences=True"):
        Model([GRU(D, H, return_sequences=False), GRU(H, K)])
    with pytest.raises(ShapeError, match="3 features"):
        Model([GRU(D, H), GRU(D, K)])


# They learn.


@of_each
def test_it_learns_what_stood_first(cls):
    rng = generator()
    layer = cls(K, 16, return_sequences=False, rng=rng)
    model = Model([layer, Linear(16, K, init="glorot", bias_init="zeros", rng=rng)])
    x = np.eye(K)[rng.integers(0, K, (64, T))]
    lengths, loss = rng.integers(2, T + 1, 64), CrossEntropy()
    for _ in range(200):
        value = loss(model.forward((x, lengths)), x[:, 0])
        model.update_parameters(model.backward(loss.grad()), 1.0)
    assert value < 0.1


@pytest.mark.parametrize("cls", [RNN, LSTM, GRU])
def test_there_may_be_states_without_lengths(cls):
    rng = np.random.default_rng(0)
    layer = cls(3, 5, rng=rng)
    x, states = rng.standard_normal((2, 7, 3)), rng.standard_normal((1 + (cls is LSTM), 2, 5))
    y = layer((x, None, *states))
    dy = rng.standard_normal(y.shape)
    dx, of_lengths, *others = layer.grad(dy)
    assert_array_equal(y, layer((x, np.full(2, 7), *states)))
    expected, _, *other = layer.grad(dy)
    assert of_lengths is None
    for one, two in zip((dx, *others), (expected, *other), strict=True):
        assert_array_equal(one, two)

"""What holds for every input, and not only for those that somebody thought of."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import CrossEntropy, Linear, Model, MSELoss, ReLU, Sigmoid
from handgrad.walk import named_gradients
from helpers import generator

FINITE = st.floats(allow_nan=False, allow_infinity=False)
SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 6)


def moderate(shape, size=50.0):
    return arrays(np.float64, shape, elements=st.floats(-size, size))


@st.composite
def classified(draw, elements=None):
    """Return logits (N, K) and a class for each row."""
    N, K = draw(SIZES), draw(st.integers(2, 6))
    elements = st.floats(-50, 50) if elements is None else elements
    logits = draw(arrays(np.float64, (N, K), elements=elements))
    return logits, draw(arrays(np.int64, N, elements=st.integers(0, K - 1)))


# Linear


@given(leading=array_shapes(min_dims=0, max_dims=3, max_side=4), D=SIZES, K=SIZES, seed=SEEDS)
def test_leading_dimensions_are_rows(leading, D, K, seed):
    rng = generator(seed)
    layer = Linear(D, K, rng=rng)
    x, dy = rng.standard_normal((*leading, D)), rng.standard_normal((*leading, K))
    y = layer(x)
    (gradient_weights, gradient_input), bias = layer.grad(dy), layer.gradients["bias"]
    assert_allclose(y, layer(x.reshape(-1, D)).reshape(*leading, K))
    flat_weights, flat_input = layer.grad(dy.reshape(-1, K))
    assert (gradient_input.shape, bias.shape) == (x.shape, layer.bias.shape)
    assert_allclose(gradient_weights, flat_weights)
    assert_allclose(gradient_input, flat_input.reshape(x.shape))
    assert_allclose(bias, layer.gradients["bias"])


@given(seed=SEEDS, N=SIZES, D=SIZES, K=SIZES)
def test_a_layer_sees_each_row_by_itself_and_its_gradients_add(seed, N, D, K):
    rng = generator(seed)
    layer = Linear(D, K, rng=rng)
    x, dy = rng.standard_normal((N, D)), rng.standard_normal((N, K))
    y = layer(x)
    together = layer.grad(dy)
    alone = [(layer(x[n]), layer.grad(dy[n])) for n in range(N)]
    assert_allclose(y, [row for row, _ in alone])
    assert_allclose(together[0], sum(gradients[0] for _, gradients in alone), atol=1e-12)
    assert_allclose(together[1], [gradients[1] for _, gradients in alone], atol=1e-12)


# Activations


@given(x=arrays(np.float64, array_shapes(max_dims=3), elements=FINITE))
def test_a_sigmoid_is_in_0_to_1_symmetric_and_silent(x):
    sigmoid = Sigmoid()
    y = sigmoid(x)
    assert np.all((y >= 0) & (y <= 1))
    slope = sigmoid.grad(np.ones_like(x))
    assert np.all((slope >= 0) & (slope <= 0.25))
    assert_allclose(y + sigmoid(-x), 1)
    assert_allclose(sigmoid.grad(np.ones_like(x)), slope, atol=1e-15)


@given(
    x=arrays(
        np.float32,
        array_shapes(),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    )
)
def test_a_sigmoid_is_silent_in_single_precision_too(x):
    y = Sigmoid()(x)
    assert y.dtype == np.float32
    assert np.all((y >= 0) & (y <= 1))


@given(x=arrays(np.float64, array_shapes(max_dims=3), elements=FINITE), seed=SEEDS)
def test_a_relu_splits_its_input_and_its_gradient(x, seed):
    up, down, dy = ReLU(), ReLU(), generator(seed).standard_normal(x.shape)
    assert_array_equal(up(x) - down(-x), x)
    assert_array_equal(up.grad(dy) + down.grad(dy), np.where(x == 0, 0, dy))


# Losses


@given(x=moderate((4, 3)), y=moderate((4, 3)), shift=st.floats(-50, 50))
def test_a_squared_error_is_symmetric_invariant_to_a_shift_and_at_rest_at_its_target(x, y, shift):
    loss = MSELoss()
    value = loss(x, y)
    gradient = loss.grad()
    assert value >= 0
    assert_allclose(loss(y, x), value)
    assert_allclose(loss.grad(), -gradient)
    assert_allclose(loss(x + shift, y + shift), value, atol=1e-9)
    assert loss(x, x) == 0
    assert not loss.grad().any()


@given(problem=classified(), shift=st.floats(-1e3, 1e3), average=st.booleans())
def test_cross_entropy_does_not_see_a_constant_added_to_a_row(problem, shift, average):
    logits, classes = problem
    loss, offsets = CrossEntropy(average), shift * np.arange(1, len(logits) + 1)[:, None]
    value = loss(logits, classes)
    gradient = loss.grad()
    assert_allclose(loss(logits + offsets, classes), value, atol=1e-9)
    assert_allclose(loss.grad(), gradient, atol=1e-9)
    assert value >= 0
    assert_allclose(gradient.sum(axis=1), 0, atol=1e-14)


@given(problem=classified(), average=st.booleans(), kind=st.sampled_from([int, bool, np.float32]))
def test_class_indices_are_one_hot_rows(problem, average, kind):
    logits, classes = problem
    loss = CrossEntropy(average)
    value = loss(logits, classes)
    gradient = loss.grad()
    rows = np.eye(logits.shape[1], dtype=kind)[classes]
    assert_allclose(loss(logits, rows), value, rtol=1e-14, atol=1e-14)
    assert_allclose(loss.grad(), gradient, rtol=1e-14, atol=1e-15)
    assert loss(logits, classes.tolist()) == value


@given(problem=classified(), seed=SEEDS)
def test_cross_entropy_is_linear_in_its_targets(problem, seed):
    logits, _ = problem
    loss, rng = CrossEntropy(), generator(seed)
    first, second = rng.dirichlet(np.ones(logits.shape[1]), (2, len(logits)))
    values, gradients = [], []
    for targets in (first, second, 0.25 * first + 0.75 * second):
        values.append(loss(logits, targets))
        gradients.append(loss.grad())
    assert_allclose(values[2], 0.25 * values[0] + 0.75 * values[1], atol=1e-12)
    assert_allclose(gradients[2], 0.25 * gradients[0] + 0.75 * gradients[1], atol=1e-14)


@given(problem=classified(elements=FINITE))
@example(problem=(np.array([[1.7e308, -1.7e308]] * 3), np.array([1, 1, 1])))
def test_cross_entropy_is_finite_for_every_finite_logits(problem):
    logits, classes = problem
    loss = CrossEntropy()
    assert np.isfinite(loss(logits, classes))
    gradient = loss.grad()
    assert np.all(np.abs(gradient) <= 1)
    assert_allclose(gradient.sum(axis=1), 0, atol=1e-14)


@given(problem=classified(), column=st.integers(0, 5))
def test_a_class_that_a_mask_rules_out_is_as_if_it_were_not_there(problem, column):
    logits, classes = problem
    column %= logits.shape[1] + 1
    masked = np.insert(logits, column, -np.inf, axis=1)
    loss = CrossEntropy()
    value = loss(logits, classes)
    gradient = loss.grad()
    assert_allclose(loss(masked, classes + (classes >= column)), value, atol=1e-12)
    assert_allclose(loss.grad(), np.insert(gradient, column, 0, axis=1), atol=1e-14)
    assert loss(masked, np.full(len(logits), column)) == np.inf


@given(problem=classified(), seed=SEEDS, repeats=st.integers(2, 4))
def test_a_mean_does_not_see_a_repeated_minibatch_and_a_sum_counts_it(problem, seed, repeats):
    logits, classes = problem
    targets = generator(seed).standard_normal(logits.shape)
    again = (np.tile(logits, (repeats, 1)), np.tile(classes, repeats))
    assert_allclose(CrossEntropy()(*again), CrossEntropy()(logits, classes), atol=1e-12)
    assert_allclose(CrossEntropy(False)(*again), repeats * CrossEntropy(False)(logits, classes))
    tiled = MSELoss()(again[0], np.tile(targets, (repeats, 1)))
    assert_allclose(tiled, MSELoss()(logits, targets))


# Models


@st.composite
def networks(draw):
    """Return layers and activations that fit each other, their features, and a generator."""
    rng = generator(draw(SEEDS))
    sizes = draw(st.lists(SIZES, min_size=2, max_size=5))
    components = []
    for D, K in pairwise(sizes):
        components.append(Linear(D, K, rng=rng))
        components += draw(st.sampled_from([[], [ReLU()], [Sigmoid()], [Sigmoid(), ReLU()]]))
    return components, sizes[0], sizes[-1], rng


def copied(components):
    """Return equal components with arrays of their own."""
    twins = []
    for component in components:
        twin = type(component)() if not isinstance(component, Linear) else None
        if twin is None:
            twin = Linear(component.in_features, component.out_features)
            twin.weights, twin.bias = component.weights, component.bias
        twins.append(twin)
    return twins


@given(network=networks(), cuts=st.sets(st.integers(1, 12)))
def test_a_nested_model_is_the_flat_model(network, cuts):
    components, D, K, rng = network
    flat = Model(copied(components))
    edges = [0, *sorted(cut for cut in cuts if cut < len(components)), len(components)]
    twins = copied(components)
    nested = Model([Model(twins[a:b]) for a, b in pairwise(edges)])
    x, dy = rng.standard_normal((3, D)), rng.standard_normal((3, K))
    assert_array_equal(nested.parameters, flat.parameters)
    assert_array_equal(nested.forward(x), flat.forward(x))
    assert_array_equal(nested.backward(dy).flat, flat.backward(dy).flat)
    (dx, _), (expected, _) = (m.pullback(dy, m.apply(x)[1]) for m in (nested, flat))
    assert_array_equal(dx, expected)


@given(network=networks())
def test_packing_goes_round(network):
    components, _, _, rng = network
    twins = copied(components)
    model = Model(components)
    parts = [
        getattr(component, name).ravel()
        for component in twins
        if isinstance(component, Linear)
        for name in ("weights", "bias")
    ]
    assert_array_equal(model.parameters, np.concatenate(parts))
    values = rng.standard_normal(model.parameters.shape)
    model.parameters = values
    seen = [
        array.ravel() for c in components if isinstance(c, Linear) for array in (c.weights, c.bias)
    ]
    assert_array_equal(np.concatenate(seen), values)
    for component in components:
        if isinstance(component, Linear):
            component.weights *= 2.0
            component.bias = 2.0 * component.bias
    assert_array_equal(model.parameters, 2 * values)


@given(seed=SEEDS, D=SIZES, times=st.integers(1, 4))
def test_a_shared_layers_gradient_is_the_sum_over_its_places(seed, D, times):
    rng = generator(seed)
    shared, sigmoid = Linear(D, D, rng=rng), Sigmoid()
    apart = Model([part for _ in range(times) for part in (*copied([shared]), sigmoid)])
    model = Model([shared, sigmoid] * times)
    x, dy = rng.standard_normal((2, 3, D))
    assert_array_equal(model.forward(x), apart.forward(x))
    one_by_one = apart.backward(dy).flat.reshape(times, -1)
    assert_allclose(model.backward(dy).flat, one_by_one.sum(axis=0), atol=1e-14)


@given(network=networks(), order=st.permutations(range(4)))
@settings(max_examples=25)
def test_passes_do_not_mix_interleaved_or_in_threads(network, order):
    components, D, K, rng = network
    model = Model(components)
    x, dy = rng.standard_normal((4, 3, D)), rng.standard_normal((4, 3, K))

    def back(i, saved):
        gradients = named_gradients(model, model.pullback(dy[i], saved)[1])
        return np.concatenate([array.ravel() for array in gradients.values()])

    alone = [back(i, model.apply(x[i])[1]) for i in range(4)]
    saved = [model.apply(x[i])[1] for i in range(4)]
    for i in order:
        assert_array_equal(back(i, saved[i]), alone[i])
    with ThreadPoolExecutor(4) as pool:
        passes = pool.map(lambda i: back(i, model.apply(x[i])[1]), order)
    for i, flat in zip(order, passes, strict=True):
        assert_array_equal(flat, alone[i])


@given(network=networks(), lr=st.floats(1e-6, 1e-4))
def test_a_small_step_lowers_the_loss_and_undoing_it_restores_it(network, lr):
    components, D, K, rng = network
    model, loss = Model(components), MSELoss()
    x, targets = rng.standard_normal((3, D)), rng.standard_normal((3, K))
    before = loss(model.forward(x), targets)
    gradients = model.backward(loss.grad())
    assume(gradients.flat @ gradients.flat > 1e-6)
    model.update_parameters(gradients, lr)
    assert loss(model.forward(x), targets) < before
    model.update_parameters(gradients, -lr)
    assert_allclose(loss(model.forward(x), targets), before, rtol=1e-12)

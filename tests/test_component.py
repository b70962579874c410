"""The calls that the exercise fixes: `__call__` and `grad`, their draws, types and facts."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import CrossEntropy, Dropout, Linear, Model, MSELoss, ReLU, Sigmoid
from helpers import D, K, N, generator, random, small_model


def test_mse_is_the_mean_over_all_elements_of_integers_of_any_shape():
    predictions, targets = generator().integers(-9, 9, (2, 3, 5)), np.arange(30).reshape(2, 3, 5)
    loss = MSELoss()
    assert_allclose(loss(predictions, targets), np.mean((predictions - targets) ** 2))
    assert_allclose(loss.grad(), 2 * (predictions - targets) / 30)
    assert loss.grad().dtype == np.float64


def test_mse_of_two_scalars():
    loss = MSELoss()
    assert loss(3, 1) == 4
    assert loss.grad() == 4


@pytest.mark.parametrize("average", [True, False])
def test_cross_entropy_is_the_mean_or_the_sum_over_the_minibatch(average):
    logits, classes = random(N, K), generator().integers(0, K, N)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    one_hot = np.eye(K)[classes]
    divisor = N if average else 1
    loss = CrossEntropy(average=average)
    assert_allclose(loss(logits, one_hot), -np.log(p[range(N), classes]).sum() / divisor)
    assert_allclose(loss.grad(), (p - one_hot) / divisor)


def test_linear_gives_the_weights_gradient_and_the_inputs_and_keeps_the_bias():
    layer, x, dy = Linear(D, K, rng=generator()), random(N, D), random(N, K, seed=1)
    assert layer.weights.shape == (D, K)
    assert layer.bias.shape == (1, K)
    assert dict(layer.gradients) == {}
    assert_allclose(layer(x), x @ layer.weights + layer.bias)
    gradient_weights, gradient_input = layer.grad(dy)
    assert_allclose(gradient_weights, x.T @ dy)
    assert_allclose(gradient_input, dy @ layer.weights.T)
    assert_allclose(layer.gradients["bias"], dy.sum(axis=0, keepdims=True))
    assert layer.gradients["weights"] is gradient_weights


def test_relu_passes_nothing_back_at_its_kink():
    relu = ReLU()
    assert_array_equal(relu([[-2, 0, 3]]), [[0, 0, 3]])
    assert_array_equal(relu.grad([[5, -7, -9]]), [[0, 0, -9]])


def test_sigmoid_and_its_derivative():
    sigmoid, x, dy = Sigmoid(), random(N, D), random(N, D, seed=1)
    y = 1 / (1 + np.exp(-x))
    assert_allclose(sigmoid(x), y)
    assert_allclose(sigmoid.grad(dy), dy * y * (1 - y))


@pytest.mark.parametrize("component", [ReLU(), Sigmoid()], ids=repr)
def test_activations_take_a_single_number(component):
    assert_array_equal(component(0.5), component([0.5])[0])
    gradient = component.grad([-3.0])
    component(0.5)
    assert_array_equal(component.grad(-3.0), gradient[0])


@pytest.mark.parametrize(
    "component", [ReLU(), Sigmoid(), Linear(D, K, rng=generator()), small_model()], ids=repr
)
@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8, bool])
def test_integers_and_lists_count_as_float64(component, dtype):
    x = (10 * np.abs(random(N, D))).astype(dtype)
    y = component(x)
    assert y.dtype == np.float64
    assert_array_equal(y, component(x.astype(np.float64)))
    assert_array_equal(y, component(x.tolist()))


def test_numbers_in_another_order_of_bytes_are_the_same_numbers():
    x, targets = random(N, K), random(N, K, seed=1)
    swapped = [array.astype(array.dtype.newbyteorder()) for array in (x, targets)]
    for component in (ReLU(), Sigmoid(), Linear(K, D, rng=generator())):
        assert_array_equal(component(swapped[0]), component(x))
        assert component(swapped[0]).dtype.isnative
    for loss in (MSELoss(), CrossEntropy()):
        assert loss(*swapped) == loss(x, targets)
        assert_array_equal(loss.grad(), (loss(x, targets), loss.grad())[1])
        assert loss.grad().dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_precision_is_kept(dtype):
    x, dy = random(N, D).astype(dtype), random(N, K, seed=1).astype(dtype)
    layer = Linear(D, K, rng=generator(), dtype=dtype)
    assert layer(x).dtype == dtype
    assert {array.dtype for array in (*layer.grad(dy), layer.gradients["bias"])} == {
        np.dtype(dtype)
    }
    for component in (ReLU(), Sigmoid(), Dropout(ReLU(), 0.5, rng=generator())):
        assert component(x).dtype == dtype
    for activation in (ReLU(), Sigmoid()):
        activation(dy)
        assert activation.grad(dy).dtype == dtype
    for loss in (MSELoss(), CrossEntropy(), CrossEntropy(average=False)):
        assert loss(dy, np.ones((N, K), dtype=np.float64)).dtype == dtype
        assert loss.grad().dtype == dtype


def test_the_last_call_is_the_one_that_counts_and_may_be_asked_twice():
    layer, first, second, dy = (
        Linear(D, K),
        random(N, D),
        random(N, D, seed=1),
        random(N, K, seed=2),
    )
    layer(first)
    layer(second)
    once, again = layer.grad(dy), layer.grad(dy)
    assert_allclose(once[0], second.T @ dy)
    assert_array_equal(once[0], again[0])
    assert once[0] is not again[0]


def test_the_shell_writes_to_no_argument():
    x, dy, targets = random(N, D), random(N, K, seed=1), np.eye(K)[np.zeros(N, int)]
    for array in (x, dy, targets):
        array.flags.writeable = False
    model, loss = small_model(), CrossEntropy()
    loss(model(x), targets)
    model.backward(dy)
    model.backward(loss.grad())


def test_assigning_a_parameter_copies_into_place():
    layer, weights = Linear(D, K), random(D, K)
    place = layer.weights
    layer.weights = weights
    assert layer.weights is place
    weights[:] = 0
    assert np.all(place != 0)
    layer.bias -= 1.0
    layer.bias = np.arange(K).reshape(1, K).tolist()
    assert_array_equal(layer.parameters["bias"], [range(K)])
    assert Linear.weights.name == "weights"


def test_linear_draws_its_weights_and_then_its_bias():
    np.random.seed(123)
    weights, bias = 0.05 * np.random.randn(D, K), 0.05 * np.random.randn(1, K)
    following = np.random.randn()
    np.random.seed(123)
    layer = Linear(D, K)
    assert_array_equal(layer.weights, weights)
    assert_array_equal(layer.bias, bias)
    assert np.random.randn() == following


def test_a_generator_is_drawn_from_in_the_same_order_and_leaves_the_global_state_alone():
    np.random.seed(5)
    following = np.random.randn()
    np.random.seed(5)
    layer, rng = Linear(D, K, rng=generator(9)), generator(9)
    assert_array_equal(layer.weights, 0.05 * rng.standard_normal((D, K)))
    assert_array_equal(layer.bias, 0.05 * rng.standard_normal((1, K)))
    assert np.random.randn() == following


def test_one_seed_gives_one_network_whatever_its_precision():
    double, single = small_model(seed=3), small_model(seed=3, dtype=np.float32)
    assert single.parameters.dtype == np.float32
    assert_array_equal(double.parameters.astype(np.float32), single.parameters)


def exercise(dropout):
    """Return model, loss, input and targets of the notebook's parts 7.3.5 and 7.3.6."""
    np.random.seed(123)
    first, second = Linear(1000, 100), Linear(100, 10)
    model = Model([first, ReLU(), Dropout(second, p=0.5) if dropout else second, ReLU()])
    x, targets = np.random.randn(2, 1000), np.zeros((2, 10))
    targets[[0, 1], [4, 1]] = 1
    return model, CrossEntropy(), x, targets


def test_the_exercises_dropout_loss():
    model, loss, x, targets = exercise(dropout=True)
    assert_allclose(loss(model.forward(x), targets), 2.1502826, rtol=0, atol=1e-5)


def test_the_exercises_step_lowers_its_loss_as_written_out_by_hand():
    model, loss, x, targets = exercise(dropout=False)
    first, _, second, _ = model.components
    W, b, V, c = (
        array.copy() for array in (first.weights, first.bias, second.weights, second.bias)
    )

    def by_hand():
        h, o = x @ W + b, np.maximum(x @ W + b, 0) @ V + c
        q = np.maximum(o, 0)
        p = np.exp(q) / np.exp(q).sum(axis=1, keepdims=True)
        do = (p - targets) / 2 * (o > 0)
        dh = do @ V.T * (h > 0)
        value = -np.log((p * targets).sum(axis=1)).mean()
        return value, (x.T @ dh, dh.sum(axis=0), np.maximum(h, 0).T @ do, do.sum(axis=0))

    before, gradients = by_hand()
    assert_allclose(loss(model.forward(x), targets), before)
    model.update_parameters(model.backward(loss.grad()), 0.001)
    for array, gradient in zip((W, b, V, c), gradients, strict=True):
        array -= 0.001 * gradient
    after, _ = by_hand()
    assert_allclose(loss(model.forward(x), targets), after)
    assert after < before


def test_weights_of_the_rows_make_the_weighted_mean():
    predictions, targets = random(N, K), random(N, K, seed=1)
    weights = abs(random(N, seed=2))
    weights[2] = 0
    for loss in (MSELoss(), CrossEntropy(), CrossEntropy(average=False)):
        terms, gradients = [], []
        for n in range(N):
            terms.append(loss(predictions[n : n + 1], targets[n : n + 1]))
            gradients.append(loss.grad()[0])
        divisor = weights.sum() if loss.average else 1
        rows = loss.count(predictions, targets)
        assert_allclose(loss.count(predictions, targets, weights), rows / N * weights.sum())
        assert_allclose(loss(predictions, targets, weights), np.dot(terms, weights) / divisor)
        assert_allclose(loss.grad(), np.array(gradients) * weights[:, None] / divisor)

"""Networks of every form train as PyTorch trains them: 50 steps, float64, 1e-10."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from handgrad import Component, CrossEntropy, Dropout, Linear, Model, MSELoss, ReLU, Sigmoid
from handgrad.walk import parameters, snapshot
from helpers import D, H, K, N, generator
from trees import Pair, Residual, Table

STEPS = 50


def linear(D, K, seed):
    layer = Linear(D, K, rng=generator(seed))
    layer.weights *= 10
    return layer


def theirs(layer):
    """Return the parameters of one of our layers as leaves of PyTorch."""
    return [torch.tensor(layer.parameters[n], requires_grad=True) for n in ("weights", "bias")]


def agree(model, loss, forward, leaves, inputs, targets):
    """Train both for 50 steps of gradient descent; they must agree at each of them."""
    optimizer = torch.optim.SGD(list(leaves.values()), lr=0.1)
    for step in range(STEPS):
        x, y = inputs(step), targets(step)
        value = loss(model.forward(x), y)
        model.update_parameters(model.backward(loss.grad()), 0.1)
        optimizer.zero_grad()
        expected = forward(x, torch.tensor(y))
        expected.backward()
        optimizer.step()
        assert_allclose(value, expected.item(), rtol=1e-10, atol=1e-12)
    arrays = {name: holder[key] for name, holder, key in parameters(model)}
    assert arrays.keys() == leaves.keys()
    for name, leaf in leaves.items():
        assert_allclose(arrays[name], leaf.detach().numpy(), rtol=1e-10, atol=1e-12)


def named(prefix, layer):
    return dict(zip((f"{prefix}.weights", f"{prefix}.bias"), theirs(layer), strict=True))


def affine(leaves, prefix, x):
    return x @ leaves[f"{prefix}.weights"] + leaves[f"{prefix}.bias"]


def inputs(*shape):
    return lambda step: generator(step).standard_normal(shape)


def classes(*shape):
    return lambda step: generator(1000 + step).integers(0, K, shape)


def test_a_residual_block_around_a_model_inside_a_dropout_inside_a_model():
    one, two, three, four = (
        linear(*sizes, i) for i, sizes in enumerate([(D, H), (H, D), (D, H), (H, K)])
    )
    block = Residual(Model([one, Sigmoid(), two]))
    model = Model([Dropout(block, 0.4, rng=generator(7)), three, ReLU(), four])
    leaves = {
        **named("0.layer.inner.0", one),
        **named("0.layer.inner.2", two),
        **named("1", three),
        **named("3", four),
    }
    masks = generator(7)

    def forward(x, y):
        x = torch.tensor(x)
        h = torch.sigmoid(affine(leaves, "0.layer.inner.0", x))
        h = x + affine(leaves, "0.layer.inner.2", h)
        h = torch.where(torch.tensor(masks.random(h.shape) >= 0.4), h / 0.6, 0.0)
        h = torch.relu(affine(leaves, "1", h))
        return torch.nn.functional.cross_entropy(affine(leaves, "3", h), y)

    agree(model, CrossEntropy(), forward, leaves, inputs(N, D), classes(N))


def test_two_layers_shared_at_different_depths():
    one, two, last = linear(D, H, 0), linear(H, D, 1), linear(D, K, 2)
    inner = Model([two, Residual(Model([one, Sigmoid(), two]))])
    model = Model([one, Sigmoid(), inner, Pair(last, Model([one, Sigmoid(), two, last]))])
    leaves = {**named("0", one), **named("2.0", two), **named("3.left", last)}

    def there_and_back(x):
        return affine(leaves, "2.0", torch.sigmoid(affine(leaves, "0", x)))

    def forward(x, y):
        h = there_and_back(torch.tensor(x))
        h = h + there_and_back(h)
        h = affine(leaves, "3.left", h) + affine(leaves, "3.left", there_and_back(h))
        return torch.nn.functional.cross_entropy(h, y)

    agree(model, CrossEntropy(), forward, leaves, inputs(N, D), classes(N))


class Gated(Component):
    """``y = left(a) * sigmoid(right(b))`` of two inputs."""

    takes_tuple = True

    def __init__(self, left, right):
        self.left, self.right, self.sigmoid = left, right, Sigmoid()

    def apply(self, x):
        left, right = x
        u, one = self.left.apply(left)
        v, two = self.right.apply(right)
        gate, three = self.sigmoid.apply(v)
        return u * gate, (u, gate, one, two, three)

    def pullback(self, dy, saved, need_dx=True, out=None):
        u, gate, one, two, three = saved
        out = out or {}
        dv, _ = self.sigmoid.pullback(dy * u, three)
        da, left = self.left.pullback(dy * gate, one, need_dx, out.get("left"))
        db, right = self.right.pullback(dv, two, need_dx, out.get("right"))
        return (da, db), {"left": left, "right": right}


@pytest.mark.parametrize("mixed", [False, True])
def test_a_component_with_two_inputs(mixed):
    right = Table(K, H, 1) if mixed else linear(D, H, 1)
    left, last = linear(D, H, 0), linear(H, K, 2)
    model = Model([Gated(left, right), last])
    leaves = {**named("0.left", left), **named("1", last)}
    if mixed:
        leaves["0.right.weights"] = torch.tensor(right.weights, requires_grad=True)
    else:
        leaves |= named("0.right", right)

    def both(step):
        if mixed:
            return inputs(N, D)(step), classes(N)(step + 5)
        return inputs(N, D)(step), inputs(N, D)(step + 5)

    def forward(x, y):
        a, b = map(torch.tensor, x)
        v = leaves["0.right.weights"][b] if mixed else affine(leaves, "0.right", b)
        h = affine(leaves, "0.left", a) * torch.sigmoid(v)
        return torch.nn.functional.cross_entropy(affine(leaves, "1", h), y)

    agree(model, CrossEntropy(), forward, leaves, both, classes(N))


def test_a_component_of_integers_without_dx_as_the_first():
    table, last = Table(K, D), linear(D, K, 1)
    model = Model([table, ReLU(), last])
    leaves = {"0.weights": torch.tensor(table.weights, requires_grad=True), **named("2", last)}

    def forward(x, y):
        h = torch.relu(torch.nn.functional.embedding(torch.tensor(x), leaves["0.weights"]))
        logits = affine(leaves, "2", h)
        return torch.nn.functional.cross_entropy(logits.reshape(-1, K), y.reshape(-1))

    def indices(step):
        return generator(step).integers(0, K, (N, 2))

    agree(model, CrossEntropy(), forward, leaves, indices, classes(N, 2))


def test_weights_of_classes_and_masks_are_pytorchs():
    rng = generator()
    logits, y = rng.standard_normal((N, 2, K)), rng.integers(0, K, (N, 2))
    by_class, kept = np.array([0.5, 2.0, 1.0, 3.0]), rng.integers(0, 2, (N, 2))
    leaf = torch.tensor(logits, requires_grad=True)
    loss = CrossEntropy()

    value = loss(logits, y, by_class[y])
    expected = torch.nn.functional.cross_entropy(
        leaf.reshape(-1, K), torch.tensor(y.ravel()), weight=torch.tensor(by_class)
    )
    expected.backward()
    assert_allclose(value, expected.item(), rtol=1e-12)
    assert_allclose(loss.grad(), leaf.grad.numpy(), atol=1e-14)

    leaf.grad = None
    value = loss(logits, y, kept)
    ignored = torch.tensor(np.where(kept, y, -100).ravel())
    expected = torch.nn.functional.cross_entropy(leaf.reshape(-1, K), ignored)
    expected.backward()
    assert_allclose(value, expected.item(), rtol=1e-12)
    assert_allclose(loss.grad(), leaf.grad.numpy(), atol=1e-14)

    squares = MSELoss()
    weight = abs(rng.standard_normal(N))
    value = squares(logits, -logits, weight)
    each = torch.nn.functional.mse_loss(leaf, -leaf.detach(), reduction="none").mean((1, 2))
    assert_allclose(value, (each * torch.tensor(weight)).sum().item() / weight.sum(), rtol=1e-12)


def test_a_snapshot_goes_back_to_the_same_training():
    model = Model([linear(D, H, 0), Residual(Sigmoid()), linear(H, K, 1)])
    before, values = snapshot(model), []
    for _ in range(2):
        loss = CrossEntropy()
        values.append([])
        for step in range(5):
            values[-1].append(loss(model.forward(inputs(N, D)(step)), classes(N)(step)))
            model.update_parameters(model.backward(loss.grad()), 0.1)
        model.parameters = np.concatenate([array.ravel() for array in before.values()])
    assert values[0] == values[1]

"""Batch norm: its running statistics beside PyTorch's, its modes, its rows of every length."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import SGD, BatchNorm, CrossEntropy, Linear, Model, MSELoss, ReLU, Trainer
from handgrad.errors import ShapeError
from handgrad.layers.normalization import base
from helpers import D, H, K, generator, random, refuses


def norm_of(features, seed=0, **options):
    norm = BatchNorm(features, **options)
    norm.gamma, norm.beta = random(features, seed=seed), random(features, seed=seed + 1)
    return norm


def network(momentum):
    rng = generator()
    layers = [Linear(D, H, rng=rng), BatchNorm(H, momentum=momentum), ReLU(), Linear(H, K, rng=rng)]
    return Model([*layers, BatchNorm(K, momentum=momentum, affine=False)])


def twin_of(model):
    """Return the same network in PyTorch, in float64, from the same parameters."""
    first, norm, _, second, last = model.components
    layers = [torch.nn.Linear(D, H), torch.nn.BatchNorm1d(H, momentum=norm.momentum)]
    layers += [torch.nn.ReLU(), torch.nn.Linear(H, K)]
    layers += [torch.nn.BatchNorm1d(K, momentum=last.momentum, affine=False)]
    twin = torch.nn.Sequential(*layers).double()
    with torch.no_grad():
        for ours, theirs in ((first, twin[0]), (second, twin[3])):
            theirs.weight.copy_(torch.tensor(ours.weights.T))
            theirs.bias.copy_(torch.tensor(ours.bias[0]))
    return twin


@pytest.mark.parametrize("momentum", [0.1, 0.45])
def test_fifty_steps_of_training_and_their_statistics_are_pytorchs(momentum):
    model, loss = network(momentum), CrossEntropy()
    twin = twin_of(model)
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
    for step in range(50):
        rows = 2 + 5 * step % 17
        x = 3 * random(rows, D, seed=step) + step / 10
        y = generator(step).integers(0, K, rows)
        value = loss(model.forward(x), y)
        model.update_parameters(model.backward(loss.grad()), 0.1)
        expected = torch.nn.functional.cross_entropy(twin(torch.tensor(x)), torch.tensor(y))
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
        assert_allclose(value, expected.item(), rtol=1e-9)
    for ours, theirs in ((model.components[1], twin[1]), (model.components[4], twin[4])):
        assert_allclose(ours.buffers["running_mean"], theirs.running_mean, rtol=1e-9)
        assert_allclose(ours.buffers["running_variance"], theirs.running_var, rtol=1e-9)
    assert_allclose(model.components[1].gamma, twin[1].weight.detach(), rtol=1e-8)
    x = random(11, D, seed=99)
    assert_allclose(
        model.eval().forward(x), twin.eval()(torch.tensor(x)).detach(), rtol=1e-8, atol=1e-10
    )


def test_a_pass_moves_the_statistics_once_and_only_in_training():
    norm, x = BatchNorm(2), np.array([[1.0, 10.0], [3.0, 50.0]])
    _, saved = norm.apply(x)
    assert_array_equal(norm.buffers["running_mean"], [0, 0])
    norm.update_buffers(saved)
    assert_allclose(norm.buffers["running_mean"], [0.2, 3.0])
    assert_allclose(norm.buffers["running_variance"], [0.9 + 0.1 * 2, 0.9 + 0.1 * 800])
    before = {name: array.copy() for name, array in norm.buffers.items()}
    norm.eval()(x)
    norm.update_buffers(norm.apply(x)[1])
    for name, array in before.items():
        assert_array_equal(norm.buffers[name], array)


def test_one_that_is_frozen_alone_keeps_its_statistics_while_the_model_trains():
    model = Model([Linear(D, H, rng=generator()), BatchNorm(H), Linear(H, 1, rng=generator())])
    norm = model.components[1]
    norm.buffers["running_mean"][...] = random(H)
    norm.eval()
    before = norm.buffers["running_mean"].copy()
    loss, x, y = MSELoss(), random(7, D), random(7, 1)
    alone = model.apply(x[:1])[0]
    assert_allclose(model.apply(x)[0][:1], alone)
    gamma = norm.gamma.copy()
    loss(model.forward(x), y)
    model.update_parameters(model.backward(loss.grad()), 0.1)
    assert_array_equal(norm.buffers["running_mean"], before)
    assert np.any(norm.gamma != gamma)  # its parameters go on learning


def test_momentum_says_how_much_the_newest_batch_counts():
    x = random(5, 3)
    for momentum, mean in ((0.0, np.zeros(3)), (1.0, x.mean(axis=0))):
        norm = BatchNorm(3, momentum=momentum)
        norm(x)
        assert_allclose(norm.buffers["running_mean"], mean)
    assert_allclose(norm.buffers["running_variance"], x.var(axis=0, ddof=1))
    assert_allclose(norm.eval()(x).mean(axis=0), 0, atol=1e-14)


@pytest.mark.parametrize("shape", [(1, D), (D,), (1, 1, 1, D)])
def test_a_single_row_is_refused_in_training_with_the_mend(shape):
    norm = BatchNorm(D)
    with refuses(ShapeError, norm, match=r"(?s)a single row.*last minibatch.*model\.eval\(\)"):
        norm(np.ones(shape))
    assert norm.eval()(np.ones(shape)).shape == shape


def test_a_last_minibatch_of_one_row_is_refused_by_name_in_a_training():
    model = Model([Linear(D, H, rng=generator()), BatchNorm(H), Linear(H, 1, rng=generator())])
    trainer = Trainer(model, MSELoss(), SGD(0.1))
    with pytest.raises(ShapeError, match="leave out a last minibatch") as caught:
        trainer.fit(random(9, D), random(9, 1), epochs=1, batch_size=4, progress=False)
    assert any("component 1 of the model" in note for note in caught.value.__notes__)


@given(leading=array_shapes(min_dims=1, max_dims=4, max_side=5), seed=st.integers(0, 2**32 - 1))
def test_leading_axes_are_rows(leading, seed):
    if np.prod(leading) < 2:
        return
    norm, flat = norm_of(3, seed), norm_of(3, seed)
    x, dy = generator(seed).standard_normal((2, *leading, 3))
    assert_array_equal(norm(x), flat(x.reshape(-1, 3)).reshape(x.shape))
    assert_array_equal(norm.grad(dy), flat.grad(dy.reshape(-1, 3)).reshape(x.shape))
    for name in ("gamma", "beta"):
        assert_array_equal(norm.gradients[name], flat.gradients[name])
    for name, array in norm.buffers.items():
        assert_array_equal(array, flat.buffers[name])


@pytest.mark.parametrize("N", [1024, 1025, 2003, 4096])
@pytest.mark.parametrize("features", [1, 16, 129, 9000])
def test_rows_are_the_same_glued_together_or_not(N, features, monkeypatch):
    N = min(N, 12_000_000 // features)
    x, dy = random(N, features), random(N, features, seed=1)
    results = []
    for many in (0, 10**9):
        monkeypatch.setattr(base, "_MANY", many)
        norm = norm_of(features)
        results.append((norm(x), norm.grad(dy), *norm.gradients.values(), *norm.buffers.values()))
    for glued, apart in zip(*results, strict=True):
        assert_allclose(glued, apart, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "change",
    [np.asfortranarray, lambda x: x[::2], lambda x: x[:, ::-1], lambda x: x.swapaxes(0, 1)],
    ids=["by columns", "every second row", "backwards", "turned"],
)
def test_an_input_may_lie_in_memory_in_any_way(change):
    x, dy = change(random(6, 6, 5)), change(random(6, 6, 5, seed=1))
    norm, twin = norm_of(5), norm_of(5)
    assert_allclose(norm(x), twin(np.ascontiguousarray(x)), atol=1e-13)
    assert_allclose(norm.grad(dy), twin.grad(np.ascontiguousarray(dy)), atol=1e-13)


def test_single_precision_is_right_far_from_0():
    x = random(5000, 3) + np.array([1e3, -1e4, 0])
    norm = BatchNorm(3, dtype=np.float32)
    y = norm(x.astype(np.float32))
    assert y.dtype == np.float32
    assert_allclose(y[:, 0], ((x - x.mean(axis=0)) / x.std(axis=0))[:, 0], atol=2e-3)
    assert_allclose(y.std(axis=0), 1, rtol=1e-3)
    assert {array.dtype for array in norm.buffers.values()} == {np.dtype(np.float32)}


def test_what_it_is_made_of():
    norm = BatchNorm(4, epsilon=1e-3, momentum=0.2, init="zeros", bias_init="ones")
    assert (norm.features, norm.epsilon, norm.momentum) == (4, 1e-3, 0.2)
    assert (norm.init, norm.bias_init, norm.affine, norm.rng) == ("zeros", "ones", True, None)
    assert_array_equal(norm(random(5, 4)), np.ones((5, 4)))
    assert repr(norm) == "BatchNorm(4)"
    assert norm.output_shape((None, 8, 4)) == (None, 8, 4)
    assert norm.output_shape((...,)) == (...,)
    assert BatchNorm(4, affine=False).parameters == {}
    with refuses(ShapeError, match=r"(?s)\(\.\.\., 3\).*\(\.\.\., 4\)"):
        Model([Linear(2, 3), norm])

"""Attention: PyTorch's own layer, its masks the other way around, its properties at any size."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import CrossEntropy, Linear, Model, MSELoss, MultiHeadAttention
from handgrad.checkpoint import load, save
from handgrad.optimizers import Adam
from handgrad.training import Trainer
from helpers import generator, random

N, T, S, D, H = 3, 5, 7, 6, 2


def layer(seed=0, **options):
    return MultiHeadAttention(D, H, bias_init="normal", rng=generator(seed), **options)


def twin(ours):
    """Return PyTorch's own layer with the same parameters."""
    sizes = {"kdim": ours.key_features, "vdim": ours.value_features}
    theirs = torch.nn.MultiheadAttention(
        ours.features,
        ours.num_heads,
        bias=ours.bias,
        batch_first=True,
        dtype=torch.float64,
        **sizes,
    )
    p = {name: torch.tensor(array) for name, array in ours.parameters.items()}
    state = {"out_proj.weight": p["output_weights"].T}
    separate = [p[f"{name}_weights"].T for name in ("query", "key", "value")]
    if theirs.in_proj_weight is None:
        names = (f"{letter}_proj_weight" for letter in "qkv")
        state |= dict(zip(names, separate, strict=True))
    else:
        state["in_proj_weight"] = torch.cat(separate)
    if ours.bias:
        of_keys = torch.zeros(ours.features, dtype=torch.float64)
        state["in_proj_bias"] = torch.cat([p["query_bias"][0], of_keys, p["value_bias"][0]])
        state["out_proj.bias"] = p["output_bias"][0]
    theirs.load_state_dict(state)
    return theirs


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("others", [(D, D), (4, 3)])
def test_agrees_with_pytorchs_layer_whose_masks_say_what_is_ignored(causal, bias, others):
    ours = layer(causal=causal, bias=bias, key_features=others[0], value_features=others[1])
    query, key, value = random(N, T, D), random(N, S, others[0]), random(N, S, others[1], seed=1)
    lengths = np.array([7, 1, 4])
    y = ours((query, key, value, lengths))
    theirs, tensors = twin(ours), [torch.tensor(a, requires_grad=True) for a in (query, key, value)]
    expected, weights = theirs(
        *tensors,
        key_padding_mask=torch.arange(S) >= torch.tensor(lengths)[:, None],
        attn_mask=torch.ones(T, S, dtype=torch.bool).triu(1) if causal else None,
        average_attn_weights=False,
    )
    assert_allclose(y, expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    saved = ours.apply((query, key, value, lengths))[1]
    assert_allclose(ours.attention_weights(saved), weights.detach().numpy(), atol=1e-12)
    dy = random(N, T, D, seed=2)
    expected.backward(torch.tensor(dy))
    *dxs, of_lengths = ours.grad(dy)
    assert of_lengths is None
    for dx, tensor in zip(dxs, tensors, strict=True):
        assert_allclose(dx, tensor.grad.numpy(), rtol=1e-10, atol=1e-12)
    gradient = theirs.out_proj.weight.grad.numpy().T
    assert_allclose(ours.gradients["output_weights"], gradient, rtol=1e-10, atol=1e-12)


def test_fifty_steps_with_padding_agree_with_pytorch():
    rng = generator()
    ours = layer()
    model = Model([ours, Linear(D, 4, rng=rng)])
    theirs = twin(ours)
    last = torch.nn.Linear(D, 4, dtype=torch.float64)
    last.load_state_dict(
        {
            "weight": torch.tensor(model.components[1].weights.T),
            "bias": torch.tensor(model.components[1].bias[0]),
        }
    )
    optimizer, loss = Adam(lr=0.01), CrossEntropy()
    trained = [*theirs.parameters(), *last.parameters()]
    torch_optimizer = torch.optim.Adam(trained, lr=0.01)
    for _ in range(50):
        x, y = rng.standard_normal((N, T, D)), rng.integers(0, 4, (N, T))
        lengths = rng.integers(1, T + 1, N)
        there = np.arange(T) < lengths[:, None]
        value = loss(model((x, lengths)), y, there.astype(float))
        optimizer.update(model.parameters, model.backward(loss.grad()).flat)
        torch_optimizer.zero_grad()
        tensor = torch.tensor(x)
        heads, _ = theirs(
            tensor, tensor, tensor, key_padding_mask=~torch.tensor(there), need_weights=False
        )
        each = torch.nn.functional.cross_entropy(
            last(heads).transpose(1, 2), torch.tensor(y), reduction="none"
        )
        expected = (each * torch.tensor(there)).sum() / there.sum()
        expected.backward()
        torch_optimizer.step()
        assert_allclose(value, expected.item(), rtol=1e-10)
    assert_allclose(ours.output_weights.T, theirs.out_proj.weight.detach().numpy(), atol=1e-10)
    assert_allclose(
        ours.key_weights.T, theirs.in_proj_weight.detach().numpy()[D : 2 * D], atol=1e-10
    )


sizes = st.integers(1, 6)


@settings(deadline=None, max_examples=40)
@given(n=sizes, t=sizes, s=sizes, d=sizes, h=sizes, causal=st.booleans(), seed=st.integers(0, 99))
def test_any_sizes_agree_with_the_definition(n, t, s, d, h, causal, seed):
    rng = generator(seed)
    ours = MultiHeadAttention(d * h, h, causal=causal, bias_init="normal", rng=rng)
    query, key, value = (rng.standard_normal((n, length, d * h)) for length in (t, s, s))
    mask = rng.random((n, t, s)) < 0.6
    y = ours((query, key, value, mask))
    if causal:
        mask = mask & np.tri(t, s, dtype=bool)
    p = ours.parameters
    q, k = query @ p["query_weights"] + p["query_bias"], key @ p["key_weights"]
    v = value @ p["value_weights"] + p["value_bias"]
    answers = np.zeros((n, t, d * h))
    for a, head, i in np.ndindex(n, h, t):
        columns = slice(head * d, (head + 1) * d)
        keys = np.flatnonzero(mask[a, i])
        e = np.exp([q[a, i, columns] @ k[a, j, columns] / np.sqrt(d) for j in keys])
        for weight, j in zip(e / e.sum(), keys, strict=True):
            answers[a, i, columns] += weight * v[a, j, columns]
    assert_allclose(y, answers @ p["output_weights"] + p["output_bias"], atol=1e-10)


@pytest.mark.parametrize("block", [1, 2, 3, 64])
@pytest.mark.parametrize("positions", [1, 2, 7])
def test_blocks_change_nothing(block, positions):
    ours, whole = layer(causal=True), layer(causal=True)
    vars(ours)["_block"], vars(whole)["_block"] = block, 1000
    x, dy = random(N, positions, D), random(N, positions, D, seed=1)
    assert_allclose(ours(x), whole(x), atol=1e-13)
    assert_allclose(ours.grad(dy), whole.grad(dy), atol=1e-13)
    for name, gradient in whole.gradients.items():
        assert_allclose(ours.gradients[name], gradient, atol=1e-12)


def test_a_long_causal_sequence_never_looks_at_half_of_the_pairs():
    ours = MultiHeadAttention(2, 1, causal=True, rng=generator())
    saved = ours.apply(random(1, 640, 2))[1]
    pairs = sum(e.size for _, _, e, _ in saved[-1][-1])
    assert pairs == 640 * 640 * 11 // 20


def test_the_forms_of_input_agree():
    ours, x, dy = layer(), random(N, T, D), random(N, T, D, seed=1)
    y, dx = ours(x), ours.grad(dy)
    assert_array_equal(ours((x,)), y)
    assert isinstance(ours.grad(dy), tuple)
    assert_allclose(ours((x, np.full(N, T))), y, atol=1e-13)
    assert_allclose(ours((x, np.ones((N, T), bool))), y, atol=1e-13)
    assert_allclose(ours((x, x, x)), y, atol=1e-13)
    assert_allclose(sum(ours.grad(dy)), dx, atol=1e-12)
    lengths = np.array([2, 0, 5], np.uint8)
    mask = np.arange(T) < lengths[:, None]
    expected = ours((x, mask))
    assert_array_equal(ours((x, lengths)), expected)
    assert_array_equal(ours((x, np.repeat(mask[:, None], T, axis=1))), expected)


def test_without_need_of_it_there_is_no_gradient_of_the_input():
    ours, x = layer(), random(N, T, D)
    _, saved = ours.apply((x, np.array([1, 2, 3])))
    dx, gradients = ours.pullback(random(N, T, D, seed=1), saved, need_dx=False)
    assert dx is None
    assert gradients.keys() == ours.parameters.keys()


def test_a_bias_of_the_keys_would_change_nothing():
    """Which is why there is none: its gradient is 0, and an Adam makes steps of rounding errors."""
    ours, (query, key, value) = layer(), (random(N, length, D) for length in (T, S, S))
    shift = random(D, seed=3)
    inverse = np.linalg.solve(ours.key_weights.T, shift)  # moves every key by `shift`
    assert_allclose(ours((query, key + inverse, value)), ours((query, key, value)), atol=1e-9)
    assert "key_bias" not in ours.parameters


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_far_below_0_are_no_row_without_keys(dtype):
    ours = MultiHeadAttention(1, 1, bias=False, dtype=dtype)
    for name in ours.parameters:
        ours.parameters[name][...] = 1
    query, key = np.full((1, 1, 1), 1e3, dtype), np.array([[[-1e3], [-1e3 + 1e-3]]], dtype)
    y = ours((query, key, np.array([[[1.0], [3.0]]], dtype)))
    assert y.dtype == dtype
    assert_allclose(y, 1 + 2 / (1 + np.exp(-1)), rtol=1e-1)
    key[0, 1] = -1e5
    assert_array_equal(ours((query, key, np.array([[[1.0], [3.0]]], dtype))), 1)


def test_heads_are_columns_of_the_weights():
    """One head's columns, and its rows of the output's, are a layer of their own."""
    ours, d = layer(), D // H
    x, total = random(N, T, D), 0
    for h in range(H):
        columns = slice(h * d, (h + 1) * d)
        keep = np.zeros((1, D))
        keep[:, columns] = 1
        alone = layer()
        alone.output_weights = ours.output_weights * keep.T
        alone.output_bias = np.zeros((1, D))
        total = total + alone(x)
    assert_allclose(total + ours.output_bias, ours(x), atol=1e-12)


def test_new_weights_have_glorots_variance_and_biases_are_0():
    big = MultiHeadAttention(200, 4, key_features=100, rng=generator())
    assert_allclose(big.query_weights.std(), np.sqrt(2 / 400), rtol=0.03)
    assert_allclose(big.key_weights.std(), np.sqrt(2 / 300), rtol=0.03)
    assert abs(big.key_weights).max() <= np.sqrt(6 / 300)
    assert not any(big.parameters[f"{name}_bias"].any() for name in ("query", "value", "output"))
    assert MultiHeadAttention(4, 2, bias=False).query_bias is None


def test_shapes_are_foretold_without_the_number_of_positions():
    ours = layer(key_features=4, value_features=3)
    assert ours.output_shape(((None, 5, D), (None, 7, 4), (None, 7, 3), (None, 7))) == (None, 5, D)
    assert layer().output_shape((...,)) == (..., D)
    assert layer().output_shape(((None, None, D), (None,))) == (None, None, D)
    assert Model([layer(), Linear(D, 2)]).output_shape((3, None, D)) == (3, None, 2)


def test_repr_says_what_is_not_usual():
    assert repr(layer()) == "MultiHeadAttention(6, 2)"
    other = MultiHeadAttention(6, 2, causal=True, bias=False, key_features=4)
    assert repr(other) == "MultiHeadAttention(6, 2, causal=True, bias=False, key_features=4)"


def test_a_checkpoint_builds_it_again(tmp_path):
    model = Model([layer(causal=True, key_features=D, bias=False), layer(seed=1)])
    save(tmp_path, model)
    x = random(N, T, D)
    assert_array_equal(load(tmp_path).model.forward(x), model.forward(x))


def test_a_trainer_takes_lengths_of_each_batch():
    """The first position of each sequence says how many of the others are to be averaged."""
    rng = generator()
    x, lengths = rng.standard_normal((200, T, D)), rng.integers(1, T + 1, 200)
    mean = np.array([row[:length].mean(axis=0) for row, length in zip(x, lengths, strict=True)])
    target = np.repeat(mean[:, None], T, axis=1)
    model = Model([MultiHeadAttention(D, H, rng=rng)])
    trainer = Trainer(model, MSELoss(), Adam(lr=0.02), rng=rng)
    trainer.fit((x, lengths), target, epochs=30, batch_size=20, progress=False)
    assert trainer.history["loss"][-1] < 0.01
    without = Trainer(Model([MultiHeadAttention(D, H, rng=rng)]), MSELoss(), Adam(lr=0.02), rng=rng)
    without.fit((x, np.full(200, T)), target, epochs=30, batch_size=20, progress=False)
    assert without.history["loss"][-1] > 0.05


def test_errors_name_the_forms():
    ours, x = layer(), random(N, T, D)
    with pytest.raises(TypeError, match=r"(?s)float64 as the mask .*give \(query, key, value\)"):
        ours((x, x))
    with pytest.raises(ValueError, match=r"(?s)mask of shape .*\(x, mask\), \(query, key, value\)"):
        ours((x, np.ones((N, T + 1), bool)))
    with pytest.raises(
        ValueError, match=r"(?s)value of shape \(3, 5, 6\) .* beside key \(3, 7, 6\)"
    ):
        ours((x, random(N, S, D), x))
    for shape in ((N, T), (N, T, T)):
        with pytest.raises(TypeError, match=r"(?s)int64 as the mask .*write mask.astype\(bool\)"):
            ours((x, np.ones(shape, int)))


def test_in_a_model_keys_and_values_stay_with_the_first_layer():
    rng = generator()
    first, second = layer(), layer(seed=1)
    model = Model([first, second])
    query, key, value = rng.standard_normal((3, N, T, D))
    y = model((query, key, value))
    assert_allclose(y, second.apply(first.apply((query, key, value))[0])[0], atol=1e-12)
    dy = rng.standard_normal(y.shape)
    saved = first.apply((query, key, value))[1]
    inner = second.pullback(dy, second.apply(first.apply((query, key, value))[0])[1])[0]
    for found, expected in zip(model.grad(dy), first.pullback(inner, saved)[0], strict=True):
        assert_allclose(found, expected, atol=1e-12)

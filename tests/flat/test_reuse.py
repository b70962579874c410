"""Gradients are written over only where nobody can see it."""

import copy

import numpy as np
import pytest

from handgrad import Dropout, Linear, Model, ReLU, Sigmoid

PARTS = {
    "the gradients": lambda g: (g, lambda: g.flat),
    "the vector": lambda g: (flat := g.flat, lambda: flat),
    "a slice of the vector": lambda g: (part := g.flat[3:9], lambda: part),
    "a component's dict": lambda g: (entry := g[0], lambda: entry["weights"]),
    "one gradient": lambda g: (array := g[0]["bias"], lambda: array),
    "a row of one gradient": lambda g: (row := g[0]["weights"][1], lambda: row),
    "a transposed gradient": lambda g: (turned := g[2]["layer"]["weights"].T, lambda: turned),
    "a nested model's": lambda g: (inner := g[3], lambda: inner["0"]["bias"]),
    "a gradient of a nested model": lambda g: (array := g[3]["0"]["weights"], lambda: array),
    "another view": lambda g: (view := memoryview(g.flat), lambda: np.asarray(view)),
}


@pytest.fixture
def model():
    rng = np.random.default_rng(0)
    shared = Linear(5, 5, rng=rng)
    inner = Model([Linear(3, 5, rng=rng), Sigmoid()])
    return Model(
        [Linear(7, 5, rng=rng), ReLU(), Dropout(Linear(5, 3, rng=rng), 0.0), inner, shared, shared]
    )


def backward(model, seed):
    rng = np.random.default_rng(seed)
    y = model.forward(rng.standard_normal((4, 7)))
    return model.backward(rng.standard_normal(y.shape))


@pytest.mark.parametrize("part", PARTS)
def test_what_somebody_holds_stays_as_it_is(model, part):
    backward(model, 0)  # so that there is something to use again
    held, read = PARTS[part](backward(model, 1))
    assert held is not None
    before = copy.deepcopy(read())
    backward(model, 2)
    backward(model, 3)
    np.testing.assert_array_equal(read(), before)


def test_what_nobody_holds_is_used_again(model):
    first = id(backward(model, 0)._flat)
    assert id(backward(model, 1)._flat) == first


def test_many_held_at_once_differ(model):
    held = [backward(model, seed) for seed in range(5)]
    alone = [backward(copy.deepcopy(model), seed) for seed in range(5)]
    for kept, fresh in zip(held, alone, strict=True):
        np.testing.assert_array_equal(kept.flat, fresh.flat)


def test_an_entry_that_was_replaced_is_not_used_again(model):
    gradients = backward(model, 0)
    other = gradients[0]["weights"] = np.ones((7, 5))
    del gradients
    again = backward(model, 1)
    assert again[0]["weights"] is not other
    np.testing.assert_array_equal(other, 1)
    np.testing.assert_array_equal(again.flat, backward(copy.deepcopy(model), 1).flat)


@pytest.mark.parametrize("change", [list.reverse, list.pop, lambda g: g.append(g[1])])
def test_a_list_that_somebody_has_changed_is_not_used_again(change):
    rng = np.random.default_rng(0)
    model = Model([Linear(7, 7, rng=rng), ReLU(), Linear(7, 7, rng=rng)])
    expected = backward(model, 1).flat.copy()
    change(backward(model, 0))
    again = backward(model, 1)
    np.testing.assert_array_equal(again.flat, expected)
    assert [list(entry) for entry in again] == [["weights", "bias"], [], ["weights", "bias"]]
    before = model.parameters.copy()
    model.update_parameters(again, 1.0)
    np.testing.assert_array_equal(model.parameters, before - expected)


def test_components_that_share_a_dict_of_parameters_add_their_shares():
    rng = np.random.default_rng(0)
    first, second = Linear(5, 5, rng=rng), Linear(5, 5, rng=rng)
    vars(second)["parameters"] = first.parameters
    model = Model([first, Sigmoid(), second])
    x, dy = rng.standard_normal((7, 5)), rng.standard_normal((7, 5))
    model.forward(x)
    gradients = model.backward(dy)
    _, tree = model.pullback(dy, model.apply(x)[1])
    for name, share in tree["0"].items():
        np.testing.assert_allclose(gradients[0][name], share + tree["2"][name])

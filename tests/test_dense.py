"""Models of linear layers and ReLUs: their compiled passes beside the components' own."""

import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import Component, Linear, Model, ReLU, Sigmoid
from handgrad import dense as module
from handgrad.dense import MOST, Passed, dense
from handgrad.errors import ShapeError
from handgrad.kernels.mode import using
from helpers import random


@pytest.fixture(autouse=True, scope="module")
def _numpy():
    with using("numpy"):
        yield


def built(widths, rectified, seed=0, dtype=np.float64):
    rng, components = np.random.default_rng(seed), []
    for D, K, after in zip(widths, widths[1:], rectified, strict=False):
        components += [Linear(D, K, rng=rng, init="he", dtype=dtype), *([ReLU()] if after else [])]
    return Model(components)


def both_ways(model, x):
    """Return output, what is saved, and gradients of one pass, and whether it was one call."""
    y, saved = model.apply(x)
    dy = random(*y.shape).astype(y.dtype)
    flat = model.backpropagate(dy, saved).flat.copy()
    return y, list(saved), flat, type(saved) is Passed


def compared(model, x, rtol=1e-7, atol=0.0):
    """Compare the outputs and gradients of both forms, and return whether it was one call."""
    truth = both_ways(model, x)
    with using("compiled"):
        found = both_ways(model, x)
    assert found[0].dtype == truth[0].dtype
    assert_allclose(found[0], truth[0], rtol=rtol)
    assert_allclose(found[2], truth[2], rtol=rtol, atol=atol)
    return found[3]


@settings(deadline=None, max_examples=60)
@given(
    widths=st.lists(st.integers(1, 9), min_size=2, max_size=5),
    relus=st.integers(0, 15),
    N=st.integers(1, 7),
    dtype=st.sampled_from([np.float32, np.float64]),
    most=st.sampled_from([MOST, 0]),
)
def test_they_are_the_components_passes(widths, relus, N, dtype, most):
    rectified = [bool(relus >> i & 1) for i in range(len(widths) - 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST", most)  # or else products are calls of their own
        model = built(widths, rectified, relus, dtype)
    x = random(N, widths[0], seed=N).astype(dtype)
    y, saved, flat, fused = both_ways(model, x)
    assert not fused
    with using("compiled"):
        found = both_ways(model, x)
        again = both_ways(model, x)
    rtol, atol = (1e-4, 1e-4) if dtype == np.float32 else (1e-12, 1e-12)
    assert found[3] == (N > 1 or most > 0)  # a single row goes through a large model by itself
    assert found[2].dtype == flat.dtype == dtype
    assert_allclose(found[0], y, rtol, atol)
    assert_allclose(found[2], flat, rtol, atol)
    assert len(found[1]) == len(saved) == len(model.components)
    for mine, theirs in zip(found[1], saved, strict=True):
        assert_allclose(mine, theirs, rtol, atol)
    assert found[0].tobytes() == again[0].tobytes()
    assert found[2].tobytes() == again[2].tobytes()


def test_products_of_any_size():
    model, x = built([64, 65, 3], [True, True]), random(MOST // (64 * 65) + 2, 64, seed=1)
    for rows in (len(x) - 2, len(x), 1):
        assert compared(model, x[:rows], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("most", [MOST, 0])
def test_what_is_not_finite_stays_so(most, monkeypatch):
    monkeypatch.setattr(module, "MOST", most)
    model = built([3, 4, 2], [True, True])
    x = random(4, 3, seed=1)
    x[0, 0], x[1, 1], x[2, 2] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        assert compared(model, x)


class Louder(Linear):
    def apply(self, x):
        y, saved = super().apply(x)
        return 2 * y, saved

    def pullback(self, dy, saved, need_dx=True, out=None):
        return super().pullback(2 * dy, saved, need_dx, out)


def shared():
    layer = Linear(3, 3)
    return [layer, ReLU(), layer]


@pytest.mark.parametrize(
    "components",
    [
        [Linear(3, 3), Sigmoid()],
        [Linear(3, 3, bias=False)],
        [ReLU(), Linear(3, 3)],
        [Linear(3, 3), ReLU(), ReLU()],
        [Louder(3, 3), ReLU()],
        [ReLU()],
        [Model([Linear(3, 3)])],
        [Linear(3, 3, dtype=np.float16), ReLU()],
        shared(),
    ],
    ids=str,
)
def test_a_model_with_anything_else_goes_its_own_way(components):
    model, x = Model(components), random(4, 3, seed=1)
    assert dense(model.components) is None
    compared(model, x)


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


class Array(np.ndarray):
    pass


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.astype(np.float32),
        lambda x: np.asfortranarray(x),
        lambda x: x[::2],
        lambda x: x[None],
        lambda x: x[0],
        lambda x: x.view(Array),
        read_only,
    ],
)
def test_an_input_that_does_not_fit_goes_from_component_to_component(change):
    model, x = built([3, 3, 3], [True, False]), change(random(4, 3, seed=1))
    assert not compared(model, x, rtol=1e-6, atol=1e-9)


def test_an_input_of_other_features_is_refused_by_the_layer():
    model = built([3, 2], [True])
    with using("compiled"), pytest.raises(ShapeError, match="component 0"):
        model.forward(random(4, 5, seed=1))


def test_an_upstream_gradient_that_does_not_fit_reaches_no_other_memory():
    model = built([3, 2], [False])
    with using("compiled"):
        _, saved = model.apply(random(4, 3, seed=1))
        with pytest.raises(ValueError, match="mismatch"):
            model.backpropagate(np.ones((9, 2)), saved)
        turned = model.backpropagate(np.asfortranarray(np.ones((4, 2))), saved).flat.copy()
        assert_allclose(turned, model.backpropagate(np.ones((4, 2)), saved).flat)


def test_the_form_may_change_between_the_passes():
    model, x = built([3, 4, 2], [True, False]), random(4, 3, seed=1)
    dy = random(4, 2, seed=2)
    with using("compiled"):
        _, saved = model.apply(x)
        gradients = model.backpropagate(dy, saved).flat.copy()
    assert_allclose(model.backpropagate(dy, saved).flat, gradients)
    dx, _ = model.pullback(dy, saved)
    assert dx.shape == x.shape
    rows = model.per_sample_gradients(x, dy)
    with using("compiled"):
        assert_allclose(model.per_sample_gradients(x, dy), rows)
    assert_allclose(rows.sum(axis=0), gradients)


def test_layers_that_have_moved_are_read_where_they_are():
    model, x = built([3, 2], [True]), random(4, 3, seed=1)
    other = Model([model[0], Linear(2, 2)])
    other.parameters = random(*other.parameters.shape, seed=2)
    y, _ = model.apply(x)
    with using("compiled"):
        assert_array_equal(model.apply(x)[0], y)
        assert not isinstance(model.apply(x)[1], Passed)


class Halved(Model):
    def pullback(self, dy, saved, *rest):
        return super().pullback(dy / 2, saved, *rest)


def test_a_pullback_of_its_own_is_what_counts():
    model, x, dy = built([3, 4, 2], [True, False]), random(4, 3, seed=1), random(4, 2, seed=2)
    _, saved = model.apply(x)
    gradients = model.backpropagate(dy, saved).flat.copy()
    halved = Halved(model.components)
    with using("compiled"):
        _, saved = halved.apply(x)
        assert_allclose(halved.backpropagate(dy, saved).flat, gradients / 2)


def test_a_layer_whose_bias_is_taken_away_does_without():
    model, x = built([3, 2], [True]), random(4, 3, seed=1)
    del model[0].parameters["bias"]
    y, _ = model.apply(x)
    with using("compiled"):
        assert_array_equal(model.apply(x)[0], y)


def test_predictions_keep_no_other_outputs():
    """A prediction is a part of the vector of all layers' outputs."""
    whole = []

    class Watched(Model):
        def apply(self, x):
            y, saved = super().apply(x)
            assert all(ref() is None for ref in whole[:-1])
            whole.append(weakref.ref(saved.outputs))
            return y, saved

    model, x = Watched(built([3, 4, 2], [True, False]).components), random(9, 3, seed=1)
    with using("compiled"):
        assert_allclose(model.predict(x, batch_size=2), model.predict(x))
    assert len(whole) == 6


def test_a_component_that_is_watched_is_asked_itself():
    model, x, seen = built([3, 2], [True]), random(4, 3, seed=1), []
    apply = model[0].apply
    model[0].apply = lambda x: seen.append(x) or apply(x)
    with using("compiled"):
        model.forward(x)
    assert len(seen) == 1


@pytest.mark.parametrize("name", ["apply", "pullback"])
@pytest.mark.parametrize("kind", [Linear, ReLU])
def test_a_formula_that_somebody_has_replaced_is_what_counts(kind, name, monkeypatch):
    model, x = built([3, 4, 2], [True, True]), random(4, 3, seed=1)
    with using("compiled"):
        y, saved = model.apply(x)
        written, calls = getattr(kind, name), []

        def counted(*given, **named):
            calls.append(given)
            return written(*given, **named)

        monkeypatch.setattr(kind, name, counted)
        model.apply(x)
        model.backpropagate(np.ones_like(y), saved)
    assert len(calls) == 2


@pytest.mark.parametrize("most", [MOST, 0])
def test_an_upstream_gradient_is_not_written_to(most, monkeypatch):
    monkeypatch.setattr(module, "MOST", most)
    model, dy = built([3, 4, 2], [True, True]), random(4, 2, seed=2)
    before = dy.copy()
    with using("compiled"):
        y, saved = model.apply(random(4, 3, seed=1))
        assert (y == 0).any()
        model.backpropagate(dy, saved)
    assert_array_equal(dy, before)


def test_what_another_model_has_saved_is_not_taken_for_its_own():
    model, wider = built([3, 2, 2], [True, True]), built([3, 9, 2], [True, True])
    x, dy = random(4, 3, seed=1), random(4, 2, seed=2)
    with using("compiled"):
        _, saved = wider.apply(x)
        with pytest.raises(ValueError, match="mismatch"):
            model.backpropagate(dy, saved)


def test_a_part_a_nested_model_and_a_copy():
    whole, x = built([3, 4, 2], [True, True]), random(4, 3, seed=1)
    outer = Model([built([3, 4, 2], [True, False]), Sigmoid()])
    for model in (whole[:2], whole[:1], outer, pickle.loads(pickle.dumps(whole))):
        compared(model, x)


def test_threads_share_a_model():
    model = built([3, 4, 2], [True, False])
    inputs = [random(4, 3, seed=seed) for seed in range(40)]
    with using("compiled"):
        alone = [model.apply(x)[0] for x in inputs]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda x: model.apply(x)[0], inputs))
    for one, other in zip(alone, together, strict=True):
        assert_array_equal(one, other)


def test_products_come_from_scipy(monkeypatch):
    assert module._has_scipy()
    monkeypatch.setattr(module, "_has_scipy", lambda: False)
    assert dense([Linear(3, 2)]) is None
    components: list[Component] = []
    assert dense(components) is None

"""The check of what holds others, keeps what it does not learn, or takes more than one array."""

from types import SimpleNamespace

import numpy as np
import pytest

from handgrad import Activation, Component, CrossEntropy, Dropout, Linear, Model, MSELoss, Sigmoid
from handgrad.checking import check, complex_step
from handgrad.checking.evaluation import cast
from handgrad.checking.invariants import counts_in_a_mean
from handgrad.errors import ArgumentError
from handgrad.walk import buffers, parameters
from helpers import random


class Lookup(Component):
    """Integers in, rows of a table out."""

    takes_integers = True

    def __init__(self, words, D):
        self.parameters = {"table": random(words, D)}

    def apply(self, x):
        return self.parameters["table"][x], x

    def pullback(self, dy, saved, need_dx=True, out=None):
        gradient = np.zeros_like(self.parameters["table"])
        np.add.at(gradient, saved, dy)
        return None, {"table": gradient}


class LastWins(Lookup):
    def pullback(self, dy, saved, need_dx=True, out=None):
        gradient = np.zeros_like(self.parameters["table"])
        gradient[saved] = dy
        return None, {"table": gradient}


class Inner(Component):
    """The product of two inputs, over those entries that a mask keeps."""

    takes_tuple = True

    def apply(self, x):
        a, b, keep = x
        return (a * b * keep).sum(axis=-1, keepdims=True), x

    def pullback(self, dy, saved, need_dx=True, out=None):
        a, b, keep = saved
        return (dy * b * keep, dy * a * keep, None), {}


class ForgetsTheSecond(Inner):
    def pullback(self, dy, saved, need_dx=True, out=None):
        (da, _, _), gradients = super().pullback(dy, saved)
        return (da, None, None), gradients


class InventsOneForTheMask(Inner):
    def pullback(self, dy, saved, need_dx=True, out=None):
        (da, db, _), gradients = super().pullback(dy, saved)
        return (da, db, da), gradients


class Residual(Component):
    def __init__(self, inner):
        self.inner = inner

    def apply(self, x):
        y, saved = self.inner.apply(x)
        return x + y, saved

    def pullback(self, dy, saved, need_dx=True, out=None):
        dx, gradients = self.inner.pullback(dy, saved, True, (out or {}).get("inner"))
        return dy + dx, {"inner": gradients}

    def update_buffers(self, saved):
        self.inner.update_buffers(saved)


class Centre(Component):
    """Right: subtracts the mean that it has seen so far, or in training the minibatch's."""

    def __init__(self, D):
        self.buffers = {"mean": np.ones(D), "seen": np.zeros((), dtype=np.int64)}

    def apply(self, x):
        if not self.training:
            return x - self.buffers["mean"], None
        mean = x.mean(axis=0)
        return x - mean, mean

    def pullback(self, dy, saved, need_dx=True, out=None):
        return dy if saved is None else dy - dy.mean(axis=0), {}

    def update_buffers(self, saved):
        self.buffers["seen"] += 1
        self.buffers["mean"] += 0.1 * (saved - self.buffers["mean"])


class CentresWhileItApplies(Centre):
    def apply(self, x):
        self.buffers["mean"] += 0.1 * (x.mean(axis=0) - self.buffers["mean"])
        return super().apply(x)


class PutsAnotherBuffer(Centre):
    def update_buffers(self, saved):
        self.buffers["mean"] = 0.1 * saved + 0.9 * self.buffers["mean"]


class WritesElsewhere(Centre):
    def update_buffers(self, saved):
        super().update_buffers(saved)
        self.last = saved


class UpdatesInTheCall(Centre):
    def __call__(self, x):
        y = super().__call__(x)
        self.update_buffers(self._remembered[0])
        return y


class Pair(Component):
    """One after the other; only the first is told."""

    def __init__(self, first, second):
        self.both = [first, second]

    def apply(self, x):
        x, first = self.both[0].apply(x)
        y, second = self.both[1].apply(x)
        return y, (first, second)

    def pullback(self, dy, saved, need_dx=True, out=None):
        dy, second = self.both[1].pullback(dy, saved[1])
        dx, first = self.both[0].pullback(dy, saved[0])
        return dx, {"both.0": first, "both.1": second}

    def update_buffers(self, saved):
        self.both[0].update_buffers(saved[0])


class Hides(Pair):
    def __init__(self, first, second):
        self.both = [first, second]
        self.hidden = {"a": SimpleNamespace(b=(first, Linear(3, 3)))}


class SaysAnotherShape(Sigmoid):
    def output_shape(self, input_shape):
        return (*input_shape[:-1], 4)


class LosesAnAxis(Sigmoid):
    def output_shape(self, input_shape):
        return input_shape[1:] if input_shape[0] is None else input_shape


class LooksAtItsOwnMode(Dropout):
    @property
    def training(self):
        return self._training

    @training.setter
    def training(self, mode):
        self._training = mode


class NoisyInEvaluation(Activation):
    def apply(self, x):
        return x + (0 if self.training else np.random.random()), None

    def pullback(self, dy, saved, need_dx=True, out=None):
        return dy, {}


X = random(7, 3)


@pytest.mark.parametrize(
    ("component", "violated", "seen"),
    [
        (Centre(3), None, ""),
        (Pair(Sigmoid(), Sigmoid()), None, ""),
        (Residual(Centre(3)), None, ""),
        (CentresWhileItApplies(3), "nothing_is_mutated", "buffers['mean']"),
        (Residual(CentresWhileItApplies(3)), "nothing_is_mutated", "inner.buffers['mean']"),
        (PutsAnotherBuffer(3), "buffers_change_in_their_own_method", "buffers['mean']"),
        (WritesElsewhere(3), "buffers_change_in_their_own_method", "last"),
        (Pair(Centre(3), Centre(3)), "buffers_change_in_their_own_method", "both.1"),
        (Residual(Pair(Linear(3, 3), Centre(3))), "buffers_change_in_their_own_method", "inner.b"),
        (UpdatesInTheCall(3), "same_through_the_calls", "the buffer mean"),
        (Hides(Linear(3, 3), Sigmoid()), "children_are_found", "hidden['a'].b[1]"),
        (SaysAnotherShape(), "shape_is_foretold", "says (7, 4)"),
        (LosesAnAxis(), "shape_is_foretold", "says (3,)"),
        (LooksAtItsOwnMode(Sigmoid(), 0.5), "evaluation_is_one_mode", "y in evaluating()"),
        (NoisyInEvaluation(), "evaluation_is_one_mode", "y in evaluating()"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Component) else "",
)
def test_each_invariant_of_a_tree_sees_what_violates_it(component, violated, seen):
    violations = check(component, X.copy()).violations
    assert [v.invariant for v in violations if v.invariant == violated] == [violated] * bool(seen)
    assert seen in str(violations)
    assert bool(violations) == bool(violated)


def test_integers_have_no_gradient_and_stay_integers():
    x = np.array([[0, 2, 2], [4, 0, 2]])

    def twin(torch, lookup, x, p):
        return torch.nn.functional.embedding(x, p["table"])

    result = check(Lookup(5, 3), x, twin=twin, truth=complex_step)
    assert result.ok, result
    assert [c.quantity for c in result.comparisons] == ["dtable", "y", "dtable"]
    (fault, *_) = check(LastWins(5, 3), x).faults
    assert fault.quantity == "dtable"


def test_an_input_of_several_arrays_has_a_gradient_for_each_that_is_no_mask():
    x = (random(7, 3), random(7, 3, seed=1), np.arange(21).reshape(7, 3) % 3 > 0)

    def twin(torch, inner, x, p):
        a, b, keep = x
        return (a * b * keep).sum(dim=-1, keepdim=True)

    result = check(Inner(), x, twin=twin, truth=complex_step)
    assert result.ok, result
    assert [c.quantity for c in result.comparisons] == ["dx0", "dx1", "y", "dx0", "dx1"]
    assert result.invariants == check(Sigmoid(), X).invariants
    assert {c.quantity for c in check(ForgetsTheSecond(), x).comparisons if not c.ok} == {"dx1"}
    assert "there is dx2, but nothing" in str(check(InventsOneForTheMask(), x))


def test_any_depth_is_compared_by_name_with_the_twins_of_the_rows():
    inner = Model([Linear(3, 5), Sigmoid(), Linear(5, 3)])
    shared = Linear(3, 3)
    model = Model([Dropout(Residual(inner), 0.4), shared, Residual(Residual(shared))])

    def twin(torch, residual, x, p):
        return x + p["inner"](x)

    names = [f"d{place.name}" for place in parameters(model)]
    assert "d0.layer.inner.2.bias" in names
    assert len(names) == 6  # what stands twice is one
    result = check(model, X, truth=complex_step)
    assert result.ok, result
    assert [c.quantity for c in result.comparisons] == ["dx", *names]
    assert check(Residual(shared), X, twin=twin).ok
    with pytest.raises(ArgumentError, match="Residual"):  # which has no row
        check(Residual(Residual(shared)), X, twin=twin)


@pytest.mark.parametrize("dtype", [np.float32, object])
def test_a_tree_is_cast_with_all_that_it_holds(dtype):
    model = Model([Residual(Model([Linear(3, 3)])), Centre(3), Dropout(Linear(3, 2), 0.5)])
    made = cast(model, dtype)
    assert {place.array.dtype for place in parameters(made)} == {np.dtype(dtype)}
    assert {place.array.dtype for place in buffers(made)} == {np.dtype(dtype), np.dtype(np.int64)}
    assert made.parameters.dtype == dtype
    assert model.parameters.dtype == np.float64
    np.testing.assert_array_equal(made.parameters.astype(float), model.parameters.astype(dtype))


def test_weights_belong_to_a_loss_and_are_counted():
    weights = np.array([0.5, 2.0, 0.0, 1.0, 1.0, 3.0, 0.25])
    assert check(MSELoss(), X, X + 1, weights, truth=complex_step).ok
    assert check(CrossEntropy(), X, [0, 1, 2, 0, 1, 2, 0], weights).ok
    with pytest.raises(ArgumentError, match="a loss alone"):
        check(Sigmoid(), X, sample_weight=weights)


def test_a_loss_that_counts_wrongly_is_found():
    class CountsRows(MSELoss):
        def apply(self, predictions, targets, sample_weight=None):
            return MSELoss().apply(predictions, targets, sample_weight)

        def count(self, predictions, targets, sample_weight=None):
            return len(predictions)

    weights = np.array([0.5, 2.0, 0.0, 1.0, 1.0, 3.0, 0.25])
    assert check(CountsRows(), X, X**2, invariants=[counts_in_a_mean]).ok
    assert not check(CountsRows(), X, X**2, weights, invariants=[counts_in_a_mean]).ok

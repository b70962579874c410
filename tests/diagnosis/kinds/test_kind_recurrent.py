"""Recurrent layers as lines: right by PyTorch and by ours, in every convention, never confused."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import handgrad
import mechanical
from handgrad.checking.truth import central_differences
from handgrad.diagnosis import Status
from handgrad.diagnosis.kinds import KINDS

STEPS = {"rnn_step": torch.nn.RNNCell, "lstm_step": torch.nn.LSTMCell, "gru_step": torch.nn.GRUCell}
SEQUENCES = {
    "rnn": (torch.nn.RNN, handgrad.RNN),
    "lstm": (torch.nn.LSTM, handgrad.LSTM),
    "gru": (torch.nn.GRU, handgrad.GRU),
}
ALL = [*STEPS, *SEQUENCES]


def givens(name, seed=0):
    kind = KINDS[name]()
    return kind, kind.givens(kind.shapes, seed)


@pytest.mark.parametrize("name", ALL)
def test_what_is_right_is_right_by_pytorch(name):
    kind, inputs = givens(name)
    walks = name in SEQUENCES
    for given in inputs:
        H, D = given.sizes["H"], given.sizes["D"]
        made = SEQUENCES[name][0](D, H, batch_first=True) if walks else STEPS[name](D, H)
        t = {
            n: torch.tensor(a, requires_grad=True)
            for n, a in {**given.inputs, **given.parameters}.items()
        }
        second = torch.zeros(kind.gates * H, dtype=torch.float64)
        if "recurrent_bias" in t:
            second = torch.cat([second[H:], t["recurrent_bias"]])
        weights = (t["input_weights"].T, t["recurrent_weights"].T, t["bias"], second)
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        parameters = {f"{n}{'_l0' * walks}": w for n, w in zip(names, weights, strict=True)}
        states = tuple(t[n][None] if walks else t[n] for n in ("h0", "c0") if n in t)
        called = (t["x"], states if len(states) > 1 else states[0])
        outputs = torch.func.functional_call(made, parameters, called)
        outputs = outputs[:1] if walks else outputs if isinstance(outputs, tuple) else (outputs,)
        upstream = [torch.tensor(given[dy]) for dy in kind.upstream.values()]
        torch.autograd.backward(outputs, upstream)
        right = kind.right(given, {})
        for quantity, output in zip(kind.forwards, outputs, strict=True):
            assert_allclose(right[quantity], output.detach().numpy(), atol=1e-12)
        for quantity, variable in kind.variables.items():
            assert_allclose(right[quantity], t[variable].grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("name", SEQUENCES)
def test_what_is_right_is_what_our_layer_gives_with_states_and_without(name):
    kind, inputs = givens(name)
    for given in inputs:
        for absent in ((), kind.absent):
            for each in absent:
                given.inputs.pop(each, None)
                given.parameters.pop(each, None)
            layer = SEQUENCES[name][1](given.sizes["D"], given.sizes["H"])
            for parameter in layer.parameters:
                layer.parameters[parameter][...] = given.parameters.get(parameter, 0)
            for second in given.parameters.keys() - layer.parameters.keys():
                del given.parameters[second]  # which ours has no need of, beside the first
            states = [given[n] for n in ("h0", "c0") if n in given]
            y, saved = layer.apply((given.x, None, *states) if states else given.x)
            dx, gradients = layer.pullback(given.dy, saved)
            found = (
                {**gradients, **dict(zip(("x", "_", "h0", "c0"), dx, strict=False))}
                if states
                else {**gradients, "x": dx}
            )
            right = kind.right(given, {})
            assert_allclose(right["output"], y, atol=1e-12)
            for quantity, variable in kind.variables.items():
                if variable in given:
                    theirs = found[variable].reshape(given[variable].shape)
                    assert_allclose(right[quantity], theirs, atol=1e-12)


@pytest.mark.parametrize("name", STEPS)
def test_every_convention_is_a_gradient_of_its_own_output(name):
    kind, (given, *_) = givens(name)
    rng = np.random.default_rng(1)
    for convention in kind.conventions:
        mine = convention.settled(given)
        right = kind.right(mine, {})
        assert_allclose(convention.apply(given, {})["dx"], right["dx"])
        dy = np.concatenate([given[d].ravel() for d in kind.upstream.values()])
        for quantity, variable in kind.variables.items():
            v = rng.standard_normal(given[variable].shape)

            def forward(step, variable=variable, v=v, mine=mine):
                moved = kind.right(mine.changed(**{variable: mine[variable] + step * v}), {})
                return np.concatenate([moved[output].ravel() for output in kind.upstream])

            slope = central_differences(forward, np.zeros(1), dy)
            assert_allclose(np.sum(right[quantity] * v), slope[0], rtol=1e-6, atol=1e-7)


def test_the_orders_of_gates_are_permutations_of_columns():
    kind, (given, *_) = givens("lstm_step")
    usual = kind.right(given, {})
    for convention in kind.conventions:
        order = [
            "ifgo".index(letter) * given.sizes["H"] + j
            for letter in convention.options["order"]
            for j in range(given.sizes["H"])
        ]
        moved = {n: a[..., order] for n, a in given.parameters.items()}
        assert_allclose(convention.apply(given.changed(**moved), {})["output"], usual["output"])
    assert len({convention.options["order"] for convention in kind.conventions}) == 23


def test_the_reset_before_the_product_and_an_update_gate_that_writes():
    kind, (given, *_) = givens("gru_step")
    H = given.sizes["H"]
    x, h = given.x, given["h0"]
    Wr, Wz, Wn = np.split(given["input_weights"], 3, axis=1)
    Ur, Uz, Un = np.split(given["recurrent_weights"], 3, axis=1)
    br, bz, bn = np.split(given["bias"], 3)
    r = 1 / (1 + np.exp(-(x @ Wr + h @ Ur + br)))
    z = 1 / (1 + np.exp(-(x @ Wz + h @ Uz + bz)))
    n = np.tanh(x @ Wn + (r * h) @ Un + bn + given["recurrent_bias"])
    right = kind.right(given.changed(reset="before", mix="z writes"), {})
    assert_allclose(right["output"], z * n + (1 - z) * h)
    assert right["output"].shape == (len(x), H)


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("rnn", ("all steps are given the first state", "halved")),
        (
            "lstm_step",
            ("the cell's tanh is left out", "the gradient of the input weights is transposed"),
        ),
        (
            "gru",
            (
                "what is kept of it is left out of the gradient of the state before",
                "the bias' gradient is averaged over the steps",
            ),
        ),
    ],
)
def test_two_mistakes_at_once_are_both_named(name, pair):
    known = {mistake.cause.name: mistake for mistake in KINDS[name].mistakes}
    diagnosis = mechanical.diagnosed(name, *(known[one] for one in pair))
    assert diagnosis.status is Status.WRONG
    assert {cause.name for cause in diagnosis.causes} == set(pair), str(diagnosis)


def test_a_cell_that_is_not_handed_back_has_one_name_where_no_first_cell_is_asked_for():
    name = "the gradient of the cell before knows nothing of the state"
    (mistake,) = (m for m in KINDS["lstm"].mistakes if m.cause.name == name)
    kind, inputs = givens("lstm")
    for given in inputs:
        right = kind.right(given, {})
        assert "dc0" in mistake.wrong(given, right)
        del given.inputs["c0"]
        with pytest.raises(KeyError):
            mistake.wrong(given, right)


@pytest.mark.parametrize(("name", "order"), [("lstm_step", "ifog"), ("gru", "zrn")])
def test_a_mistake_is_found_in_another_convention(name, order):
    """As in CS231n, whose gates are i, f, o and g."""
    known = {mistake.cause.name: mistake for mistake in KINDS[name].mistakes}
    mistake = known["the derivative of the candidate is left out"]

    class Other(mechanical.Mechanical):
        def run(self, thing, given):
            return super().run(thing, given.changed(order=order))

    other = Other(KINDS[name](), (mistake,))
    diagnosis = mechanical.diagnose_student(other)
    assert [cause.name for cause in diagnosis.causes] == [mistake.cause.name], str(diagnosis)


@pytest.mark.parametrize(
    ("thing", "kind"),
    [
        (handgrad.RNN, "rnn"),
        (handgrad.LSTM, "lstm"),
        (handgrad.GRU(3, 4), "gru"),
        (handgrad.MultiHeadAttention, "multi_head_attention"),
        (handgrad.MultiHeadAttention(4, 2, causal=True, bias=False), "multi_head_attention"),
    ],
    ids=str,
)
def test_ours_is_right_as_the_exercise_calls_it(thing, kind):
    diagnosis = handgrad.diagnose(thing)
    assert (diagnosis.kind, diagnosis.status) == (kind, Status.RIGHT), str(diagnosis)


def test_a_mistake_in_a_class_of_ones_own_has_its_name():
    class Forgetful(handgrad.RNN):
        def pullback(self, dy, saved, need_dx=True, out=None):
            dx, gradients = super().pullback(dy, saved, need_dx, out)
            return dx[:, ::-1], {**gradients, "bias": gradients["bias"] / len(dy)}

    diagnosis = handgrad.diagnose(Forgetful, "rnn")
    assert {cause.name for cause in diagnosis.causes} == {
        "the input's gradients stand in the reverse order",
        "the bias' gradient is averaged over the minibatch",
    }, str(diagnosis)

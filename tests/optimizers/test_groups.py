"""What an update leaves out: frozen components, and in the weight decay biases, as in PyTorch."""

import copy
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import (
    BatchNorm,
    CrossEntropy,
    Dropout,
    LayerNorm,
    Linear,
    Model,
    MSELoss,
    MultiHeadAttention,
    ReLU,
    RMSNorm,
)
from handgrad.checkpoint import from_config, load, save, to_config
from handgrad.errors import ArgumentError
from handgrad.flat.groups import groups_of
from handgrad.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from handgrad.optimizers import optimizer as module
from handgrad.training import AccumulateGradients, Callback, ClipGradients, Trainer
from handgrad.walk import parameters, snapshot
from helpers import D, K, N, OwnLinear, generator, random, refuses, trained
from trees import Mean, Residual

STEPS = 50

CASES = [
    (SGD, {}),
    (SGD, {"momentum": 0.9, "nesterov": True}),
    (Adam, {}),
    (AdamW, {}),
    (RMSprop, {"momentum": 0.5, "centered": True}),
]
each_optimizer = pytest.mark.parametrize(("ours", "options"), CASES)


def network(seed=0):
    rng = generator(seed)
    block = Residual(Model([Linear(5, 5, rng=rng), ReLU(), Linear(5, 5, bias=False, rng=rng)]))
    return Model([Linear(D, 5, rng=rng), Dropout(block, 0), Linear(5, K, rng=rng)])


class Twin(torch.nn.Module):
    """The same network, of the same parameters."""

    def __init__(self, model):
        super().__init__()
        for name, array in ((p.name, p.array) for p in parameters(model)):
            tensor = torch.nn.Parameter(torch.tensor(array))
            self.register_parameter(name.replace(".", "_"), tensor)

    def forward(self, x):
        p = dict(self.named_parameters())
        x = x @ p["0_weights"] + p["0_bias"]
        inner = "1_layer_inner"
        hidden = torch.relu(x @ p[f"{inner}_0_weights"] + p[f"{inner}_0_bias"])
        return (x + hidden @ p[f"{inner}_2_weights"]) @ p["2_weights"] + p["2_bias"]

    def of(self, place):
        return [t for name, t in self.named_parameters() if name.startswith(place)]


def make_both(ours, options, weight_decay=0.1, decay="all", **more):
    model = network()
    twin = Twin(model)
    optimizer = ours(lr=0.05, weight_decay=weight_decay, decay=decay, **options, **more)
    tensors = dict(twin.named_parameters())
    groups = [
        {"params": [t for n, t in tensors.items() if n.endswith("weights")]},
        {"params": [t for n, t in tensors.items() if n.endswith("bias")]},
    ]
    if decay == "weights":
        groups[1]["weight_decay"] = 0.0
    theirs = getattr(torch.optim, ours.__name__)(
        groups, lr=0.05, weight_decay=weight_decay, **options
    )
    return model, optimizer, twin, theirs


def train_both(model, optimizer, twin, theirs, steps=STEPS, at=None, max_norm=None):
    loss, rng = CrossEntropy(), generator(7)
    for step in range(steps):
        if at and step in at:
            at[step]()
        x, y = rng.standard_normal((N, D)), rng.integers(0, K, N)
        value = loss(model.forward(x), y)
        optimizer.update(model.parameters, model.backward(loss.grad()).flat)
        theirs.zero_grad()
        expected = torch.nn.functional.cross_entropy(twin(torch.tensor(x)), torch.tensor(y))
        expected.backward()
        if max_norm:
            torch.nn.utils.clip_grad_norm_(twin.parameters(), max_norm)
        theirs.step()
        assert_allclose(value, expected.item(), rtol=1e-10)
    for place, tensor in zip(parameters(model), twin.parameters(), strict=True):
        assert_allclose(place.array, tensor.detach().numpy(), rtol=1e-10, atol=1e-10)


@each_optimizer
@pytest.mark.parametrize("decay", ["all", "weights"])
@pytest.mark.parametrize("place", ["0", "1", "1.layer.inner.2", "2"])
def test_agrees_with_pytorch(ours, options, decay, place):
    model, optimizer, twin, theirs = make_both(ours, options, decay=decay)
    before = snapshot(model)
    child = model
    for name in place.split("."):
        child = child.children()[name]
    child.freeze()
    for tensor in twin.of(place.replace(".", "_")):
        tensor.requires_grad_(False)
    train_both(model, optimizer, twin, theirs)
    for name, array in snapshot(model).items():
        assert np.array_equal(array, before[name]) == name.startswith(place), name


@each_optimizer
@pytest.mark.parametrize("max_norm", [0.05, 100.0])
def test_the_norm_is_that_of_what_is_not_frozen(ours, options, max_norm):
    model, optimizer, twin, theirs = make_both(ours, options, max_norm=max_norm)
    model.components[2].freeze()
    for tensor in twin.of("2"):
        tensor.requires_grad_(False)
    train_both(model, optimizer, twin, theirs, max_norm=max_norm)


@each_optimizer
def test_freezing_for_a_while_agrees_with_pytorch(ours, options):
    """A parameter goes on where it was: with its velocity, and means over its own steps."""
    model, optimizer, twin, theirs = make_both(ours, options, decay="weights")

    def switch(place, frozen):
        component = model.components[place]
        component.freeze() if frozen else component.unfreeze()
        for tensor in twin.of(str(place)):
            tensor.requires_grad_(not frozen)
            tensor.grad = None

    at = {
        0: lambda: switch(0, True),
        10: lambda: switch(1, True),
        20: lambda: switch(0, False),
        30: lambda: (switch(0, True), switch(1, False)),
        40: lambda: switch(0, False),
    }
    train_both(model, optimizer, twin, theirs, at=at)
    missed = optimizer.state_dict()["missed"]
    assert missed.tolist() == [30, 30, 20, 20, 20, 0, 0]


@each_optimizer
@pytest.mark.parametrize("block", [1, 3, 7, 1000])
def test_blocks_change_nothing(ours, options, block, monkeypatch):
    runs = []
    for size in (block, module.BLOCK):
        monkeypatch.setattr(module, "BLOCK", size)
        model, optimizer, *_ = make_both(ours, options, decay="weights", max_norm=0.5)
        model.components[1].layer.inner.components[0].freeze()
        rng = generator(3)
        for _ in range(3):
            optimizer.update(model.parameters, rng.standard_normal(model.parameters.size))
        runs.append(model.parameters)
    assert_array_equal(*runs)


def test_many_small_parameters_are_one_block():
    model = Model([Linear(3, 3) for _ in range(40)])
    optimizer = AdamW(decay="weights")
    optimizer.loop = None
    calls = []
    optimizer.descend = lambda p, g, scratch, slots: calls.append(p.size)
    optimizer.update(model.parameters, np.zeros(480))
    model.components[20].freeze()
    optimizer.update(model.parameters, np.zeros(480))
    assert calls == [480, 240, 228]


# What the parts of a model say


def test_to_freeze_is_to_freeze_all_that_is_held():
    model = network()
    assert not any(c.frozen for c in model.components)
    assert model.freeze() is model
    assert all(c.frozen for c in (model, *model.components, model.components[1].layer.inner))
    head = model.components[2].unfreeze()
    assert not head.frozen
    assert model.layout.groups.updated == [slice(model.layout.size - 24, model.layout.size)]
    assert repr(model).splitlines()[-1].split() == ["total", "75", "frozen", "99"]
    model.unfreeze()
    assert model.layout.groups.updated == [slice(0, model.layout.size)]
    assert "frozen" not in repr(model)


def test_gradients_of_what_is_frozen_are_the_same_and_pass_through_it():
    model = network()
    expected = trained(model).flat.copy()
    model.components[1].freeze()
    assert_array_equal(trained(model).flat, expected)


def test_a_plain_step_of_the_model_leaves_what_is_frozen():
    model = network()
    model.components[1].freeze()
    before, gradients = model.parameters.copy(), trained(model)
    model.update_parameters(gradients, 0.1)
    step = 0.1 * gradients.flat
    for group in model.layout.groups:
        step[group.place] *= group.updated
    assert_array_equal(model.parameters, before - step)
    assert step.any()
    model.unfreeze()
    model.update_parameters(gradients, 0.1)
    assert_array_equal(model.parameters, before - step - 0.1 * gradients.flat)


def test_what_is_shared_is_frozen_through_either():
    layer = Linear(D, D, rng=generator())
    model = Model([layer, ReLU(), layer, Linear(D, D)])
    layer.freeze()
    assert [group.updated for group in model.layout.groups] == [False, False, True, True]
    one, two = Linear(D, D), Linear(D, D)
    vars(two)["parameters"] = one.parameters
    model = Model([one, two])
    two.freeze()
    assert [group.updated for group in model.layout.groups] == [False, False]


def test_weights_are_what_is_called_so_or_has_rows():
    model = Model([Linear(1, 3), Linear(3, 1), MultiHeadAttention(1, 1)])
    weights = [
        p.name for p, g in zip(parameters(model), model.layout.groups, strict=True) if g.weights
    ]
    assert weights == [p.name for p in parameters(model) if p.name.endswith("weights")]


def test_a_model_in_a_model_is_known_too():
    inner = Model([Linear(D, D, rng=generator())])
    outer = Model([Linear(D, D, rng=generator(1)), inner])
    inner.components[0].freeze()
    assert [g.updated for g in groups_of(inner.parameters)] == [False, False]
    assert [g.updated for g in groups_of(outer.parameters)] == [True, True, False, False]
    assert groups_of(outer.parameters.copy()) == ()
    optimizer, before = SGD(lr=0.1), inner.parameters.copy()
    optimizer.update(inner.parameters, np.ones(12))
    assert_array_equal(inner.parameters, before)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_keep_what_is_frozen_to_themselves(copied):
    model = network()
    model.components[0].freeze()
    twin = copied(model)
    assert [c.frozen for c in twin.components] == [True, False, False]
    twin.components[0].unfreeze()
    assert model.components[0].frozen
    before = model.parameters.copy()
    optimizer = copied(SGD(lr=0.1))
    optimizer.update(twin.parameters, np.ones_like(before))
    assert np.all(twin.parameters != before)
    optimizer = copied(optimizer)
    optimizer.update(model.parameters, np.ones_like(before))
    assert_array_equal(model.components[0].weights.ravel(), before[:15])


class Foreign(OwnLinear):
    """A student's layer that a checkpoint can build again."""

    def __init__(self, D, K):
        super().__init__(D, K, generator())
        self.D, self.K = D, K


def test_checkpoints_keep_it_as_they_keep_the_mode(tmp_path):
    model = Model([Foreign(D, 5), Dropout(Linear(5, 5), 0.5), Linear(5, K)])
    model.components[0].freeze()
    model.components[1].freeze().eval()
    model.components[1].layer.unfreeze()
    save(tmp_path, model)
    twin = load(tmp_path, classes=[Foreign]).model
    components = (twin, *twin.components, twin.components[1].layer)
    assert [c.frozen for c in components] == [False, True, True, False, False]
    assert [c.training for c in components] == [True, True, False, True, False]
    assert_array_equal(twin.layout.groups.updated, model.layout.groups.updated)
    assert "$frozen" not in repr(to_config(Linear(2, 1)))
    assert from_config(to_config(Linear(2, 1).freeze())).frozen


# In a training


@pytest.fixture
def data():
    x = random(53, D)
    return x, random(53, K, seed=1)


def fit(trainer, data, epochs=3, callbacks=()):
    return trainer.fit(*data, epochs=epochs, batch_size=8, callbacks=callbacks, progress=False)


@pytest.mark.parametrize("step", [None, AccumulateGradients(3)])
def test_a_trainer_leaves_what_is_frozen(data, step):
    model = network()
    model.components[0].freeze()
    before = snapshot(model)
    fit(Trainer(model, MSELoss(), AdamW(decay="weights"), step=step, rng=generator()), data)
    for name, array in snapshot(model).items():
        assert np.array_equal(array, before[name]) == name.startswith("0."), name


class Unfreeze(Callback):
    """Lets a component go from some epoch on."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch(self, trainer):
        if trainer.epochs_done == self.epoch:
            trainer.model.components[0].unfreeze()


def test_a_callback_may_unfreeze_on_the_way(data):
    model = network()
    first = model.components[0].freeze()
    before = first.weights.copy()
    trainer = Trainer(model, MSELoss(), Adam(), rng=generator())
    fit(trainer, data, epochs=2, callbacks=[Unfreeze(2)])
    assert_array_equal(first.weights, before)
    assert trainer.optimizer.steps == 14
    fit(trainer, data, epochs=3)
    assert not np.any(first.weights == before)
    assert trainer.optimizer.state_dict()["missed"].tolist() == [14, 14, 0, 0, 0, 0, 0]


def test_a_model_that_is_all_frozen_stays_as_it_is(data):
    model = network().freeze()
    before = model.parameters.copy()
    trainer = Trainer(model, MSELoss(), Adam(max_norm=1.0), rng=generator())
    history = fit(trainer, data)
    assert_array_equal(model.parameters, before)
    assert history["gradient_norm"] == [0.0] * 3
    assert min(history["gradient_norm.0"]) > 0


def test_clipping_by_a_callback_and_the_history_count_what_is_not_frozen(data):
    model = network()
    model.components[0].freeze()
    trainer = Trainer(model, MSELoss(), SGD(lr=0.01), rng=generator())
    history = fit(trainer, data, callbacks=[ClipGradients(max_norm=1e-3)])
    assert_allclose(history["gradient_norm"], 1e-3, rtol=1e-2)


def test_buffers_of_what_is_frozen_go_on_while_training(data):
    """As in PyTorch, where the mode decides; in evaluation mode they stay as they are."""
    model = Model([Mean(D).freeze(), Linear(D, K)])
    fit(Trainer(model, MSELoss(), SGD(), rng=generator()), data, epochs=1)
    assert model.components[0].buffers["mean"].any()


class Plain:
    """An optimizer of one's own that knows nothing of freezing."""

    def update(self, parameters, gradients):
        parameters -= 0.1 * gradients


def test_an_optimizer_of_another_kind_is_refused_where_something_is_frozen(data):
    model = network()
    trainer = Trainer(model, MSELoss(), Plain(), rng=generator())
    fit(trainer, data, epochs=1)
    model.components[0].freeze()
    before = model.parameters.copy()
    with pytest.raises(ArgumentError, match=r"(?s)Plain .* 20 frozen .* derive its class"):
        fit(trainer, data, epochs=2)
    assert_array_equal(model.parameters, before)


# States, and what is refused


def test_decay_of_weights_needs_a_models_vector():
    optimizer = AdamW(decay="weights")
    with refuses(ArgumentError, optimizer, match=r"a vector that is not a model's"):
        optimizer.update(np.zeros(3), np.zeros(3))


def state_of(optimizer, model, frozen=1, steps=2):
    model.components[0].freeze() if frozen else None
    for _ in range(steps):
        optimizer.update(model.parameters, np.ones_like(model.parameters))
    return optimizer.state_dict()


def test_a_state_says_what_each_array_has_missed():
    assert "missed" not in state_of(Adam(), network(), frozen=0)
    state = state_of(Adam(), network())
    assert state["missed"].tolist() == [2, 2, 0, 0, 0, 0, 0]
    other = Adam()
    other.load_state_dict(state)
    assert_array_equal(other.state_dict()["missed"], state["missed"])


def test_a_state_with_something_frozen_belongs_to_its_model():
    state = state_of(Adam(), network())
    optimizer = Adam()
    optimizer.load_state_dict(state)
    other = Model([Linear(1, network().parameters.size, bias=False)])
    with refuses(ArgumentError, optimizer, match=r"1 arrays of parameters .*"):
        optimizer.update(other.parameters, np.ones_like(other.parameters))
    vector = np.ones_like(other.parameters)
    with refuses(ArgumentError, optimizer, match=r"a vector that is not a model's"):
        optimizer.update(vector, vector)


@pytest.mark.parametrize(
    "missed", [[1, 2], np.array([0.5]), np.array([[1]]), np.array([-1]), np.array([3]), "two"]
)
def test_a_state_that_misses_what_cannot_be_is_refused(missed):
    state = {**state_of(Adam(), network()), "missed": missed}
    optimizer = Adam()
    with refuses(ArgumentError, optimizer, match="missed="):
        optimizer.load_state_dict(state)


def test_an_optimizer_of_ones_own_is_told_the_age_of_a_block():
    ages = []

    class Noting(Optimizer):
        def descend(self, p, g, scratch, slots):
            ages.append((p.size, self.age))

    model = Model([Linear(1, 1), Linear(1, 2)])
    optimizer = Noting(lr=0.1)
    model.components[0].freeze()
    optimizer.update(model.parameters, np.ones(6))
    model.unfreeze()
    optimizer.update(model.parameters, np.ones(6))
    assert ages == [(4, 1), (4, 2), (2, 1)]


@pytest.mark.parametrize("norm", [LayerNorm, RMSNorm])
def test_a_norm_of_several_axes_is_no_weights(norm):
    model = Model([norm((5, D))])
    assert [group.weights for group in model.layout.groups] == [False] * len(norm(2).parameters)
    before = model.parameters.copy()
    optimizer = SGD(lr=0.1, weight_decay=0.5, decay="weights")
    optimizer.update(model.parameters, np.zeros_like(before))
    assert_array_equal(model.parameters, before)


@pytest.mark.parametrize("ours", [SGD, AdamW])
def test_an_l1_penalty_leaves_out_what_does_not_decay(ours):
    model = Model([Linear(3, 4, rng=generator()), BatchNorm(4), Linear(4, 2, rng=generator(1))])
    before = snapshot(model)
    optimizer = ours(lr=0.1, weight_decay=0.0, decay="weights", l1=0.02)
    optimizer.update(model.parameters, np.zeros_like(model.parameters))
    for name, array in snapshot(model).items():
        step = 0.002 * np.sign(before[name]) if name.endswith("weights") else 0
        assert_allclose(array, before[name] - step, atol=1e-15)


def test_what_decays_may_be_said_anew_between_two_steps():
    model, again = network(), network()
    gradients = [np.ones(model.parameters.size), -np.ones(model.parameters.size)]
    changed = SGD(lr=0.1, weight_decay=0.5)
    changed.update(model.parameters, gradients[0])
    SGD(lr=0.1, weight_decay=0.5).update(again.parameters, gradients[0])
    changed.decay = "weights"
    changed.update(model.parameters, gradients[1])
    SGD(lr=0.1, weight_decay=0.5, decay="weights").update(again.parameters, gradients[1])
    assert_array_equal(model.parameters, again.parameters)

"""Arrays are made in the memory of those of the step before, not in new pages."""

import subprocess
import sys
import weakref

import numpy as np
import pytest

from handgrad import Component, Conv2d, Embedding, Linear, Model, MSELoss, Tanh, heap
from handgrad.errors import ShapeError
from handgrad.heap import make_room, size_of
from handgrad.optimizers import SGD
from handgrad.training import Trainer, step

# A dozen activations of 512 rows, a MiB each, and next to no arithmetic.
LOOP = """
import resource
import numpy as np
from handgrad import Linear, Model, MSELoss, ReLU, Tanh, kernels
from handgrad.optimizers import SGD

kernels.use("numpy")
first, last = Linear(2, 512, dtype="f4"), Linear(512, 1, dtype="f4")
model = Model([first, *(kind() for kind in 6 * (ReLU, Tanh)), last])
loss, optimizer = MSELoss(), SGD(0.0)
x, y = np.ones((512, 2), "f4"), np.ones((512, 1), "f4")

def faults(steps):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        loss(model.forward(x), y)
        optimizer.update(model.parameters, model.backward(loss.grad()).flat)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / steps

faults(10)
print(faults(10))
"""


def test_a_step_asks_for_no_new_pages():
    # In a process of its own, since it depends on what a process has done before.
    command = [sys.executable, "-c", LOOP]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    assert float(found.stdout) < 10


def test_a_trainer_makes_room_for_its_first_pass(monkeypatch):
    made = []
    monkeypatch.setattr(step, "make_room", lambda *given: made.append(size_of(given)))
    trainer = Trainer(Model([Linear(2, 3), Tanh(), Linear(3, 1)]), MSELoss(), SGD(0.0))
    trainer.fit(np.ones((10, 2)), np.ones((10, 1)), epochs=1, batch_size=5, progress=False)
    inputs, hidden, outputs = 5 * 2, 5 * 3, 5 * 1
    assert made == [8 * (inputs + 2 * hidden + outputs)]  # the activations twice, as Tanh's too


class Watched(Component):
    """Keeps an array until the backward pass, and looks what has become of the last one."""

    last = None

    def apply(self, x):
        self.still = self.last is not None and self.last() is not None
        kept = np.copy(x)
        self.last = weakref.ref(kept)
        return x, kept

    def pullback(self, dy, saved, need_dx=True, out=None):
        return dy, {}


def test_a_call_lets_go_of_the_last_pass_before_it_makes_new_arrays():
    watched = Watched()
    watched(np.ones(3))
    assert watched.last() is not None
    watched(np.ones(3))
    assert not watched.still


def test_indices_that_are_refused_leave_the_last_pass_as_it_was():
    embedding = Embedding(3, 2)
    y = embedding([0, 1])
    with pytest.raises(ShapeError, match="from 0 to 3"):
        embedding([0, 3])  # of the same shape
    embedding.grad(np.ones_like(y))
    assert embedding.gradients["weights"].sum() == 4


@pytest.mark.parametrize("size", [5, 256], ids=["with its windows", "alone"])
def test_what_a_convolution_keeps_counts(size):
    _, saved = Conv2d(1, 2, 3, padding=1).apply(np.ones((1, size, size, 1)))
    padded, windows = (size + 2) ** 2, size**2 * 10 if size == 5 else 0
    assert size_of(saved) == 8 * (padded + windows)


def test_where_there_is_no_memory_to_make_room_with_a_pass_goes_on(monkeypatch):
    def none_left(*_):
        raise MemoryError

    monkeypatch.setattr(heap.np, "empty", none_left)
    make_room(np.ones(3))

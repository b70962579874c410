"""What was the first that was not finite, at whatever depth it stands."""

import numpy as np
import pytest

from handgrad import Dropout, Linear, Model, MSELoss, ReLU, Sigmoid
from handgrad.errors import TrainingError
from handgrad.optimizers import SGD
from handgrad.training import Trainer
from handgrad.training.finite import check_parameters, find_culprit
from trees import Pair, Residual

N, D = 7, 5


class Bad(ReLU):
    """Right but for one number."""

    def __init__(self, forwards=False, backwards=False):
        self.forwards, self.backwards = forwards, backwards

    def apply(self, x):
        y, saved = super().apply(x)
        return (np.where(y == y.max(), np.inf, y) if self.forwards else y), saved

    def pullback(self, dy, saved, need_dx=True, out=None):
        dx, gradients = super().pullback(dy, saved)
        return (np.where(dx == dx.max(), np.nan, dx) if self.backwards else dx), gradients


def tree(bad):
    """Return a model with something bad as ``1.inner.0.right.layer``."""
    pair = Pair(Sigmoid(), Dropout(bad, 0.5, rng=np.random.default_rng(3)))
    return Model([Linear(D, D), Residual(Model([pair])), Linear(D, 1)])


def batch():
    rng = np.random.default_rng(4)
    return rng.standard_normal((N, D)), rng.standard_normal((N, 1))


@pytest.mark.parametrize("way", ["forwards", "backwards"])
def test_it_is_named_at_any_depth(way):
    model = tree(Bad(**{way: True}))
    before = {id(part): vars(part).keys() for part in model.components}
    what = {"forwards": "output", "backwards": "gradient of the input"}[way]
    found, _ = find_culprit(model, MSELoss(), *batch())
    assert found == f"the {what} of component 1.inner.0.right.layer, Bad()"
    assert before == {id(part): vars(part).keys() for part in model.components}
    trainer = Trainer(model, MSELoss(), SGD(lr=0.1))
    with pytest.raises(TrainingError, match=r"component 1\.inner\.0\.right\.layer, Bad\(\)"):
        trainer.fit(*batch(), epochs=1, progress=False)


def test_its_parameters_are_named():
    inner = Linear(D, D)
    model = tree(inner)
    inner.bias[0, 2] = np.nan
    found, _ = find_culprit(model, MSELoss(), *batch())
    assert found.endswith("component 1.inner.0.right.layer, Linear(5, 5), whose bias is not finite")
    with pytest.raises(TrainingError, match=r"bias of component 1\.inner\.0\.right\.layer, Linear"):
        check_parameters(model, "epoch 1", "")


def test_where_all_is_finite_nothing_is_found():
    assert find_culprit(tree(ReLU()), MSELoss(), *batch()) is None


@pytest.mark.parametrize("name", ["inputs", "targets", "weights"])
def test_the_data_come_first(name):
    x, y = batch()
    given = {"inputs": (x, x.copy()), "targets": y, "weights": np.ones(N)}
    array = given[name][1] if name == "inputs" else given[name]
    array[4] = np.nan
    found, mend = find_culprit(tree(ReLU()), MSELoss(), *given.values(), rows=np.arange(N) * 10)
    assert found.startswith(f"the {name}, at row 40")
    assert "data" in mend

"""What an optimizer keeps does not linger where a processor is slow."""

import numpy as np
import pytest

from handgrad.kernels.mode import using
from handgrad.optimizers import SGD, Adam, RMSprop
from handgrad.optimizers.subnormal import EVERY, flush

TINY = np.finfo(np.float32).tiny


@pytest.mark.parametrize("form", ["numpy", "compiled"])
@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(0.1, momentum=0.9),
        SGD(0.1, momentum=0.9, nesterov=True),
        RMSprop(0.1, alpha=0.5),
        RMSprop(0.1, alpha=0.5, momentum=0.9, centered=True),
        Adam(0.1, betas=(0.9, 0.8)),
    ],
    ids=repr,
)
def test_what_no_gradient_keeps_up_ends_at_0(form, optimizer):
    parameters = np.ones(3, np.float32)
    gradients = np.array([1.0, -1e-3, 0.0], np.float32)
    steps, idle = 30 * EVERY, np.array([0.0, 0.0, 1.0], np.float32)
    optimizer.load_state_dict({"steps": 0, "lr": 0.1})  # the other form has used it
    with using(form):
        optimizer.update(parameters, gradients)
        for _ in range(steps):
            before = parameters.copy()
            optimizer.update(parameters, idle)
            kept = np.stack([*optimizer._vectors.values()])
            if form == "compiled" or optimizer.steps % EVERY == 0:
                assert not ((kept != 0) & (np.abs(kept) < TINY)).any()
    assert not kept[:, :2].any()
    assert kept[:, 2].all()
    np.testing.assert_array_equal(parameters[:2], before[:2])
    assert parameters[2] < before[2]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_large_enough_stays(dtype):
    limits = np.finfo(dtype)
    vector = np.array([limits.tiny, -limits.tiny, limits.max, np.inf, -np.inf, np.nan, 0], dtype)
    flushed = np.append(vector, [limits.tiny / 2, -limits.smallest_subnormal]).astype(dtype)
    flush(flushed, EVERY)
    np.testing.assert_array_equal(flushed, [*vector, 0, 0])


@pytest.mark.parametrize("form", ["numpy", "compiled"])
@pytest.mark.parametrize("cls", [Adam, RMSprop])
def test_a_square_counts_where_epsilon_is_smaller_still(form, cls):
    """Gradients whose squares are no normal numbers move a parameter as others do."""
    parameters, gradients = np.zeros(2, np.float32), np.array([1e-20, -1e-3], np.float32)
    with using(form):
        optimizer = cls(0.01, eps=1e-30)
        for _ in range(2 * EVERY):
            optimizer.update(parameters, gradients)
    np.testing.assert_allclose(parameters[0], -parameters[1], rtol=0.05)

"""A snapshot gives values anew, as they were, with the memory that they share."""

from types import SimpleNamespace

import numpy as np
import pytest

from handgrad.diagnosis.engine.repair.snapshot import Snapshot, UnknownError


class Layer:
    def __init__(self, x):
        self.x, self.cache = x, {"x": x}


def test_what_is_written_to_a_copy_is_in_no_other():
    x = np.arange(6.0).reshape(2, 3)
    before = Snapshot((x, [x], {"n": 2}, Layer(x)))
    for _ in range(2):
        y, entries, options, layer = before.fresh()
        assert y.tolist() == x.tolist()
        assert options == {"n": 2}
        assert entries[0] is layer.x is layer.cache["x"] is y
        y[...], options["n"] = -1, 3
    x[...] = 7
    assert before.fresh()[0][0, 1] == 1


@pytest.mark.parametrize("order", "CF")
def test_views_are_views_of_the_copy(order):
    x = np.array(np.arange(6.0).reshape(2, 3), order=order)
    whole, row, turned, reverse = Snapshot((x, x[1:], x.T, x[:, ::-1])).fresh()
    whole[1, 2] = 9
    assert (row[0, 2], turned[2, 1], reverse[1, 0]) == (9, 9, 9)
    assert whole.strides == x.strides


@pytest.mark.parametrize(
    "value",
    [
        iter([1]),
        np.random.default_rng(0),
        np.array([None]),
        np.ma.ones(2),
        SimpleNamespace(a=1),
        np.frombuffer(b"abcd", np.uint8),
    ],
)
def test_what_it_does_not_know_it_does_not_copy(value):
    with pytest.raises(UnknownError):
        Snapshot({"value": value})


def test_what_holds_itself_is_not_copied_for_ever():
    loop = []
    loop.append(loop)
    with pytest.raises(UnknownError):
        Snapshot(loop)

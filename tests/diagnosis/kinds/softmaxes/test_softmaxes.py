"""The softmax and its logarithm as layers."""

import numpy as np
import pytest

from handgrad import diagnose
from handgrad.diagnosis import Status
from students import activation, softmax


def test_a_jacobian_for_each_row_is_right():
    def dx(x, dy):
        rows = []
        for p, g in zip(softmax(x), dy, strict=True):
            rows.append((np.diag(p) - np.outer(p, p)) @ g)
        return np.array(rows)

    assert diagnose(activation(softmax, dx), "softmax").status is Status.RIGHT


def unstable(x):
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("kind", "output", "dx"),
    [
        ("softmax", unstable, lambda p, dy: p * (dy - (dy * p).sum(1, keepdims=True))),
        ("log_softmax", lambda x: np.log(unstable(x)), lambda p, dy: dy - p * dy.sum(1)[:, None]),
    ],
    ids=["softmax", "log_softmax"],
)
def test_no_maximum_is_seen_at_large_logits(kind, output, dx):
    cls = activation(output, lambda x, dy: dx(unstable(x), dy))
    assert {c.name for c in diagnose(cls, kind).causes} == {"no maximum subtracted"}


def test_a_sum_without_its_axis_is_seen_where_it_runs():
    cls = activation(softmax, lambda x, dy: softmax(x) * (dy - (dy * softmax(x)).sum(axis=1)))
    diagnosis = diagnose(cls, "softmax")
    assert [c.name for c in diagnosis.causes] == ["the sum has lost its axis"]
    assert "broadcast" in diagnosis.failure.error

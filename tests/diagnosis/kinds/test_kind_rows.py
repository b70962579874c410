"""The affine layer on sequences and on flattened examples is the one on tables."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from handgrad.diagnosis.kinds import KINDS


@pytest.mark.parametrize(("name", "start"), [("temporal_linear", 2), ("flat_linear", 1)])
def test_what_is_right_is_right_by_pytorch(name, start):
    kind = KINDS[name]()
    for given in kind.givens(kind.shapes, 0):
        t = {
            n: torch.tensor(a, requires_grad=True)
            for n, a in {**given.inputs, **given.parameters}.items()
        }
        output = torch.flatten(t["x"], start) @ t["weights"] + t["bias"]
        output.backward(torch.tensor(given.dy))
        right = kind.right(given, {})
        assert_allclose(right["output"], output.detach().numpy(), atol=1e-12)
        for quantity, variable in kind.variables.items():
            assert_allclose(right[quantity], t[variable].grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("name", ["temporal_linear", "flat_linear"])
def test_a_mistake_of_the_affine_layer_is_made_in_rows_and_keeps_the_axes(name):
    kind = KINDS[name]()
    known = {mistake.cause.name: mistake for mistake in kind.mistakes}
    given = kind.givens(kind.shapes, 0)[0]
    right = kind.right(given, {})
    found = known["the first row is left out"].apply(given, right)
    assert found["dx"].shape == given.x.shape
    first = (0, 0) if name == "temporal_linear" else (0,)
    assert not found["dx"][first].any()
    rows = given.dy.reshape(-1, given.dy.shape[-1])
    assert_allclose(found["db"], rows[1:].sum(axis=0))
    found = known["the bias is added twice"].apply(given, right)
    assert_allclose(found["output"], right["output"] + given["bias"])
    assert np.array_equal(found["dx"], right["dx"])

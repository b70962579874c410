"""Both ways between trees: outputs and gradients, over every row of `handgrad.checking.cases`."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from handgrad import Dropout, Loss, Model
from handgrad.checking.cases import CASES
from handgrad.errors import ArgumentError
from handgrad.interop.torch import from_torch, to_torch
from handgrad.interop.torch.going import held, lowered
from handgrad.interop.torch.kinds import OURS, arrays_of
from handgrad.walk import join, named_gradients, walk

NO_SINGLE_ROW = "BatchNorm, one row in evaluation mode"  # which PyTorch's does not take
ROWS = [c for c in CASES if not issubclass(c.component, Loss) and str(c) != NO_SINGLE_ROW]
CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def drawn(row):
    """Return a row's component, in which nothing is dropped by chance, an input, and its shape."""
    rng = np.random.default_rng(0)
    component, (x,) = row.draw(rng)
    for _, part in walk(component):
        if isinstance(part, Dropout):
            part.training = False
    return component, x, None if isinstance(x, tuple) else x.shape


def theirs(x, form):
    """Return an input, or what comes out, as PyTorch has it."""
    if isinstance(x, tuple):
        return tuple(theirs(part, form) for part in x)
    if x.dtype.kind in "ui":
        return torch.tensor(x.astype(np.int64))
    moved = np.moveaxis(x, -1, 1) if form == "first" and x.ndim > 2 else x
    return torch.tensor(moved, requires_grad=x.dtype.kind == "f")


def ours(y, layout):
    """Return an output, or a gradient, with its features last and in our order."""
    y = y.detach().numpy()
    if layout.form == "first":
        return np.moveaxis(y, 1, -1)
    return layout.ours(y.T).T if layout.form == "flat" else y


def gradients_of(arrays, place, named):
    """Return gradients in the form of a component's arrays; its buffers have none."""
    return {
        name: gradients_of(value, join(place, name), named)
        if isinstance(value, dict)
        else named.get(join(place, name), np.zeros_like(value))
        for name, value in arrays.items()
    }


def check_alike(component, module, x, shape, rename=str):
    """Compare what both compute: the output, and the gradients of the input and all tensors."""
    start, _, end = lowered(component, shape)
    y, saved = component.apply(x)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    given = theirs(x, start.form)
    found = module(given)
    assert_allclose(ours(found, end), y, **CLOSE)
    upstream = end.theirs(dy.T).T if end.form == "flat" else dy
    found.backward(theirs(upstream, end.form).detach())
    dx, gradients = component.pullback(dy, saved)
    pairs = zip(given, dx, strict=True) if isinstance(x, tuple) else [(given, dx)]
    for tensor, expected in pairs:
        if expected is not None:
            assert_allclose(ours(tensor.grad, start), expected, **CLOSE)
    named = named_gradients(component, gradients)
    for one in held(component, shape):
        mine = gradients_of(arrays_of(one.component), one.place, named)
        for name, gradient in one.kind.tensors(one.component, mine, one.layout).items():
            tensor = module.state_dict(keep_vars=True)[join(rename(one.names[0]), name)]
            if not tensor.requires_grad:  # a buffer
                assert name == "num_batches_tracked" or name.startswith("running_")
                continue
            if "bias_hh" in name:  # the gradient of a sum's other term; a GRU's candidate has one
                H = len(gradient) // 3
                found, gradient = (
                    a[2 * H :] * gradient[2 * H :].any() for a in (tensor.grad, gradient)
                )
                assert_allclose(found, gradient, **CLOSE)
            else:
                assert_allclose(tensor.grad, gradient, **CLOSE)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_goes_to_pytorch_and_comes_back(row):
    component, x, shape = drawn(row)
    if any(type(part) not in OURS for _, part in walk(component)):
        with pytest.raises(ArgumentError, match="what both handgrad and PyTorch have"):
            to_torch(component)
        return
    module = to_torch(component, input_shape=shape)
    check_alike(component, module, x, shape)
    module.zero_grad()
    back = from_torch(module, input_shape=shape)
    in_a_row = isinstance(module, torch.nn.Sequential)
    check_alike(back, module, x, shape, str if in_a_row else lambda name: name[2:])
    if isinstance(component, Model):
        assert repr(back) == repr(component)

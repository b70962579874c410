"""Attention as lines: right by PyTorch and by ours, with a mask and without, scaled and not."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn.functional import scaled_dot_product_attention

import handgrad
import mechanical
from handgrad.diagnosis import Status
from handgrad.diagnosis.kinds import KINDS
from handgrad.diagnosis.kinds.attention.heads import GRADIENTS


def tensors(arrays):
    return {name: torch.tensor(array, requires_grad=True) for name, array in arrays.items()}


def agrees(kind, given, output, t):
    """Ask whether all results are those of PyTorch."""
    output.backward(torch.tensor(given.dy))
    right = kind.right(given, {})
    assert_allclose(right["output"], output.detach().numpy(), atol=1e-12)
    for quantity, variable in kind.variables.items():
        assert_allclose(right[quantity], t[variable].grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("scale", ["sqrt", "none"])
def test_attention_is_right_by_pytorch(causal, scale):
    kind = KINDS["attention"]()
    for given in kind.givens(kind.shapes, 0):
        given = given.changed(causal=causal, scale=scale)
        t = tensors(given.inputs)
        factor = None if scale == "sqrt" else 1.0
        output = scaled_dot_product_attention(*t.values(), is_causal=causal, scale=factor)
        agrees(kind, given, output, t)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("scale", ["sqrt", "none"])
def test_several_heads_are_right_by_pytorch(causal, scale):
    kind = KINDS["multi_head_attention"]()
    for given in kind.givens(kind.shapes, 0):
        given = given.changed(causal=causal, scale=scale)
        (_, T, D), H = given.x.shape, given["num_heads"]
        t = tensors({**given.inputs, **given.parameters})
        factor = 1.0 if scale == "sqrt" else math.sqrt(D // H)  # what PyTorch divides by, put back
        W = torch.cat(
            [t[f"{n}_weights"].T * f for n, f in (("query", factor), ("key", 1), ("value", 1))]
        )
        b = torch.cat(
            [t[f"{n}_bias"] * f for n, f in (("query", factor), ("key", 1), ("value", 1))]
        )
        made = torch.nn.MultiheadAttention(D, H, batch_first=True)
        parameters = {
            "in_proj_weight": W,
            "in_proj_bias": b,
            "out_proj.weight": t["output_weights"].T,
            "out_proj.bias": t["output_bias"],
        }
        mask = torch.triu(torch.ones(T, T, dtype=torch.bool), 1) if causal else None
        options = {"attn_mask": mask, "need_weights": False}
        output, _ = torch.func.functional_call(made, parameters, (t["x"],) * 3, options)
        agrees(kind, given, output, t)
        assert_allclose(kind.right(given, {})["dbk"], 0, atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_several_heads_are_right_by_ours(causal, bias):
    kind = KINDS["multi_head_attention"]()
    for given in kind.givens(kind.shapes, 0):
        given = given.changed(causal=causal)
        if not bias:
            given.parameters = {n: a for n, a in given.parameters.items() if "bias" not in n}
        D, H = given.x.shape[2], given["num_heads"]
        layer = handgrad.MultiHeadAttention(D, H, causal=causal, bias=bias)
        for name in layer.parameters:
            layer.parameters[name][...] = given[name]
        y, saved = layer.apply(given.x)
        dx, gradients = layer.pullback(given.dy, saved)
        right = kind.right(given, {})
        assert_allclose(right["output"], y, atol=1e-12)
        assert_allclose(right["dx"], dx, atol=1e-12)
        for quantity, name in GRADIENTS.items():
            if name in gradients:
                theirs = gradients[name].reshape(right[quantity].shape)
                assert_allclose(right[quantity], theirs, atol=1e-12)


def test_a_mistake_is_found_without_the_scale_too():
    known = {mistake.cause.name: mistake for mistake in KINDS["attention"].mistakes}
    mistake = known["the row's sum is left out of the softmax"]

    class Unscaled(mechanical.Mechanical):
        def run(self, thing, given):
            return super().run(thing, given.changed(scale="none"))

    diagnosis = mechanical.diagnose_student(Unscaled(KINDS["attention"](), (mistake,)))
    assert diagnosis.status is Status.WRONG
    assert [cause.name for cause in diagnosis.causes] == [mistake.cause.name], str(diagnosis)


@pytest.mark.parametrize("name", ["attention", "multi_head_attention"])
def test_the_answers_are_finite_for_large_inputs(name):
    kind = KINDS[name]()
    for stress in kind.stresses(0):
        for given in stress.givens:
            for masked in (False, True):
                right = kind.right(given.changed(causal=masked), {})
                assert all(np.isfinite(array).all() for array in right.values())

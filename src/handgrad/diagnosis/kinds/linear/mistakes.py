"""Mistakes in the affine layer."""

from __future__ import annotations

import numpy as np

from handgrad.component import Array
from handgrad.diagnosis import families as general
from handgrad.diagnosis.mistake import Given, Mistake, Results, mistake
from handgrad.diagnosis.result import Cause

__all__ = ["LAYOUTS", "MISTAKES"]

_SUM = "A parameter serves every row of the minibatch, so its gradient is a sum over the rows."
_SHAPE = "The gradient of a parameter has the parameter's shape."
_EVERY_ROW = (
    "Each row has its part in the gradients of the parameters, and its own row in the gradient of "
    "the input."
)
_SLOWLY = "The larger the minibatch, the smaller is the gradient, and the slower the training."
_NO_MEAN = (
    "The sum over n comes from the chain rule; a factor 1/N appears in no line, since the mean is "
    "the loss' affair and is in the upstream gradient already."
)


@mistake(
    "the gradient of the weights is transposed",
    "Rows and columns of the weights' gradient are exchanged.",
    "The gradient of the weights has not the shape of the weights.",
    _SHAPE,
    "The line in index notation: which index of the gradient is the input's, which the output's?",
    "Exchange the factors: `x.T @ dy` is (in, out), `dy.T @ x` is (out, in).",
)
def transposed(given: Given, right: Results) -> Results:
    return {"dW": right["dW"].T}


@mistake(
    "the weights are not transposed for the gradient of the input",
    "The upstream gradient is multiplied by the weights as they stand.",
    "Unless the layer has as many inputs as outputs, the shapes do not fit.",
    "Going backwards the layer maps from the outputs to the inputs, the other way round.",
    "The line in index notation: the sum runs over the weights' second index, the output's.",
    "Multiply by the transpose: `dy @ W.T`.",
)
def untransposed(given: Given, right: Results) -> Results:
    return {"dx": given.dy @ given.W}


@mistake(
    "the parameters' gradients are averaged over the minibatch",
    "The gradients of the weights and the bias are divided by the number of rows.",
    _SLOWLY,
    _SUM,
    _NO_MEAN,
    "Leave out the division: `x.T @ dy` and `dy.sum(axis=0)`.",
)
def averaged(given: Given, right: Results) -> Results:
    N = len(given.x)
    return {"dW": right["dW"] / N, "db": right["db"] / N}


@mistake(
    "the weights' gradient is averaged over the minibatch",
    "The gradient of the weights is divided by the number of rows.",
    _SLOWLY,
    _SUM,
    _NO_MEAN,
    "Leave out the division: `x.T @ dy`.",
)
def averaged_weights(given: Given, right: Results) -> Results:
    return {"dW": right["dW"] / len(given.x)}


@mistake(
    "the bias' gradient is averaged over the minibatch",
    "The gradient of the bias is divided by the number of rows.",
    _SLOWLY,
    _SUM,
    _NO_MEAN,
    "Sum in place of taking the mean: `dy.sum(axis=0)`.",
)
def averaged_bias(given: Given, right: Results) -> Results:
    return {"db": right["db"] / len(given.x)}


@mistake(
    "the gradient of the input is averaged over the minibatch",
    "The gradient of the input is divided by the number of rows.",
    "Layers below learn too slowly, the more so the larger the minibatch.",
    "Each row of the input belongs to one row of the output, so nothing is averaged.",
    "A factor 1/N appears in no line: the mean is the loss' affair and is in the upstream gradient "
    "already.",
    "Leave out the division: `dy @ W.T`.",
)
def averaged_input(given: Given, right: Results) -> Results:
    return {"dx": right["dx"] / len(given.x)}


@mistake(
    "the bias' gradient is summed over everything",
    "The upstream gradient is added up to one single number.",
    "Every entry of the bias' gradient is the same.",
    "Each entry of the bias reaches its own column of the output alone.",
    "The line of the bias: the sum runs over the rows, and the column stays.",
    "Give the axis: `dy.sum(axis=0)`.",
)
def bias_total(given: Given, right: Results) -> Results:
    return {"db": np.full(right["db"].shape, given.dy.sum())}


@mistake(
    "the bias' gradient is the mean of everything",
    "The upstream gradient is averaged to one single number.",
    "Every entry of the bias' gradient is the same.",
    "Each entry of the bias reaches its own column of the output alone.",
    "The line of the bias: the sum runs over the rows, and the column stays.",
    "Sum, and give the axis: `dy.sum(axis=0)`.",
)
def bias_mean(given: Given, right: Results) -> Results:
    return {"db": np.full(right["db"].shape, given.dy.mean())}


@mistake(
    "the bias' gradient is summed over the features",
    "The upstream gradient is added up along the rows instead of down the columns.",
    "The gradient of the bias has as many entries as the minibatch has rows.",
    _SHAPE,
    "The line of the bias: the sum runs over n, the rows.",
    "Sum over the other axis: `dy.sum(axis=0)`.",
)
def bias_features(given: Given, right: Results) -> Results:
    return {"db": given.dy.sum(axis=1)}


@mistake(
    "the bias' gradient is averaged over the features",
    "The upstream gradient is averaged along the rows instead of summed down the columns.",
    "The gradient of the bias has as many entries as the minibatch has rows.",
    _SHAPE,
    "The line of the bias: the sum runs over n, the rows.",
    "Sum over the other axis: `dy.sum(axis=0)`.",
)
def bias_features_mean(given: Given, right: Results) -> Results:
    return {"db": given.dy.mean(axis=1)}


@mistake(
    "the bias' gradient is not summed",
    "The upstream gradient itself is given as the gradient of the bias.",
    "The gradient of the bias has a row for each row of the minibatch.",
    _SUM,
    "The line of the bias: broadcasting forwards is a sum backwards.",
    "Sum over the rows: `dy.sum(axis=0)`.",
)
def bias_not_summed(given: Given, right: Results) -> Results:
    return {"db": given.dy.copy()}


@mistake(
    "the bias' gradient ignores the upstream gradient",
    "The gradient of the bias is the number of rows, whatever comes in.",
    "Every entry of the bias' gradient is the same, and a whole number.",
    "The backward pass is linear in the upstream gradient.",
    "The first line, the chain rule: the derivative of the output by the bias is 1, and what it "
    "multiplies is missing.",
    "Sum the upstream gradient over the rows: `dy.sum(axis=0)`.",
)
def bias_counts(given: Given, right: Results) -> Results:
    return {"db": np.full(right["db"].shape, float(len(given.x)))}


@mistake(
    "the bias' gradient is multiplied by the bias",
    "The derivative of the output by the bias is taken to be the bias itself.",
    "A bias of 0 never moves.",
    "The output moves one to one with the bias, whatever its value.",
    "The line of the bias: the derivative of a sum by one of its terms.",
    "Leave the factor out: `dy.sum(axis=0)`.",
)
def bias_times_bias(given: Given, right: Results) -> Results:
    return {"db": right["db"] * given.b}


@mistake(
    "the weights' gradient ignores the upstream gradient",
    "The gradient of the weights is made of the input alone: its rows are constant.",
    "The gradient of the weights does not change when the upstream gradient is doubled.",
    "The backward pass is linear in the upstream gradient.",
    "The first line, the chain rule: the derivative of the output by a weight is one of two "
    "factors.",
    "Multiply by the upstream gradient: `x.T @ dy`.",
)
def weights_ignore(given: Given, right: Results) -> Results:
    return {"dW": given.x.T @ np.ones_like(given.dy)}


@mistake(
    "the input's gradient ignores the upstream gradient",
    "The gradient of the input is made of the weights alone: its rows are all the same.",
    "The gradient of the input does not change when the upstream gradient is doubled.",
    "The backward pass is linear in the upstream gradient.",
    "The first line, the chain rule: the derivative of the output by an input is one of two "
    "factors.",
    "Multiply by the upstream gradient: `dy @ W.T`.",
)
def input_ignores(given: Given, right: Results) -> Results:
    return {"dx": np.ones_like(given.dy) @ given.W.T}


@mistake(
    "the weights themselves in place of the gradient of the input",
    "What is returned as the gradient of the input are the transposed weights.",
    "The gradient of the input has not the shape of the input.",
    "The gradient of the input has the input's shape, a row for each row.",
    "The first line, the chain rule: the derivative of the output by an input is one of two "
    "factors.",
    "Multiply by the upstream gradient: `dy @ W.T`.",
)
def weights_alone(given: Given, right: Results) -> Results:
    return {"dx": given.W.T.copy()}


@mistake(
    "the input itself in place of the gradient of the weights",
    "What is returned as the gradient of the weights is the transposed input.",
    "The gradient of the weights has not the shape of the weights.",
    _SHAPE,
    "The first line, the chain rule: the derivative of the output by a weight is one of two "
    "factors.",
    "Multiply by the upstream gradient: `x.T @ dy`.",
)
def input_alone(given: Given, right: Results) -> Results:
    return {"dW": given.x.T.copy()}


@mistake(
    "the first row is left out",
    "The gradient is that of all rows but the first.",
    "The first row of the minibatch might as well not be there.",
    _EVERY_ROW,
    "The index n: it runs over all rows.",
    "Begin the loop with row 0, `range(len(dy))`.",
)
def without_first(given: Given, right: Results) -> Results:
    return _without(given, right, 0)


@mistake(
    "the last row is left out",
    "The gradient is that of all rows but the last.",
    "The last row of the minibatch might as well not be there.",
    _EVERY_ROW,
    "The index n: it runs over all rows.",
    "End the loop with the last row, `range(len(dy))`.",
)
def without_last(given: Given, right: Results) -> Results:
    return _without(given, right, -1)


def _without(given: Given, right: Results, row: int) -> Results:
    dx = right["dx"].copy()
    dx[row] = 0
    x, dy = np.delete(given.x, row, axis=0), np.delete(given.dy, row, axis=0)
    return {"dW": x.T @ dy, "db": dy.sum(axis=0), "dx": dx}


@mistake(
    "the weights are reshaped, not transposed",
    "The weights are brought to the transposed shape by a reshape, which leaves the order of the "
    "numbers in memory and so puts them in other places.",
    "The shape of the gradient of the input is right, and its entries are not.",
    "Transposing exchanges rows and columns; reshaping cuts the same sequence into other rows.",
    "The line in index notation: which weight stands in row k and column d of the transpose?",
    "Transpose: `dy @ W.T`, not `W.reshape(...)`.",
)
def reshaped_weights(given: Given, right: Results) -> Results:
    return {"dx": given.dy @ _reshaped(given.W)}


@mistake(
    "the input is reshaped, not transposed",
    "The input is brought to the transposed shape by a reshape, which leaves the order of the "
    "numbers in memory and so puts them in other places.",
    "The shape of the gradient of the weights is right, and its entries are not.",
    "Transposing exchanges rows and columns; reshaping cuts the same sequence into other rows.",
    "The line in index notation: which input stands in row d and column n of the transpose?",
    "Transpose: `x.T @ dy`, not `x.reshape(...)`.",
)
def reshaped_input(given: Given, right: Results) -> Results:
    return {"dW": _reshaped(given.x) @ given.dy}


def _reshaped(matrix: Array) -> Array:
    """Return a matrix of the transposed shape, the numbers in their old order."""
    if matrix.shape[0] == matrix.shape[1]:
        raise ValueError("a square matrix stays as it is")
    return matrix.reshape(matrix.shape[::-1])


@mistake(
    "only the last row counts",
    "A loop over the minibatch overwrites the gradient instead of adding to it, so that the one "
    "of the last row remains.",
    "Changing any row but the last one leaves the gradient of the parameters as it is.",
    _SUM,
    "The sum over n: what the loop does with one term and the next.",
    "Add in the loop, `dW += ...`, starting from zeros; or write `x.T @ dy`.",
)
def last_row(given: Given, right: Results) -> Results:
    return {"dW": np.outer(given.x[-1], given.dy[-1]), "db": given.dy[-1].copy()}


@mistake(
    "only the first row counts",
    "The gradient is that of the first row alone.",
    "Changing any row but the first one leaves the gradient of the parameters as it is.",
    _SUM,
    "The sum over n: all of its terms count.",
    "Sum over all rows: a `return` inside the loop ends it too early; or write `x.T @ dy`.",
)
def first_row(given: Given, right: Results) -> Results:
    return {"dW": np.outer(given.x[0], given.dy[0]), "db": given.dy[0].copy()}


@mistake(
    "the output in place of the input",
    "The gradient of the weights is made with the layer's output where its input belongs.",
    "Unless the layer has as many inputs as outputs, the shapes do not fit.",
    "A weight acts on the input: without input it has no influence.",
    "The line of the weights: the derivative of the output by a weight is the input's entry.",
    "Save the input in the forward pass and use it: `x.T @ dy`.",
)
def output_saved(given: Given, right: Results) -> Results:
    return {"dW": right["output"].T @ given.dy}


@mistake(
    "the weights' gradient is multiplied by the weights",
    "The gradient of the weights is multiplied by the weights, entry by entry.",
    "A weight of 0 never moves.",
    "The output is linear in the weights, so their gradient does not depend on them.",
    "The line of the weights: the derivative of a product by one factor is the other one.",
    "Leave the factor out: `x.T @ dy`.",
)
def weights_times_weights(given: Given, right: Results) -> Results:
    return {"dW": right["dW"] * given.W}


@mistake(
    "the input's gradient is multiplied by the input",
    "The gradient of the input is multiplied by the input, entry by entry.",
    "An input of 0 gets no gradient.",
    "The output is linear in the input, so its gradient does not depend on the input.",
    "The line of the input: the derivative of a product by one factor is the other one.",
    "Leave the factor out: `dy @ W.T`.",
)
def input_times_input(given: Given, right: Results) -> Results:
    return {"dx": right["dx"] * given.x}


@mistake(
    "the upstream gradient is passed on",
    "The upstream gradient itself is returned as the gradient of the input.",
    "The gradient of the input has as many columns as the output.",
    "The gradient of the input has the input's shape, and depends on the weights.",
    "The line of the input: the derivative of the output by an input is a weight.",
    "Multiply by the transposed weights: `dy @ W.T`.",
)
def passed_on(given: Given, right: Results) -> Results:
    return {"dx": given.dy.copy()}


@mistake(
    "the bias is left out of the forward pass",
    "The output is the product with the weights alone.",
    "The output for an input of zeros is zero.",
    "For an input of zeros the output is the bias.",
    "The definition of the layer: it has two terms.",
    "Add the bias: `x @ W + b`.",
)
def no_bias(given: Given, right: Results) -> Results:
    return {"output": right["output"] - given.b}


@mistake(
    "the bias is added twice",
    "The bias enters the output two times.",
    "The output for an input of zeros is twice the bias.",
    "For an input of zeros the output is the bias.",
    "The definition of the layer: it has two terms.",
    "Add the bias once: `x @ W + b`.",
)
def bias_twice(given: Given, right: Results) -> Results:
    return {"output": right["output"] + given.b}


@mistake(
    "the bias is subtracted",
    "The bias enters the output with the wrong sign.",
    "The output for an input of zeros is minus the bias.",
    "For an input of zeros the output is the bias.",
    "The definition of the layer: its second term is added.",
    "Add the bias: `x @ W + b`.",
)
def bias_subtracted(given: Given, right: Results) -> Results:
    return {"output": right["output"] - 2 * given.b}


@mistake(
    "the weights are transposed in the forward pass",
    "The input is multiplied by the transposed weights.",
    "Unless the layer has as many inputs as outputs, the shapes do not fit.",
    "Output k is the sum over the inputs, each times its weight in column k.",
    "The definition of the layer: the sum runs over the weights' first index.",
    "Multiply by the weights as they are: `x @ W + b`.",
)
def forward_transposed(given: Given, right: Results) -> Results:
    return {"output": right["output"] - given.x @ given.W + given.x @ given.W.T}


LAYOUTS: dict[str, Cause] = {
    name: Cause(name, explanation, ("nothing is wrong",) * 4)
    for name, explanation in (
        ("weights stored (out, in)", "The weights and their gradient are (out, in) matrices."),
        ("a bias of shape (out,)", "The bias and its gradient are vectors."),
        ("a bias of shape (out, 1)", "The bias and its gradient are columns."),
        (
            "weights and bias in one matrix",
            "The bias is one more row of the weights, as if the input had a column of ones.",
        ),
        (
            "returned in the other order",
            "The gradient of the input comes first, and that of the weights second; the exercise "
            "unpacks them as gradient_weights, gradient_input.",
        ),
    )
}

MISTAKES: tuple[Mistake, ...] = (
    transposed,
    untransposed,
    averaged,
    averaged_weights,
    averaged_bias,
    averaged_input,
    bias_total,
    bias_mean,
    bias_features,
    bias_features_mean,
    bias_not_summed,
    bias_counts,
    bias_times_bias,
    weights_ignore,
    input_ignores,
    weights_alone,
    input_alone,
    without_first,
    without_last,
    reshaped_weights,
    reshaped_input,
    last_row,
    first_row,
    output_saved,
    weights_times_weights,
    input_times_input,
    passed_on,
    no_bias,
    bias_twice,
    bias_subtracted,
    forward_transposed,
    general.flipped,
    general.zero,
    general.doubled,
    general.halved,
    general.truncated,
)

"""Mistakes in the affine layer."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import (
    GENERAL,
    LINEAR,
    SHAPE,
    SUM,
    Gradient,
    averaged,
    averaged_input,
    ignored_in,
    reshaped,
)
from handgrad.diagnosis.findings import Cause
from handgrad.diagnosis.given import Results
from handgrad.diagnosis.mistake import Mistake, known_convention, mistake

__all__ = ["LAYOUTS", "MISTAKES"]

WEIGHTS = Gradient("dW", "weights", "the weights'", "a weight", "x.T @ dy")
BIAS = Gradient("db", "bias", "the bias'", "the bias", "dy.sum(axis=0)")
INPUT = Gradient("dx", "input", "the input's", "an input", "dy @ W.T")


_ONE_NUMBER = (
    "Every entry of the bias' gradient is the same.",
    "Each entry of the bias reaches its own column of the output alone.",
    "The line of the bias: the sum runs over the rows, and the column stays.",
)
_OVER_FEATURES = (
    "The gradient of the bias has as many entries as the minibatch has rows.",
    SHAPE,
    "The line of the bias: the sum runs over n, the rows.",
    "Sum over the other axis: `dy.sum(axis=0)`.",
)


def _without(row: int, which: str, mend: str) -> Mistake:
    def wrong(x: Array, dy: Array, dx: Array) -> Results:
        dx = dx.copy()
        dx[row] = 0
        x, dy = np.delete(x, row, axis=0), np.delete(dy, row, axis=0)
        return {"dW": x.T @ dy, "db": dy.sum(axis=0), "dx": dx}

    return mistake(
        f"the {which} row is left out",
        wrong,
        f"The gradient is that of all rows but the {which}.",
        f"The {which} row of the minibatch might as well not be there.",
        "Each row has its part in the gradients of the parameters, and its own row in the gradient "
        "of the input.",
        "The index n: it runs over all rows.",
        mend,
    )


def _reshaped(matrix: Array) -> Array:
    """Return a matrix of the transposed shape, the numbers in their old order."""
    if matrix.shape[0] == matrix.shape[1]:
        raise ValueError("a square matrix stays as it is")
    return matrix.reshape(matrix.shape[::-1])


LAYOUTS: dict[str, Cause] = {
    name: known_convention(name, explanation)
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
    mistake(
        "the gradient of the weights is transposed",
        {"dW": lambda dW: dW.T},
        "Rows and columns of the weights' gradient are exchanged.",
        "The gradient of the weights has not the shape of the weights.",
        SHAPE,
        "The line in index notation: which index of the gradient is the input's, which the "
        "output's?",
        "Exchange the factors: `x.T @ dy` is (in, out), `dy.T @ x` is (out, in).",
    ),
    mistake(
        "the weights are not transposed for the gradient of the input",
        {"dx": lambda dy, weights: dy @ weights},
        "The upstream gradient is multiplied by the weights as they stand.",
        "Unless the layer has as many inputs as outputs, the shapes do not fit.",
        "Going backwards the layer maps from the outputs to the inputs, the other way round.",
        "The line in index notation: the sum runs over the weights' second index, the output's.",
        "Multiply by the transpose: `dy @ W.T`.",
    ),
    averaged(WEIGHTS, BIAS),
    averaged(WEIGHTS),
    averaged(BIAS, mend="Sum in place of taking the mean: `dy.sum(axis=0)`."),
    averaged_input(INPUT),
    mistake(
        "the bias' gradient is summed over everything",
        {"db": lambda db, dy: np.full(db.shape, dy.sum())},
        "The upstream gradient is added up to one single number.",
        *_ONE_NUMBER,
        "Give the axis: `dy.sum(axis=0)`.",
    ),
    mistake(
        "the bias' gradient is the mean of everything",
        {"db": lambda db, dy: np.full(db.shape, dy.mean())},
        "The upstream gradient is averaged to one single number.",
        *_ONE_NUMBER,
        "Sum, and give the axis: `dy.sum(axis=0)`.",
    ),
    mistake(
        "the bias' gradient is summed over the features",
        {"db": lambda dy: dy.sum(axis=1)},
        "The upstream gradient is added up along the rows instead of down the columns.",
        *_OVER_FEATURES,
    ),
    mistake(
        "the bias' gradient is averaged over the features",
        {"db": lambda dy: dy.mean(axis=1)},
        "The upstream gradient is averaged along the rows instead of summed down the columns.",
        *_OVER_FEATURES,
    ),
    mistake(
        "the bias' gradient is not summed",
        {"db": lambda dy: dy.copy()},
        "The upstream gradient itself is given as the gradient of the bias.",
        "The gradient of the bias has a row for each row of the minibatch.",
        SUM,
        "The line of the bias: broadcasting forwards is a sum backwards.",
        "Sum over the rows: `dy.sum(axis=0)`.",
    ),
    mistake(
        "the bias' gradient ignores the upstream gradient",
        {"db": lambda db, N: np.full(db.shape, float(N))},
        "The gradient of the bias is the number of rows, whatever comes in.",
        "Every entry of the bias' gradient is the same, and a whole number.",
        LINEAR,
        "The first line, the chain rule: the derivative of the output by the bias is 1, and what "
        "it multiplies is missing.",
        "Sum the upstream gradient over the rows: `dy.sum(axis=0)`.",
    ),
    mistake(
        "the bias' gradient is multiplied by the bias",
        {"db": lambda db, bias: db * bias},
        "The derivative of the output by the bias is taken to be the bias itself.",
        "A bias of 0 never moves.",
        "The output moves one to one with the bias, whatever its value.",
        "The line of the bias: the derivative of a sum by one of its terms.",
        "Leave the factor out: `dy.sum(axis=0)`.",
    ),
    ignored_in(
        WEIGHTS,
        lambda x, dy: x.T @ np.ones_like(dy),
        "The gradient of the weights is made of the input alone: its rows are constant.",
    ),
    ignored_in(
        INPUT,
        lambda dy, weights: np.ones_like(dy) @ weights.T,
        "The gradient of the input is made of the weights alone: its rows are all the same.",
    ),
    mistake(
        "the weights themselves in place of the gradient of the input",
        {"dx": lambda weights: weights.T.copy()},
        "What is returned as the gradient of the input are the transposed weights.",
        "The gradient of the input has not the shape of the input.",
        "The gradient of the input has the input's shape, a row for each row.",
        INPUT.chain_rule,
        "Multiply by the upstream gradient: `dy @ W.T`.",
    ),
    mistake(
        "the input itself in place of the gradient of the weights",
        {"dW": lambda x: x.T.copy()},
        "What is returned as the gradient of the weights is the transposed input.",
        "The gradient of the weights has not the shape of the weights.",
        SHAPE,
        WEIGHTS.chain_rule,
        "Multiply by the upstream gradient: `x.T @ dy`.",
    ),
    _without(0, "first", "Begin the loop with row 0, `range(len(dy))`."),
    _without(-1, "last", "End the loop with the last row, `range(len(dy))`."),
    reshaped(
        INPUT,
        "weights are",
        lambda dy, weights: dy @ _reshaped(weights),
        "The line in index notation: which weight stands in row k and column d of the transpose?",
        "W",
    ),
    reshaped(
        WEIGHTS,
        "input is",
        lambda x, dy: _reshaped(x) @ dy,
        "The line in index notation: which input stands in row d and column n of the transpose?",
        "x",
    ),
    mistake(
        "only the last row counts",
        {"dW": lambda x, dy: np.outer(x[-1], dy[-1]), "db": lambda dy: dy[-1].copy()},
        "A loop over the minibatch overwrites the gradient instead of adding to it, so that the "
        "one of the last row remains.",
        "Changing any row but the last one leaves the gradient of the parameters as it is.",
        SUM,
        "The sum over n: what the loop does with one term and the next.",
        "Add in the loop, `dW += ...`, starting from zeros; or write `x.T @ dy`.",
    ),
    mistake(
        "only the first row counts",
        {"dW": lambda x, dy: np.outer(x[0], dy[0]), "db": lambda dy: dy[0].copy()},
        "The gradient is that of the first row alone.",
        "Changing any row but the first one leaves the gradient of the parameters as it is.",
        SUM,
        "The sum over n: all of its terms count.",
        "Sum over all rows: a `return` inside the loop ends it too early; or write `x.T @ dy`.",
    ),
    mistake(
        "the output in place of the input",
        {"dW": lambda output, dy: output.T @ dy},
        "The gradient of the weights is made with the layer's output where its input belongs.",
        "Unless the layer has as many inputs as outputs, the shapes do not fit.",
        "A weight acts on the input: without input it has no influence.",
        "The line of the weights: the derivative of the output by a weight is the input's entry.",
        "Save the input in the forward pass and use it: `x.T @ dy`.",
    ),
    mistake(
        "the weights' gradient is multiplied by the weights",
        {"dW": lambda dW, weights: dW * weights},
        "The gradient of the weights is multiplied by the weights, entry by entry.",
        "A weight of 0 never moves.",
        "The output is linear in the weights, so their gradient does not depend on them.",
        "The line of the weights: the derivative of a product by one factor is the other one.",
        "Leave the factor out: `x.T @ dy`.",
    ),
    mistake(
        "the input's gradient is multiplied by the input",
        {"dx": lambda dx, x: dx * x},
        "The gradient of the input is multiplied by the input, entry by entry.",
        "An input of 0 gets no gradient.",
        "The output is linear in the input, so its gradient does not depend on the input.",
        "The line of the input: the derivative of a product by one factor is the other one.",
        "Leave the factor out: `dy @ W.T`.",
    ),
    mistake(
        "the upstream gradient is passed on",
        {"dx": lambda dy: dy.copy()},
        "The upstream gradient itself is returned as the gradient of the input.",
        "The gradient of the input has as many columns as the output.",
        "The gradient of the input has the input's shape, and depends on the weights.",
        "The line of the input: the derivative of the output by an input is a weight.",
        "Multiply by the transposed weights: `dy @ W.T`.",
    ),
    mistake(
        "the bias is left out of the forward pass",
        {"output": lambda output, bias: output - bias},
        "The output is the product with the weights alone.",
        "The output for an input of zeros is zero.",
        "For an input of zeros the output is the bias.",
        "The definition of the layer: it has two terms.",
        "Add the bias: `x @ W + b`.",
    ),
    mistake(
        "the bias is added twice",
        {"output": lambda output, bias: output + bias},
        "The bias enters the output two times.",
        "The output for an input of zeros is twice the bias.",
        "For an input of zeros the output is the bias.",
        "The definition of the layer: it has two terms.",
        "Add the bias once: `x @ W + b`.",
    ),
    mistake(
        "the bias is subtracted",
        {"output": lambda output, bias: output - 2 * bias},
        "The bias enters the output with the wrong sign.",
        "The output for an input of zeros is minus the bias.",
        "For an input of zeros the output is the bias.",
        "The definition of the layer: its second term is added.",
        "Add the bias: `x @ W + b`.",
    ),
    mistake(
        "the weights are transposed in the forward pass",
        {"output": lambda output, x, weights: output - x @ weights + x @ weights.T},
        "The input is multiplied by the transposed weights.",
        "Unless the layer has as many inputs as outputs, the shapes do not fit.",
        "Output k is the sum over the inputs, each times its weight in column k.",
        "The definition of the layer: the sum runs over the weights' first index.",
        "Multiply by the weights as they are: `x @ W + b`.",
    ),
    *GENERAL,
)

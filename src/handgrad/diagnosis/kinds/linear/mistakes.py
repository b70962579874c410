"""Mistakes in the affine layer."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import (
    GENERAL,
    LINEAR,
    SHAPE,
    Gradient,
    averaged,
    averaged_input,
    ignored_in,
    reshaped,
)
from handgrad.diagnosis.findings import Cause
from handgrad.diagnosis.given import Results
from handgrad.diagnosis.mistake import Mistake, known_convention, mistake
from handgrad.diagnosis.parameter_families import loops, multiplied, shifted, summed

__all__ = ["LAYOUTS", "MISTAKES", "SWAPPED"]

WEIGHTS = Gradient("dW", "weights", "the weights'", "a weight", "x.T @ dy")
BIAS = Gradient("db", "bias", "the bias'", "the bias", "dy.sum(axis=0)")
INPUT = Gradient("dx", "input", "the input's", "an input", "dy @ W.T")


def _without(row: int, which: str, mend: str) -> tuple[Mistake, Mistake]:
    """Make the mistake that a loop leaves a row out, of all gradients, or of the parameters'."""

    def parameters(x: Array, dy: Array) -> Results:
        x, dy = np.delete(x, row, axis=0), np.delete(dy, row, axis=0)
        return {"dW": x.T @ dy, "db": dy.sum(axis=0)}

    def everything(x: Array, dy: Array, dx: Array) -> Results:
        dx = dx.copy()
        dx[row] = 0
        return {**parameters(x, dy), "dx": dx}

    derivation = "The index n: it runs over all rows."
    symptom = f"The {which} row of the minibatch might as well not be there."
    return (
        mistake(
            f"the {which} row is left out",
            everything,
            f"The gradient is that of all rows but the {which}.",
            symptom,
            "Each row has its part in the gradients of the parameters, and its own row in the "
            "gradient of the input.",
            derivation,
            mend,
        ),
        mistake(
            f"the {which} row is left out of the parameters' gradients",
            parameters,
            f"The gradients of weights and bias are those of all rows but the {which}.",
            symptom,
            "Each row has its part in the gradients of the parameters.",
            derivation,
            mend,
        ),
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
    )
}

SWAPPED = Cause(
    "returned in the other order",
    "The gradient of the input comes first, and that of the weights second.",
    (
        "The layer below gets the gradient of the weights, which does not fit.",
        "Whoever calls the layer unpacks the weights' gradient first and the input's second.",
        "No line of the derivation: both gradients are right, and stand in each other's place.",
        "Return `gradient_weights, gradient_input`, in this order.",
    ),
)
"""Two gradients that are right and change places."""

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
    *summed(BIAS, lambda dy: dy),
    multiplied(BIAS),
    multiplied(WEIGHTS),
    multiplied(INPUT, "x"),
    *loops(lambda x, dy, row: {"dW": np.outer(x[row], dy[row]), "db": dy[row].copy()}, "x.T @ dy"),
    *shifted("bias", "an input of zeros", "x @ W + b"),
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
    *_without(0, "first", "Begin the loop with row 0, `range(len(dy))`."),
    *_without(-1, "last", "End the loop with the last row, `range(len(dy))`."),
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
        "the output in place of the input",
        {"dW": lambda output, dy: output.T @ dy},
        "The gradient of the weights is made with the layer's output where its input belongs.",
        "Unless the layer has as many inputs as outputs, the shapes do not fit.",
        "A weight acts on the input: without input it has no influence.",
        "The line of the weights: the derivative of the output by a weight is the input's entry.",
        "Save the input in the forward pass and use it: `x.T @ dy`.",
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

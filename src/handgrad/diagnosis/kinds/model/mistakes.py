"""Mistakes in a model: the order of the passes, and the step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.findings import Cause
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.mistake import Mistake, known_convention, mistake

__all__ = ["MISTAKES", "REVERSED", "REVERSED_STEP", "TURNED", "backward", "forward"]

STEPS = {"W step": "weights", "b step": "bias"}

_CHAIN = (
    "Each component's backward pass gets the gradient with respect to its own output, which is "
    "what the component after it returns."
)


def forward(given: Given, components: Iterable[Any]) -> tuple[Array, list[Any]]:
    """Run components one after the other; return the output and what each has saved."""
    x, saved = given.x, []
    for component in components:
        x, kept = component.apply(x)
        saved.append(kept)
    return x, saved


def backward(given: Given, order: Iterable[int], chain: bool = True) -> Results:
    """Walk the components in some order, each getting what the one before it returned.

    The gradients are flat, and zeros for every layer that has none.
    """
    layers = given["layers"]
    _, saved = forward(given, layers)
    dy, parts = given.dy, {}
    for i in order:
        dx, parts[i] = layers[i].pullback(dy, saved[i])
        if chain:
            dy = dx
    flat = {
        name: np.concatenate(
            [
                parts.get(i, {}).get(name, np.zeros_like(getattr(layer, name))).ravel()
                for i, layer in enumerate(layers)
                if hasattr(layer, name)
            ]
        )
        for name in STEPS.values()
    }
    return {"dW": flat["weights"], "W step": flat["weights"], "b step": flat["bias"]}


def _affine(layers: Sequence[Any]) -> list[Any]:
    """Return the layers that have parameters."""
    return [layer for layer in layers if hasattr(layer, "weights")]


def _steps(right: Results, factor: float) -> Results:
    return {step: right[step] * factor for step in STEPS}


def _split(given: Given, right: Results, step: str) -> list[Array]:
    """Return the parts of a flat step, one for each layer with parameters."""
    sizes = [getattr(layer, STEPS[step]).size for layer in _affine(given["layers"])]
    return np.split(right[step], np.cumsum(sizes)[:-1])


def _misplaced(
    name: str, place: Callable[[int, int], int], explanation: str, which: str, mend: str
) -> Mistake:
    """Make the mistake that layer i is moved by the gradient of layer `place(i, count)`."""

    def wrong(given: Given, right: Results) -> Results:
        shapes = [layer.weights.shape for layer in _affine(given["layers"])]
        order = [place(i, len(shapes)) for i in range(len(shapes))]
        if any(shapes[i] != shapes[j] for i, j in enumerate(order)):
            raise ValueError("the gradients do not fit")
        parts = {step: _split(given, right, step) for step in STEPS}
        return {step: np.concatenate([parts[step][j] for j in order]) for step in STEPS}

    return mistake(
        name,
        wrong,
        explanation,
        f"With one layer all is well; with two of one size {which} the wrong way.",
        "Each parameter is moved by its own gradient.",
        "The step: the index of the parameter and that of the gradient are the same.",
        mend,
    )


def _only(which: str, others: str, kept: int) -> Mistake:
    """Make the mistake that one layer alone is moved."""

    def wrong(given: Given, right: Results) -> Results:
        steps = {}
        for step in STEPS:
            parts = _split(given, right, step)
            steps[step] = np.concatenate([p if p is parts[kept] else 0 * p for p in parts])
        return steps

    return mistake(
        f"only the {which} layer is updated",
        wrong,
        f"All layers but the {which} stay as they are.",
        f"The parameters of the {others} layers never change.",
        "Every parameter on which the loss depends takes part in the step.",
        "The step: it is carried out for every layer.",
        "Loop over all layers; a `return` inside the loop ends it too early.",
    )


REVERSED_STEP = _misplaced(
    "updated with the gradients in reverse order",
    lambda i, count: count - 1 - i,
    "The first layer is moved by the last layer's gradient and so on.",
    "both move",
    "The walk was in reverse, so the list is too: turn it round before the step.",
)

MISTAKES: tuple[Mistake, ...] = (
    mistake(
        "walks forwards in the backward pass",
        lambda given, layers: backward(given, range(len(layers))),
        "The components' backward passes are run from the first to the last.",
        "Unless all layers have one size, the shapes do not fit; with one layer nothing is seen.",
        _CHAIN,
        "The chain rule: the gradient of the loss is known at the output, so the walk begins "
        "there.",
        "Walk in reverse: `for component in reversed(self.components)`.",
    ),
    mistake(
        "every component gets the loss' gradient",
        lambda given, layers: backward(given, range(len(layers)), chain=False),
        "The gradient is not handed on: each component's backward pass gets the one of the output.",
        "Only the last component's gradients are right.",
        _CHAIN,
        "The chain rule: each factor multiplies what came out of the one before it.",
        "Overwrite the gradient in the loop: `dy = component.grad(dy)`, the part that belongs to "
        "the input.",
    ),
    mistake(
        "the activations are skipped in the backward pass",
        lambda given, layers: backward(given, map(layers.index, _affine(layers)[::-1])),
        "The gradient walks through the layers alone.",
        "The last layers' gradients are right as long as no activation stands behind them.",
        _CHAIN,
        "The chain rule: an activation is a factor as a layer is.",
        "Call the backward pass of every component, also where it has no parameters.",
    ),
    mistake(
        "the last component is skipped in the backward pass",
        lambda given, layers: backward(given, range(len(layers) - 2, -1, -1)),
        "The walk begins one component too early.",
        "The last component has no gradient, and all others are wrong.",
        _CHAIN,
        "The first factor of the chain rule is missing.",
        "Begin with the last one: `reversed(self.components)`, or `range(len(...) - 1, -1, -1)`.",
    ),
    mistake(
        "the first component is skipped in the backward pass",
        lambda given, layers: backward(given, range(len(layers) - 1, 0, -1)),
        "The walk ends one component too early.",
        "All gradients are right but the first component's, which is missing, and never learns.",
        "Every parameter on which the loss depends has a gradient.",
        "The last factor of the chain rule is missing.",
        "End with the first one: `reversed(self.components)`, or `range(len(...) - 1, -1, -1)`.",
    ),
    mistake(
        "the last component is left out of the forward pass",
        {"output": lambda given, layers: forward(given, layers[:-1])[0]},
        "The output is that of the last but one component.",
        "The output does not change when the last component does.",
        "A model's output is its last component's.",
        "The composition of the functions: its outermost one is missing.",
        "Loop over all components: `for component in self.components`.",
    ),
    mistake(
        "the first component is left out of the forward pass",
        {"output": lambda given, layers: forward(given, layers[1:])[0]},
        "The input goes into the second component.",
        "The output does not change when the first component does.",
        "A model's input goes through its first component.",
        "The composition of the functions: its innermost one is missing.",
        "Loop over all components: `for component in self.components`.",
    ),
    mistake(
        "the activations are skipped in the forward pass",
        {"output": lambda given, layers: forward(given, _affine(layers))[0]},
        "The input goes through the layers alone.",
        "The model is an affine map: its output is a straight line along any line of inputs.",
        "Each component gets the output of the one before it.",
        "The composition of the functions: the activations are missing.",
        "Call every component, also where it has no parameters.",
    ),
    mistake(
        "walks backwards in the forward pass",
        {"output": lambda given, layers: forward(given, layers[::-1])[0]},
        "The components are called from the last to the first.",
        "Unless all layers have one size, the shapes do not fit.",
        "Each component gets the output of the one before it.",
        "The composition of the functions: which one is the innermost?",
        "Call them in the order of the list.",
    ),
    mistake(
        "every component gets the model's input",
        {"output": lambda given, layers: forward(given, layers[-1:])[0]},
        "The output is not handed on: each component is called on the input itself.",
        "Only the last component has an influence on the output.",
        "Each component gets the output of the one before it.",
        "The composition of the functions: each one is applied to the result of the one before.",
        "Overwrite the input in the loop: `x = component(x)`.",
    ),
    mistake(
        "ascends",
        lambda right: _steps(right, -1),
        "The step goes along the gradient, uphill.",
        "The loss rises at every step, by what it should fall.",
        "A small step of gradient descent lowers the loss.",
        "The step: the gradient points to where the loss grows.",
        "Subtract: `weights -= lr * gradient`.",
    ),
    mistake(
        "the learning rate is ignored",
        lambda right, lr: _steps(right, 1 / lr),
        "The whole gradient is subtracted.",
        "The step has the same length whatever the learning rate is.",
        "Half the learning rate makes half the step.",
        "The step: the gradient has a factor.",
        "Multiply by the learning rate: `weights -= lr * gradient`.",
    ),
    mistake(
        "divided by the learning rate",
        lambda right, lr: _steps(right, 1 / lr**2),
        "The gradient is divided by the learning rate.",
        "The smaller the learning rate, the longer is the step.",
        "Half the learning rate makes half the step.",
        "The step: the gradient has a factor.",
        "Multiply by the learning rate: `weights -= lr * gradient`.",
    ),
    mistake(
        "the learning rate is applied twice",
        lambda right, lr: _steps(right, lr),
        "The gradient is multiplied by the learning rate two times.",
        "The step is very short.",
        "Half the learning rate makes half the step.",
        "The step: the gradient has one factor.",
        "Multiply by the learning rate once: `weights -= lr * gradient`.",
    ),
    mistake(
        "the step is averaged over the minibatch",
        lambda right, N: _steps(right, 1 / N),
        "The gradient is divided by the number of rows once more.",
        "The larger the minibatch, the shorter is the step.",
        "The mean is the loss' affair: its gradient has the factor already.",
        "The step: no other factor than the learning rate stands in it.",
        "Leave out the division by the number of rows.",
    ),
    mistake(
        "two steps at once",
        lambda right: _steps(right, 2),
        "The gradient is subtracted twice.",
        "The step is twice as long as the learning rate says.",
        "Half the learning rate makes half the step, and one call makes one step.",
        "The step: it is carried out once for each parameter.",
        "Look for a second loop over the same layers, or a `+=` onto the gradients before the "
        "step.",
    ),
    mistake(
        "no step",
        lambda right: _steps(right, 0),
        "The parameters stay as they are.",
        "The loss is the same after the step.",
        "A small step of gradient descent lowers the loss.",
        "The step: its result has to be put where the layer reads it.",
        "Write into the layer: `layer.weights -= lr * gradient`; `w = w - ...` changes a local "
        "name alone.",
    ),
    mistake(
        "the old parameters are lost in the step",
        {
            "W step": lambda right, weights, lr: right["W step"] + weights / lr,
            "b step": lambda right, bias, lr: right["b step"] + bias / lr,
        },
        "The parameters are set to the step itself, minus the learning rate times the gradient.",
        "After one step the parameters are very small, whatever they were before.",
        "A learning rate of 0 leaves the parameters as they are.",
        "The step: the new parameters are the old ones and a small change.",
        "Subtract from the old ones: `weights -= lr * gradient`; `weights =- ...` is an "
        "assignment of a negative number.",
    ),
    mistake(
        "the bias is not updated",
        {"b step": lambda right: np.zeros_like(right["b step"])},
        "The step moves the weights alone.",
        "The biases never change.",
        "Every parameter on which the loss depends takes part in the step.",
        "The step: theta stands for all parameters.",
        "Update the bias too: `layer.bias -= lr * layer.gradients['bias']`.",
    ),
    mistake(
        "the weights are not updated",
        {"W step": lambda right: np.zeros_like(right["W step"])},
        "The step moves the biases alone.",
        "The weights never change.",
        "Every parameter on which the loss depends takes part in the step.",
        "The step: theta stands for all parameters.",
        "Update the weights too: `layer.weights -= lr * gradient`.",
    ),
    mistake(
        "the bias ascends",
        {"b step": lambda right: -right["b step"]},
        "The weights go downhill and the biases uphill.",
        "Training is unstable, although the weights' step is right.",
        "A small step of gradient descent lowers the loss.",
        "The step: it is the same for every parameter.",
        "Subtract for the bias too.",
    ),
    mistake(
        "the weights ascend",
        {"W step": lambda right: -right["W step"]},
        "The biases go downhill and the weights uphill.",
        "The loss rises at every step, although the biases' step is right.",
        "A small step of gradient descent lowers the loss.",
        "The step: it is the same for every parameter.",
        "Subtract for the weights too.",
    ),
    mistake(
        "the returned gradients are doubled",
        {"dW": lambda dW: 2 * dW},
        "The step is right, and the gradients that the backward pass returns are twice as large.",
        "Whoever reads the gradients, to clip or to print them, sees twice their size.",
        "The step is the learning rate times the gradient that the backward pass has returned.",
        "The backward pass: no factor stands before the sum, and none in the step to undo it.",
        "Return the gradients as they are, and leave out the half in the step.",
    ),
    REVERSED_STEP,
    *(
        _misplaced(
            f"every layer is updated with the {which} layer's gradient",
            place,
            "One layer's gradient moves all of them.",
            "one moves",
            "Take each layer's own entry of the list, and not a name that is left from another "
            "loop.",
        )
        for which, place in (("last", lambda i, count: count - 1), ("first", lambda i, count: 0))
    ),
    _misplaced(
        "each layer is updated with the next layer's gradient",
        lambda i, count: (i + 1) % count,
        "The gradients are shifted by one against the layers.",
        "both move",
        "Take each layer's own entry of the list; an index that counts activations too, or begins "
        "at 1, is shifted.",
    ),
    _only("last", "first", -1),
    _only("first", "last", 0),
)

TURNED = Cause(
    "the components are turned round in place",
    "The backward pass reverses the model's own list, so that the next forward pass runs from the "
    "last component to the first.",
    (
        "The first step is right, and from then on the model is another one.",
        "The backward pass leaves the model as it was: two forward passes give the same.",
        "No line of the derivation: the walk is in reverse, and the list is not.",
        "Walk in reverse without writing to the list: `for component in reversed(components)`, and "
        "not `components.reverse()`.",
    ),
)

REVERSED = known_convention(
    "gradients from the last component to the first",
    "The list of gradients begins with the last component's; the step takes that into account.",
)

r"""The contract that every component keeps, and the exercise's calls on top of it.

A component's mathematics is two methods without side effects, which stand side by side in its
file::

    apply(x)                                    -> y, saved
    pullback(dy, saved, need_dx=True, out=None) -> dx, gradients

``apply`` is the forward pass; ``saved`` is what the pullback needs and nothing more. ``pullback``
multiplies ``dy``, the gradient of the loss with respect to ``y``, by the transposed Jacobian:

.. math:: dx_i = \sum_j dy_j \, \frac{\partial y_j}{\partial x_i}.

Neither writes to its arguments nor to ``self``, so calls may interleave, in one thread or in
several. The exercise's calls ``component(x)`` and ``component.grad(dy)`` are a thin shell around
the two, written once, in this file: the first remembers ``saved``, the second uses it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self, overload

import numpy.typing as npt

from handgrad.arguments import Array, as_floats, as_numbers, in_short, row_weights
from handgrad.errors import ArgumentError, CallOrderError, ShapeError

__all__ = ["Activation", "Array", "Component", "Layer", "Loss", "Parameter"]


class Component(ABC):
    """Anything that has a forward pass and a pullback: an activation, a layer, a model.

    Attributes
    ----------
    training : bool
        Whether the component is in training mode, as it is at first. Only a component that
        behaves differently while it trains (`Dropout`) looks at it.

    Examples
    --------
    The two methods of every component are without side effects, so passes may interleave:

    >>> import numpy as np
    >>> from handgrad import ReLU
    >>> relu = ReLU()
    >>> isinstance(relu, Component)
    True
    >>> y, saved = relu.apply(np.array([[-1.0, 2.0]]))
    >>> other, _ = relu.apply(np.array([[5.0, -5.0]]))
    >>> relu.pullback(np.array([[3.0, -3.0]]), saved)
    (array([[ 0., -3.]]), {})
    """

    training: bool = True
    _remembered: tuple[Any, tuple[int, ...]] | None = None

    @abstractmethod
    def apply(self, x: Array) -> tuple[Array, Any]:
        """Compute the output, and what `pullback` will need of this pass.

        Parameters
        ----------
        x
            Input, (..., D). Not written to.

        Returns
        -------
        y
            Output, (..., K).
        saved
            For `pullback` alone; its form is the component's own affair.
        """

    @abstractmethod
    def pullback(
        self, dy: Array, saved: Any, need_dx: bool = True, out: Any = None
    ) -> tuple[Array | None, Any]:
        """Multiply the upstream gradient by the transposed Jacobian.

        Parameters
        ----------
        dy
            Gradient of the loss with respect to the output, of the output's shape. Not written to.
        saved
            What `apply` returned beside that output.
        need_dx
            Whether the gradient with respect to the input is wanted; ``None`` takes its place
            where not computing it saves work.
        out
            Arrays into which the parameters' gradients go, by name; new ones where it is None.

        Returns
        -------
        dx
            Gradient with respect to the input, of the input's shape.
        gradients
            The parameters' gradients, by name; empty where there are no parameters.
        """

    def __call__(self, x: npt.ArrayLike) -> Array:
        """Run the forward pass and remember what `grad` needs.

        Parameters
        ----------
        x
            Input, (..., D). Integers become float64; the precision of floats is kept.

        Returns
        -------
        Array
            Output, (..., K).

        Raises
        ------
        ShapeError
            The input is empty, or its number of features does not fit.
        DtypeError
            The input holds something else than numbers.
        """
        y, saved = self.apply(as_floats(x, "input", self))
        self._remembered = saved, y.shape
        return y

    def _recall(self, in_gradient: npt.ArrayLike) -> tuple[Array, Any]:
        """Return the upstream gradient, checked against the last output, and what was saved."""
        if self._remembered is None:
            raise CallOrderError(
                f"a request for the gradient of {in_short(self)} before any forward pass",
                "a forward pass first, since the gradient belongs to it",
                "call the component on its input, then ask for the gradient",
            )
        saved, shape = self._remembered
        dy = as_floats(in_gradient, "upstream gradient", self)
        if dy.shape != shape:
            raise ShapeError(
                f"an upstream gradient of shape {dy.shape} for {in_short(self)}",
                f"the shape of its last output, {shape}",
                "pass the gradient of the loss with respect to exactly that output",
            )
        return dy, saved

    def train(self) -> Self:
        """Switch to training mode, and return the component itself."""
        self.training = True
        return self

    def eval(self) -> Self:
        """Switch to evaluation mode, and return the component itself."""
        self.training = False
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Activation(Component):
    """A component without parameters, whose output has its input's shape.

    Examples
    --------
    A new activation is its formula and its derivative, and nothing else:

    >>> import numpy as np
    >>> class Square(Activation):
    ...     def apply(self, x):
    ...         return x * x, x
    ...     def pullback(self, dy, saved, need_dx=True, out=None):
    ...         return 2 * saved * dy, {}
    >>> square = Square()
    >>> square([[1.0, -3.0]])
    array([[1., 9.]])
    >>> square.grad([[1.0, 10.0]])
    array([[  2., -60.]])
    """

    def grad(self, in_gradient: npt.ArrayLike) -> Array:
        """Return the gradient with respect to the input of the last call.

        Parameters
        ----------
        in_gradient
            Gradient of the loss with respect to the output of that call, of its shape.

        Returns
        -------
        Array
            Gradient of the loss with respect to the input, of its shape.

        Raises
        ------
        CallOrderError
            The component has not been called yet.
        ShapeError
            `in_gradient` has not the shape of the last output.
        """
        dx, _ = self.pullback(*self._recall(in_gradient))
        assert dx is not None  # need_dx is True
        return dx


class Parameter:
    """An array that a layer learns, declared in the class body: ``weights = Parameter()``.

    Reading it gives the array. Assigning to it copies into that array after a check of the shape,
    so that whoever holds a view (a `Model` keeps all parameters in one vector) sees the new values.

    Examples
    --------
    >>> from handgrad import Linear
    >>> layer = Linear(2, 1)
    >>> held = layer.weights
    >>> layer.weights = [[1.0], [-2.0]]
    >>> held
    array([[ 1.],
           [-2.]])
    """

    def __set_name__(self, owner: type[Layer], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, layer: None, owner: type[Layer]) -> Self: ...
    @overload
    def __get__(self, layer: Layer, owner: type[Layer]) -> Array: ...
    def __get__(self, layer: Layer | None, owner: type[Layer]) -> Self | Array:
        return self if layer is None else layer.parameters[self.name]

    def __set__(self, layer: Layer, value: npt.ArrayLike) -> None:
        array = layer.parameters[self.name]
        given = as_numbers(value, self.name, layer)
        if given.shape != array.shape:
            raise ShapeError(
                f"an array of shape {given.shape} for the {self.name} of {layer!r}",
                f"shape {array.shape}",
                "reshape or transpose it; a layer's sizes are fixed when it is made",
            )
        array[...] = given


class Layer(Component):
    """A component with parameters.

    Attributes
    ----------
    parameters : dict of str to Array
        The parameters by name. In a `Model` they are views into the model's one vector.
    gradients : dict of str to Array
        What the last `grad` computed, by the parameters' names; empty before.

    Examples
    --------
    A new layer is its parameters, its formula, and the gradients by the parameters' names:

    >>> import numpy as np
    >>> class Scale(Layer):
    ...     weights = Parameter()
    ...     def __init__(self, D):
    ...         self.parameters = {"weights": np.ones(D)}
    ...     def apply(self, x):
    ...         return x * self.weights, x
    ...     def pullback(self, dy, saved, need_dx=True, out=None):
    ...         return dy * self.weights, {"weights": (dy * saved).sum(axis=0)}
    >>> layer = Scale(2)
    >>> layer.weights = [2.0, 3.0]
    >>> layer([[1.0, 1.0], [0.0, -1.0]])
    array([[ 2.,  3.],
           [ 0., -3.]])
    >>> layer.grad([[1.0, 10.0], [1.0, 10.0]])
    (array([1., 0.]), array([[ 2., 30.],
           [ 2., 30.]]))
    """

    parameters: dict[str, Array]
    gradients: Mapping[str, Array] = MappingProxyType({})

    def __setattr__(self, name: str, value: Any) -> None:
        # A model would go on to train the arrays in the first dict.
        if name == "parameters" and name in vars(self):
            raise ArgumentError(
                f"another dict as the parameters of {self!r}",
                "the dict that it was made with",
                "assign the arrays one by one, as in layer.weights = array, which copies them",
            )
        super().__setattr__(name, value)

    def grad(self, in_gradient: npt.ArrayLike) -> tuple[Array | None, Array]:
        """Return the gradients with respect to the weights and to the input of the last call.

        Parameters
        ----------
        in_gradient
            Gradient of the loss with respect to the output of that call, of its shape.

        Returns
        -------
        gradient_weights
            Gradient with respect to the weights, of their shape; None where there are none. The
            other parameters' are in ``gradients``: ``layer.gradients["bias"]``.
        gradient_input
            Gradient with respect to the input, of its shape.

        Raises
        ------
        CallOrderError
            The layer has not been called yet.
        ShapeError
            `in_gradient` has not the shape of the last output.
        """
        dx, self.gradients = self.pullback(*self._recall(in_gradient))
        assert dx is not None  # need_dx is True
        return self.gradients.get("weights"), dx


class Loss(ABC):
    """A number that says how far predictions are from their targets.

    Its mathematics is two methods without side effects, as a component's is:
    ``apply(predictions, targets, weights=None) -> value, saved`` and ``pullback(saved) ->
    gradient``.

    Examples
    --------
    A new loss is its formula and its derivative, and nothing else:

    >>> import numpy as np
    >>> class SumOfSquares(Loss):
    ...     def apply(self, predictions, targets):
    ...         difference = predictions - targets
    ...         return np.vdot(difference, difference), difference
    ...     def pullback(self, saved):
    ...         return 2 * saved
    >>> loss = SumOfSquares()
    >>> float(loss([1.0, 3.0], [0.0, 5.0]))
    5.0
    >>> loss.grad()
    array([ 2., -4.])
    """

    _remembered: Any = None

    @abstractmethod
    def apply(
        self, predictions: Array, targets: Array, weights: Array | None = None
    ) -> tuple[Any, Any]:
        """Compute the loss, and what `pullback` will need.

        Parameters
        ----------
        predictions
            What the model says, a row for each of N datapoints. Not written to.
        targets
            What would have been right. Not written to.
        weights
            How much each datapoint counts, (N,): its terms of the loss are multiplied with it,
            and nothing else changes; 1 for each where it is None.

        Returns
        -------
        value
            The loss, a scalar of the predictions' precision.
        saved
            For `pullback` alone.
        """

    @abstractmethod
    def pullback(self, saved: Any) -> Array:
        """Return the gradient of that value with respect to the predictions, of their shape."""

    def __call__(
        self,
        predictions: npt.ArrayLike,
        targets: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
    ) -> Any:
        """Compute the loss and remember what `grad` needs.

        Parameters
        ----------
        predictions
            What the model says. Integers become float64; the precision of floats is kept.
        targets
            What would have been right; the loss' own page says in which form.
        weights
            How much each datapoint counts, (N,); all the same where it is None.

        Returns
        -------
        scalar
            The loss.

        Raises
        ------
        ShapeError
            An array is empty, or the two do not fit each other.
        DtypeError
            An array holds something else than numbers.
        """
        predictions = as_floats(predictions, "predictions", self)
        targets = as_numbers(targets, "targets", self)
        # A loss that knows no weights keeps the contract too, as long as nobody gives any.
        more = () if weights is None else (row_weights(weights, predictions, self),)
        value, self._remembered = self.apply(predictions, targets, *more)
        return value

    def grad(self) -> Array:
        """Return the gradient of the last call's value with respect to its predictions.

        Raises
        ------
        CallOrderError
            The loss has not been called yet.
        """
        if self._remembered is None:
            raise CallOrderError(
                f"a request for the gradient of {self!r} before any call",
                "a call first, since the gradient belongs to it",
                "call the loss on predictions and targets, then ask for the gradient",
            )
        return self.pullback(self._remembered)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

r"""The contract that every component keeps, and the exercise's calls on top of it.

A component's mathematics is two methods without side effects, side by side in its file::

    apply(x)                                    -> y, saved
    pullback(dy, saved, need_dx=True, out=None) -> dx, gradients

``apply`` is the forward pass; ``saved`` is what the pullback needs and nothing more. ``pullback``
multiplies ``dy``, the gradient of the loss with respect to ``y``, by the transposed Jacobian:

.. math:: dx_i = \sum_j dy_j \, \frac{\partial y_j}{\partial x_i}.

Neither writes to its arguments nor to ``self``, so calls may interleave, in one thread or in
several. ``gradients`` holds an array for each of the component's own parameters, by name, and for
each child what the child's pullback returned, under the child's name. `pullback_per_sample`, which
leaves the sum over the samples out, follows from the two, and a layer may have a faster one. The
exercise's calls ``component(x)`` and ``component.grad(dy)`` are a thin shell around the two.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy.typing as npt

from handgrad.arguments import Array, as_floats, as_numbers, in_short, numbers_or_none
from handgrad.errors import ArgumentError, CallOrderError, ShapeError
from handgrad.heap import make_room
from handgrad.modes import Frozen, evaluating_here
from handgrad.parameter import NOTHING, OwnArrays
from handgrad.per_sample.contract import EachSample
from handgrad.shapes import Shape

__all__ = ["Activation", "Component", "ExerciseLayer"]

_NO_CHILDREN = {"parameters", "buffers", "gradients", "_remembered", "_fed"}
_ATOMS = {type(None), bool, int, float, str}  # what most attributes are


class Component(EachSample, ABC):
    """Anything that has a forward pass and a pullback: an activation, a layer, a model.

    Attributes
    ----------
    parameters : dict of str to Array
        What the component itself learns, by name; its children have their own. In a `Model` they
        are views into the model's one vector.
    buffers : dict of str to Array
        What it keeps but does not learn, by name.
    gradients : dict
        What the last `grad` computed, by the names of the parameters and of the children.
    training : bool
        Whether the component is in training mode, as it is at first. Only a component that
        behaves differently while it trains (`Dropout`) looks at it.
    frozen : bool
        Whether updates leave its own parameters as they are; see `freeze`.
    takes_integers, takes_tuple : bool
        Whether `apply` wants integers as they are, as indices; whether it takes several arrays,
        as a tuple. A container answers for the child that is given the input.
    takes_lengths : bool
        Whether it takes padded sequences (N, T, D) with their lengths (N,), as ``(x, lengths)``. A
        container answers for what it holds, and hands the lengths on.

    Examples
    --------
    A new layer is its parameters, its formula, and the gradients by the parameters' names:

    >>> import numpy as np
    >>> from handgrad import Parameter
    >>> class Scale(Component):
    ...     weights = Parameter()
    ...     def __init__(self, D):
    ...         self.parameters = {"weights": np.ones(D)}
    ...     def apply(self, x):
    ...         return x * self.weights, x
    ...     def pullback(self, dy, saved, need_dx=True, out=None):
    ...         rows = (dy * saved).reshape(-1, dy.shape[-1])  # leading axes are rows
    ...         return dy * self.weights, {"weights": rows.sum(axis=0)}
    >>> layer = Scale(2)
    >>> layer.weights = [2.0, 3.0]
    >>> layer([[1.0, 1.0], [0.0, -1.0]])
    array([[ 2.,  3.],
           [ 0., -3.]])
    >>> layer.grad([[1.0, 10.0], [1.0, 10.0]]), layer.gradients
    (array([[ 2., 30.],
           [ 2., 30.]]), {'weights': array([1., 0.])})

    A component may hold others. They are its children, by the names of the attributes:

    >>> class Twice(Component):
    ...     def __init__(self, inner):
    ...         self.inner = inner
    ...     def apply(self, x):
    ...         y, saved = self.inner.apply(x)
    ...         return 2 * y, saved
    ...     def pullback(self, dy, saved, need_dx=True, out=None):
    ...         offered = (out or {}).get("inner")
    ...         dx, gradients = self.inner.pullback(2 * dy, saved, need_dx, offered)
    ...         return dx, {"inner": gradients}
    ...     def update_buffers(self, saved):
    ...         self.inner.update_buffers(saved)
    >>> Twice(layer).children()["inner"] is layer
    True
    """

    parameters = OwnArrays()
    buffers = OwnArrays()
    frozen = Frozen()
    gradients: Mapping[str, Any] = NOTHING
    takes_integers: bool = False
    takes_tuple: bool = False
    takes_lengths: bool = False
    _training = True
    _remembered: tuple[Any, tuple[int, ...]] | None = None
    _fed: tuple[int, ...] | None = None

    @abstractmethod
    def apply(self, x: Any) -> tuple[Array, Any]:
        """Compute the output, and what `pullback` will need of this pass.

        Parameters
        ----------
        x
            Input, (..., D), or a tuple of arrays where it takes several. Not written to.

        Returns
        -------
        y
            Output, (..., K).
        saved
            For `pullback` and `update_buffers` alone; its form is the component's own affair.
        """

    @abstractmethod
    def pullback(
        self, dy: Array, saved: Any, need_dx: bool = True, out: Any = None
    ) -> tuple[Any, dict[str, Any]]:
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
            Offers arrays into which the gradients may go, in the form of `gradients`; where it is
            None, or has no entry, new ones are made. What is offered holds no numbers yet, and is
            for one call: a child that is called twice is offered it once, and the shares are added.

        Returns
        -------
        dx
            Gradient with respect to the input, of its form; None where it has none.
        gradients
            The gradients of its own parameters, by name, and under the names of its children what
            their pullbacks returned; empty where there are no parameters.
        """

    def update_buffers(self, saved: Any) -> None:
        """Do to the buffers, in place, what one accepted training pass does to them.

        A component that holds others passes on to each what it has saved, but to none that is in
        evaluation mode. Called after a training pass; by a trainer once the step is accepted.

        Parameters
        ----------
        saved
            What `apply` returned.
        """

    def children(self) -> dict[str, Component]:
        """Return the components that this one holds, by name.

        They are found in its attributes, and in lists, tuples and dicts, at whatever depth. Where
        two have one name, as those under the keys 1 and "1", an ArgumentError is raised.
        """
        found: dict[str, Component] = {}
        met: set[int] = set()  # a list may hold itself
        own = reversed(vars(self).items())
        ahead = [(k, v) for k, v in own if k not in _NO_CHILDREN and type(v) not in _ATOMS]
        while ahead:
            name, value = ahead.pop()
            if isinstance(value, Component):
                if found.setdefault(name, value) is not value:
                    raise ArgumentError(
                        f"two components that are both called {name!r} in a {type(self).__name__}",
                        "a name for each",
                        "use keys that differ as texts too, and have no dots in them",
                    )
            elif isinstance(value, (list, tuple, dict)) and id(value) not in met:
                met.add(id(value))
                items = value.items() if isinstance(value, dict) else enumerate(value)
                ahead += [(f"{name}.{key}", item) for key, item in items][::-1]
        return found

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the output's shape for an input's.

        Parameters
        ----------
        input_shape
            A size for each axis, None for any size, and a leading ``...`` for any axes at all; a
            tuple of shapes for a tuple of inputs.

        Returns
        -------
        tuple
            In the same notation; ``(...,)`` where the component does not know.

        Raises
        ------
        ShapeError
            No such input fits.
        """
        return (...,)

    def __call__(self, x: Any) -> Array:
        """Run the forward pass and remember what `grad` needs.

        Parameters
        ----------
        x
            Input, (..., D). Integers become float64, except for a component that takes integers;
            the precision of floats is kept.

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
        x, first = self._checked(x), self._remembered is None
        fed = None if self.takes_integers or isinstance(x, tuple) else x.shape
        if fed is not None and fed == self._fed:  # a shape that was accepted is not refused now
            self._remembered = None  # so that this pass finds the last one's memory free
        y, saved = self.apply(x)
        self._remembered, self._fed = (saved, y.shape), fed
        if first:
            make_room(y, saved)
        if self._training and not evaluating_here():
            self.update_buffers(saved)
        return y

    def _checked(self, x: Any) -> Any:
        """Return the input as `apply` takes it."""
        take = as_numbers if self.takes_integers else as_floats
        if not (isinstance(x, tuple) and x and self.takes_tuple):
            return take(x, "input", self)
        takes = {0: take, 1: numbers_or_none} if self.takes_lengths else {}
        return tuple(takes.get(i, as_numbers)(a, f"input {i}", self) for i, a in enumerate(x))

    def grad(self, in_gradient: npt.ArrayLike) -> Any:
        """Return the gradient with respect to the input of the last call, and fill `gradients`.

        Parameters
        ----------
        in_gradient
            Gradient of the loss with respect to the output of that call, of its shape.

        Returns
        -------
        Array
            Gradient of the loss with respect to the input, of its form; None where it has none.

        Raises
        ------
        CallOrderError
            The component has not been called yet.
        ShapeError
            `in_gradient` has not the shape of the last output.
        """
        dx, self.gradients = self.pullback(*self._recall(in_gradient))
        return dx

    def _recall(self, in_gradient: npt.ArrayLike, passed: Any = None) -> tuple[Array, Any]:
        """Return the upstream gradient, checked against a pass, or the last, and what was saved."""
        if (remembered := passed or self._remembered) is None:
            raise CallOrderError(
                f"a request for the gradient of {in_short(self)} before any forward pass",
                "a forward pass first, since the gradient belongs to it",
                "call the component on its input, then ask for the gradient",
            )
        saved, shape = remembered
        dy = as_floats(in_gradient, "upstream gradient", self)
        if dy.shape != shape:
            raise ShapeError(
                f"an upstream gradient of shape {dy.shape} for {in_short(self)}",
                f"the shape of its output, {shape}",
                "pass the gradient of the loss with respect to exactly that output",
            )
        return dy, saved

    @property
    def training(self) -> bool:
        """Whether the component is in training mode."""
        return self._training and not evaluating_here()

    @training.setter
    def training(self, mode: bool) -> None:
        self._training = mode

    def train(self) -> Self:
        """Switch to training mode, with all that the component holds, and return itself.

        `Trainer.fit` does it. What is to stay in evaluation mode overrides this.
        """
        return self._switch("train", "training", True)

    def eval(self) -> Self:
        """Switch to evaluation mode, with all that the component holds, and return itself."""
        return self._switch("eval", "training", False)

    def freeze(self) -> Self:
        """Leave its parameters out of every update, with all that it holds, and return itself.

        Their gradients are computed all the same. Mode and buffers go their own ways.
        """
        return self._switch("freeze", "frozen", True)

    def unfreeze(self) -> Self:
        """Update its parameters again, with those of all that it holds, and return itself."""
        return self._switch("unfreeze", "frozen", False)

    def _switch(self, method: str, name: str, value: bool) -> Self:
        met: set[int] = set()  # what stands at several places, or holds itself, is switched once
        ahead: list[Component] = [self]
        while ahead:
            component = ahead.pop()
            if id(component) in met:
                continue
            met.add(id(component))
            own = getattr(type(component), method)
            if component is not self and own is not getattr(Component, method):
                own(component)  # which may be to stay as it is
            else:
                setattr(component, name, value)
                ahead += component.children().values()
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

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


class ExerciseLayer(Component):
    """What the exercise calls a layer, `Linear` and `Dropout`: `grad` returns two gradients."""

    def grad(self, in_gradient: npt.ArrayLike) -> tuple[Array | None, Any]:
        """Return the gradients with respect to the weights and to the input of the last call.

        Takes and refuses what `Component.grad` does.

        Returns
        -------
        gradient_weights, gradient_input
            Of the shapes of the weights, None where there are none, and of the input. The bias' is
            in ``layer.gradients["bias"]``. Both are a wrapped layer's, where there is one.
        """
        dx = super().grad(in_gradient)
        layer: Component = self
        while isinstance(layer, ExerciseLayer) and "layer" in self.gradients:
            layer, self.gradients = layer.children()["layer"], self.gradients["layer"]
        return self.gradients.get("weights"), dx

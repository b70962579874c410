"""Make a component of somebody else's object, so that it can stand next to ours."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np

from handgrad.component import Array, Component, Layer, as_floats
from handgrad.errors import ArgumentError, CallOrderError, GradientsError, ShapeError

__all__ = ["ContractAdapter", "ExerciseAdapter", "adapt"]


def adapt(component: Any) -> Component:
    """Return a `Component` for any object that can act as one.

    Parameters
    ----------
    component
        A `Component`, returned as it is; or an object with the contract's ``apply`` and
        ``pullback``; or one with only the exercise's ``__call__`` and ``grad``.

    Raises
    ------
    ArgumentError
        The object has neither pair of methods.

    Examples
    --------
    >>> class Double:
    ...     def __call__(self, x):
    ...         return 2 * x
    ...     def grad(self, in_gradient):
    ...         return 2 * in_gradient
    >>> adapt(Double())
    Double()
    """
    if isinstance(component, Component):
        return component
    if isinstance(component, type):
        mend = f"make an object of the class first: {component.__name__}(...)"
    elif _has(component, "apply", "pullback"):
        return ContractAdapter(component)
    elif _has(component, "__call__", "grad"):
        return ExerciseAdapter(component)
    else:
        mend = "give the object the two methods; a loss stands beside a model, not in it"
    raise ArgumentError(
        f"{component!r} as a component",
        "an object with apply(x) and pullback(dy, saved), or with __call__(x) and grad(dy)",
        mend,
    )


def _has(thing: Any, *methods: str) -> bool:
    return all(callable(getattr(thing, method, None)) for method in methods)


class _Adapter(Layer):
    """What both adapters share: the object, where its parameters are, its mode and its name.

    The parameters are the object's dict ``parameters``, where it has one; else its attributes
    ``weights`` and ``bias``, or those of the layer that it wraps as ``layer``.
    """

    def __init__(self, component: Any) -> None:
        self.component = component
        owner = component
        while not hasattr(owner, "parameters") and not hasattr(owner, "weights"):
            if not hasattr(owner, "layer"):
                break
            owner = owner.layer
        self._owner = owner
        declared = getattr(owner, "parameters", None)
        # The object's attributes that hold a parameter: attribute -> name of the parameter.
        self._attributes: dict[str, str]
        if isinstance(declared, dict):
            self.parameters = declared
            self._attributes = {
                attribute: name
                for attribute, value in getattr(owner, "__dict__", {}).items()
                for name, array in declared.items()
                if value is array
            }
        else:
            names = [n for n in ("weights", "bias") if getattr(owner, n, None) is not None]
            self._attributes = dict(zip(names, names, strict=True))
            self.parameters = {n: as_floats(getattr(owner, n), n, self) for n in names}

    def _share(self) -> None:
        """Let the object use the arrays in `parameters`, with what it has assigned meanwhile."""
        for attribute, name in self._attributes.items():
            theirs, array = getattr(self._owner, attribute), self.parameters[name]
            if theirs is not array:
                if np.shape(theirs) != array.shape:
                    raise ShapeError(
                        f"{name} of {self!r} that changed to shape {np.shape(theirs)}",
                        f"the shape it had at first, {array.shape}",
                        "make a new layer and a new model to change sizes",
                    )
                array[...] = theirs
                setattr(self._owner, attribute, array)

    def train(self) -> Self:
        """Switch the object to training mode, where it has one."""
        self._switch("train")
        return super().train()

    def eval(self) -> Self:
        """Switch the object to evaluation mode, where it has one."""
        self._switch("eval")
        return super().eval()

    def _switch(self, mode: str) -> None:
        if _has(self.component, mode):
            getattr(self.component, mode)()
        elif hasattr(self.component, "training"):
            self.component.training = mode == "train"

    def __repr__(self) -> str:
        cls: Any = type(self.component)
        return f"{cls.__name__}()" if cls.__repr__ is object.__repr__ else repr(self.component)


class ContractAdapter(_Adapter):
    """An object that keeps the contract without being a `Component`.

    Parameters
    ----------
    component
        Has ``apply`` and ``pullback``; its parameters in a dict ``parameters``, or in attributes
        ``weights`` and ``bias``.

    Examples
    --------
    >>> class Shift:
    ...     def apply(self, x):
    ...         return x + 1, None
    ...     def pullback(self, dy, saved, need_dx=True, out=None):
    ...         return dy, {}
    >>> ContractAdapter(Shift())([[1.0, 2.0]])
    array([[2., 3.]])
    """

    def apply(self, x: Array) -> tuple[Array, Any]:
        """Run the object's own `apply`."""
        self._share()
        return self.component.apply(x)  # type: ignore[no-any-return]

    def pullback(
        self, dy: Array, saved: Any, need_dx: bool = True, out: Any = None
    ) -> tuple[Array | None, Any]:
        """Run the object's own `pullback`."""
        return self.component.pullback(dy, saved, need_dx, out)  # type: ignore[no-any-return]


class ExerciseAdapter(_Adapter):
    """An object that keeps only the exercise's calls.

    Parameters
    ----------
    component
        ``component(x)`` gives the output; ``component.grad(dy)`` gives the gradient of the input,
        or the pair of the gradients of the weights and of the input. Parameters are the
        attributes ``weights`` and ``bias``, of the object or of the layer that it wraps as
        ``layer``; the gradient of the bias is ``gradients["bias"]``.

    Raises
    ------
    CallOrderError
        A gradient is asked for an earlier call than the last one, which is all that such an
        object remembers.
    GradientsError
        The object has weights and its ``grad`` gives no gradient for them.

    Warns
    -----
    UserWarning
        The object has a bias and gives no gradient for it, so that the bias is not trained.

    Examples
    --------
    >>> import numpy as np
    >>> class Scale:
    ...     def __init__(self):
    ...         self.weights = np.array([2.0, 3.0])
    ...     def __call__(self, x):
    ...         self.x = x
    ...         return x * self.weights
    ...     def grad(self, in_gradient):
    ...         return (in_gradient * self.x).sum(axis=0), in_gradient * self.weights
    >>> scale = ExerciseAdapter(Scale())
    >>> scale([[1.0, 1.0]])
    array([[2., 3.]])
    >>> scale.grad([[10.0, 100.0]])
    (array([ 10., 100.]), array([[ 20., 300.]]))
    """

    _calls = 0

    def apply(self, x: Array) -> tuple[Array, int]:
        """Call the object; what is saved is only which call it was."""
        self._share()
        y = as_floats(self.component(x), "output", self)
        self._calls += 1
        return y, self._calls

    def pullback(
        self, dy: Array, saved: int, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Call the object's `grad`, and sort what it returns by the parameters' names."""
        if saved != self._calls:
            raise CallOrderError(
                f"a request for the gradient of call {saved} of {self!r}, "
                f"which has been called {self._calls} times",
                "the last call, the only one that such an object remembers",
                "use one object for each place in a model, and one backward after each forward",
            )
        result = self.component.grad(dy)
        given = {}
        for holder in (self._owner, self.component):
            if "bias" in getattr(holder, "gradients", ()):
                given["bias"] = holder.gradients["bias"]
        if isinstance(result, tuple):
            given["weights"], result = result
        dx = as_floats(result, "gradient", self)
        return dx, {name: self._gradient(name, given) for name in self.parameters}

    def _gradient(self, name: str, given: dict[str, Any]) -> Array:
        if name in given:
            return np.asarray(given[name])
        if name == "weights":
            raise GradientsError(
                f"one array from the grad of {self!r}",
                "the pair (gradient_weights, gradient_input), since it has weights",
                "return both gradients",
            )
        warnings.warn(f"{self!r} gives no gradients[{name!r}]: it is not trained", stacklevel=2)
        return np.zeros_like(self.parameters[name])

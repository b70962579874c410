"""Make a component of somebody else's object, so that it can stand next to ours."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from handgrad.arguments import Array, as_floats
from handgrad.component import Component
from handgrad.errors import ArgumentError, CallOrderError, GradientsError, ShapeError
from handgrad.loss import Loss
from handgrad.modes import evaluating_here
from handgrad.walk import join, own_arrays, parameters

__all__ = ["ContractAdapter", "ExerciseAdapter", "adapt"]


def adapt(component: Any) -> Component:
    """Return a `Component` for any object that can act as one, and a component as it is.

    It has the contract's ``apply`` and ``pullback``, or only the exercise's calls:

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
    elif isinstance(component, Loss):
        mend = "call the loss on the model's output; a loss stands beside a model, not in it"
    elif _has(component, "apply", "pullback"):
        return ContractAdapter(component)
    elif _has(component, "__call__", "grad"):
        return ExerciseAdapter(component)
    else:
        mend = "give the object the two methods"
    raise ArgumentError(
        f"{component!r} as a component",
        "an object with apply(x) and pullback(dy, saved), or with __call__(x) and grad(dy)",
        mend,
    )


def _has(thing: Any, *methods: str) -> bool:
    return all(callable(getattr(thing, method, None)) for method in methods)


def _name(component: Any) -> str:
    cls: Any = type(component)
    return f"{cls.__name__}()" if cls.__repr__ is object.__repr__ else repr(component)


class _Parameters(dict[str, Array]):
    """The parameters of somebody's object: an array that is put in here goes to the object too.

    They are the object's dict ``parameters``, where it has one, and the attributes that hold one
    of its arrays; else the attributes ``weights`` and ``bias``.
    """

    def __init__(self, owner: Any) -> None:
        super().__init__()
        self.owner = owner
        declared = getattr(owner, "parameters", None)
        # The places of each parameter: in the object's dict, and in its attributes by their names.
        self.declared: dict[str, Any] = declared if isinstance(declared, dict) else {}
        self.attributes: dict[str, str]
        if isinstance(declared, dict):
            self.attributes = {
                attribute: name
                for attribute, value in getattr(owner, "__dict__", {}).items()
                for name, array in declared.items()
                if value is array
            }
            arrays = dict(declared)
        else:
            arrays = {n: getattr(owner, n, None) for n in ("weights", "bias")}
            arrays = {n: array for n, array in arrays.items() if array is not None}
            self.attributes = dict(zip(arrays, arrays, strict=True))
        for name, array in arrays.items():
            self[name] = as_floats(array, name, _name(owner))

    def __setitem__(self, name: str, array: Array) -> None:
        super().__setitem__(name, array)
        if name in self.declared:
            self.declared[name] = array
        for attribute, parameter in self.attributes.items():
            if parameter == name:
                setattr(self.owner, attribute, array)

    def __reduce__(self) -> tuple[Any, tuple[Any]]:
        return _parameters_of, (self.owner,)

    def __getitem__(self, name: str) -> Array:
        """Return the array, with what the object has assigned to itself copied into it."""
        array = super().__getitem__(name)
        for theirs in self._places(name):
            if theirs is array:
                continue
            if np.shape(theirs) != array.shape:
                raise ShapeError(
                    f"{name} of {_name(self.owner)} that changed to shape {np.shape(theirs)}",
                    f"the shape it had at first, {array.shape}",
                    "make a new layer and a new model to change sizes",
                )
            array[...] = theirs
            self[name] = array
        return array

    def _places(self, name: str) -> Iterator[Any]:
        if name in self.declared:
            yield self.declared[name]
        for attribute, parameter in self.attributes.items():
            if parameter == name:
                yield getattr(self.owner, attribute)


# One for each object, however many adapters it has: a model must see which components share.
_known: WeakValueDictionary[int, _Parameters] = WeakValueDictionary()


def _parameters_of(owner: Any) -> dict[str, Array]:
    if isinstance(owner, Component):
        if owner.children():
            raise ArgumentError(
                f"an object around a {type(owner).__name__}, which holds components of its own",
                "an object around a layer or an activation",
                "derive its class from handgrad.Component, which finds what it holds",
            )
        return own_arrays(owner)
    parameters = _known.get(id(owner))
    if parameters is None:  # while there is one, it keeps its object alive, and so the id unique
        parameters = _known[id(owner)] = _Parameters(owner)
    return parameters


class _Adapter(Component):
    """What both adapters share: the object, its parameters, its mode and its name.

    Where the object has no parameters, they are those of the layer that it wraps as ``layer``.
    """

    def __init__(self, component: Any) -> None:
        self.component = component
        owner, met = component, {id(component)}
        while not hasattr(owner, "parameters") and not hasattr(owner, "weights"):
            if not hasattr(owner, "layer") or id(owner.layer) in met:
                break
            owner = owner.layer
            met.add(id(owner))
        self._owner = owner
        self.parameters = _parameters_of(owner)
        self._looked_at = False

    def children(self) -> dict[str, Component]:
        return {}  # the object is somebody else's, and what it holds too

    def _run(self, method: str, x: Array) -> Any:
        """Return what the object's method gives; a copy's, where nothing may be written to it."""
        for name in self.parameters:
            self.parameters[name]  # asking for it takes over what the object has assigned
        component = self.component
        if evaluating_here():
            shared = {id(array): array for array in self.parameters.values()}
            component = copy.deepcopy(component, shared)
            _switch(component, False)
        if self._looked_at or component is not self.component:
            return getattr(component, method)(x)
        self._looked_at = True
        before = _arrays_in(component)
        result = getattr(component, method)(x)
        after, known = _arrays_in(component), {id(array) for array in self.parameters.values()}
        for name, array in before.items():  # what it had, and kept in its first call
            if array is after.get(name) and id(array) not in known:
                warnings.warn(
                    f"{name} of {self!r} is not known as a parameter, so it is not trained; "
                    "to have it trained, name it in a dict of arrays, self.parameters",
                    stacklevel=2,
                )
        return result

    @property
    def training(self) -> bool:
        """Whether the object is in training mode; setting it switches the object, if it can be."""
        return super().training

    @training.setter
    def training(self, mode: bool) -> None:
        self._training = mode
        _switch(self.component, mode)

    def __repr__(self) -> str:
        return _name(self.component)


def _arrays_in(component: Any) -> dict[str, Array]:
    """Return the arrays of floats that an object holds, itself or in another, by dotted names.

    Who names its parameters has said that the other arrays are none.
    """
    found: dict[str, Array] = {}
    met: set[int] = set()
    ahead: list[tuple[str, Any]] = [("", component)]
    while ahead:
        place, thing = ahead.pop()
        if isinstance(thing, np.ndarray) and thing.dtype.kind == "f":
            found[place] = thing
        elif isinstance(thing, Component):
            found |= {join(place, name): holder[key] for name, holder, key in parameters(thing)}
        elif id(thing) not in met and not isinstance(thing, type | ModuleType | Loss):
            met.add(id(thing))
            held: dict[Any, Any] = getattr(thing, "__dict__", {})
            if isinstance(thing, list | tuple | dict):
                held = thing if isinstance(thing, dict) else dict(enumerate(thing))
            if isinstance(own := held.get("parameters"), Mapping):
                held = dict(own)
            ahead += [(join(place, str(name)), value) for name, value in held.items()][::-1]
    return found


def _switch(component: Any, mode: bool) -> None:
    method = "train" if mode else "eval"
    if _has(component, method):
        getattr(component, method)()
    elif hasattr(component, "training"):
        component.training = mode


class ContractAdapter(_Adapter):
    """An object that keeps the contract without being a `Component`.

    Its parameters are in a dict ``parameters``, or in attributes ``weights`` and ``bias``; its
    buffers, where it has some, in a dict ``buffers``, and ``update_buffers(saved)`` changes them.

    >>> class Shift:
    ...     def apply(self, x):
    ...         return x + 1, None
    ...     def pullback(self, dy, saved, need_dx=True, out=None):
    ...         return dy, {}
    >>> ContractAdapter(Shift())([[1.0, 2.0]])
    array([[2., 3.]])
    """

    def __init__(self, component: Any) -> None:
        super().__init__(component)
        if isinstance(buffers := getattr(component, "buffers", None), dict):
            self.buffers = buffers
        for name in ("takes_integers", "takes_tuple", "takes_lengths"):
            setattr(self, name, bool(getattr(component, name, False)))

    def apply(self, x: Any) -> tuple[Array, Any]:
        """Run the object's own `apply`."""
        return self._run("apply", x)  # type: ignore[no-any-return]

    def update_buffers(self, saved: Any) -> None:
        if _has(self.component, "update_buffers"):
            self.component.update_buffers(saved)

    def pullback(
        self, dy: Array, saved: Any, need_dx: bool = True, out: Any = None
    ) -> tuple[Array | None, Any]:
        """Run the object's own `pullback`."""
        return self.component.pullback(dy, saved, need_dx, out)  # type: ignore[no-any-return]


class ExerciseAdapter(_Adapter):
    """An object that keeps only the exercise's calls, and remembers its last call alone.

    ``component(x)`` gives the output; ``component.grad(dy)`` gives the gradient of the input, or
    the pair of the gradients of the weights and of the input. Parameters are the attributes
    ``weights`` and ``bias``, of the object or of the layer that it wraps as ``layer``; the gradient
    of the bias is ``gradients["bias"]``, without which the bias is not trained, after a warning.
    """

    _calls = 0

    def apply(self, x: Array) -> tuple[Array, Any]:
        """Call the object; what is saved is only which call it was, and the input's shape."""
        self._calls += not evaluating_here()  # first, since a call that fails may change the object
        return as_floats(self._run("__call__", x), "output", self), (self._calls, x.shape)

    def pullback(
        self, dy: Array, saved: Any, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Call the object's `grad`, and sort what it returns by the parameters' names."""
        call, shape = saved
        if call != self._calls:
            raise CallOrderError(
                f"a request for the gradient of call {call} of {self!r}, "
                f"which has been called {self._calls} times",
                "the last call, the only one that such an object remembers",
                "use one object for each place in a model, and one backward after each forward",
            )
        result = self.component.grad(dy)
        pair = result if isinstance(result, tuple | list) else (None, result)
        if len(pair) != 2 or (pair[0] is None and "weights" in self.parameters):
            raise GradientsError(
                f"{'one array' if pair[0] is None else len(pair)} from the grad of {self!r}",
                "the pair (gradient_weights, gradient_input), or one array where it has no weights",
                "return both gradients; the bias' goes into gradients['bias']",
            )
        if pair[0] is not None and "weights" not in self.parameters:
            raise GradientsError(
                f"a gradient of weights from {self!r}, which has no attribute weights",
                "the parameters in the attributes weights and bias",
                "rename the attribute, so that the model can find and train it",
            )
        dx = as_floats(pair[1], "gradient of the input", self)
        if dx.shape != shape:
            raise ShapeError(
                f"a gradient of the input of shape {dx.shape} from {self!r}",
                f"the shape of the input, {shape}",
                "multiply dy by the transposed Jacobian: dy @ weights.T for an affine layer",
            )
        given = {} if pair[0] is None else {"weights": pair[0]}
        for holder in (self._owner, self.component):
            gradients = getattr(holder, "gradients", None) or {}
            given |= {name: gradients[name] for name in self.parameters.keys() & gradients.keys()}
        return dx, {name: self._gradient(name, given) for name in self.parameters}

    def _gradient(self, name: str, given: dict[str, Any]) -> Array:
        if name in given:
            return as_floats(given[name], f"gradient of the {name}", self)
        warnings.warn(f"{self!r} gives no gradients[{name!r}]: it is not trained", stacklevel=2)
        return np.zeros_like(self.parameters[name])

"""Somebody's code that is called as a course says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.courses.conventions import KEPT_AXES, left_out
from handgrad.diagnosis.courses.course import Component, letters
from handgrad.diagnosis.courses.joined import Part, put_together
from handgrad.diagnosis.courses.reaching import at, filled, put
from handgrad.diagnosis.courses.returned import full_axes, misshapen, spread, torch_of
from handgrad.diagnosis.courses.template import Call
from handgrad.diagnosis.findings import Failure, Finding, Verdict
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds import KINDS
from handgrad.diagnosis.kinds.base import Shapes, Stress
from handgrad.diagnosis.student.layout import Layout
from handgrad.diagnosis.student.student import Student
from handgrad.diagnosis.student.subject import StudentError, guard, numbers

__all__ = ["Called"]


@dataclass
class _Run:
    """An object of the student's, where there is one, and what its passes have left."""

    thing: Any = None
    parameters: dict[str, Array] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    """What the forward pass has returned for the backward pass, and arguments with names."""
    early: dict[str, Any] = field(default_factory=dict)
    """Gradients that the forward pass has returned already."""


class Called(Student):
    """Code that is called by a course's templates.

    Parameters
    ----------
    component
        How.
    names
        The names of the student's module, among which the functions or the class are.
    """

    def __init__(self, component: Component, names: Mapping[str, Any]) -> None:
        around = [names[name] for name in component.wanted if name in names]
        kind = KINDS[component.kind]().asked_for(component.arguments_of_forward)
        kind.mistakes = (*kind.mistakes, *left_out(component, kind))
        super().__init__(kind, component.title, around)
        assert component.forward is not None
        self.component, self.names, self.calls = component, names, component.forward
        self.joined = {joined.name: joined for joined in component.joined}
        self.customs = frozenset(component.conventions)
        self.torch = torch_of(names)
        self.misshapen: dict[str, tuple[tuple[int, ...], str]] = {}
        """Arrays whose axes of size 1 are not the course's."""
        self.stopped: tuple[Failure, Verdict] | None = None
        """Why evaluation mode does not run, and what is made of it."""

    # What it is given.

    def suited(self, given: Given) -> Given:
        """Set the options of the course, and leave out what the course does not ask for."""
        given = self.kind.fitted(given.changed(**self.component.options))
        named = self.component.arguments_of_forward
        for name in self.kind.absent:
            if name not in named:
                given.inputs.pop(name, None)
                given.parameters.pop(name, None)
        return given

    def must_give(self, name: str) -> bool | None:
        asked = name in self.component.asked
        return asked or self.component.asks_for(self.kind.variables.get(name, "")) or None

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        return [given for given in super().givens(shapes, seed) if self._takes(given)]

    def stresses(self, seed: int) -> list[Stress]:
        # Arrays of integers are the exercise's; a course makes arrays like the one that it gives.
        avoided = {"integers", *self.component.avoid}
        made = self.component.made
        sizes = self.component.arguments_of_forward.union(made.names if made else ())
        # Who is given both sizes of a window, or an array that has both, has to take them.
        asked = {"rectangular"} if "kernel_size" not in sizes else set()
        kept = (
            replace(
                stress,
                givens=[given for given in stress.givens if self._takes(given)],
                optional=stress.optional and stress.name not in asked,
            )
            for stress in super().stresses(seed)
            if stress.name not in avoided
        )
        return [stress for stress in kept if stress.givens]

    def _takes(self, given: Given) -> bool:
        """Return whether this code can be given such an input.

        A kind may have tables, and vectors besides; a course asks for what its axes say.
        """
        shaped = all(
            array.ndim == len(self.kind.axes_of(name).split())
            for name, array in given.inputs.items()
            if name in self.kind.axes
        )
        only = self.component.only
        return shaped and (only is None or bool(only.value(self._sizes(given))))

    def _sizes(self, given: Given) -> dict[str, Any]:
        """Return the sizes and options of an input."""
        return {**letters(self.kind, given), **given.sizes, **given.options}

    def _scope(self, run: _Run, given: Given) -> dict[str, Any]:
        """Return what every name of a template stands for."""
        scope = self._sizes(given)
        kept = {n: a.copy() for n, a in given.options.items() if isinstance(a, np.ndarray)}
        arrays = {**kept, **given.arrays, **run.parameters}
        scope |= {name: self._layout(name).theirs_of(array) for name, array in arrays.items()}
        order = given.options.get("order", "")
        scope |= {j.name: j.made(arrays, self._layout, order) for j in self.component.joined}
        scope = {name: self._given(value) for name, value in scope.items()}
        arguments = {n: filled(a, scope) for n, a in self.component.arguments.items()}
        return {**scope, **arguments, **run.kept}

    def _given(self, value: Any) -> Any:
        """Return an array as the student's code takes it."""
        if self.torch is not None and isinstance(value, np.ndarray):
            return self.torch.from_numpy(np.ascontiguousarray(value))
        return value

    def _layout(self, name: str) -> Layout:
        """Return the order of the axes of an array: its own, or its variable's or output's."""
        axes, ours = self.component.axes, self.kind.axes_of(name)
        return axes.get(name) or axes.get(self.kind.origin(name)) or Layout(ours, ours)

    # Calling it.

    def start(self, given: Given) -> _Run:
        run = _Run()
        self._place(run, given)
        if made := self.component.made:
            run.thing = self._call(made, self._found(made, self.names), self._scope(run, given))
            self._write(run, given)
        return run

    def place(self, thing: _Run, given: Given) -> None:
        self._place(thing, given)
        if thing.thing is not None:
            self._write(thing, given)

    def _place(self, run: _Run, given: Given) -> None:
        run.parameters = {name: array.copy() for name, array in given.parameters.items()}

    def parameters(self, thing: _Run) -> Results:
        if thing.thing is None:
            return thing.parameters
        return self._attributes(thing, thing.parameters)

    def _write(self, run: _Run, given: Given) -> None:
        """Put parameters and options into the attributes in which the object keeps them.

        What is None is left as the object has made it.
        """
        scope = self._scope(run, given)
        for name, path in self.component.attributes.items():
            inside = path[0] in self.component.arguments
            ours = name in given and name not in self.kind.titles and given[name] is not None
            if (ours or name in self.joined) and not inside:
                with guard(f"writing {'.'.join(path)} of {self.name}"):
                    put(run.thing, path, scope[name])

    def forward(self, thing: _Run, given: Given) -> Results:
        thing.kept, thing.early = {}, {}
        if thing.thing is not None and set(self.component.attributes) & set(given.options):
            self._write(thing, given)  # what a call before has moved, a running mean
        call = self.component.evaluation if given.options.get("mode") == "test" else None
        found = self._passed(thing, given, call or self.calls)
        if call and "evaluation" in found:
            found["output"] = found.pop("evaluation")
        thing.early = {n: a for n, a in found.items() if n in self.kind.variables}
        results = {n: a for n, a in found.items() if n in self.kind.forwards}
        results |= self._attributes(thing, self.kind.forwards)
        if not results:
            raise self._unwritten(self.calls)
        return results

    def backward(self, thing: _Run, given: Given) -> Results:
        found: Results = dict(thing.early)
        if self.component.backward:
            try:
                found |= self._passed(thing, given, self.component.backward)
            except StudentError as error:
                if not error.unwritten:
                    raise
        gradients = [joined.gradient for joined in self.joined.values()]
        found |= self._attributes(thing, [*self.kind.variables, *gradients])
        found |= self._put_together(thing, given, found)
        found = {
            name: spread(array, given[self.kind.variables[name]])
            for name, array in found.items()
            if name in self.kind.variables
        }
        if not found:
            self.unwritten |= set(self.kind.variables)
        scope = self._sizes(given)
        for name, factor in self.component.factor.items():
            if name in found:
                found[name] = found[name] / factor.value(scope)
        return found

    def evaluate(self, given: Given) -> Results:
        component = self.component
        if "evaluation" not in self.kind.titles:
            return {}
        modes = {"mode": "test", "training": False}
        modes = {name: value for name, value in modes.items() if name in given.options}
        asked = component.evaluation or self.calls
        if component.evaluation is None and not component.arguments_of_forward & set(modes):
            return {}
        other = given.changed(**modes).copied()
        try:
            found = self._evaluated(given, other, asked)
        except StudentError as error:
            # Code may keep running statistics of a shape of its own, and take no others.
            unsure = "running_mean" in given.options or error.unwritten
            self.unwritten |= {"evaluation"} if error.unwritten else set()
            self.stopped = error.failure, Verdict.UNKNOWN if unsure else Verdict.WRONG
            return {}
        seen = found.get("evaluation", found.get("output"))
        return {} if seen is None else {"evaluation": seen}

    def _evaluated(self, given: Given, other: Given, call: Call) -> Results:
        """Return what a new object gives in evaluation mode, or one that has been trained.

        What takes from the pass before that which it should take from the running statistics stops
        in a new object, and gives something else in a trained one.
        """
        run = self.start(other)
        try:
            return self._passed(run, other, call)
        except StudentError:
            if run.thing is None:
                raise
            run = self.start(given)
            self._passed(run, given.copied(), self.calls)
            self.place(run, other)
            return self._passed(run, other, call)

    def _passed(self, run: _Run, given: Given, call: Call) -> Results:
        """Make one call; return its quantities, and let `given` show what it wrote to."""
        scope = self._scope(run, given)
        watched = (*given.arrays, *run.parameters, *self.joined)
        before = {n: self._numpy(scope[n]).tobytes() for n in watched}
        holder = self.names if run.thing is None else run.thing
        returned = self._call(call, self._found(call, holder), scope)
        run.kept |= {name: scope[name] for name in self.component.arguments}
        for name, held in before.items():
            after = self._numpy(scope[name])
            if after.tobytes() == held:
                continue
            if name in self.joined:
                order = given.options.get("order", "")
                parts = self.joined[name].parted(after, run.parameters, self._layout, order)
                for part, written in parts.items():
                    part.of(run.parameters[part.name], order)[...] = written
            else:
                target = run.parameters if name in run.parameters else given.arrays
                target[name][...] = self._layout(name).ours_of(after)
        return self._taken(run, call, returned)

    def _found(self, call: Call, holder: Any) -> Any:
        """Return what a call's path leads to."""
        found: Any = holder
        for name in call.path:
            found = found.get(name) if isinstance(found, Mapping) else getattr(found, name, None)
        if callable(found):
            return found
        raise StudentError.missing(
            call.name,
            f"AttributeError: there is no {call.name}",
            f"The course calls {call.text}",
        )

    def _call(self, call: Call, function: Any, scope: Mapping[str, Any]) -> Any:
        arguments, keywords = call.bound(scope)
        doing = f"calling {call.text.partition(' ->')[0]}"
        with guard(doing):
            try:
                return function(*arguments, **keywords)
            except NotImplementedError as error:
                raise self._unwritten(call) from error

    def _taken(self, run: _Run, call: Call, returned: Any) -> Results:
        """Return the quantities in what came back; the rest is kept for the next call."""
        if returned is None or returned is NotImplemented:
            if any(True for _ in call.results.names):
                raise self._unwritten(call)
            return {}
        with guard(f"taking what {call.name} returns"):
            taken = dict(call.results.take(returned))
        known = {*self.kind.titles, *(joined.gradient for joined in self.joined.values())}
        quantities = {name: value for name, value in taken.items() if name in known}
        run.kept |= taken
        read = {name: self._read(name, value) for name, value in quantities.items()}
        there = {name: array for name, array in read.items() if array is not None}
        if quantities and not there:
            raise self._unwritten(call)
        return there

    def _put_together(self, run: _Run, given: Given, found: Results) -> Results:
        """Return the gradients that came back as parts of joined arrays."""
        order = given.options.get("order", "")
        parts: dict[Part, Array] = {}
        for joined in self.joined.values():
            if (array := found.get(joined.gradient)) is not None:
                ours = run.parameters, self._layout, order
                right = joined.made(*ours).shape
                if array.shape != right and full_axes(array.shape) == full_axes(right):
                    self.misshapen[joined.gradient] = array.shape, f"shape {right}"
                    array = array.reshape(right)
                with guard(f"taking {joined.gradient} apart"):
                    parts |= joined.parted(array, *ours)
        whole = put_together(parts, order)
        return {n: whole[v] for n, v in self.kind.variables.items() if v in whole}

    def _attributes(self, run: _Run, names: Any) -> Results:
        """Return the quantities that the object, or an argument, holds."""
        found = {}
        for name, path in self.component.attributes.items():
            if name not in names:
                continue
            inside = path[0] in self.component.arguments
            value = at(run.kept if inside else run.thing, path)
            if (array := self._read(name, value)) is not None:
                found[name] = array
        return found

    def _unwritten(self, call: Call) -> StudentError:
        error = f"{call.name} is not written yet"
        return StudentError(Failure(f"calling {call.name}", error, unwritten=True))

    # What comes back.

    def _numpy(self, value: Any) -> Any:
        if self.torch is not None and isinstance(value, self.torch.Tensor):
            return value.detach().cpu().numpy()
        return value

    def _read(self, name: str, value: Any) -> Array | None:
        """Return a quantity in our order of axes, None where there is nothing."""
        if value is None or value is NotImplemented:
            return None
        title = self.kind.titles.get(name, name)
        layout = self._layout(name)
        array = numbers(self._numpy(value), f"the {title}")
        if layout.is_of(array) or name not in (*self.kind.axes, *self.kind.variables):
            return layout.ours_of(array)
        return self._squeezed(name, array, layout)

    def _squeezed(self, name: str, array: Array, layout: Layout) -> Array:
        """Return an array with the right number of axes of size 1; note where it has another."""
        theirs = layout.theirs.split()
        full = full_axes(array.shape)
        if "1" in theirs and len(full) == len(layout.ours.split()):
            # A step with it would broadcast: it is wrong, whatever the numbers are.
            self.misshapen[name] = array.shape, f"the axes ({layout.theirs})"
            return array.reshape(full)
        spare = [axis for axis, size in enumerate(array.shape) if size == 1]
        spare = spare[: max(0, array.ndim - len(theirs))]
        if array.ndim - len(spare) != len(theirs):
            return array
        if theirs and (name, KEPT_AXES) not in self.layout:
            self.layout.append((name, KEPT_AXES))
        return layout.ours_of(np.squeeze(array, tuple(spare)))

    def extra(self, seed: int) -> list[Finding]:
        findings = super().extra(seed)
        if self.stopped:
            failure, verdict = self.stopped
            sentence = f"while {failure.doing} in evaluation mode: {failure.error}"
            sentence = "it is not written yet" if "evaluation" in self.unwritten else sentence
            title = self.kind.titles["evaluation"]
            findings.append(Finding("evaluation", title, verdict, (), (sentence,)))
        return findings + [
            misshapen(self.kind, name, shape, right)
            for name, (shape, right) in self.misshapen.items()
        ]

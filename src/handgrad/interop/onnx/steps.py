"""What a graph computes as steps, and the steps as a tree of components."""

from __future__ import annotations

from handgrad.component import Component
from handgrad.containers import Parallel, Residual
from handgrad.errors import CheckpointError, shorten
from handgrad.interop.onnx.reading import refused
from handgrad.model import Model
from handgrad.walk import buffers, parameters

__all__ = ["Step", "between", "chain"]

_DEEPEST = 50


class Step:
    """A component, or a combination of several, and the steps that come before.

    Attributes
    ----------
    node : str
        The node that it comes from, for a message.
    component : Component or None
        What makes its output of that of the step before; None for the input, and where `combine`
        says how those of several are put together.
    given : tuple of int
        Which inputs of the network the component is given beside what is before: lengths, a mask,
        states, keys and values.
    size : int
        The bytes of its parameters and buffers.
    """

    def __init__(
        self,
        node: str,
        component: Component | None,
        before: list[Step],
        combine: str = "",
        given: tuple[int, ...] = (),
    ) -> None:
        self.node, self.component, self.before, self.combine = node, component, before, combine
        self.given = given
        self.behind: Step | None = _meeting(before) if before else None
        self.depth: int = self.behind.depth + 1 if self.behind else 0
        self.size = sum(
            place.array.nbytes for place in (*parameters(component), *buffers(component))
        )
        self.used = False


def _meeting(steps: list[Step]) -> Step:
    """Return the last step that every way to all of these steps passes."""
    found = steps[0]
    for step in steps[1:]:
        while step is not found:
            deeper = step if step.depth > found.depth else found
            if deeper.behind is None:
                raise _of_another(steps[0])
            if deeper is step:
                step = deeper.behind
            else:
                found = deeper.behind
    return found


def _of_another(step: Step) -> CheckpointError:
    return refused(
        f"the node {shorten(step.node, 80)!r}, which comes of another input",
        "one input for all but attention, and lengths, masks and states beside it",
        "export the network with one input",
    )


def between(end: Step, start: Step) -> set[Step]:
    """Return the steps on all ways from one to another, without the first."""
    found: set[Step] = set()
    left = [end]
    while left:
        step = left.pop()
        if step is not start and step not in found:
            found.add(step)
            left += step.before
    return found


def chain(end: Step, start: Step, nested: int = 0) -> list[Component]:
    """Return the components that lead from one step to another, branches as containers."""
    parts: list[Component] = []
    while end is not start:
        if end.used or nested > _DEEPEST:
            how = "share more" if end.used else f"are nested more than {_DEEPEST} deep"
            raise refused(
                f"the node {shorten(end.node, 80)!r}, whose output goes into branches that {how}",
                "branches that begin at one place and meet at another",
                "build the network of Residual and Parallel, and copy its parameters",
            )
        end.used = True
        if end.component is not None:
            parts.append(end.component)
            end = end.before[0]
            continue
        if end.behind is None:
            raise _of_another(end)
        branches = [chain(each, end.behind, nested + 1) for each in end.before]
        parts.append(_together(end, branches))
        end = end.behind
    return parts[::-1]


def _together(step: Step, branches: list[list[Component]]) -> Component:
    made = [branch[0] if len(branch) == 1 else Model(branch) for branch in branches if branch]
    if len(made) == len(branches):
        return Parallel(made, step.combine)
    if step.combine == "sum" and len(made) == 1 and len(branches) == 2:
        return Residual(made[0])
    raise refused(
        f"the node {step.node!r}, which puts an input together with itself",
        "Add of an input and what is computed of it, or of several things that are computed",
        "let each branch compute something",
    )

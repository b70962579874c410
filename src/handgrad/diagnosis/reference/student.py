"""Somebody's code that is called as a reference is."""

from __future__ import annotations

from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.reference.code import Code, Run
from handgrad.diagnosis.reference.kind import ReferenceKind
from handgrad.diagnosis.student.student import Student

__all__ = ["ReferenceStudent"]


class ReferenceStudent(Student):
    """Code with the interface of the reference that is its truth."""

    def __init__(self, kind: ReferenceKind, code: Code) -> None:
        super().__init__(kind, code.name, code.around)
        self.interface, self.code, self.begins = kind.interface, code, kind.begins

    def start(self, given: Given) -> Run:
        run = self.code.begin(given)
        self.place(run, given)
        return run

    def place(self, thing: Run, given: Given) -> None:
        self.interface.place(self.code, thing, given)

    def parameters(self, thing: Run) -> Results:
        slots = self.code.slots(thing)
        return {n: slots[n].array for n in self.interface.parameters if n in slots}

    def forward(self, thing: Run, given: Given) -> Results:
        self.begins(given)
        return self.interface.forward(self.code, thing, given)

    def backward(self, thing: Run, given: Given) -> Results:
        return self.interface.backward(self.code, thing, given)

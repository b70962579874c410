"""What is found: a verdict for each quantity, its cause, the evidence and the hints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from handgrad.arguments import Array

__all__ = ["Cause", "Example", "Failure", "Finding", "Hint", "Status", "Verdict"]


class Verdict(StrEnum):
    """What is said of one quantity.

    Examples
    --------
    >>> print(Verdict.CONVENTION)
    right, under another convention
    """

    RIGHT = "right"
    CONVENTION = "right, under another convention"
    WRONG = "wrong"
    UNKNOWN = "cannot tell"


class Status(StrEnum):
    """What is said of the whole.

    Examples
    --------
    >>> Status.WRONG.exit_code
    1
    """

    RIGHT = "right"
    WRONG = "wrong"
    FAILED = "could not run"
    UNWRITTEN = "not written yet"

    @property
    def exit_code(self) -> int:
        """0 for right, 1 for wrong, 2 where the code could not be run, or is not written yet."""
        return {Status.RIGHT: 0, Status.WRONG: 1}.get(self, 2)

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Status:
        """Return what the findings come to: one that is wrong decides."""
        verdicts = {finding.verdict for finding in findings}
        if Verdict.WRONG in verdicts:
            return cls.WRONG
        return cls.RIGHT if verdicts - {Verdict.UNKNOWN} else cls.FAILED


@dataclass(frozen=True)
class Cause:
    """A mistake, or a convention, in words.

    Parameters
    ----------
    name
        A few words, "averaged over the minibatch".
    explanation
        What the student's code computes, in a sentence or two.
    hints
        From weak to strong: the symptom; the property that is violated; the line of the
        derivation where it went wrong; the mend. Only the last one may show a formula.

    Examples
    --------
    >>> Cause("the sign", "It is flipped.", ("a", "b", "c", "d")).hints[0]
    'a'
    """

    name: str
    explanation: str
    hints: tuple[str, str, str, str]


@dataclass(frozen=True)
class Hint:
    """One rung of the ladder.

    Parameters
    ----------
    level
        1 the symptom, 2 the property that is violated, 3 the line of the derivation, 4 the mend.
    about
        The name of the cause that it belongs to.
    text
        The hint itself.

    Examples
    --------
    >>> Hint(1, "the sign", "The loss rises.").text
    'The loss rises.'
    """

    level: int
    about: str
    text: str


@dataclass(frozen=True, eq=False)  # arrays do not compare to one answer
class Example:
    """One small case, in full.

    Parameters
    ----------
    case
        Which one, "N = 3, D = 2, seed 0".
    student
        What the student's code returned.
    truth
        What is right; None where there is nothing to compare with, or the shapes differ.
    differs
        Which entries of `student` differ from the truth, a boolean array of its shape.

    Examples
    --------
    >>> example = Example("N = 1", np.array([1.0, 2.0]), np.array([1.0, 4.0]), np.array([0, 1]) > 0)
    >>> example.difference
    array([ 0., -2.])
    """

    case: str
    student: Array
    truth: Array | None
    differs: Array

    @property
    def difference(self) -> Array | None:
        """Student minus truth, None where there is no truth."""
        return None if self.truth is None else np.asarray(self.student - self.truth)


@dataclass(frozen=True)
class Finding:
    """What is known of one quantity.

    Parameters
    ----------
    quantity
        Its short name: "output", "value", "dx", "dW", "db", "mask", "update", ...
    title
        Its name in words: "gradient of the weights".
    verdict
        Right, right under another convention, wrong, cannot tell.
    explanations
        Each one is the causes that together give exactly what the student's code gives. One
        explanation of one cause is the rule; several causes in it are mistakes that were combined;
        several explanations are a tie, of which any may be the one. Empty where the quantity is
        right, or wrong in a way that is not known.
    evidence
        Sentences with numbers.
    example
        A small case, where there is one to show.
    unusual
        The unusual input that alone shows it, in words: "an input far from 0".

    Examples
    --------
    >>> Finding("dx", "gradient of the input", Verdict.RIGHT).explanations
    ()
    """

    quantity: str
    title: str
    verdict: Verdict
    explanations: tuple[tuple[Cause, ...], ...] = ()
    evidence: tuple[str, ...] = ()
    example: Example | None = None
    unusual: str = ""

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Every cause that is named, each once."""
        named = {cause.name: cause for together in self.explanations for cause in together}
        return tuple(named.values())

    @property
    def summary(self) -> str:
        """The explanations in one line: "A and B", "A, or else B", or "" where there are none."""
        return ", or else ".join(
            " and ".join(cause.name for cause in together) for together in self.explanations
        )


@dataclass(frozen=True)
class Failure:
    """An exception that the student's code raised, or a call that cannot be made.

    Parameters
    ----------
    doing
        What was being done: "calling MyLinear(3, 5)".
    error
        Type and message, "ValueError: shapes (7,3) and (5,3) not aligned".
    lines
        The student's own lines of the traceback: (file, line number, source).
    hint
        What to look at where the cause is a known one, else "".
    unwritten
        Whether nothing is wrong but that the code is not written yet.

    Examples
    --------
    >>> Failure("calling relu(x)", "NameError: name 'nq' is not defined").hint
    ''
    """

    doing: str
    error: str
    lines: tuple[tuple[str, int, str], ...] = ()
    hint: str = ""
    unwritten: bool = False

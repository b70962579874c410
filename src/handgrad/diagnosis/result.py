"""What a diagnosis says: a verdict for each quantity, its cause, the evidence and the hints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from handgrad.component import Array

__all__ = ["Cause", "Diagnosis", "Example", "Failure", "Finding", "Hint", "Status", "Verdict"]


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

    @property
    def exit_code(self) -> int:
        """0 for right, 1 for wrong, 2 where the code could not be run."""
        return {Status.RIGHT: 0, Status.WRONG: 1, Status.FAILED: 2}[self]

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

    Examples
    --------
    >>> Failure("calling relu(x)", "NameError: name 'nq' is not defined").hint
    ''
    """

    doing: str
    error: str
    lines: tuple[tuple[str, int, str], ...] = ()
    hint: str = ""


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """The answer to "what is wrong with my gradient?".

    Parameters
    ----------
    subject
        The name of what was diagnosed.
    kind
        Which exercise it is held against: "linear", "cross_entropy", ...
    status
        Right, wrong, could not run.
    findings
        One for each quantity, in the order in which they were decided.
    notes
        What is worth knowing and is not a mistake: a convention, the cost of a loop.
    failure
        What went wrong where the code could not be run.
    seconds
        How long the diagnosis took.

    Examples
    --------
    >>> from handgrad import ReLU, diagnose
    >>> diagnosis = diagnose(ReLU)
    >>> diagnosis.status.value, diagnosis.exit_code
    ('right', 0)
    >>> [str(finding.verdict) for finding in diagnosis.findings]
    ['right', 'right']
    """

    subject: str
    kind: str
    status: Status
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    failure: Failure | None = None
    seconds: float = field(default=0.0, compare=False)

    @property
    def exit_code(self) -> int:
        """0 for right, 1 for wrong, 2 where the code could not be run."""
        return self.status.exit_code

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """The findings whose quantity is wrong."""
        return tuple(f for f in self.findings if f.verdict is Verdict.WRONG)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Every mistake that is named, each once."""
        named = {cause.name: cause for finding in self.wrong for cause in finding.causes}
        return tuple(named.values())

    @property
    def headline(self) -> str:
        """The whole in one sentence."""
        if self.status is Status.FAILED:
            if self.failure:
                return f"{self.subject} could not be run: {self.failure.error}"
            known = (sentence for finding in self.findings for sentence in finding.evidence)
            return f"{self.subject} could not be judged: {next(known, 'nothing could be compared')}"
        if self.status is Status.RIGHT:
            conventions = {
                f.summary for f in self.findings if f.verdict is Verdict.CONVENTION and f.summary
            }
            if not conventions:
                return f"{self.subject} is right"
            return f"{self.subject} is right, under another convention: {'; '.join(conventions)}"
        names = list(dict.fromkeys(f.summary for f in self.wrong if f.summary))
        if not names and self.failure:
            return f"{self.subject} is wrong: it does not run on every input, {self.failure.error}"
        if not names:
            return f"{self.subject} is wrong, and I don't know why"
        return f"{self.subject} is wrong: {'; '.join(names)}"

    def hints(self, level: int = 4) -> tuple[Hint, ...]:
        """Return the hints up to a level, cause by cause.

        Parameters
        ----------
        level
            1 the symptom, 2 also the property that is violated, 3 also the line of the derivation
            where it went wrong, 4 also the mend. No level below 4 shows a reference value or the
            formula to write.
        """
        return tuple(
            Hint(number, cause.name, text)
            for cause in self.causes
            for number, text in enumerate(cause.hints[: max(0, level)], start=1)
        )

    def to_dict(self, level: int = 4) -> dict[str, Any]:
        """Return everything as lists, dicts, strings and numbers, which JSON can hold.

        Parameters
        ----------
        level
            As in `hints`; below 4 the truth and the differences stay out.
        """
        return {
            "subject": self.subject,
            "kind": self.kind,
            "status": str(self.status),
            "exit_code": self.exit_code,
            "headline": self.headline,
            "findings": [_finding(finding, level) for finding in self.findings],
            "hints": [vars(hint) for hint in self.hints(level)],
            "notes": list(self.notes),
            "failure": self.failure
            and {**vars(self.failure), "lines": [list(line) for line in self.failure.lines]},
            "seconds": round(self.seconds, 3),
        }

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        """Everything as text, with the hints up to the level at which every page begins, 2."""
        lines = [self.headline]
        for f in self.findings:
            lines.append(f"  {f.quantity}: {f.verdict}{f.summary and ': ' + f.summary}")
            lines += [f"    {sentence}" for sentence in f.evidence]
        lines += [f"  note: {note}" for note in self.notes]
        if self.failure:
            lines.append(f"  while {self.failure.doing}")
            lines += [f"    {file}:{n}: {source}" for file, n, source in self.failure.lines]
            lines += [f"  hint: {self.failure.hint}"] if self.failure.hint else []
        lines += [f"  hint {hint.level} ({hint.about}): {hint.text}" for hint in self.hints(2)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from handgrad.diagnosis.report.html import fragment

        return fragment(self)


def _finding(finding: Finding, level: int) -> dict[str, Any]:
    example = finding.example
    return {
        "quantity": finding.quantity,
        "title": finding.title,
        "verdict": str(finding.verdict),
        "explanations": [
            [{"name": cause.name, "explanation": cause.explanation} for cause in together]
            for together in finding.explanations
        ],
        "evidence": list(finding.evidence),
        "example": example
        and {
            "case": example.case,
            "student": _plain(example.student),
            "differs": _plain(example.differs),
            "truth": _plain(example.truth) if level >= 4 else None,
            "difference": _plain(example.difference) if level >= 4 else None,
        },
    }


def _plain(value: Any) -> Any:
    """Return an array as nested lists; what JSON cannot hold, NaN and infinities, as strings."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return _plain(np.asarray(value).tolist())

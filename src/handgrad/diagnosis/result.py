"""What a diagnosis says as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from handgrad.diagnosis.advice import advice, listed, loose
from handgrad.diagnosis.findings import Cause, Failure, Finding, Hint, Status, Verdict
from handgrad.diagnosis.repairs import Repair
from handgrad.diagnosis.report.html import fragment
from handgrad.diagnosis.report.page import LEVELS, Page, visible

__all__ = ["Diagnosis"]


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
    repairs
        Small changes of the code with which everything is right, once they have been searched for.
    mender
        Searches for them within a time; None where there is no code to change.

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
    repairs: tuple[Repair, ...] = ()
    mender: Callable[[float], tuple[Repair, ...]] | None = field(default=None, compare=False)

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
    def mendable(self) -> bool:
        """Whether there is something to search a repair for, and code to search it in."""
        return self.mender is not None and self.status in (Status.WRONG, Status.FAILED)

    def repaired(self, budget: float = 3) -> Diagnosis:
        """Search for small changes of the code with which everything is right.

        Parameters
        ----------
        budget
            How long to search, in seconds.

        Returns
        -------
        Diagnosis
            The same, with `repairs`: none where nothing is wrong, or nothing is found.

        Examples
        --------
        >>> from handgrad import ReLU, diagnose
        >>> diagnose(ReLU).repaired().repairs
        ()
        """
        if not self.mendable or self.mender is None or budget <= 0:
            return self
        return replace(self, repairs=self.mender(budget))

    @property
    def headline(self) -> str:
        """The whole in one sentence."""
        return self.heading(len(LEVELS))

    def heading(self, level: int) -> str:
        """Return the whole in one sentence, which names no mistake at the first level.

        Parameters
        ----------
        level
            As in `hints`.
        """
        if self.status is Status.FAILED:
            if self.failure:
                return f"{self.subject} could not be run: {self.failure.error}"
            known = (sentence for finding in self.findings for sentence in finding.evidence)
            return f"{self.subject} could not be judged: {next(known, 'nothing could be compared')}"
        if self.status is Status.UNWRITTEN:
            what = self.failure.error if self.failure else f"{self._unwritten} is not written yet"
            return f"{self.subject}: {what}"
        if self.status is Status.RIGHT:
            conventions = dict.fromkeys(
                f.summary for f in self.findings if f.verdict is Verdict.CONVENTION and f.summary
            )
            if not conventions:
                return f"{self.subject} is right"
            return f"{self.subject} is right, under another convention: {'; '.join(conventions)}"
        named: dict[str, dict[str, None]] = {}
        for f in self.wrong:
            if f.summary:
                of = named.setdefault(f.summary if level > 1 else f.title, {})
                of[f.unusual or f.quantity] = None
        nameless = list(dict.fromkeys(f.unusual or f.quantity for f in loose(self.wrong)))
        if not named and self.failure:
            return f"{self.subject} is wrong: it does not run on every input, {self.failure.error}"
        if not named and self.repairs:
            return f"{self.subject} is wrong; with {self.repairs[0].count} changed it is right"
        if not named:
            return f"{self.subject} is wrong, and I don't know why"
        each = list(named)
        if len(named) + len(nameless) > 1 and level > 1:
            each = [f"{name} ({', '.join(of)})" for name, of in named.items()]
        if nameless:
            verb = "is" if len(nameless) == 1 else "are"
            each.append(f"and I don't know why {listed(nameless)} {verb}")
        return f"{self.subject} is wrong: {'; '.join(each)}"

    @property
    def _unwritten(self) -> str:
        """The part that is missing."""
        missing = [f.quantity for f in self.findings if f.evidence == ("it is not written yet",)]
        return "evaluation mode" if missing == ["evaluation"] else "its backward pass"

    def hints(self, level: int = 4) -> tuple[Hint, ...]:
        """Return the hints up to a level, cause by cause.

        Parameters
        ----------
        level
            1 the symptom, 2 also the property that is violated, 3 also the line of the derivation
            where it went wrong, 4 also the mend. No level below 4 shows a reference value or the
            formula to write. The first level tells what is wrong and not how: it names no mistake,
            explains none, and shows no evidence for one.
        """
        hints = [
            Hint(number, cause.name if level > 1 else self._whose(cause), text)
            for cause in self.causes
            for number, text in enumerate(cause.hints[: max(0, level)], start=1)
        ]
        for repair in self.repairs:
            hints += [hint for hint in repair.hints(self._named(repair)) if hint.level <= level]
        return tuple(hints)

    def _named(self, repair: Repair) -> str:
        """Return the name of the mistake that a repair mends, or what it is about."""
        mended = [f for f in self.wrong if f.quantity in repair.quantities]
        return next((cause.name for f in mended for cause in f.causes), repair.about)

    def _whose(self, cause: Cause) -> str:
        """Return the titles of the quantities of which a cause is named."""
        return listed([f.title for f in self.wrong if cause.name in {c.name for c in f.causes}])

    def _shown(self, level: int) -> tuple[Finding, ...]:
        """Return the findings with nothing beyond the level."""
        if level > 1:
            return self.findings
        return tuple(
            replace(f, explanations=(), evidence=() if f.explanations else _barely(f))
            if f.verdict is Verdict.WRONG
            else f
            for f in self.findings
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
            "headline": self.heading(level),
            "findings": [_finding(finding, level) for finding in self._shown(level)],
            "hints": [vars(hint) for hint in self.hints(level)],
            "notes": list(self.notes),
            "failure": self.failure
            and {**vars(self.failure), "lines": [list(line) for line in self.failure.lines]},
            "seconds": round(self.seconds, 3),
            "repairs": [repair.to_dict(level) for repair in self.repairs if level >= 3],
        }

    def page(self, level: int = 2) -> Page:
        """Return what every rendering shows, arranged, with hints up to a level.

        Parameters
        ----------
        level
            As in `hints`; below 4 the truth and the differences stay out.
        """
        findings = self._shown(level)
        hints: dict[str, list[tuple[str, str]]] = {}
        for hint in self.hints(level):
            hints.setdefault(hint.about, []).append((LEVELS[hint.level - 1], hint.text))
        page = Page(
            self.subject,
            self.status,
            self.heading(level),
            (
                *dict.fromkeys(c.explanation for f in findings for c in f.causes),
                *advice(self.findings),
            ),
            self.failure,
            findings,
            hints,
            self.notes,
            level,
        )
        return visible(page)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        """Everything as text, with the hints up to the level at which every page begins, 2."""
        lines = [self.headline]
        for f in self.findings:
            lines.append(f"  {f.quantity}: {f.verdict}{f.summary and ': ' + f.summary}")
            lines += [f"    {sentence}" for sentence in f.evidence]
        lines += [f"  {sentence}" for sentence in advice(self.findings)]
        lines += [f"  note: {note}" for note in self.notes]
        if self.failure:
            lines.append(f"  while {self.failure.doing}")
            lines += [f"    {file}:{n}: {source}" for file, n, source in self.failure.lines]
            lines += [f"  hint: {self.failure.hint}"] if self.failure.hint else []
        lines += [f"  hint {hint.level} ({hint.about}): {hint.text}" for hint in self.hints(2)]
        return "\n".join(map(visible, lines))

    def _repr_html_(self) -> str:
        return fragment(self.page())


def _barely(finding: Finding) -> tuple[str, ...]:
    """Return the evidence that something is wrong, and nothing of how: no factor to the truth."""
    example = finding.example
    if example is None or example.truth is None:  # a pass' behaviour; a shape
        return finding.evidence[:1]
    count, size = np.count_nonzero(example.differs), example.differs.size
    some = f"{count} of {size} entries of the {finding.title} differ"
    return (f"{some if size > 1 else f'the {finding.title} differs'} at {example.case}",)


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
        "unusual": finding.unusual,
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

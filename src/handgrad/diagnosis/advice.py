"""What is known of a mistake that has no name, and what to try next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from handgrad.diagnosis.findings import Finding, Verdict

__all__ = ["advice", "listed", "loose"]

NEXT: tuple[tuple[str, str], ...] = (
    # a word in the finding's title: what to try; the first that fits is given
    (
        "linear in",
        "give the backward pass the same dy twice as large and print the result: each line in "
        "which dy enters other than as a factor is suspect",
    ),
    (
        "calls after",
        "make two objects, call one of them twice and the other once, with the same input, and "
        "compare what they hold in their attributes",
    ),
    (
        "gradient",
        "take a minibatch of one row and sizes of 1, where each array is a number, and work {name} "
        "out on paper; then raise one size at a time: the first at which it is wrong names the sum "
        "or the axis",
    ),
    (
        "step",
        "print the parameters before and after one step, and their difference beside the gradient",
    ),
    (
        "",
        "work {name} out on paper for two rows and two columns, and print each intermediate array "
        "beside it",
    ),
)


def unexplained(findings: Iterable[Finding]) -> list[Finding]:
    """Return the quantities that are wrong in a way that has no name.

    How a pass behaves, its linearity or its memory, is no quantity: it has no example.
    """
    return [
        f
        for f in findings
        if f.verdict is Verdict.WRONG and not f.explanations and f.example is not None
    ]


def loose(findings: Sequence[Finding]) -> list[Finding]:
    """Return the quantities of which the headline says that nobody knows why they are wrong.

    A mistake in one output of the forward pass is in all that the same lines make, and what an
    unusual input shows is one mistake: where it has a name, the others need none.
    """
    forward = any(f.explanations and _is_forward(f) for f in findings)
    unusual = {f.unusual for f in findings if f.explanations} - {""}
    return [
        f
        for f in unexplained(findings)
        if not (forward and _is_forward(f)) and f.unusual not in unusual
    ]


def _is_forward(finding: Finding) -> bool:
    return "gradient" not in finding.title and "step" not in finding.title


def advice(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return sentences on what is known where a mistake has no name, and on what to try next."""
    nameless = loose(findings)
    if nameless and all(f.unusual for f in nameless):
        return _of_the_unusual(nameless)
    if not nameless:
        named = any(f.explanations for f in findings if f.verdict is Verdict.WRONG)
        rest = [
            f
            for f in findings
            if f.verdict is Verdict.WRONG and not f.unusual and f.quantity != "runs"
        ]
        return () if named or not rest else (f"Try next: {_next(rest[0])}.",)
    right = [f.quantity for f in findings if f.verdict in (Verdict.RIGHT, Verdict.CONVENTION)]
    names = listed([f.quantity for f in nameless])
    known = f"{names} {'are' if len(nameless) > 1 else 'is'} wrong in no way that has a name here"
    if right:
        known += (
            f"; {listed(right)} {'are' if len(right) > 1 else 'is'} right, so look only at the "
            f"lines that {names} alone {'go' if len(nameless) > 1 else 'goes'} through"
        )
    return f"Known: {known}.", f"Try next: {_next(nameless[0])}."


def _of_the_unusual(nameless: Sequence[Finding]) -> tuple[str, str]:
    """Return the sentences where all is right on the usual input."""
    titles = listed([f.title.removesuffix(f", {f.unusual}") for f in nameless])
    where = listed(list(dict.fromkeys(f.unusual for f in nameless)))
    return (
        f"Known: only an unusual input shows it, {where}; there the {titles} "
        f"{'are' if len(nameless) > 1 else 'is'} wrong in no way that has a name here.",
        "Try next: run two rows of such an input, and print each intermediate array: the first "
        "that is not what you expect names the line.",
    )


def _next(finding: Finding) -> str:
    example = finding.example
    if example is not None and example.truth is None:
        return (
            f"mend the shape of {finding.quantity} first: write the shape of each factor beside "
            "the product, and which axis each sum takes away"
        )
    words = next(words for word, words in NEXT if word in finding.title)
    return words.format(name=finding.quantity)


def listed(names: Sequence[str]) -> str:
    """Return names as a list in words: "dW, db and dx"."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last

"""The report of `check_library` as a page of the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import TypeVar

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import track
from rich.table import Table
from rich.text import Text

from handgrad.checking.comparison import Comparison
from handgrad.checking.library import Report
from handgrad.kernels import in_force

__all__ = ["show", "watched"]

T = TypeVar("T")


def show(report: Report, console: Console) -> None:
    """Print the table, what is wrong in detail, and the verdict."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    table.add_column("\ncomponent", overflow="fold")  # of which alone some do not fit
    table.add_column("\nquantity", no_wrap=True)
    truths = ["numerical", "PyTorch"] if report.pytorch else ["numerical"]
    for truth in truths:
        table.add_column(f"{truth}:\nabsolute", justify="right", no_wrap=True)
        table.add_column("\nrelative", justify="right", no_wrap=True)
    table.add_column("\nverdict", no_wrap=True)
    above = ""
    for line in report.lines():
        if above and line.component != above:
            table.add_section()
        cells = _cells(line.numerical)
        if report.pytorch:
            cells += _cells(line.pytorch)
        verdict = "[green]right[/]" if line.ok else "[bold red]WRONG[/]"
        if line.tried and line.ok:
            verdict = f"[green]{line.tried} hold[/]"
        table.add_row(
            line.component if line.component != above else "", line.quantity, *cells, verdict
        )
        above = line.component
    console.print(table)
    shown = set()
    for case, seed, result in report.results:
        if not result.ok and str(case) not in shown:
            shown.add(str(case))
            console.print(f"{case} (seed {seed})", style="bold", markup=False, highlight=False)
            for fault in result.faults:
                console.print(Padding(Text(str(fault), style="red"), (0, 0, 0, 2)))
    if not report.pytorch:
        console.print(
            "PyTorch is not installed (or cannot be imported), so nothing was compared with it "
            "(pip install 'handgrad\\[torch]' brings it).",
            highlight=False,
        )
    wrong = sum(not result.ok for _, _, result in report.results)
    if wrong:
        console.print(
            f"[bold red]{wrong} of {len(report.results)} checks are off.[/] "
            "Of each row the first is shown; --json gives all.",
            highlight=False,
        )
    else:
        console.print(f"[green]All {len(report.results)} checks agree.[/]", highlight=False)
    if in_force() == "compiled":
        console.print("With the compiled loops, beside NumPy's form of each.", highlight=False)


def watched(items: Sequence[T], console: Console, patience: float = 1.0) -> Iterator[T]:
    """Yield the items, with a progress bar once they have taken longer than `patience` seconds."""
    start = monotonic()
    done = 0
    while done < len(items) and monotonic() - start < patience:
        yield items[done]
        done += 1
    if done < len(items):
        yield from track(
            items[done:],
            "checking",
            total=len(items),
            completed=done,
            console=console,
            transient=True,
            # The bar's threads wait for the interpreter, and it for them: ten times a second cost a
            # tenth of the whole check.
            update_period=0.5,
            refresh_per_second=2,
            disable=not console.is_terminal,
        )


def _cells(comparison: Comparison | None) -> list[str]:
    if comparison is None:
        return ["", ""]
    colour = "" if comparison.ok else "[red]"
    return [f"{colour}{comparison.absolute:.1e}", f"{colour}{comparison.relative:.1e}"]

"""What ``import handgrad`` costs, beside ``import numpy`` alone.

Run it with ``python -m benchmarks.import_time``. Every measurement is a fresh process; the two
take turns, and the median of the rounds' ratios is printed. What is timed is the import alone,
without the interpreter's own start.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median

__all__ = ["seconds"]

ROUNDS = 31
PROGRAM = """
import time
start = time.perf_counter()
import {module}
print(time.perf_counter() - start)
"""


def seconds(module: str) -> float:
    """Return how long importing a module takes in a fresh process."""
    command = [sys.executable, "-c", PROGRAM.format(module=module)]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def main() -> None:
    """Print both times and the median of the ratios."""
    modules = ("handgrad", "numpy")
    for module in modules:  # the files are in the system's cache from here on
        seconds(module)
    rounds = []
    for i in range(ROUNDS):
        measured = {module: seconds(module) for module in modules[:: 1 if i % 2 else -1]}
        rounds.append((measured["handgrad"], measured["numpy"]))
    ours, theirs = (median(column) for column in zip(*rounds, strict=True))
    ratio = median(a / b for a, b in rounds)
    print(f"Importing, median of {ROUNDS} interleaved rounds of fresh processes:")
    print(f"handgrad {ours * 1e3:.1f} ms   numpy {theirs * 1e3:.1f} ms   {ratio:.3f}")


if __name__ == "__main__":
    main()

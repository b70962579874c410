"""Which processor, system and versions the numbers belong to; no name of the machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.workers import Worker

__all__ = ["describe"]


def describe(workers: Iterable[Worker], threads: int) -> dict[str, Any]:
    """Return what the numbers depend on."""
    import numpy as np

    libraries: Any = np.show_config(mode="dicts")
    blas = libraries["Build Dependencies"]["blas"]
    versions = {name: v for w in workers for name, v in w.facts["versions"].items()}
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy's BLAS": f"{blas['name']} {blas['version']}",
        "versions": versions,
    }


def processor() -> str:
    """Return the name of the processor, and its model where the name leaves that open."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    facts = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    name = facts.get("model name", platform.processor() or "unknown")
    numbers = [f"{key} {facts[key]}" for key in ("cpu family", "model") if key in facts]
    return f"{name} ({', '.join(numbers)})" if numbers else name

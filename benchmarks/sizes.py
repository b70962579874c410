"""How much a contestant takes on disk: a fresh environment with it and what it needs.

pip's own configuration says where the packages come from, so what is measured is what an
installation on this machine gets.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.contestants import FAST, OURS
from benchmarks.timing import Say
from benchmarks.workers import ROOT

__all__ = ["measure"]

REQUIREMENTS = {
    "floor": "numpy",
    OURS: str(ROOT),
    FAST: f"{ROOT}[fast]",
    "torch": "torch",
    "jax": "jax",
    "scikit-learn": "scikit-learn",
    "thinc": "thinc",
    "onnxruntime": "onnxruntime",
}


def measure(names: Iterable[str], say: Say) -> list[dict[str, Any]]:
    """Return for each contestant the size in MB, without that of an empty environment."""
    found = []
    for name in names:
        if name not in REQUIREMENTS:
            continue
        with tempfile.TemporaryDirectory() as folder:
            venv.create(folder, with_pip=True)
            empty = size(Path(folder))
            binaries = "Scripts" if sys.platform == "win32" else "bin"
            command = [str(Path(folder) / binaries / "python"), "-m", "pip", "install", "--quiet"]
            result = subprocess.run(
                [*command, "--no-compile", REQUIREMENTS[name]], capture_output=True, text=True
            )
            if result.returncode:
                last = (result.stderr.strip().splitlines() or ["pip says nothing"])[-1]
                say(f"left out: {name}: {last}")
                continue
            found.append({"contestant": name, "size": size(Path(folder)) - empty})
            say(f"installed {name}: {found[-1]['size']:,.0f} MB")
    return found


def size(folder: Path) -> float:
    """Return the size of all files in a folder, in MB."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) / 1e6

"""A few of the mutated checkpoints that tests/support/fuzz.py loads by the thousand."""

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[1] / "support" / "fuzz.py"


def test_mutated_checkpoints_are_refused_or_go_on():
    command = [sys.executable, str(PROGRAM), "--count", "300", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 complaints" in done.stdout
    for outcome in ("refused", "loaded, and goes on"):
        assert outcome in done.stdout

"""The types are of use: mypy passes what is right, and catches what is not."""

import re
import subprocess
import sys
from pathlib import Path

CODE = Path(__file__).with_name("user_code.py")
ROOT = CODE.parents[2]


def test_mypy_passes_what_users_write_and_catches_what_is_wrong():
    # As the project's own run of mypy, whose cache has NumPy's types, which take most of the time.
    command = [sys.executable, "-m", "mypy", "--no-error-summary", str(CODE)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert not found.stderr, found.stderr
    caught = {int(line) for line in re.findall(r"user_code\.py:(\d+): error", found.stdout)}
    lines = CODE.read_text(encoding="utf-8").splitlines()
    refused = {i for i, line in enumerate(lines, 1) if "# refused: " in line}
    assert len(refused) == 8
    assert caught == refused, found.stdout

"""The documents, and the code in them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(document, language):
    """Return the code blocks of a language, each with the text block right after it, or None."""
    pattern = rf"^```{language}\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?"
    return re.findall(pattern, document, flags=re.DOTALL | re.MULTILINE)

"""Write the table of ``docs/production.md``: which component goes where, as the tests find it.

Run it with ``python scripts/make_production_docs.py`` when a component or a converter is new.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import exchange  # noqa: E402

PAGE = ROOT / "docs" / "production.md"
BEGIN, END = "<!-- components -->\n", "<!-- end -->\n"


def main() -> None:
    """Write the table between its marks."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + BEGIN + exchange.table() + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()

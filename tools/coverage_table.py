"""Writes COVERAGE.md: every topic, pattern and product with its chapter, room, lab and number of questions.

python tools/coverage_table.py            writes it
python tools/coverage_table.py --check    exits with 1 if it is out of date
"""

from __future__ import annotations

import sys

from minisys.interview.coverage import ROOT, markdown

PAGE = ROOT / "COVERAGE.md"


def main() -> int:
    """0, or 1 if the page is out of date and was only to be checked."""
    made = markdown()
    if "--check" in sys.argv[1:]:
        return int(not PAGE.exists() or PAGE.read_text("utf-8") != made)
    PAGE.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

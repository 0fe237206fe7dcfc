"""The Makefile's targets and their lines, for the tests that compare them with README and continuous integration."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def rules() -> dict[str, str]:
    """Targets of the Makefile and their lines."""
    text = (ROOT / "Makefile").read_text()
    return dict(re.findall(r"^([\w-]+):.*\n((?:\t.*\n?)+)", text, re.MULTILINE))

"""What a corpus names and a program cannot use: said in one line each, and passed over."""

from collections.abc import Sequence
from dataclasses import dataclass

# A corpus without its recordings would fill the screen.
MAX_LINES = 20


@dataclass(frozen=True)
class LeftOut:
    """One row of a corpus, or one file.

    Attributes:
        place: which row, in words; empty for a file.
        file: what is wrong with the row, or the file itself.
        reason: in words.
    """

    place: str
    file: str
    reason: str

    def __str__(self) -> str:
        parts = (self.place, self.file, " ".join(self.reason.split()))
        return ": ".join(f"{part!r}"[1:-1] if part is not parts[2] else part for part in parts if part)


def report(left_out: Sequence[LeftOut]) -> None:
    """Prints one line each, and how many more there are."""
    for item in left_out[:MAX_LINES]:
        print(f"left out: {item}")
    if len(left_out) > MAX_LINES:
        print(f"left out: {len(left_out) - MAX_LINES} more")

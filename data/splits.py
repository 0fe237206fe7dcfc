"""The names of the splits, what corpora call them, and the split of what is in none."""

from collections.abc import Sequence
from typing import Literal, get_args

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)
# Shares of a corpus that does not say.
FRACTIONS = (0.8, 0.1, 0.1)
NAMES: dict[str, SplitName] = {
    "train": "train",
    "restval": "train",  # Karpathy and Fei-Fei's name for the part of COCO's validation images that they train on
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
}


def hash_position(digest: str) -> float:
    """A number in [0, 1) from the SHA-256 of some content, evenly spread over contents.

    Args:
        digest: hexadecimal.
    """
    # 48 bits, which a float holds exactly.
    return int(digest[:12], 16) / 16**12


def split_at(position: float, fractions: Sequence[float] = FRACTIONS) -> SplitName:
    """The split in which a position lies when the splits share [0, 1) one after the other.

    Args:
        position: from `hash_position`, or a rank as a share of all.
        fractions: of the splits; they add up to 1.
    """
    upper = [sum(fractions[: i + 1]) for i in range(len(fractions))]
    for split, end in zip(SPLITS, upper, strict=True):
        if position < end:
            return split
    # Shares of binary fractions may add up to a little less than 1.
    return next(split for split, share in reversed(list(zip(SPLITS, fractions, strict=True))) if share > 0)

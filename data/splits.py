"""The names of the splits, what corpora call them, and the split of what is in none."""

import re
from collections import Counter
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


def split_in_name(stem: str) -> str:
    """The one split that a name such as `flickr8k_dev` or `captions_val2014` speaks of; empty for none or several."""
    names = {word for word in re.split(r"[^a-z]+", stem.lower()) if word in NAMES}
    return names.pop() if len({NAMES[word] for word in names}) == 1 else ""


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


def splits_at(positions: Sequence[float], fractions: Sequence[float] = FRACTIONS) -> list[SplitName]:
    """The split of each position, none of them empty where there are enough.

    A split that has a share but no position, as with few videos, is given that of the largest split which lies nearest
    to it. Where no split is empty, this is `split_at`.

    Args:
        positions: from `hash_position`, or ranks as shares of all.
        fractions: of the splits; they add up to 1.
    """
    splits: list[SplitName] = [split_at(position, fractions) for position in positions]
    start = 0.0
    for split, share in zip(SPLITS, fractions, strict=True):
        counts, middle, start = Counter(splits), start + share / 2, start + share
        largest: SplitName = max(SPLITS, key=lambda name: counts[name])
        if share > 0 and not counts[split] and counts[largest] > 1:
            places = [i for i, other in enumerate(splits) if other == largest]
            splits[min(places, key=lambda i: abs(positions[i] - middle))] = split
    return splits

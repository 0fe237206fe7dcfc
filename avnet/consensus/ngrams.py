"""Runs of words, which BLEU, CIDEr-D and figures of variety count."""

from collections import Counter
from collections.abc import Hashable, Sequence

Grams = Counter[tuple[Hashable, ...]]


def grams(sentence: Sequence[Hashable], order: int) -> Grams:
    """The runs of so many words or other tokens, with how often each is there."""
    return Counter(zip(*(sentence[first:] for first in range(order)), strict=False))

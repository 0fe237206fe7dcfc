"""Sentences as words: one normalization for what people wrote, what was recognized, and what a captioner writes."""

import re
from collections.abc import Iterable

CONTRACTION = re.compile(r"(?<=\w)(n't|'(?:s|m|d|re|ve|ll))(?!\w)")
# The second half of a contraction, after the space that took it apart.
SECOND_HALF = re.compile(r" (n't|'\w+)\b")
WORD = re.compile(r"(?<!\S)'(?:s|m|d|re|ve|ll)(?!\w)|\d+(?:[.,]\d+)+|[^\W_]+(?:['-][^\W_]+)*")


def words(sentence: str) -> list[str]:
    """Words in lower case without punctuation; numbers, hyphens and apostrophes within words stay.

    As the Penn Treebank does, contractions are two words: `isn't` is `is n't`, `boy's` is `boy 's`. Rarer rules of it
    (`cannot`, `gonna`) are left out.

    Reference: Chen et al., "Microsoft COCO captions: data collection and evaluation server", 2015, section 4.
    """
    plain = sentence.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return WORD.findall(CONTRACTION.sub(r" \1", plain))


def sentence(words: Iterable[str]) -> str:
    """Words as they are written in a sentence: contractions are one again, and empty words are left out.

    Args:
        words: as `words` takes them apart.
    """
    return SECOND_HALF.sub(r"\1", " ".join(word for word in words if word))

"""The content words of captions, which can be tags, and how many captions of each image say them."""

from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Int

from avnet.errors import DataError
from avnet.units.words import words
from data.captions.corpus import CaptionCorpus

# English words of the closed classes and auxiliary verbs, and what captions say of themselves. Numbers and "people"
# stay, which lists of frequent words often count among these: an image shows them.
_FUNCTION_WORDS = """
    a an the this that these those some any each every either neither both all another other others such same own
    i me my mine you your yours he him his she her hers it its we us our ours they them their theirs itself himself
    herself themselves who whom whose which what someone something anything everyone everything one ones
    of in on at by with from to into onto for about against between through during before after above below up down
    out off over under near next beside besides behind along across around among toward towards upon within without
    inside outside past via per beneath underneath amongst beyond until as than like
    and or but nor so if while when where whether because though although then there here how why
    is are was were be been being am 's 're 'm 've 'd 'll n't 't s t has have had having do does did doing can could
    will would shall should may might must not no yes very too also just only even still again more most much many
    few several lot lots bit away back together apart ahead forth aside else
    appears appear appearing seems seem looks get gets getting got goes go going
    front middle side top bottom end background foreground image picture photo photograph
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())


@cache
def _content_of(text: str) -> frozenset[str]:
    without = str.maketrans("", "", "'-")
    return frozenset(w for w in words(text) if w not in FUNCTION_WORDS and w.translate(without).isalpha())


def content_words(corpus: CaptionCorpus, count: int, split: str = "train") -> tuple[str, ...]:
    """The content words that most captions of a split say, the most frequent first.

    Args:
        corpus: of captions in English.
        count: of words, at most; those that a single caption says are left out.
        split: whose captions are counted.

    Raises:
        DataError: the split has no image, or its captions have no such word.
    """
    said = Counter(word for caption in corpus.captions_in(split) for word in _content_of(corpus.texts[caption]))
    # Of equally frequent words the first in the alphabet: the list shall not depend on the order of the captions.
    frequent = sorted((-times, word) for word, times in said.items() if times > 1)[:count]
    if not frequent:
        raise DataError(corpus.folder, f"has no content word that two captions of {split} say")
    return tuple(word for _, word in frequent)


def times_said(corpus: CaptionCorpus, vocabulary: Sequence[str]) -> Int[np.ndarray, "images words"]:
    """How many captions of each image say each word; a word that a caption repeats counts once."""
    numbers = {word: number for number, word in enumerate(vocabulary)}
    table = np.zeros((len(corpus.names), len(vocabulary)), np.int32)
    for image, text in zip(corpus.image_of, corpus.texts, strict=True):
        table[image, [numbers[word] for word in _content_of(text) if word in numbers]] += 1
    return table

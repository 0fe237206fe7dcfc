"""BLEU and CIDEr-D: how many runs of one to four words are shared."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np

from eval.spoken.captions.words import split

ORDERS = (1, 2, 3, 4)
SIGMA = 6.0

Grams = Counter[tuple[str, ...]]


def bleu(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[float, float, float, float]:
    """BLEU-1 to BLEU-4 of the whole set, each in [0, 1].

    The length is compared with that of the closest reference, the shorter of two as close. Public code for captions
    adds a small number where no run of words is right, and so prints about 1e-5 instead of 0.

    Raises:
        DataError: nothing can be compared.

    Reference: Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002, section 2.3.
    """
    sentences, references_of = split(hypotheses, references)
    right, all_grams, length, reference_length = np.zeros(4), np.zeros(4), 0, 0
    for hypothesis, several in zip(sentences, references_of, strict=True):
        length += len(hypothesis)
        reference_length += min((abs(len(one) - len(hypothesis)), len(one)) for one in several)[1]
        for place, order in enumerate(ORDERS):
            ours, most = grams(hypothesis, order), Counter()
            for one in several:
                # The larger count of each: a run may be said as often as in any one reference, not as in all together.
                most |= grams(one, order)
            right[place] += (ours & most).total()
            all_grams[place] += ours.total()
    precision = np.divide(right, all_grams, out=np.zeros(4), where=all_grams > 0)
    # log 0 is -inf, which makes the mean 0, as it should be.
    with np.errstate(divide="ignore"):
        mean = np.exp(np.cumsum(np.log(precision)) / ORDERS)
    brevity = 1.0 if length >= reference_length else float(np.exp(1 - reference_length / max(length, 1)))
    one, two, three, four = (brevity * mean).tolist()
    return one, two, three, four


def cider_d(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Likeness of runs of words, each weighted by how few images of this set it is said of; in [0, 10].

    Tables print it times 100. The weights come from the references of the set, so values of two sets do not compare,
    and a set of one image scores 0.

    Raises:
        DataError: nothing can be compared.

    Reference: Vedantam et al., "CIDEr: consensus-based image description evaluation", 2015, sections 3 and 5.
    """
    sentences, references_of = split(hypotheses, references)
    total = 0.0
    for order in ORDERS:
        ours = [grams(hypothesis, order) for hypothesis in sentences]
        theirs = [[grams(one, order) for one in several] for several in references_of]
        documents = Counter(chain.from_iterable(set().union(*several) for several in theirs))
        weights = {gram: float(np.log(len(sentences) / count)) for gram, count in documents.items()}
        # A run that is in no reference counts as one that is in a single document, as in public code.
        default = float(np.log(len(sentences)))
        for hypothesis, several, mine, each in zip(sentences, references_of, ours, theirs, strict=True):
            for one, other in zip(several, each, strict=True):
                closeness = float(np.exp(-((len(hypothesis) - len(one)) ** 2) / (2 * SIGMA**2)))
                total += closeness * _cosine(mine, other, weights, default) / len(several)
    return 10.0 * total / len(ORDERS) / len(sentences)


def grams(sentence: Sequence[str], order: int) -> Grams:
    """The runs of so many words, with how often each is there."""
    return Counter(zip(*(sentence[first:] for first in range(order)), strict=False))


def _cosine(mine: Grams, other: Grams, weights: dict[tuple[str, ...], float], default: float) -> float:
    """Cosine of the weighted counts, where mine count no more often than the other's."""
    common = mine.keys() & other.keys()
    overlap = sum(min(mine[gram], other[gram]) * other[gram] * weights[gram] ** 2 for gram in common)
    norms = [
        sum((count * weights.get(gram, default)) ** 2 for gram, count in counts.items()) ** 0.5
        for counts in (mine, other)
    ]
    return overlap / (norms[0] * norms[1]) if norms[0] and norms[1] else 0.0

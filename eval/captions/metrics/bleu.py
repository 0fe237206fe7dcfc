"""BLEU: how many runs of one to four words are shared."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from eval.captions.metrics.ngrams import grams
from eval.captions.metrics.sides import split

ORDERS = (1, 2, 3, 4)


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

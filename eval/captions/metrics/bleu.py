"""BLEU: how many runs of one to four words are shared."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, Num

from avnet.consensus.ngrams import grams
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
    one, two, three, four = bleu_of_counts(bleu_counts(hypotheses, references).sum(axis=0)).tolist()
    return one, two, three, four


def bleu_counts(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Int[np.ndarray, "images 10"]:
    """What BLEU adds up over the images of a set, so that it can be had of any part of it.

    Returns:
        Of each image: right runs of one to four words, all runs of one to four words, words of the hypothesis, words of
        the reference that is closest in length.

    Raises:
        DataError: nothing can be compared.
    """
    sentences, references_of = split(hypotheses, references)
    rows = []
    for hypothesis, several in zip(sentences, references_of, strict=True):
        right, runs = [], []
        for order in ORDERS:
            ours, most = grams(hypothesis, order), Counter()
            for one in several:
                # The larger count of each: a run may be said as often as in any one reference, not as in all together.
                most |= grams(one, order)
            right.append((ours & most).total())
            runs.append(ours.total())
        closest = min((abs(len(one) - len(hypothesis)), len(one)) for one in several)[1]
        rows.append([*right, *runs, len(hypothesis), closest])
    return np.array(rows, np.int64)


def bleu_of_counts(counts: Num[np.ndarray, "*sets 10"]) -> Float[np.ndarray, "*sets 4"]:
    """BLEU-1 to BLEU-4 of sums of `bleu_counts`, each in [0, 1]."""
    right, runs, length, closest = counts[..., :4], counts[..., 4:8], counts[..., 8], counts[..., 9]
    precision = np.divide(right, runs, out=np.zeros(right.shape), where=runs > 0)
    # log 0 is -inf, which makes the mean 0, as it should be.
    with np.errstate(divide="ignore"):
        mean = np.exp(np.cumsum(np.log(precision), axis=-1) / ORDERS)
    brevity = np.exp(np.minimum(0.0, 1 - closest / np.maximum(length, 1)))
    return brevity[..., None] * mean

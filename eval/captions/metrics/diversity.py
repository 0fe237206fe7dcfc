"""Variety and faults of form, for which no reference is needed: what scores alone hide.

A describer that says the same sentence of every image, says a run of words twice or breaks off can still score well.
"""

from collections.abc import Sequence

import numpy as np

from avnet.consensus.cider import CiderD
from avnet.consensus.ngrams import grams
from avnet.errors import DataError
from avnet.units.words import words

# Words that want another after them: those of public code for self-critical training, and more of the same classes.
# Prepositions that people end with, as in `walks by` and `passes through`, are left out.
_BAD_ENDS = """
    with in on of a at to for an this his her that the
    its their my your our these those and or but as while from into is are was were
"""
BAD_ENDS = """
    a an the this that these those his her its their my your our with in on of at to for from by into onto over under
    through near and or but as while is are was were
"""
BAD_ENDS = frozenset(_BAD_ENDS.split())


def vocabulary(hypotheses: Sequence[str]) -> int:
    """Number of different words in all hypotheses together."""
    return len({word for hypothesis in hypotheses for word in words(hypothesis)})


def distinct(hypotheses: Sequence[str]) -> int:
    """Number of different hypotheses, compared as words; 1 is a model that says the same of every image."""
    return len({tuple(words(hypothesis)) for hypothesis in hypotheses})


def distinct_n(descriptions: Sequence[str], n: int) -> float:
    """Different runs of n words over all of them, in [0, 1]; 0 where there are none.

    Falls with the number of descriptions: compare sets of one size. The paper divides by the number of words for every
    n, which for n of 1 is the same.

    Reference: Li et al., "A diversity-promoting objective function for neural conversation models", 2016, section 5.
    """
    runs = [run for one in descriptions for run in grams(words(one), n).elements()]
    return len(set(runs)) / len(runs) if runs else 0.0


def mean_length(descriptions: Sequence[str]) -> float:
    """Mean number of words.

    Raises:
        DataError: there are no descriptions.
    """
    return _mean([len(words(one)) for one in descriptions])


def repeating(descriptions: Sequence[str], n: int = 3) -> float:
    """Share of the descriptions in which a run of n words is there twice or more.

    Raises:
        DataError: there are no descriptions.
    """
    return _mean([max(grams(words(one), n).values(), default=0) > 1 for one in descriptions])


def bad_ends(descriptions: Sequence[str]) -> float:
    """Share of the descriptions whose last word wants another after it (`a dog with a`), or that are empty.

    Raises:
        DataError: there are no descriptions.
    """
    return _mean([not (said := words(one)) or said[-1] in BAD_ENDS for one in descriptions])


def self_cider(descriptions: Sequence[Sequence[str]], scorer: CiderD) -> float:
    """How different several descriptions of one image are, mean over the images; in [0, 1].

    0 where all of an image are the same, 1 where no two share anything. The kernel is CIDEr between each two, with the
    document frequencies of the scorer, whose tokens must be words.

    Args:
        descriptions: of each image, as many of each.
        scorer: of the references of training images.

    Raises:
        DataError: there are no images, or an image has fewer than two descriptions or not as many as the first.

    Reference: Wang and Chan, "Describing like humans: on diversity in image captioning", 2019, section 3.2.
    """
    sizes = {len(several) for several in descriptions}
    if len(sizes) != 1 or min(sizes) < 2:
        raise DataError("descriptions", f"must be two or more of each image, as many of each, got {sorted(sizes)}")
    return _mean([_spread(scorer.similarity([words(one) for one in several])) for several in descriptions])


def _spread(kernel: np.ndarray) -> float:
    """How evenly the eigenvalues share their sum, as singular values of what the kernel is the square of."""
    values = np.sqrt(np.clip(np.linalg.eigvalsh(kernel), 0, None))
    # Where nothing that weighs is said, nothing varies.
    return 0.0 if not values.any() else float(-np.log(values.max() / values.sum()) / np.log(len(values)))


def _mean(values: Sequence[float]) -> float:
    if not len(values):
        raise DataError("descriptions", "must be one or more, got none")
    return float(np.mean(values))

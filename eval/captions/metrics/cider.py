"""CIDEr-D of sentences: how much of what people say of an image is said, rare runs of words above all."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from avnet.consensus.cider import CiderD
from eval.captions.metrics.sides import split


def cider_d(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Likeness of runs of words, each weighted by how few images of this set it is said of; in [0, 10].

    Tables print it times 100. The weights come from the references of the set, so values of two sets do not compare,
    and a set of one image scores 0.

    Raises:
        DataError: nothing can be compared.

    Reference: Vedantam et al., "CIDEr: consensus-based image description evaluation", 2015, sections 3 and 5.
    """
    return float(cider_d_scores(hypotheses, references).mean())


def cider_d_scores(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Float[np.ndarray, " images"]:
    """The score of each image, of which `cider_d` is the mean.

    Raises:
        DataError: nothing can be compared.
    """
    sentences, references_of = split(hypotheses, references)
    return CiderD(references_of).scores(sentences, range(len(sentences)))

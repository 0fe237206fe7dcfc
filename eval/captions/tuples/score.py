"""F of tuples: how much of what a description claims people say too, and how much of what they say it claims."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from eval.captions.metrics.sides import split
from eval.captions.tuples.parse import tuples


def tuple_f(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Mean over the images of the F1 of tuples: objects, their attributes and relations between them; in [0, 1].

    This is the idea of SPICE, not SPICE: tuples come from rules over lists of English words, not from a dependency
    parser, and words match in their base forms, not by synonyms of WordNet. Values are of the same order as those of
    SPICE, but do not compare with published ones. As there, grammar counts nothing and what is repeated costs nothing,
    so it is no reward to train by.

    Raises:
        DataError: nothing can be compared.

    Reference: Anderson et al., "SPICE: semantic propositional image caption evaluation", 2016, section 3.
    """
    return float(tuple_scores(hypotheses, references).mean())


def tuple_scores(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Float[np.ndarray, " images"]:
    """F1 of each image: the tuples of its hypothesis against those of all its references together.

    Raises:
        DataError: nothing can be compared.
    """
    split(hypotheses, references)
    return np.array(
        [
            _f(tuples(hypothesis), frozenset().union(*map(tuples, several)))
            for hypothesis, several in zip(hypotheses, references, strict=True)
        ]
    )


def _f(claims: frozenset, theirs: frozenset) -> float:
    right = len(claims & theirs)
    return 2 * right / (len(claims) + len(theirs)) if right else 0.0

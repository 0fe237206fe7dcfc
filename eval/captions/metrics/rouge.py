"""ROUGE-L: the longest run of words, gaps allowed, that two sentences share in the same order."""

from collections.abc import Sequence

import numpy as np

from eval.captions.metrics.sides import split

# Recall weighs more than precision, as in public code for captions.
BETA = 1.2


def rouge_l(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Mean over the set of the F-measure of the longest common subsequence, in [0, 1].

    Precision and recall are the best over the references, each for itself, as public code for captions does.

    Raises:
        DataError: nothing can be compared.

    Reference: Lin, "ROUGE: a package for automatic evaluation of summaries", 2004, section 3.1.
    """
    sentences, references_of = split(hypotheses, references)
    return float(
        np.mean([_one(hypothesis, several) for hypothesis, several in zip(sentences, references_of, strict=True)])
    )


def _one(hypothesis: list[str], several: list[list[str]]) -> float:
    lengths = [common(hypothesis, one) for one in several]
    if not any(lengths):
        return 0.0
    precision = max(lengths) / len(hypothesis)
    recall = max(length / len(one) for length, one in zip(lengths, several, strict=True))
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    best = [0] * (len(other) + 1)
    for word in one:
        before = best
        best = [0]
        for place, theirs in enumerate(other):
            best.append(before[place] + 1 if word == theirs else max(before[place + 1], best[place]))
    return best[-1]

"""Error rates: the fewest insertions, deletions and substitutions, over the length of the references."""

from collections.abc import Hashable, Sequence

from avnet.errors import DataError
from avnet.units.words import words


def word_error_rate(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Edits of words of the whole set over the number of words in the references; 0 is right, above 1 is possible.

    Args:
        references: what was said, one sentence each.
        hypotheses: what was recognised.

    Raises:
        DataError: their numbers differ, or the references hold no word.
    """
    return unit_error_rate([words(one) for one in references], [words(one) for one in hypotheses])


def unit_error_rate(references: Sequence[Sequence[Hashable]], hypotheses: Sequence[Sequence[Hashable]]) -> float:
    """As `word_error_rate`, of strings of units or of anything that can be compared.

    Raises:
        DataError: their numbers differ, or the references are empty.
    """
    length = sum(len(one) for one in references)
    if len(references) != len(hypotheses) or not length:
        reason = f"must be as many as hypotheses and not all empty, got {len(references)} and {len(hypotheses)}"
        raise DataError("references", reason)
    # Over the whole set: a mean of the sentences' rates would let short ones weigh as much as long ones.
    return sum(edits(one, other) for one, other in zip(references, hypotheses, strict=True)) / length


def edits(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> int:
    """The fewest insertions, deletions and substitutions that make the one string of the other.

    Reference: Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", 1966.
    """
    # One row of the table at a time: the alignment itself is not asked for.
    row = list(range(len(hypothesis) + 1))
    for number, target in enumerate(reference, 1):
        before = row
        row = [number]
        for place, word in enumerate(hypothesis):
            row.append(min(before[place] + (target != word), before[place + 1] + 1, row[place] + 1))
    return row[-1]

"""Error rates: the fewest insertions, deletions and substitutions, over the length of the references."""

from collections import Counter
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


def phone_error_rate(
    hypotheses: Sequence[Sequence[Hashable]], references: Sequence[Sequence[Sequence[Hashable]]]
) -> float:
    """Mean over the images of the least edits to one of the references, over the length of that reference.

    Of phones, or of units. It means little alone: print `phone_error_chance` and `phone_error_of_people` beside it.

    Args:
        hypotheses: one string for each image.
        references: of each image, one or more strings.

    Raises:
        DataError: the numbers differ, there is nothing, or a reference is empty.

    Reference: Hasegawa-Johnson et al., "Image2speech: automatically generating audio descriptions of images", 2017,
    section 4.
    """
    if not len(hypotheses) or len(hypotheses) != len(references):
        sizes = f"got {len(hypotheses)} and {len(references)}"
        raise DataError("hypotheses", f"must be one or more and as many as sets of references, {sizes}")
    if not all(len(several) and all(map(len, several)) for several in references):
        raise DataError("references", "must be one or more of each image, none empty")
    rates = [
        min(edits(one, hypothesis) / len(one) for one in several)
        for hypothesis, several in zip(hypotheses, references, strict=True)
    ]
    return sum(rates) / len(rates)


def phone_error_chance(references: Sequence[Sequence[Sequence[Hashable]]]) -> float:
    """`phone_error_rate` of the commonest phone, repeated as often as the shortest reference of each image is long.

    Raises:
        DataError: as there.
    """
    counts = Counter(phone for several in references for one in several for phone in one)
    commonest = [phone for phone, _ in counts.most_common(1)]
    return phone_error_rate([commonest * min(map(len, several), default=0) for several in references], references)


def phone_error_of_people(references: Sequence[Sequence[Sequence[Hashable]]]) -> float:
    """Mean `phone_error_rate` of each reference against the others of its image.

    Raises:
        DataError: as there, or an image has a single reference.
    """
    pairs = [(one, [*several[:i], *several[i + 1 :]]) for several in references for i, one in enumerate(several)]
    return phone_error_rate([one for one, _ in pairs], [others for _, others in pairs])


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

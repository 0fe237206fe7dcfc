"""Sets of sentences compared as words."""

from collections.abc import Sequence

from avnet.errors import DataError
from avnet.units.words import words


def vocabulary(hypotheses: Sequence[str]) -> int:
    """Number of different words in all hypotheses together."""
    return len({word for hypothesis in hypotheses for word in words(hypothesis)})


def distinct(hypotheses: Sequence[str]) -> int:
    """Number of different hypotheses, compared as words; 1 is a model that says the same of every image."""
    return len({tuple(words(hypothesis)) for hypothesis in hypotheses})


def split(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]]
) -> tuple[list[list[str]], list[list[list[str]]]]:
    """Both sides as words.

    Raises:
        DataError: there is nothing, their numbers differ, or a hypothesis has no reference with a word in it.
    """
    if not len(hypotheses) or len(hypotheses) != len(references):
        raise DataError(
            "captions", f"must be as many as sets of references, got {len(hypotheses)} and {len(references)}"
        )
    sides = [[tokens for one in several if (tokens := words(one))] for several in references]
    if empty := [number for number, several in enumerate(sides) if not several]:
        raise DataError("references", f"{len(empty)} of {len(sides)} have no word, first number {empty[0]}")
    return [words(hypothesis) for hypothesis in hypotheses], sides

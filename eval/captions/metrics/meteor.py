"""METEOR 1.5 with exact and stem matches, without synonyms and paraphrases.

Those two need resources of 60 MB in Java, so values lie below published ones; compare only with values of this file.

Reference: Denkowski and Lavie, "Meteor Universal: language specific translation evaluation for any target language",
2014, sections 2 to 4.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from avnet.errors import ConfigError
from eval.captions.metrics.sides import split

# As the reference tunes them for English.
ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
EXACT, STEM = 1.0, 0.6
BEAM = 40
# Words of no content: more frequent than one in a thousand in English, as the reference counts them.
_FUNCTION_WORDS = """
    the of to and a in that for is on 's it with was as said at he by be from have has are his but an this not i
    will they who their had we which were been more or s its would about new one after you also up when there than
    all out her people she year two can if last first over other into some what so no time years could 't
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())


class Stats(NamedTuple):
    """What the score of a sentence is made of; those of a set are added up.

    Attributes:
        hypothesis_match: weight of the matched words of the hypothesis, function words discounted.
        reference_match: that of the matched words of the reference.
        hypothesis_weight: weight of all words of the hypothesis.
        reference_weight: that of all words of the reference.
        matches: matched words.
        chunks: runs of them that follow each other on both sides; 0 where one run is all of both.
    """

    hypothesis_match: float
    reference_match: float
    hypothesis_weight: float
    reference_weight: float
    matches: int
    chunks: int

    @property
    def score(self) -> float:
        """In [0, 1]."""
        if not self.matches:
            return 0.0
        precision = self.hypothesis_match / self.hypothesis_weight
        recall = self.reference_match / self.reference_weight
        mean = precision * recall / (ALPHA * precision + (1 - ALPHA) * recall)
        return mean * (1 - GAMMA * (self.chunks / self.matches) ** BETA)


class _Path(NamedTuple):
    """A part of an alignment, from the first word of the hypothesis on; less is better, field by field."""

    misses: int
    chunks: int
    loss: float
    distance: int
    pairs: tuple[tuple[int, int, float], ...]
    places: frozenset[int]


def meteor(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """METEOR of the whole set, in [0, 1]: of each hypothesis beside the reference that suits it best.

    Raises:
        DataError: nothing can be compared.
        ConfigError: the package that finds stems is not installed.
    """
    ours, theirs = split(hypotheses, references)
    best = [
        max((stats(hypothesis, one) for one in several), key=lambda result: result.score)
        for hypothesis, several in zip(ours, theirs, strict=True)
    ]
    return Stats(*(sum(column) for column in zip(*best, strict=True))).score


def stats(hypothesis: Sequence[str], reference: Sequence[str]) -> Stats:
    """Aligns two sentences and counts."""
    pairs = align(hypothesis, reference)
    chunks = sum(not (at and _follows(pairs[at - 1], pairs[at])) for at in range(len(pairs)))
    whole = chunks == 1 and len(pairs) == len(hypothesis) == len(reference)
    return Stats(
        sum(weight * _content(hypothesis[i]) for i, _, weight in pairs),
        sum(weight * _content(reference[j]) for _, j, weight in pairs),
        sum(map(_content, hypothesis)),
        sum(map(_content, reference)),
        len(pairs),
        # One run that is all of both sentences has no break in it, and a perfect match scores 1.
        0 if whole else chunks,
    )


def align(hypothesis: Sequence[str], reference: Sequence[str]) -> list[tuple[int, int, float]]:
    """Pairs of words, each in one pair at most: as many as can be, in the fewest runs, exact ones and near ones first.

    A beam search, so for very long sentences not always the best.

    Returns:
        (place in the hypothesis, place in the reference, weight), in the hypothesis' order.
    """
    paths = [_Path(0, 0, 0.0, 0, (), frozenset())]
    for i, word in enumerate(hypothesis):
        choices = list(_matches(word, reference))
        if choices:
            paths = sorted(longer for path in paths for longer in _longer(path, i, choices))[:BEAM]
    return list(paths[0].pairs)


def _longer(path: _Path, i: int, choices: list[tuple[int, float]]) -> Iterator[_Path]:
    yield path._replace(misses=path.misses + 1)
    for j, weight in choices:
        if j not in path.places:
            pair = (i, j, weight)
            chunks = path.chunks + (not (path.pairs and _follows(path.pairs[-1], pair)))
            loss, distance = path.loss + 1 - weight, path.distance + abs(i - j)
            yield _Path(path.misses, chunks, loss, distance, (*path.pairs, pair), path.places | {j})


def _follows(pair: tuple[int, int, float], after: tuple[int, int, float]) -> bool:
    return (pair[0] + 1, pair[1] + 1) == after[:2]


def _matches(word: str, reference: Sequence[str]) -> Iterator[tuple[int, float]]:
    for j, other in enumerate(reference):
        if word == other:
            yield j, EXACT
        # Exact matches come first: a word that matches exactly has the same stem too.
        elif stem(word) == stem(other):
            yield j, STEM


def _content(word: str) -> float:
    return 1 - DELTA if word in FUNCTION_WORDS else DELTA


@cache
def stem(word: str) -> str:
    """The English Snowball stem.

    Raises:
        ConfigError: the package that finds stems is not installed.
    """
    return _stemmer()(word)


@cache
def _stemmer() -> Callable[[str], str]:
    try:
        from snowballstemmer import stemmer
    except ImportError:
        raise ConfigError("METEOR", "needs the package snowballstemmer: pip install snowballstemmer") from None
    return stemmer("english").stemWord

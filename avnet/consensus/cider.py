"""CIDEr-D of strings of any tokens: how much of what people say is said, rare runs of tokens above all.

Document frequencies are those of a set of its own, as a reward of self-critical training needs it.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float

from avnet.consensus.ngrams import grams
from avnet.errors import ConfigError, DataError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ORDERS = (1, 2, 3, 4)
SIGMA = 6.0
# Images whose references stay prepared; those of one image take about 0.1 MB, and preparing them half a millisecond.
PREPARED = 10_000

Tokens = Sequence[Hashable]


class _Side(NamedTuple):
    """The references of an image, ready to be compared with.

    Attributes:
        lengths: in tokens, of each reference.
        found: run -> (reference, its count there, its weight squared times that count over the reference's norm).
    """

    lengths: tuple[int, ...]
    found: dict[tuple[Hashable, ...], list[tuple[int, int, float]]]


class End(Enum):
    """The end symbol, unlike any token of a caller's."""

    END = "end"


class CiderD:
    """Scores strings of tokens against references of images, with the document frequencies of one set of references.

    Some thousands of short strings a second on one core. Two dialects of self-critical training differ by the end
    symbol. Where it counts, a string that breaks off ("a dog with a") loses the runs that hold the end; without it
    networks learn to break off (Rennie et al. 2017, appendix E).

    Example:
        >>> scorer = CiderD([[["a", "dog"], ["the", "dog"]], [["a", "cat"]]])
        >>> scorer.scores([["a", "dog"], ["a", "cat"]], [0, 1]).round(2).tolist()
        [3.38, 5.0]

    Reference: Vedantam et al., "CIDEr: consensus-based image description evaluation", 2015, sections 3 and 5; Rennie et
    al., "Self-critical sequence training for image captioning", 2017, section 3 and appendix E.
    """

    def __init__(
        self,
        references: Sequence[Sequence[Tokens]],
        *,
        sigma: float = SIGMA,
        orders: tuple[int, ...] = ORDERS,
        count_end: bool = False,
    ):
        """Counts of how many images each run is said.

        Args:
            references: of each image, one or more strings of words, pieces or units without an end symbol; training
                images, where it serves as a reward.
            sigma: of the Gaussian that compares lengths, in tokens: 6 suits sentences of 10 words; strings of units
                want about half of their mean length. `math.inf` compares no lengths.
            orders: lengths of the runs.
            count_end: whether the end is a token: in hypotheses, in references and in frequencies.

        Raises:
            ConfigError: sigma is not positive, or orders are none or less than 1.
            DataError: there are no references, or an image has none.
        """
        if not sigma > 0:
            raise ConfigError("sigma", f"must be positive, got {sigma:g}")
        if not orders or min(orders) < 1:
            raise ConfigError("orders", f"must be one or more lengths of at least 1, got {orders}")
        _check_references(references)
        self.sigma, self.orders, self.count_end = sigma, orders, count_end
        self._references = references
        self._documents: Counter[tuple[Hashable, ...]] = Counter()
        for several in references:
            self._documents.update({gram for one in several for gram in self._counts(one)})
        # A run that is in no reference counts as one that is in a single document, as in public code.
        self._log_images = math.log(len(references))
        self._prepared = lru_cache(PREPARED)(self._prepare_number)

    @property
    def images(self) -> int:
        """Number of images whose references give the document frequencies."""
        return len(self._references)

    def scores(
        self, hypotheses: Sequence[Tokens], images: Iterable[int], ended: Sequence[bool] | None = None
    ) -> Float[np.ndarray, " hypotheses"]:
        """Of each hypothesis against the references of an image of the set, in [0, 10].

        Args:
            hypotheses: without an end symbol.
            images: number of the image of each, from 0 in the order of the set.
            ended: whether each hypothesis ends where it does, and was not cut off by a limit; None for all. Only read
                where the end is counted.

        Raises:
            DataError: the numbers of hypotheses, images and flags differ, or there is no such image.
        """
        numbers = [int(number) for number in images]
        if wrong := [number for number in numbers if not 0 <= number < self.images]:
            raise DataError("images", f"must be from 0 to {self.images - 1}, got {wrong[0]}")
        return self._scores(hypotheses, [self._prepared(number) for number in numbers], ended)

    def scores_against(
        self, hypotheses: Sequence[Tokens], references: Sequence[Sequence[Tokens]], ended: Sequence[bool] | None = None
    ) -> Float[np.ndarray, " hypotheses"]:
        """As `scores`, against references that need not be in the set, such as those of validation images.

        Raises:
            DataError: the numbers of hypotheses, references and flags differ, or an image has no reference.
        """
        _check_references(references)
        return self._scores(hypotheses, [self._prepare(several) for several in references], ended)

    def vectors(self, strings: Sequence[Tokens]) -> "csr_array":
        """What CIDEr compares, as rows of length 1 whose products are cosines, mean over the orders; in [0, 1].

        A string of which nothing weighs is a row of zeros. Lengths are not compared, as CIDEr without the D does not.

        Returns:
            Sparse [strings, runs], float64.
        """
        # Not above: the help of every program that knows a metric would wait for it.
        from scipy.sparse import csr_array

        columns: dict[tuple[Hashable, ...], int] = {}
        values, places, starts = [], [], [0]
        for string in strings:
            counts = self._counts(string)
            norms = self._norms(counts)
            for gram, count in counts.items():
                if weight := self._weight(gram):
                    values.append(count * weight / norms[len(gram)] / math.sqrt(len(self.orders)))
                    places.append(columns.setdefault(gram, len(columns)))
            starts.append(len(values))
        shape = (len(strings), max(len(columns), 1))
        return csr_array((np.array(values, np.float64), np.array(places, np.int32), np.array(starts)), shape)

    def similarity(self, strings: Sequence[Tokens]) -> Float[np.ndarray, "strings strings"]:
        """CIDEr between each two strings over 10: mean cosine of their weighted runs, in [0, 1]."""
        rows = self.vectors(strings)
        return np.asarray((rows @ rows.T).todense())

    def _scores(
        self, hypotheses: Sequence[Tokens], sides: Sequence[_Side], ended: Sequence[bool] | None
    ) -> Float[np.ndarray, " hypotheses"]:
        flags = [True] * len(hypotheses) if ended is None else ended
        if not len(hypotheses) == len(sides) == len(flags):
            sizes = f"got {len(hypotheses)}, {len(sides)} and {len(flags)}"
            raise DataError("hypotheses", f"must be as many as images and as flags of ends, {sizes}")
        rows = zip(hypotheses, sides, flags, strict=True)
        return np.array([self._score(hypothesis, side, bool(end)) for hypothesis, side, end in rows], np.float64)

    def _score(self, hypothesis: Tokens, side: _Side, ended: bool) -> float:
        counts = self._counts(hypothesis, ended)
        norms = self._norms(counts)
        cosines = [0.0] * len(side.lengths)
        for gram, count in counts.items():
            for reference, theirs, weight in side.found.get(gram, ()):
                # Counted no more often than in the reference: the hypothesis gains nothing by repeating itself.
                cosines[reference] += min(count, theirs) * weight / norms[len(gram)]
        length = len(hypothesis) + (self.count_end and ended)
        total = sum(
            cosine * math.exp(-((length - theirs) ** 2) / (2 * self.sigma**2))
            for cosine, theirs in zip(cosines, side.lengths, strict=True)
        )
        return 10.0 * total / len(self.orders) / len(side.lengths)

    def _prepare_number(self, number: int) -> _Side:
        return self._prepare(self._references[number])

    def _prepare(self, references: Sequence[Tokens]) -> _Side:
        found: dict[tuple[Hashable, ...], list[tuple[int, int, float]]] = {}
        for number, reference in enumerate(references):
            counts = self._counts(reference)
            norms = self._norms(counts)
            for gram, count in counts.items():
                # What is said of every image weighs nothing, and a norm of nothing else is 0.
                if weight := self._weight(gram):
                    found.setdefault(gram, []).append((number, count, count * weight**2 / norms[len(gram)]))
        return _Side(tuple(len(one) + self.count_end for one in references), found)

    def _counts(self, tokens: Tokens, ended: bool = True) -> Counter[tuple[Hashable, ...]]:
        """Runs of all orders; those that differ in length never meet."""
        whole = [*tokens, End.END] if self.count_end and ended else tokens
        counts: Counter[tuple[Hashable, ...]] = Counter()
        for order in self.orders:
            counts.update(grams(whole, order))
        return counts

    def _norms(self, counts: Counter[tuple[Hashable, ...]]) -> dict[int, float]:
        """Of the weighted counts, by order."""
        squares = dict.fromkeys(self.orders, 0.0)
        for gram, count in counts.items():
            squares[len(gram)] += (count * self._weight(gram)) ** 2
        return {order: math.sqrt(square) for order, square in squares.items()}

    def _weight(self, gram: tuple[Hashable, ...]) -> float:
        """Inverse document frequency."""
        return self._log_images - math.log(self._documents.get(gram, 1))


def _check_references(references: Sequence[Sequence[Tokens]]) -> None:
    if not len(references):
        raise DataError("references", "must be of one image or more, got none")
    if empty := [number for number, several in enumerate(references) if not len(several)]:
        raise DataError("references", f"{len(empty)} of {len(references)} images have none, first number {empty[0]}")

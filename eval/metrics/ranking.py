"""How good a ranking is: recall at k, average precision and nDCG, each with its exact chance level.

Conventions: one row is one query. `ranking` holds the relevance of the gallery's items in the order of the
ranking, best first, as `rank_relevance` gives it. Every metric gives one value a query, so that a caller can
rank by parts.
"""

from math import comb
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from avnet.errors import DataError

Gain = Literal["exponential", "linear"]


def rank_relevance(
    scores: Float[np.ndarray, "queries gallery"],
    relevance: Num[np.ndarray, "queries gallery"] | Bool[np.ndarray, "queries gallery"],
    own: Int[np.ndarray, " queries"] | None = None,
) -> np.ndarray:
    """Puts the relevance of the gallery's items in the order of their scores.

    Ties count against the query: of equal scores those of less relevant items come first, so that a score that tells
    nothing apart finds nothing.

    Args:
        scores: higher is more alike.
        relevance: graded (any number) or flat (bool).
        own: column of the query itself in the gallery, which is then left out; None keeps every item.

    Returns:
        [queries, gallery], or [queries, gallery - 1] where `own` is given.

    Raises:
        DataError: a score is not finite.
    """
    if not np.all(np.isfinite(scores)):
        raise DataError("scores", "hold values that are not finite; the model or its input is damaged")
    if own is not None:
        scores = scores.copy()
        # Last in the order, where it is cut off; dropping a column would take another gallery for each query.
        scores[np.arange(len(scores)), own] = -np.inf
    # The last key counts first: scores fall, and of equal ones the less relevant comes first.
    order = np.lexsort((relevance, -scores), axis=1)
    ranking = np.take_along_axis(relevance, order, axis=1)
    return ranking if own is None else ranking[:, :-1]


def recall_at_k(ranking: Bool[np.ndarray, "queries gallery"], k: int) -> Float[np.ndarray, " queries"]:
    """1 where a relevant item is among the first k, else 0; NaN where the gallery has none."""
    return np.where(ranking.any(axis=1), ranking[:, :k].any(axis=1).astype(float), np.nan)


def average_precision(ranking: Bool[np.ndarray, "queries gallery"]) -> Float[np.ndarray, " queries"]:
    """Mean of the precision at the place of each relevant item, in [0, 1]; NaN where the gallery has none.

    With one relevant item it is the reciprocal of its rank.
    """
    places = np.arange(1, ranking.shape[1] + 1)
    precision = np.cumsum(ranking, axis=1) / places
    return _ratio((precision * ranking).sum(axis=1), ranking.sum(axis=1))


def ndcg_at_k(
    ranking: Num[np.ndarray, "queries gallery"], k: int = 30, gain: Gain = "exponential"
) -> Float[np.ndarray, " queries"]:
    """Normalised discounted cumulative gain of the first k, in [0, 1].

    Args:
        ranking: graded relevance, at least 0.
        k: places that count.
        gain: 'exponential' is 2^r - 1, 'linear' is r.

    Returns:
        The gain discounted by log2(place + 1), over that of the best order; NaN where nothing is relevant.

    Reference: Jarvelin and Kekalainen, "Cumulated gain-based evaluation of IR techniques", 2002; Burges et
    al., "Learning to rank using gradient descent", 2005 (exponential gain).
    """
    gains = _gains(ranking, gain)
    discounts = _discounts(min(k, gains.shape[1]))
    return _ratio(gains[:, : len(discounts)] @ discounts, _ideal(gains, discounts))


def chance_recall_at_k(ranking: Bool[np.ndarray, "queries gallery"], k: int) -> Float[np.ndarray, " queries"]:
    """Expectation of `recall_at_k` over all orders of the gallery: 1 - C(n - m, k) / C(n, k)."""
    size = ranking.shape[1]
    k = min(k, size)
    relevant = ranking.sum(axis=1)
    # Exact integers, since the factorials of a gallery overflow floats; few counts differ, and large ones are slow.
    table = {int(m): 1.0 - comb(size - int(m), k) / comb(size, k) for m in np.unique(relevant)}
    return np.array([table[int(m)] if m else np.nan for m in relevant])


def chance_average_precision(ranking: Bool[np.ndarray, "queries gallery"]) -> Float[np.ndarray, " queries"]:
    """Expectation of `average_precision` over all orders of the gallery.

    A relevant item at place i has on average (i - 1)(m - 1) / (n - 1) relevant ones before it, so the
    expectation is (H + (n - H)(m - 1) / (n - 1)) / n with H the n-th harmonic number.

    Reference: Bestgen, "Exact expected average precision of the random baseline for system evaluation", 2015.
    """
    size = ranking.shape[1]
    relevant = ranking.sum(axis=1)
    harmonic = float(np.sum(1.0 / np.arange(1, size + 1)))
    # In a gallery of one no other place is left, and H is 1.
    expectation = (harmonic + (size - harmonic) * (relevant - 1) / max(size - 1, 1)) / size
    return np.where(relevant > 0, expectation, np.nan)


def chance_ndcg_at_k(
    ranking: Num[np.ndarray, "queries gallery"], k: int = 30, gain: Gain = "exponential"
) -> Float[np.ndarray, " queries"]:
    """Expectation of `ndcg_at_k` over all orders of the gallery: every place holds the mean gain."""
    gains = _gains(ranking, gain)
    discounts = _discounts(min(k, gains.shape[1]))
    return _ratio(gains.mean(axis=1) * discounts.sum(), _ideal(gains, discounts))


def _gains(ranking: np.ndarray, gain: Gain) -> np.ndarray:
    relevance = ranking.astype(float)
    return np.exp2(relevance) - 1.0 if gain == "exponential" else relevance


def _discounts(k: int) -> np.ndarray:
    return 1.0 / np.log2(np.arange(2, k + 2))


def _ideal(gains: np.ndarray, discounts: np.ndarray) -> np.ndarray:
    k = len(discounts)
    # Only the best k are sorted: a gallery may have 15,000 items, of which 30 count.
    best = np.sort(np.partition(gains, gains.shape[1] - k, axis=1)[:, gains.shape[1] - k :], axis=1)
    return best[:, ::-1] @ discounts


def _ratio(value: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Value / whole, NaN where the whole is zero."""
    return np.divide(value, whole, out=np.full(len(value), np.nan), where=whole > 0)

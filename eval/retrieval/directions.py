"""Retrieval among the frames and sounds of a set of videos, in four directions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from eval.metrics import ranking
from eval.retrieval.ontology import item_relevance

DIRECTIONS = ("im-im", "im-aud", "aud-im", "aud-aud")
CROSS_MODAL = ("im-aud", "aud-im")
PLACES = (1, 5, 10)
NDCG_K = 30
# Queries whose scores are in memory together.
ROWS_AT_ONCE = 512

Scores = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Space:
    """Who resembles whom: for each direction, a function from rows of queries to scores [queries, items]."""

    scores: Mapping[str, Scores]


def embedding_space(images: Float[np.ndarray, "n size"], sounds: Float[np.ndarray, "n size"]) -> Space:
    """All four directions by the cosine of embeddings, which ranks unit vectors as their distance does."""
    image, sound = _unit(images), _unit(sounds)
    return Space(
        {
            "im-im": partial(_cosine, image, image),
            "im-aud": partial(_cosine, image, sound),
            "aud-im": partial(_cosine, sound, image),
            "aud-aud": partial(_cosine, sound, sound),
        }
    )


def pairing_space(matrix: Float[np.ndarray, "n n"], sounds: Float[np.ndarray, "n size"]) -> Space:
    """For a network that scores pairs: across by each pairing's log-odds, sounds by cosine."""
    sound = _unit(sounds)
    return Space(
        {
            "im-aud": matrix.__getitem__,
            "aud-im": matrix.T.__getitem__,
            "aud-aud": partial(_cosine, sound, sound),
        }
    )


def instance_results(space: Space, size: int) -> dict[str, dict[str, float]]:
    """R@1/5/10 and mAP (the mean reciprocal rank) of finding the very partner of a frame or a sound.

    Args:
        space: of the videos' frames and sounds.
        size: videos.

    Returns:
        direction (and 'chance') -> metric -> share in [0, 1].
    """

    def partner(rows: np.ndarray) -> np.ndarray:
        return rows[:, None] == np.arange(size)

    # Within a kind a query has no partner, so only two directions are left.
    results = {name: _mean(space.scores[name], partner, _FLAT, None, size) for name in CROSS_MODAL}
    return {**results, "chance": _mean(space.scores["im-aud"], partner, _FLAT_CHANCE, None, size)}


def class_results(space: Space, classes: Sequence[Sequence[int]], items: np.ndarray) -> dict[str, dict[str, float]]:
    """R@1/5/10 and mAP of finding a video that shares a class, with chance.

    Where query and gallery are of one kind the query itself is left out; across kinds its own partner counts.

    Args:
        space: of all videos.
        classes: indices of the classes of each of `items`.
        items: int [m], the videos that have labels; they are queries and gallery.

    Returns:
        direction -> metric -> share; 'chance' and 'chance, query left out' likewise. Queries that nothing
        shares a class with are left out of the means, their number is 'queries without an answer'.
    """
    member = np.zeros((len(items), 1 + max(c for of_item in classes for c in of_item)), np.float32)
    for row, of_item in enumerate(classes):
        member[row, of_item] = 1.0

    def relevance(rows: np.ndarray) -> np.ndarray:
        return member[rows] @ member.T > 0

    return _all_directions(space, relevance, items, _FLAT, _FLAT_CHANCE)


def graded_results(
    space: Space,
    of_classes: Float[np.ndarray, "classes classes"],
    classes: Sequence[list[int]],
    items: np.ndarray,
    gain: ranking.Gain,
) -> dict[str, dict[str, float]]:
    """nDCG@30 by the distance of classes in an ontology; the form is that of `class_results`.

    Args:
        space: of all videos.
        of_classes: graded relevance of classes to each other.
        classes: indices of the classes of each of `items`.
        items: int [m], the videos that have a class of the ontology.
        gain: 'exponential' or 'linear'.
    """

    def relevance(rows: np.ndarray) -> np.ndarray:
        return item_relevance(of_classes, [classes[row] for row in rows], classes)

    ndcg = {f"ndcg@{NDCG_K}": partial(ranking.ndcg_at_k, k=NDCG_K, gain=gain)}
    chance = {f"ndcg@{NDCG_K}": partial(ranking.chance_ndcg_at_k, k=NDCG_K, gain=gain)}
    return _all_directions(space, relevance, items, ndcg, chance)


_FLAT = {
    **{f"recall@{k}": partial(ranking.recall_at_k, k=k) for k in PLACES},
    "map": ranking.average_precision,
}
_FLAT_CHANCE = {
    **{f"recall@{k}": partial(ranking.chance_recall_at_k, k=k) for k in PLACES},
    "map": ranking.chance_average_precision,
}


def _all_directions(space: Space, relevance: Scores, items: np.ndarray, metrics: Mapping, chance: Mapping):
    results = {}
    for name in DIRECTIONS:
        if name in space.scores:
            # Within a kind the query lies in the gallery too, and would be its own first answer.
            own = None if name in CROSS_MODAL else np.arange(len(items))
            results[name] = _mean(space.scores[name], relevance, metrics, own, len(items), items)
    # Chance depends on relevance alone, not on scores, so any space will do; these two directions are in all.
    for name, of_direction in (("chance", "im-aud"), ("chance, query left out", "aud-aud")):
        own = None if of_direction == "im-aud" else np.arange(len(items))
        results[name] = _mean(space.scores[of_direction], relevance, chance, own, len(items), items)
    return results


def _mean(
    scores: Scores,
    relevance: Scores,
    metrics: Mapping[str, Callable],
    own: np.ndarray | None,
    size: int,
    items: np.ndarray | None = None,
) -> dict[str, float]:
    """Means over the queries, a few hundred at a time: not every machine holds 15,000 x 15,000 scores."""
    items = np.arange(size) if items is None else items
    blocks: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for start in range(0, size, ROWS_AT_ONCE):
        rows = np.arange(start, min(start + ROWS_AT_ONCE, size))
        of_rows = np.asarray(scores(items[rows]))[:, items]
        by_rank = ranking.rank_relevance(of_rows, relevance(rows), None if own is None else own[rows])
        for name, metric in metrics.items():
            blocks[name].append(metric(by_rank))
    values = {name: np.concatenate(parts) for name, parts in blocks.items()}
    answers = {name: value[~np.isnan(value)] for name, value in values.items()}
    without_answer = size - min(len(value) for value in answers.values())
    means = {name: float(value.mean()) if len(value) else float("nan") for name, value in answers.items()}
    return {**means, "queries without an answer": without_answer}


def _cosine(queries: np.ndarray, gallery: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return queries[rows] @ gallery.T


def _unit(features: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    # A zero vector stays zero, and is like nothing.
    return features / np.maximum(norm, 1e-12)

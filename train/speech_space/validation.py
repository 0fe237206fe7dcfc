"""How well a space brings held-out recordings to their own images."""

import numpy as np

from avnet.program.progress import progress
from avnet.speech_space.space import SpeechSpace
from data.spoken.corpus import SpokenCorpus
from eval.metrics.ranking import average_precision, rank_relevance, recall_at_k

VALIDATION_RECORDINGS = 1000


def held_out(corpus: SpokenCorpus) -> np.ndarray:
    """Validation recordings to be measured with: at most one thousand, the first of each image before the second."""
    listed = corpus.recordings_in("validation")
    _, first = np.unique(corpus.image_of[listed], return_index=True)
    rest = np.setdiff1d(np.arange(len(listed)), first)
    return np.sort(listed[np.concatenate([first, rest])[:VALIDATION_RECORDINGS]])


def recalls(
    corpus: SpokenCorpus, pooled: np.ndarray, own: np.ndarray, space: SpeechSpace, listed: np.ndarray
) -> dict[str, float]:
    """Recall of each recording's own image among all.

    Args:
        corpus: of the recordings.
        pooled: features of the images.
        own: number of each recording's image among them.
        space: of both.
        listed: the recordings.
    """
    similarity = embed_recordings(corpus, space, listed) @ space.embed_grids(pooled[:, None, None, :]).T
    ranked = rank_relevance(similarity, own[:, None] == np.arange(len(pooled)))
    return {
        **{f"recall@{k}": float(recall_at_k(ranked, k).mean()) for k in (1, 5, 10)},
        # With one relevant image.
        "reciprocal_rank": float(average_precision(ranked).mean()),
        "images": float(len(pooled)),
        "median_rank": float(np.median(ranked.argmax(axis=1))) + 1.0,
    }


def embed_recordings(corpus: SpokenCorpus, space: SpeechSpace, listed: np.ndarray) -> np.ndarray:
    """Unit embeddings of recordings, float32 [n, embedding]."""
    order = np.argsort(corpus.recordings.lengths[listed], kind="stable")
    embeddings = np.zeros((len(listed), space.embedding_size), np.float32)
    size = 64
    starts = range(0, len(listed), size)
    for start in progress(starts, "embedding", len(starts), "batches"):
        part = order[start : start + size]
        rows = [corpus.recordings.pcm(listed[i]) for i in part]
        embeddings[part] = space.embed_pcm(rows + [rows[0]] * (size - len(rows)))[: len(part)]
    return embeddings

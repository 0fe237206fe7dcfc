"""How well a space brings held-out recordings to their own images."""

import numpy as np

from avnet.program.progress import progress
from avnet.speech_space.space import SpeechSpace
from data.spoken.corpus import SpokenCorpus
from eval.metrics.ranking import average_precision, rank_relevance, recall_at_k

VALIDATION_RECORDINGS = 1000


def held_out(corpus: SpokenCorpus) -> np.ndarray:
    """Validation recordings to be measured with: at most one thousand, the first of each image before the second."""
    recordings = corpus.recordings_in("validation")
    _, first = np.unique(corpus.image_of[recordings], return_index=True)
    rest = np.setdiff1d(np.arange(len(recordings)), first)
    return np.sort(recordings[np.concatenate([first, rest])[:VALIDATION_RECORDINGS]])


def recalls(
    corpus: SpokenCorpus, pooled: np.ndarray, own: np.ndarray, space: SpeechSpace, recordings: np.ndarray
) -> dict[str, float]:
    """Recall of each recording's own image among all.

    Args:
        corpus: of the recordings.
        pooled: features of the images.
        own: number of each recording's image among them.
        space: of both.
        recordings: their numbers in the corpus.
    """
    similarity = embed_recordings(corpus, space, recordings) @ space.embed_grids(pooled[:, None, None, :]).T
    hits = rank_relevance(similarity, own[:, None] == np.arange(len(pooled)))
    return {
        **{f"recall@{k}": float(recall_at_k(hits, k).mean()) for k in (1, 5, 10)},
        # With one relevant image.
        "reciprocal_rank": float(average_precision(hits).mean()),
        "images": float(len(pooled)),
        "median_rank": float(np.median(hits.argmax(axis=1))) + 1.0,
    }


def embed_recordings(corpus: SpokenCorpus, space: SpeechSpace, recordings: np.ndarray) -> np.ndarray:
    """Unit embeddings of recordings, float32 [n, embedding]."""
    # By length, so that little is padded.
    order = np.argsort(corpus.recordings.lengths[recordings], kind="stable")
    embeddings = np.zeros((len(recordings), space.embedding_size), np.float32)
    size = 64
    starts = range(0, len(recordings), size)
    for start in progress(starts, "embedding", len(starts), "batches"):
        part = order[start : start + size]
        rows = [corpus.recordings.pcm(recordings[i]) for i in part]
        # Filled up, so that one size of batch is compiled.
        embeddings[part] = space.embed_pcm(rows + [rows[0]] * (size - len(rows)))[: len(part)]
    return embeddings

"""How well a state does on the fixed validation list, in evaluation mode."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from avnet.audio.pcm import to_pcm
from avnet.audio.spectrogram import log_spectrogram
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.network import JointNet, Network
from avnet.errors import DataError
from data.records.augment import to_float
from data.records.listing import EvaluationPairs, View, evaluation_pairs, moment_pairs, to_canvas
from eval.metrics.correspondence import roc_auc
from eval.metrics.ranking import rank_relevance, recall_at_k

BATCH = 64


@dataclass(frozen=True)
class ValidationSet:
    """Images and sounds ready for the network.

    Attributes:
        images: uint8 [n, size, size, channels].
        waveforms: int16 [n, samples].
        same_video: bool [n, n]; of a single video, whether it is the same moment.
    """

    images: np.ndarray
    waveforms: np.ndarray
    same_video: np.ndarray


def read_validation(data: Path, sizes: ModelConfig, limit: int) -> ValidationSet:
    """The pairs of the validation split; of a single video those of its moments, which then count as mismatched.

    Args:
        data: records.
        sizes: of the network.
        limit: of the pairs.

    Raises:
        DataError: the records cannot be read, or hold a single pair.
    """
    options: Any = {"limit": limit, "sample_rate": sizes.spectrogram.sample_rate, "view": View.of_network(sizes)}
    pairs = evaluation_pairs(data, "validation", sizes.clip_samples, one_per_video=False, **options)
    if len(set(pairs.videos)) < 2:
        pairs = moment_pairs(data, "validation", sizes.clip_samples, **options)
    return validation_set(pairs, sizes.image_size)


def validation_set(pairs: EvaluationPairs, image_size: int) -> ValidationSet:
    """The middle square of each image at the network's size, each sound as int16.

    Raises:
        DataError: there is a single pair, so that nothing is mismatched.
    """
    if len(pairs.names) < 2:
        reason = "is all of the validation split, and has a single moment; a mismatched pair needs two: add videos"
        raise DataError(pairs.names[0], reason)
    videos = np.array(pairs.videos)
    same_video = videos[:, None] == videos[None, :]
    return ValidationSet(
        to_canvas(pairs.images, image_size),
        to_pcm(pairs.waveforms),
        np.eye(len(videos), dtype=bool) if same_video.all() else same_video,
    )


def summarize(scores: np.ndarray, same_video: np.ndarray) -> dict[str, float]:
    """How well the scores of all pairings tell matching from mismatched pairs.

    Args:
        scores: log-odds [n images, n sounds]; the matching pairs are on the diagonal.
        same_video: [n, n]; where both are of one video they are no mismatched pair.

    Returns:
        auc: probability that a matching pair scores higher than a mismatched one (chance 0.5); what chooses the model.
        avc: accuracy of the yes-no answer, matching and mismatched pairs weighing the same (chance 0.5).
        loss: balanced cross-entropy of that answer.
        recall_at_1: share of images whose own sound scores higher than all others (chance 1 / n).
    """
    positive, negative = np.diagonal(scores), scores[~same_video]
    labels = np.repeat([True, False], [len(positive), len(negative)])
    return {
        "auc": roc_auc(np.concatenate([positive, negative]), labels),
        # Balanced, since there are n - 1 mismatched pairs for each that matches.
        "avc": float(0.5 * (positive > 0).mean() + 0.5 * (negative <= 0).mean()),
        # log(1 + exp(-x)) overflows for large scores; this form does not.
        "loss": float(0.5 * np.logaddexp(0, -positive).mean() + 0.5 * np.logaddexp(0, negative).mean()),
        "recall_at_1": float(recall_at_k(rank_relevance(scores, np.eye(len(scores), dtype=bool)), 1).mean()),
    }


def score_all(network: Network, data: ValidationSet) -> np.ndarray:
    """Log-odds of every image with every sound: float64 [n images, n sounds]."""
    return _all_pairs(network, data, _embed, _score_matrix)


def best_agreements(network: JointNet, data: ValidationSet) -> np.ndarray:
    """What the log-odds of the best cell of each image with each sound are made of: float64 [n images, n sounds, 2]."""
    return _all_pairs(network, data, _embed_cells, _best_agreements)


def _all_pairs(network: Network, data: ValidationSet, embed: Callable, compare: Callable) -> np.ndarray:
    """What a function of embeddings gives for every pair, by blocks of one size so that each function compiles once."""
    graph, state = nnx.split(network)
    n = len(data.images)
    # The last block is filled up with the first pairs again, which are cut off at the end.
    blocks = (np.arange(-(-n // BATCH) * BATCH) % n).reshape(-1, BATCH)
    # Towers run once for each image and sound, not for each of the n x n pairings.
    features = [embed(graph, state, data.images[block], data.waveforms[block]) for block in blocks]
    sounds = jnp.concatenate([sound for _, sound in features])
    rows = [compare(graph, state, image, sounds) for image, _ in features]
    return np.asarray(jax.device_get(jnp.concatenate(rows)), np.float64)[:n, :n]


@partial(jax.jit, static_argnums=0)
def _embed(graph: nnx.GraphDef, state: nnx.State, images, waveforms):
    network: Network = nnx.merge(graph, state)
    spectrograms = log_spectrogram(to_float(waveforms), network.config.spectrogram)
    return network.encode_images(images.astype(jnp.float32) / 255.0), network.encode_sounds(spectrograms)


@partial(jax.jit, static_argnums=0)
def _score_matrix(graph: nnx.GraphDef, state: nnx.State, images, sounds):
    network: Network = nnx.merge(graph, state)
    return network.score_matrix(images, sounds)


@partial(jax.jit, static_argnums=0)
def _embed_cells(graph: nnx.GraphDef, state: nnx.State, images, waveforms):
    network: JointNet = nnx.merge(graph, state)
    spectrograms = log_spectrogram(to_float(waveforms), network.config.spectrogram)
    return network.encode_cells(images.astype(jnp.float32) / 255.0), network.encode_sources(spectrograms)


@partial(jax.jit, static_argnums=0)
def _best_agreements(graph: nnx.GraphDef, state: nnx.State, cells, sources):
    network: JointNet = nnx.merge(graph, state)
    return network.best_agreements(cells, sources)

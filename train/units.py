"""Learning speech units from recordings alone: k-means on MFCC."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from avnet.errors import TrainingError
from avnet.speech.mfcc import mfcc
from avnet.speech.units import Units

# Enough for some hundred centroids; more frames only take time.
MAX_FRAMES = 400_000


def fit_units(waveforms: Sequence[np.ndarray], count: int, penalty: float, seed: int = 0) -> Units:
    """Centroids of the frames of all recordings.

    Args:
        waveforms: mono in [-1, 1] at 16 kHz.
        count: of units.
        penalty: what a change of unit costs when speech is encoded, in squared distance of scaled MFCC.
        seed: fixes the frames that are drawn and the start of k-means.

    Raises:
        TrainingError: there are fewer frames than units.
    """
    features = np.concatenate([mfcc(waveform) for waveform in waveforms]) if waveforms else np.zeros((0, 39))
    if len(features) < count:
        raise TrainingError("recordings", f"have {len(features)} frames of 10 ms, fewer than {count} units")
    mean, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-5)
    rng = np.random.default_rng(seed)
    if len(features) > MAX_FRAMES:
        features = features[rng.choice(len(features), MAX_FRAMES, replace=False)]
    means: Any = MiniBatchKMeans(count, random_state=seed, batch_size=4096, n_init=cast(Any, 3))
    means.fit((features - mean) / spread)
    return Units(means.cluster_centers_.astype(np.float32), mean, spread, penalty)

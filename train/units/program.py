"""`python -m train units`: speech units learned from recordings alone, by k-means on MFCC."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from avnet.audio.mfcc import mfcc
from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import DataError, TrainingError
from avnet.files.artifact import check_place
from avnet.files.kinds import LEXICON, UNITS
from avnet.media.audio import read_sounds
from avnet.media.suffixes import SOUNDS, VIDEOS
from avnet.program.progress import progress, show_progress
from avnet.units.kmeans import KMeansUnits
from data.images.corpus import LISTING
from data.spoken.corpus import SpokenCorpus, open_corpus
from eval.spoken.segmentation import FIGURE, draw, print_statistics, unit_statistics
from train.units.config import UnitsConfig
from train.units.lexicon import learn_lexicon

# Enough for some hundred centroids; more frames only take time.
MAX_FRAMES = 400_000
MAX_RECORDINGS = 2_000
# A lexicon needs each word a few times.
LEXICON_RECORDINGS = 6_000

# Every so many recordings one is not learned from, and the table is of these.
HELD_OUT = 10


def units(config: UnitsConfig) -> dict[str, float]:
    """Runs the whole command.

    Returns:
        What it prints: recordings, units a second, perplexity, seconds a unit.

    Raises:
        DataError: there are fewer than two recordings that can be read.
        ModelFolderError: something else lies where the units are to be written.
        TrainingError: they are shorter than the units are many.
    """
    check_place(config.out, LEXICON if config.pieces else UNITS)
    waveforms = recordings_of(config.recordings, config.seed, LEXICON_RECORDINGS if config.pieces else MAX_RECORDINGS)
    # Centroids need fewer recordings than a lexicon does.
    first, more = waveforms[:MAX_RECORDINGS], waveforms[MAX_RECORDINGS:]
    held_out = first[::HELD_OUT]
    training = [waveform for i, waveform in enumerate(first) if i % HELD_OUT]
    encoder = fit_units(training, config.count, config.penalty, config.seed)
    if config.pieces:
        encoder = learn_lexicon([*training, *more], encoder, config.pieces, config.weight)
    strings = [encoder.encode(waveform) for waveform in progress(held_out, "encoding", len(held_out), "recordings")]
    figures = {"recordings": float(len(waveforms)), **unit_statistics(strings, config.count)}
    encoder.save(config.out)
    draw(held_out[0], strings[0], config.out / FIGURE)
    print_statistics(figures)
    print(f"units: {config.out}")
    return figures


def recordings_of(folder: Path, seed: int, most: int | None = MAX_RECORDINGS) -> list[np.ndarray]:
    """Of a spoken corpus some training recordings, at most so many or all; of any other folder all that it holds.

    Raises:
        DataError: fewer than two can be read.
    """
    if not (folder / LISTING).is_file():
        with show_progress() as on_event:
            waveforms = read_sounds(folder, (*SOUNDS, *VIDEOS), SPEECH_RATE, on_event)
        if len(waveforms) < 2:
            raise DataError(folder, f"holds {len(waveforms)} recordings that can be read; two are needed at least")
        return waveforms
    corpus = open_corpus(folder)
    return [corpus.recordings[number] for number in _drawn(corpus, seed, most)]


def speakers_of(folder: Path, seed: int, most: int | None = MAX_RECORDINGS) -> list[str]:
    """Who speaks in each of `recordings_of`; nothing where that is no spoken corpus, empty where nobody knows."""
    if not (folder / LISTING).is_file():
        return []
    corpus = open_corpus(folder)
    return [corpus.speakers[number] for number in _drawn(corpus, seed, most)]


def _drawn(corpus: SpokenCorpus, seed: int, most: int | None) -> np.ndarray:
    return np.random.default_rng(seed).permutation(corpus.recordings_in("train"))[:most]


def fit_units(waveforms: Sequence[np.ndarray], count: int, penalty: float, seed: int = 0) -> KMeansUnits:
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
    # A coefficient that never changes would be divided by zero.
    mean, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-5)
    rng = np.random.default_rng(seed)
    if len(features) > MAX_FRAMES:
        features = features[rng.choice(len(features), MAX_FRAMES, replace=False)]
    means: Any = MiniBatchKMeans(count, random_state=seed, batch_size=4096, n_init=cast(Any, 3))
    means.fit((features - mean) / spread)
    return KMeansUnits(means.cluster_centers_.astype(np.float32), mean, spread, penalty)

"""What a WaveGlow learns from: crops of recordings with their spectra, cut at random but the same for the same seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from avnet.audio.pcm import EXACT
from avnet.program.progress import progress
from avnet.synthesizers.mel.acoustics import HOP, frames_of_mel

# Deviation of a crop below which it is nothing but a pause: -60 dB of full scale.
QUIETEST = 1e-3


@dataclass(frozen=True)
class Example:
    """One recording and its spectrum.

    Attributes:
        waveform: float32 [frames * 160].
        log_mel: float32 [frames, 80], of the whole recording, so that a crop has no spectrum of its own edges.
        starts: the first frames of crops that are more than a pause.
    """

    waveform: np.ndarray
    log_mel: np.ndarray
    starts: np.ndarray


def examples_of(waveforms: Sequence[np.ndarray], frames: int) -> list[Example]:
    """Measures recordings; those that are shorter than a crop, or quiet all over, are left out.

    Args:
        waveforms: mono in [-1, 1] at 16 kHz.
        frames: of a crop.
    """
    examples = []
    for waveform in progress(waveforms, "measuring", len(waveforms), "recordings"):
        whole = np.asarray(waveform[: len(waveform) // HOP * HOP], np.float32)
        if len(starts := _starts(whole, frames)):
            examples.append(Example(whole, frames_of_mel(whole, len(whole) // HOP, 0), starts))
    return examples


def _starts(waveform: np.ndarray, frames: int) -> np.ndarray:
    """First frames of crops whose deviation is that of sound."""
    parts = waveform.reshape(-1, HOP).astype(np.float64)
    if len(parts) < frames:
        return np.zeros(0, np.int64)
    mean, power = (_running_mean(one.mean(axis=1), frames) for one in (parts, np.square(parts)))
    return np.flatnonzero(power - np.square(mean) > QUIETEST**2)


def _running_mean(values: np.ndarray, count: int) -> np.ndarray:
    sums = np.cumsum(np.concatenate([[0.0], values]))
    return (sums[count:] - sums[:-count]) / count


def crops(corpus: Sequence[Example], seed: int, step: int, batch_size: int, frames: int) -> dict[str, Any]:
    """The batch of a step: a function of its arguments alone, so that a resumed run goes on with the same.

    Half a step of 16 bits of noise is added: digital silence would have an infinite density.

    Args:
        corpus: recordings; a longer one is drawn more often.
        seed: of the run.
        step: updates done.
        batch_size: examples.
        frames: of each example.

    Returns:
        waveform [batch, frames * 160], log_mel [batch, frames, 80].
    """
    rng = np.random.default_rng((seed, step))
    sizes = np.array([len(example.starts) for example in corpus], float)
    drawn = [corpus[number] for number in rng.choice(len(corpus), batch_size, p=sizes / sizes.sum())]
    firsts = [int(rng.choice(example.starts)) for example in drawn]
    pairs = list(zip(drawn, firsts, strict=True))
    waveform = np.stack([one.waveform[first * HOP : (first + frames) * HOP] for one, first in pairs])
    dither = rng.uniform(-0.5 / EXACT, 0.5 / EXACT, waveform.shape)
    log_mel = np.stack([one.log_mel[first : first + frames] for one, first in pairs])
    return {"waveform": (waveform + dither).astype(np.float32), "log_mel": log_mel}

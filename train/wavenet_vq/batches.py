"""What a WaveNet-VQ learns from: crops of recordings, as they are heard and as they shall be said again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import resample_poly

from avnet.audio.mfcc import mfcc
from avnet.audio.mu_law import to_mu_law
from avnet.audio.pcm import SPEECH_RATE
from avnet.program.progress import progress
from avnet.synthesizers.mel.acoustics import frames_of_mel, lateness, middles
from avnet.synthesizers.source_filter.pitch import pitch
from avnet.units.wavenet_vq.config import DecoderConfig, DecoderKind, FrameDecoderConfig, WaveNetConfig

# Samples from the first of a recording to the first of those in the middle of the window of its first frame.
LATE = lateness()


@dataclass(frozen=True)
class Example:
    """One recording.

    Attributes:
        cepstra: float32 [frames, 39], as it is heard.
        said: arrays [frames, ...] by name, as the decoder shall say it and what it is told.
        speaker: number of who speaks.
    """

    cepstra: np.ndarray
    said: Mapping[str, np.ndarray]
    speaker: int


def _frames(waveform: np.ndarray, frames: int, config: FrameDecoderConfig) -> dict[str, np.ndarray]:
    # Pitch is of every 5 ms; every other of these has its middle where a window of 10 ms has it, from the third on.
    log_f0, voiced = pitch(waveform, 2 * frames + 2)
    told = np.stack([log_f0, voiced], axis=1)[2::2]
    return {"mel": frames_of_mel(waveform, frames, LATE), "pitch": told}


def _samples(waveform: np.ndarray, frames: int, config: WaveNetConfig) -> dict[str, np.ndarray]:
    sound = middles(waveform, frames, LATE)
    if config.sample_rate != SPEECH_RATE:
        sound = resample_poly(sound, config.sample_rate, SPEECH_RATE)
    return {"samples": to_mu_law(sound).reshape(frames, -1)}


# What each decoder shall say of a recording, and is told.
_MEASURES: dict[DecoderKind, Callable[[np.ndarray, int, Any], dict[str, np.ndarray]]] = {
    "frames": _frames,
    "wavenet": _samples,
}


def examples_of(waveforms: Sequence[np.ndarray], speakers: Sequence[int], config: DecoderConfig) -> list[Example]:
    """Measures recordings; those without a frame are left out.

    Args:
        waveforms: mono at 16 kHz.
        speakers: who speaks in each.
        config: of the decoder.
    """
    examples, total = [], len(waveforms)
    for waveform, speaker in zip(progress(waveforms, "measuring", total, "recordings"), speakers, strict=True):
        cepstra = mfcc(waveform)
        if len(cepstra):
            examples.append(Example(cepstra, _MEASURES[config.kind](waveform, len(cepstra), config), speaker))
    return examples


def crops(corpus: Sequence[Example], seed: int, step: int, batch_size: int, frames: int) -> dict[str, np.ndarray]:
    """The batch of a step: a function of its arguments alone, so that a resumed run goes on with the same.

    Args:
        corpus: recordings; a longer one is drawn more often.
        seed: of the run.
        step: updates done.
        batch_size: examples.
        frames: of each example; a shorter recording is padded with zeros.

    Returns:
        cepstra [batch, frames, 39]; frames and speaker [batch]; and what is said, [batch, frames, ...].
    """
    rng = np.random.default_rng((seed, step))
    sizes = np.array([len(example.cepstra) for example in corpus], float)
    rows = [_crop(corpus[i], frames, rng) for i in rng.choice(len(corpus), batch_size, p=sizes / sizes.sum())]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _crop(example: Example, frames: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    total = len(example.cepstra)
    first = int(rng.integers(max(0, total - frames) + 1))
    length = min(frames, total)

    def part(array: np.ndarray) -> np.ndarray:
        return np.pad(array[first : first + length], ((0, frames - length), *[(0, 0)] * (array.ndim - 1)))

    arrays = {name: part(array) for name, array in {"cepstra": example.cepstra, **example.said}.items()}
    return {**arrays, "frames": np.array(length, np.int32), "speaker": np.array(example.speaker, np.int32)}

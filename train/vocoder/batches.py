"""What a vocoder learns from: recordings with their unit strings, cut at random but the same for the same seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from avnet.synthesizers.mel.acoustics import HOP, frames_of_mel, lateness, middles
from avnet.synthesizers.vocos import Vocos
from avnet.units.strings import UnitString

# Units of a string that the predictor of durations sees in a step.
STRETCH = 64


@dataclass(frozen=True)
class Utterance:
    """One recording and what it says.

    Attributes:
        waveform: float32 [frames * 160], aligned with the frames of its string.
        string: its units.
    """

    waveform: np.ndarray
    string: UnitString


def utterances_of(
    waveforms: Sequence[np.ndarray], strings: Sequence[UnitString], frames_per_step: int = 1
) -> list[Utterance]:
    """Recordings cut to the sound that their strings stand for; those without units are left out.

    Args:
        waveforms: mono at 16 kHz.
        strings: of the recordings, in the same order.
        frames_per_step: frames of 10 ms for which one unit was chosen.
    """
    late = lateness(frames_per_step)
    return [
        Utterance(middles(waveform, string.frames, late), string)
        for waveform, string in zip(waveforms, strings, strict=True)
        if len(string.units)
    ]


def crops(corpus: Sequence[Utterance], seed: int, step: int, batch_size: int, frames: int) -> dict[str, Any]:
    """The batch of a step: a function of its arguments alone, so that a resumed run goes on with the same.

    Args:
        corpus: recordings; a longer one is drawn more often.
        seed: of the run.
        step: updates done.
        batch_size: examples.
        frames: of each example; a shorter recording is padded with frames that do not exist.

    Returns:
        units, mask [batch, frames]; waveform [batch, frames * 160]; and of the same recordings, for durations,
        string, frames, counts [batch, 64].
    """
    rng = np.random.default_rng((seed, step))
    # By length, so that every frame is drawn about equally often.
    sizes = np.array([utterance.string.frames for utterance in corpus], float)
    examples = [corpus[number] for number in rng.choice(len(corpus), batch_size, p=sizes / sizes.sum())]
    rows = [{**_crop(utterance, rng, frames), **_stretch(utterance, rng)} for utterance in examples]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _crop(utterance: Utterance, rng: np.random.Generator, frames: int) -> dict[str, np.ndarray]:
    labels = np.repeat(utterance.string.units, utterance.string.durations)
    first = int(rng.integers(max(0, len(labels) - frames) + 1))
    units = labels[first : first + frames].astype(np.int32)
    # Cut on frames, so that sound and units stay aligned.
    waveform = utterance.waveform[first * HOP : (first + len(units)) * HOP]
    missing = frames - len(units)
    return {
        "units": np.pad(units, (0, missing)),
        "mask": np.arange(frames) < len(units),
        "waveform": np.pad(waveform, (0, missing * HOP)),
    }


def _stretch(utterance: Utterance, rng: np.random.Generator) -> dict[str, np.ndarray]:
    first = int(rng.integers(max(0, len(utterance.string.units) - STRETCH) + 1))
    units = utterance.string.units[first : first + STRETCH].astype(np.int32)
    durations = utterance.string.durations[first : first + STRETCH].astype(np.int32)
    missing = STRETCH - len(units)
    return {
        "string": np.pad(units, (0, missing)),
        "frames": np.pad(durations, (0, missing)),
        "counts": np.arange(STRETCH) < len(units),
    }


def mel_distance(waveform: np.ndarray, reference: np.ndarray) -> float:
    """Mean distance of the log-mel spectrograms of two waveforms of equal length, natural logarithm of magnitude."""
    frames = len(reference) // HOP
    return float(np.abs(frames_of_mel(waveform, frames, 0) - frames_of_mel(reference, frames, 0)).mean())


def assess(vocoder: Vocos, held_out: Sequence[Utterance]) -> dict[str, float]:
    """How near recordings are said again, and how well their durations are predicted.

    Args:
        vocoder: says their strings with the true durations.
        held_out: recordings not learned from.

    Returns:
        mel_l1, mean log-mel distance; duration_error, mean factor by which a unit's duration is wrong, less 1.
    """
    distances, factors = [], []
    for utterance in held_out:
        string = utterance.string
        distances.append(mel_distance(vocoder.speak(string.units, string.durations), utterance.waveform))
        # As logarithms, twice as long and half as long are equally wrong.
        factors.append(np.abs(np.log(vocoder.durations(string.units) / string.durations)))
    return {"mel_l1": float(np.mean(distances)), "duration_error": float(np.exp(np.concatenate(factors).mean()) - 1)}

"""Units to speech without a network: the mean spectrum of each unit, and phases that agree with it.

Intelligible, hoarse (a mean spectrum has no pitch), and quick to set up: a table is all it needs.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from scipy.ndimage import gaussian_filter1d

from avnet.audio.spectrogram import mel_filterbank
from avnet.audio.stft import istft, stft
from avnet.synthesizers.mel.acoustics import HOP, MEL, UnitAcoustics
from avnet.synthesizers.synthesizer import WholeStrings

ITERATIONS = 40
MOMENTUM = 0.99
# Frames are padded to a multiple of this, so that few lengths are compiled.
BLOCK = 200
# Standard deviation of the smoothing over time, frames: about a window's half.
SMOOTHING = 1.0
EPSILON = 1e-9


class GriffinLim(WholeStrings):
    """Says unit strings with the spectra and durations of a table."""

    def __init__(self, acoustics: UnitAcoustics, iterations: int = ITERATIONS):
        self.acoustics = acoustics
        self.iterations = iterations

    def speak(
        self, units: Int[np.ndarray, " n"], durations: Int[np.ndarray, " n"] | None = None
    ) -> Float[np.ndarray, " samples"]:
        """Says a unit string.

        Args:
            units: those that the table's recordings never said are passed over.
            durations: frames of 10 ms of each, or None for the table's.

        Returns:
            Mono in [-1, 1] at 16 kHz, 160 samples for each frame; empty where it can say none. The same units give the
            same samples.
        """
        exists = np.isin(units, self.acoustics.vocabulary)
        units = np.asarray(units, np.int64)[exists]
        frames = self.acoustics.durations(units) if durations is None else np.asarray(durations)[exists]
        log_mel = np.repeat(self.acoustics.log_mel[units], frames, axis=0)
        if not len(log_mel):
            return np.zeros(0, np.float32)
        smooth = gaussian_filter1d(log_mel, SMOOTHING, axis=0, mode="nearest")
        waveform = waveform_of_mel(smooth, self.iterations)
        # Only what would clip is made quieter.
        return waveform / max(1.0, float(np.abs(waveform).max()))


# A network that has learned little may predict what would overflow; samples in [-1, 1] stay far below.
LOUDEST = 10.0


@dataclass(frozen=True)
class MelGriffinLim:
    """Says log-mel spectra: a `MelVocoder` without a network.

    Attributes:
        iterations: of Griffin-Lim.
    """

    iterations: int = ITERATIONS

    def waveform(self, log_mel: Float[np.ndarray, "frames 80"]) -> Float[np.ndarray, " samples"]:
        """See `MelVocoder.waveform`."""
        return waveform_of_mel(log_mel, self.iterations)


def waveform_of_mel(log_mel: Float[np.ndarray, "frames 80"], iterations: int = ITERATIONS) -> Float[np.ndarray, " n"]:
    """A waveform with a log-mel spectrogram of the setting `MEL`.

    Args:
        log_mel: natural logarithm of magnitude; above `LOUDEST`, which no recording reaches, it is as if it were that.
        iterations: of Griffin-Lim.

    Returns:
        160 samples for each frame.
    """
    frames = len(log_mel)
    bounded = np.minimum(log_mel.astype(np.float32), LOUDEST)
    padded = np.pad(bounded, ((0, -frames % BLOCK), (0, 0)), constant_values=np.log(MEL.floor))
    exists = np.arange(len(padded)) < frames
    # Drawn frame by frame: the padding changes no frame's phase.
    phases = np.random.default_rng(0).random((len(padded), MEL.n_fft // 2 + 1), np.float32)
    # The floor was added before the logarithm.
    power = jnp.square(jnp.maximum(jnp.exp(padded) - MEL.floor, 0.0))
    magnitude = jnp.sqrt(power_of_mel(power)) * exists[:, None]
    waveform = griffin_lim(magnitude, HOP, 2 * np.pi * phases, jnp.asarray(exists), iterations)
    return np.asarray(waveform)[: frames * HOP]


@partial(jax.jit, static_argnames="iterations")
def power_of_mel(mel: Float[Array, "frames 80"], iterations: int = 60) -> Float[Array, "frames bins"]:
    """The powers of frequency bins that sum to powers of mel bands: non-negative least squares.

    By multiplicative updates, which keep powers above 0 and, begun at a smooth spectrum, keep it smooth.

    Args:
        mel: powers of the bands of `MEL`.
        iterations: of the update.

    Reference: Lee and Seung, "Algorithms for Non-negative Matrix Factorization", 2000, equation 4 with one factor held.
    """
    filters = jnp.asarray(mel_filterbank(MEL), mel.dtype)
    target = mel @ filters.T

    def update(_, power):
        return power * target / (power @ filters @ filters.T + EPSILON)

    start = (mel / filters.sum(axis=0)) @ filters.T
    return jax.lax.fori_loop(0, iterations, update, start)


@partial(jax.jit, static_argnames="hop")
def griffin_lim(
    magnitude: Float[Array, "frames bins"],
    hop: int,
    phases: Float[Array, "frames bins"],
    mask: Bool[Array, " frames"],
    iterations: int | Int[Array, ""] = ITERATIONS,
) -> Float[Array, " samples"]:
    """A waveform whose short-time spectrum has a wanted magnitude, by alternating projections with momentum.

    Args:
        magnitude: of `stft`.
        hop: samples between frames.
        phases: to begin with, radians.
        mask: frames that exist.
        iterations: of the projections.

    Reference: Perraudin, Balazs and Søndergaard, "A Fast Griffin-Lim Algorithm", 2013, section 3; its alpha is .99.
    """
    n_fft = 2 * (magnitude.shape[-1] - 1)

    def project(_, state):
        angles, before = state
        rebuilt = stft(istft(magnitude * angles, hop, mask), n_fft, hop)
        ahead = rebuilt + MOMENTUM * (rebuilt - before)
        return ahead / jnp.maximum(jnp.abs(ahead), EPSILON), rebuilt

    angles = jnp.exp(1j * phases)
    angles, _ = jax.lax.fori_loop(0, iterations, project, (angles, magnitude * angles))
    return istft(magnitude * angles, hop, mask)

"""The parameters of a source-filter voice to samples.

The source is a train of pulses, whose phase is the integral of the pitch, and noise, both of power 1. Around the centre
of each frame a stretch of both is mixed band by band, sent through the frame's filter, and added to the others.
"""

import numpy as np
from jaxtyping import Float

from avnet.audio.pcm import SPEECH_RATE
from avnet.synthesizers.source_filter.bands import band_weights
from avnet.synthesizers.source_filter.fourier import irfft, rfft
from avnet.synthesizers.source_filter.mel_cepstrum import N_FFT, frequency_response
from avnet.synthesizers.source_filter.parameters import HOP, SourceFilter
from avnet.synthesizers.source_filter.windows import centred

# Samples on either side of a pulse that lies between two of them.
SIDE = 16


def synthesize(parameters: SourceFilter, seed: int = 0) -> Float[np.ndarray, " samples"]:
    """Speaks.

    Args:
        parameters: of every 5 ms.
        seed: of the noise.

    Returns:
        Mono at 16 kHz, float32, 80 samples for each frame; not bounded. The same parameters give the same samples.
    """
    frames = len(parameters)
    pulses = pulse_train(parameters.log_f0)
    noise = np.random.default_rng(seed).standard_normal(frames * HOP, np.float32)
    share = np.clip(parameters.strengths * parameters.voiced[:, None], 0.0, 1.0)
    f0, frequency = np.exp(parameters.log_f0), np.arange(N_FFT // 2 + 1) * SPEECH_RATE / N_FFT
    # Half a Hann window rises as the one before it falls.
    window = np.sin(np.pi * (np.arange(2 * HOP) + 0.5) / (2 * HOP)).astype(np.float32) ** 2
    total = np.zeros(frames * HOP + 2 * N_FFT, np.float32)
    blocks = zip(centred(pulses, frames, 2 * HOP), centred(noise, frames, 2 * HOP), strict=True)
    for (block, pulse), (_, hiss) in blocks:
        # Below its pitch a voice has nothing, and pulses have nothing there.
        below = (frequency < f0[block, None]) * parameters.voiced[block, None]
        periodic = np.maximum(share[block] @ band_weights(), below)
        source = rfft(pulse * window, N_FFT) * np.sqrt(periodic)
        source += rfft(hiss * window, N_FFT) * np.sqrt(np.maximum(1 - periodic, 0.0))
        responses = irfft(source * frequency_response(parameters.cepstra[block]), N_FFT)
        _add(total, responses, block.start * HOP)
    return total[HOP // 2 :][: frames * HOP]


def pulse_train(log_f0: Float[np.ndarray, " frames"]) -> Float[np.ndarray, " samples"]:
    """Pulses at the whole turns of the phase, of power 1: each as high as the root of its period in samples.

    Args:
        log_f0: natural logarithm of Hz at the centres of frames.
    """
    samples = len(log_f0) * HOP
    centres = (np.arange(len(log_f0)) + 0.5) * HOP
    turns = np.exp(np.interp(np.arange(samples) + 0.5, centres, log_f0)) / SPEECH_RATE if samples else np.zeros(0)
    phase = np.cumsum(turns)
    places = np.flatnonzero(np.floor(phase) > np.floor(phase - turns))
    # How far back from the sample the turn was whole, between 0 and 1 sample.
    late = (phase[places] - np.floor(phase[places])) / turns[places]
    offsets = np.arange(-SIDE, SIDE)
    distance = offsets[None, :] + late[:, None]
    kernel = np.sinc(distance) * np.cos(np.pi * distance / (2 * SIDE + 2)) ** 2
    train = np.zeros(samples + 2 * SIDE)
    np.add.at(train, places[:, None] + offsets + SIDE, kernel / np.sqrt(turns[places])[:, None])
    # Without their mean, which would be a harmonic at 0 Hz as loud as the pitch's.
    return (train[SIDE:][:samples] - np.sqrt(turns)).astype(np.float32)


def _add(total: np.ndarray, responses: Float[np.ndarray, "frames n"], first: int) -> None:
    """Adds responses, each a hop after the one before, in place."""
    frames, length = responses.shape
    # Those that are far enough apart not to overlap lie side by side.
    apart = -(-length // HOP)
    padded = np.pad(responses, ((0, -frames % apart), (0, apart * HOP - length)))
    for k in range(apart):
        row = padded[k::apart].ravel()
        start = first + k * HOP
        stop = min(len(total), start + len(row))
        total[start:stop] += row[: stop - start]

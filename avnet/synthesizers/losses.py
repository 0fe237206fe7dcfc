"""What a unit vocoder is trained on, as pure functions; each returns one value for each example unless it says so.

Every spectrum has a finite gradient at silence.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from avnet.audio.spectrogram import hann, mel_filterbank
from avnet.audio.stft import windows
from avnet.synthesizers.mel.acoustics import MEL

# Length of window and transform, and hop, in samples: 16 to 64 ms.
RESOLUTIONS = ((256, 64), (512, 128), (1024, 256))
# Powers below this count as this: the square root has no gradient there instead of an infinite one.
LEAST_POWER = 1e-10
# A target whose spectrum has a smaller norm is held for silence, where a relative error means nothing.
LEAST_NORM = 1.0


def magnitudes(waveform: Float[Array, "batch samples"], n_fft: int, hop: int) -> Float[Array, "batch frames bins"]:
    """The magnitude of the short-time spectrum, without padding at the ends.

    Args:
        waveform: at least `n_fft` samples.
        n_fft: length of Hann window and transform.
        hop: samples between frames.
    """
    spectrum = jnp.fft.rfft(windows(waveform, n_fft, hop) * jnp.asarray(hann(n_fft), waveform.dtype))
    power = jnp.square(spectrum.real) + jnp.square(spectrum.imag)
    return jnp.sqrt(jnp.maximum(power, LEAST_POWER))


def log_mel(waveform: Float[Array, "batch samples"]) -> Float[Array, "batch frames 80"]:
    """The log-mel spectrogram of the setting `MEL`: that of `log_spectrogram`, with a gradient at silence."""
    power = jnp.square(magnitudes(waveform, MEL.n_fft, MEL.hop_length))
    filters = jnp.asarray(mel_filterbank(MEL), power.dtype)
    mel = jnp.matmul(power, filters, precision=jax.lax.Precision.HIGHEST)
    return jnp.log(jnp.sqrt(jnp.maximum(mel, LEAST_POWER)) + MEL.floor)


def mel_loss(predicted: Float[Array, "batch samples"], target: Float[Array, "batch samples"]) -> Float[Array, " batch"]:
    """Mean distance of log-mel spectrograms; Vocos weighs it by 45.

    Reference: Siuzdak, "Vocos", 2023, section 3.4.
    """
    return jnp.abs(log_mel(predicted) - log_mel(target)).mean(axis=(1, 2))


def stft_loss(
    predicted: Float[Array, "batch samples"], target: Float[Array, "batch samples"]
) -> Float[Array, " batch"]:
    """Spectral convergence plus the mean distance of log magnitudes, averaged over three resolutions.

    Reference: Yamamoto et al., "Parallel WaveGAN", 2020, section 2.2, equations 3 to 6. The norm in the denominator is
    bounded from below here, so that silent stretches do not outweigh speech.
    """
    losses = []
    for n_fft, hop in RESOLUTIONS:
        ours, theirs = magnitudes(predicted, n_fft, hop), magnitudes(target, n_fft, hop)
        error = jnp.sqrt(jnp.maximum(jnp.square(theirs - ours).sum(axis=(1, 2)), LEAST_POWER))
        norm = jnp.sqrt(jnp.square(theirs).sum(axis=(1, 2)))
        distance = jnp.abs(jnp.log(ours + MEL.floor) - jnp.log(theirs + MEL.floor)).mean(axis=(1, 2))
        losses.append(error / jnp.maximum(norm, LEAST_NORM) + distance)
    return jnp.stack(losses).mean(axis=0)


def duration_loss(
    log_frames: Float[Array, "batch n"], frames: Int[Array, "batch n"], mask: Bool[Array, "batch n"]
) -> Float[Array, " batch"]:
    """Mean squared error of the logarithm of durations.

    Args:
        log_frames: predicted.
        frames: true, at least 1 where `mask` is true.
        mask: units that count; an example without any has the loss 0.

    Reference: Ren et al., "FastSpeech", 2019, section 3.3.
    """
    error = jnp.square(log_frames - jnp.log(jnp.maximum(frames, 1).astype(log_frames.dtype)))
    return jnp.where(mask, error, 0.0).sum(axis=1) / jnp.maximum(mask.sum(axis=1), 1)


def generator_loss(fake: Sequence[Float[Array, "batch ..."]]) -> Float[Array, ""]:
    """The hinge loss of a vocoder against a discriminator, averaged over the batch and its parts.

    Args:
        fake: the parts' answers to made sound; above 1 they hold it for a recording.

    Reference: Siuzdak, "Vocos", 2023, section 3.4.
    """
    return jnp.stack([jax.nn.relu(1 - answer).mean() for answer in fake]).mean()


def discriminator_loss(
    real: Sequence[Float[Array, "batch ..."]], fake: Sequence[Float[Array, "batch ..."]]
) -> Float[Array, ""]:
    """The hinge form of telling recordings (above 1) from made sound (below -1), averaged over batch and parts."""
    losses = [jax.nn.relu(1 - r).mean() + jax.nn.relu(1 + f).mean() for r, f in zip(real, fake, strict=True)]
    return jnp.stack(losses).mean()


def feature_loss(
    real: Sequence[Float[Array, "batch ..."]], fake: Sequence[Float[Array, "batch ..."]]
) -> Float[Array, ""]:
    """Mean distance of a discriminator's features of recordings and of made sound, averaged over its layers.

    Reference: Kumar et al., "MelGAN", 2019, section 2.3.
    """
    return jnp.stack([jnp.abs(r - f).mean() for r, f in zip(real, fake, strict=True)]).mean()

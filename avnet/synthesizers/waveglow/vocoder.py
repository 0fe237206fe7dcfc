"""A WaveGlow in use: its folder, noise, and the removal of what it hums."""

from functools import cached_property
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from avnet.audio.stft import istft, stft
from avnet.errors import ConfigError, DataError
from avnet.files.artifact import Header, new_artifact, read_header
from avnet.files.kinds import WAVEGLOW
from avnet.synthesizers.mel.acoustics import BANDS, HOP
from avnet.synthesizers.network_folder import network_of, put_network
from avnet.synthesizers.waveglow.config import WaveGlowConfig
from avnet.synthesizers.waveglow.network import WaveGlowNetwork

# Deviation of the noise in use: less than in training, where it is 1, is less hiss. As in the released code.
SIGMA = 0.6
# Frames are padded to a multiple of this, so that few lengths are compiled.
BLOCK = 200
# Of the hum: frames of it that are listened to, and length of the transform.
HUM_FRAMES, N_FFT = 88, 1024


class WaveGlow:
    """Says log-mel spectra of the setting `avnet.synthesizers.mel.acoustics.MEL`.

    Args:
        network: is put into evaluation mode.
        sigma: deviation of the noise; 0 for none.
        denoise: how much of the network's own hum is taken off, as a share of its magnitude; 0 leaves it in.
        seed: of the noise.

    Raises:
        ConfigError: sigma or denoise is negative.
    """

    def __init__(self, network: WaveGlowNetwork, sigma: float = SIGMA, denoise: float = 0.0, seed: int = 0):
        if not sigma >= 0 or not denoise >= 0:
            raise ConfigError("sigma, denoise", f"must be 0 or more, got {sigma} and {denoise}")
        network.eval()
        self.network, self.sigma, self.denoise, self.seed = network, sigma, denoise, seed

    @classmethod
    def load(cls, path: str | Path) -> "WaveGlow":
        """Opens a folder that `save` wrote.

        Args:
            path: the folder.

        Raises:
            ModelFolderError: it is not a WaveGlow, of an earlier or newer avnet, or damaged.
        """
        header = read_header(path, WAVEGLOW)
        return cls(network_of(header, WaveGlowConfig, lambda sizes, rngs: WaveGlowNetwork(sizes, rngs=rngs)))

    def save(self, path: str | Path, card: str = "") -> str:
        """Writes a folder; it becomes visible only when it is whole.

        Args:
            path: the folder; an earlier one there is replaced.
            card: for people, Markdown.

        Returns:
            The fingerprint.

        Raises:
            ModelFolderError: it cannot be written; an earlier one stays.
        """
        with new_artifact(path, WAVEGLOW, card) as draft:
            put_network(draft, self.network.config, self.network)
        return draft.fingerprint

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a WaveGlow."""
        with header.parsing():
            config = WaveGlowConfig.from_dict(header.config)
        return {"steps": f"{config.steps}, of {config.layers} layers of {config.width}", "group": str(config.group)}

    def waveform(self, log_mel: Float[np.ndarray, "frames 80"]) -> Float[np.ndarray, " samples"]:
        """A waveform with a given spectrogram.

        Args:
            log_mel: natural logarithm of magnitude.

        Returns:
            float32 at 16 kHz, 160 samples for each frame, not limited to [-1, 1]; the same spectrogram gives the same
            samples.

        Raises:
            DataError: the spectrogram is not finite, or the network makes numbers of it that are not.
        """
        if not np.isfinite(log_mel).all():
            raise DataError("log_mel", "must be finite numbers")
        if not len(log_mel):
            return np.zeros(0, np.float32)
        waveform = self._invert(log_mel, self.sigma)
        if self.denoise:
            waveform = _without(waveform, self.denoise * self.hum)
        if not np.isfinite(waveform).all():
            raise DataError("waveform", "is not finite: this spectrogram is beyond what the network has learned")
        return waveform

    @cached_property
    def hum(self) -> Float[np.ndarray, " bins"]:
        """The magnitude of what it says without noise of a spectrogram that is the mean everywhere.

        Reference: the denoiser of the released code, which listens to the first frame; the mean of all is not disturbed
            by the ends.
        """
        mean = np.asarray(self.network.standard.mean[...], np.float32)
        silent = self._invert(np.broadcast_to(mean, (HUM_FRAMES, BANDS)), 0.0)
        return np.abs(np.asarray(stft(jnp.asarray(silent), N_FFT, HOP))).mean(axis=0)

    def _invert(self, log_mel: np.ndarray, sigma: float) -> np.ndarray:
        frames, config = len(log_mel), self.network.config
        padded = np.pad(log_mel.astype(np.float32), ((0, -frames % BLOCK), (0, 0)), mode="edge")
        shape = (1, len(padded) * config.groups_per_frame, config.group)
        # Drawn group by group: the padding changes no frame's noise.
        z = np.random.default_rng(self.seed).standard_normal(shape, np.float32) * np.float32(sigma)
        mask = np.arange(len(padded))[None] < frames
        samples = _inverse(self.network, jnp.asarray(z), jnp.asarray(padded)[None], jnp.asarray(mask))
        return np.asarray(samples)[0, : frames * HOP]


@nnx.jit
def _inverse(network: WaveGlowNetwork, z: Array, log_mel: Array, mask: Array) -> Array:
    return network.inverse(z, log_mel, mask)


def _without(waveform: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
    """A waveform with a magnitude taken off each frame, as far as there is any; phases stay."""
    spectrum = np.asarray(stft(jnp.asarray(waveform), N_FFT, HOP))
    size = np.abs(spectrum)
    share = np.maximum(size - magnitude, 0) / np.maximum(size, np.finfo(np.float32).tiny)
    return np.asarray(istft(jnp.asarray(spectrum * share), HOP))

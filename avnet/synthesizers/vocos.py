"""Units to speech by a network: durations from a small convolutional predictor, spectra at frame rate, inverse STFT.

No layer works at the rate of samples, so a CPU says seconds of speech in a fraction of a second.

Reference: Siuzdak, "Vocos: Closing the gap between time-domain and Fourier-based neural vocoders for high-quality
audio synthesis", 2023, section 3. It takes mel spectra; here embedded units stand in their place, each repeated for
its duration, which is predicted as in Ren et al., "FastSpeech", 2019, section 3.3.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from avnet.audio.stft import istft
from avnet.config import Plain, check_numbers
from avnet.errors import ConfigError
from avnet.files.artifact import Draft, Header
from avnet.files.kinds import VOCODER
from avnet.nn.precision import compute_in
from avnet.synthesizers.layers.convnext import ConvNeXtBlock
from avnet.synthesizers.layers.durations import DurationPredictor
from avnet.synthesizers.mel.acoustics import HOP
from avnet.synthesizers.network_folder import network_of, put_network
from avnet.synthesizers.synthesizer import WholeStrings
from avnet.synthesizers.units_folder import UnitsFolder
from avnet.units.kmeans import MAX_UNITS

# Strings and frames are padded to these lengths, doubled until they fit, so that few sizes are compiled.
FEWEST_UNITS, FEWEST_FRAMES = 32, 128
# Frames that one unit may last, whatever is predicted: 2 s.
LONGEST = 200
# The largest magnitude of a bin, as published: it keeps an early prediction from overflowing.
LOUDEST = 100.0


@dataclass(frozen=True)
class VocosConfig(Plain):
    """Sizes of a vocoder of 16 kHz with frames of 10 ms.

    Attributes:
        units: how many there are.
        width: features of a frame.
        blocks: ConvNeXt blocks.
        expansion: width inside a block over `width`.
        n_fft: of the inverse transform; even, at least two frames long.
        duration_width: features of a unit in the predictor of durations.

    Example:
        >>> avnet.VocosConfig.small(500).width
        256
    """

    DESCRIBES: ClassVar[str] = "a vocoder"

    units: int
    width: int = 512
    blocks: int = 8
    expansion: int = 3
    n_fft: int = 1024
    duration_width: int = 256

    def __post_init__(self):
        check_numbers(self)
        if not 1 <= self.units <= MAX_UNITS:
            raise ConfigError("units", f"must be from 1 to {MAX_UNITS}, got {self.units}")
        for name, largest in (("width", 4096), ("duration_width", 4096), ("blocks", 64), ("expansion", 16)):
            if not 1 <= (size := getattr(self, name)) <= largest:
                raise ConfigError(name, f"must be from 1 to {largest}, got {size}")
        if not 2 * HOP <= self.n_fft <= 8192 or self.n_fft % 2:
            raise ConfigError("n_fft", f"must be an even number from {2 * HOP} to 8192, got {self.n_fft}")

    @classmethod
    def paper(cls, units: int) -> "VocosConfig":
        """The backbone as published: 512 features, 8 blocks."""
        return cls(units)

    @classmethod
    def small(cls, units: int) -> "VocosConfig":
        """For a CPU: 256 features, 5 blocks, windows of 40 ms."""
        return cls(units, width=256, blocks=5, n_fft=640, duration_width=128)


class Vocos(WholeStrings, UnitsFolder, nnx.Module):
    """From unit strings to waveforms."""

    KIND = VOCODER
    remat: bool = False

    def __init__(self, config: VocosConfig, *, rngs: nnx.Rngs):
        self.config = config
        width, init = config.width, nnx.initializers.truncated_normal(0.02)
        self.duration = DurationPredictor(config.units, config.duration_width, rngs=rngs)
        self.embed = nnx.Embed(config.units, width, rngs=rngs)
        self.enter = nnx.Conv(width, width, (7,), rngs=rngs)
        self.enter_norm = nnx.LayerNorm(width, epsilon=1e-6, rngs=rngs)
        # As in the authors' code: together the blocks begin as one.
        scale = 1 / config.blocks
        blocks = [ConvNeXtBlock(width, config.expansion, scale, rngs=rngs) for _ in range(config.blocks)]
        self.blocks = nnx.List(blocks)
        self.leave_norm = nnx.LayerNorm(width, epsilon=1e-6, rngs=rngs)
        self.head = nnx.Linear(width, config.n_fft + 2, kernel_init=init, rngs=rngs)

    @classmethod
    def of_header(cls, header: Header) -> "Vocos":
        """See `UnitsFolder.of_header`."""
        return network_of(header, VocosConfig, lambda config, rngs: cls(config, rngs=rngs))

    def fill(self, draft: Draft) -> None:
        """See `UnitsFolder.fill`."""
        put_network(draft, self.config, self)

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a vocoder."""
        with header.parsing():
            config = VocosConfig.from_dict(header.config)
        return {"units": f"{config.units:,}", "width": str(config.width), "blocks": str(config.blocks)}

    def compute(self, dtype: DTypeLike | None, *, remat: bool = False) -> None:
        """Chooses how spectra are computed; parameters and the inverse transform stay float32.

        Args:
            dtype: bfloat16 is what GPUs and TPUs are fast at; None is that of what the network is given.
            remat: keep of each block only what goes in, and make the rest again for the gradient.
        """
        compute_in(self, dtype)
        self.remat = remat

    def __call__(
        self, units: Int[Array, "batch frames"], mask: Bool[Array, "batch frames"]
    ) -> Float[Array, "batch samples"]:
        """The waveforms of units that are repeated for their durations.

        Args:
            units: of each frame of 10 ms.
            mask: frames that exist; the others are silent and change nothing.

        Returns:
            160 samples a frame at 16 kHz, not limited to [-1, 1].
        """
        exists = mask[..., None].astype(jnp.float32)
        x = self.enter_norm(self.enter(self.embed(units) * exists))
        for block in self.blocks:
            x = nnx.remat(ConvNeXtBlock.__call__)(block, x, exists) if self.remat else block(x, exists)
        log_magnitude, phase = jnp.split(self.head(self.leave_norm(x)).astype(jnp.float32), 2, axis=-1)
        # Clipped before the exponential, whose gradient would be infinite times zero after it.
        magnitude = jnp.exp(jnp.minimum(log_magnitude, np.log(LOUDEST)))
        return istft(jax.lax.complex(magnitude * jnp.cos(phase), magnitude * jnp.sin(phase)), HOP, mask)

    def log_durations(self, units: Int[Array, "batch n"], mask: Bool[Array, "batch n"]) -> Float[Array, "batch n"]:
        """The natural logarithm of the frames of each unit of collapsed strings.

        Args:
            units: no two neighbours equal.
            mask: units that exist; the others change nothing.
        """
        return self.duration(units, mask)

    def durations(self, units: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """Predicted whole frames of each unit of a string, 1 to 200.

        Args:
            units: from 0 to below `config.units`.
        """
        padded, mask = _pad(units, FEWEST_UNITS)
        # From 0, the logarithm of one frame.
        frames = np.exp(np.clip(np.asarray(_log_durations(self, padded, mask))[0, : len(units)], 0, np.log(LONGEST)))
        return np.rint(frames).astype(np.int64)

    def speak(
        self, units: Int[np.ndarray, " n"], durations: Int[np.ndarray, " n"] | None = None
    ) -> Float[np.ndarray, " samples"]:
        """Says a unit string.

        Args:
            units: no two neighbours equal; those that do not exist are passed over.
            durations: frames of 10 ms of each, or None for predicted ones.

        Returns:
            Mono in [-1, 1] at 16 kHz, 160 samples for each frame; empty where it can say none.
        """
        exists = (units >= 0) & (units < self.config.units)
        units = np.asarray(units, np.int64)[exists]
        if not len(units):
            return np.zeros(0, np.float32)
        frames = self.durations(units) if durations is None else np.asarray(durations)[exists]
        padded, mask = _pad(np.repeat(units, frames), FEWEST_FRAMES)
        waveform = np.asarray(_waveforms(self, padded, mask))[0, : frames.sum() * HOP]
        return waveform / max(1.0, float(np.abs(waveform).max(initial=0.0)))


def _pad(units: np.ndarray, fewest: int) -> tuple[Array, Array]:
    """A batch of one string of a length that is compiled, and where it is real."""
    length = fewest
    while length < len(units):
        length *= 2
    row = np.zeros((1, length), np.int32)
    row[0, : len(units)] = units
    return jnp.asarray(row), jnp.asarray(np.arange(length)[None] < len(units))


@nnx.jit
def _log_durations(vocoder: Vocos, units: Array, mask: Array) -> Array:
    return vocoder.log_durations(units, mask)


@nnx.jit
def _waveforms(vocoder: Vocos, units: Array, mask: Array) -> Array:
    return vocoder(units, mask)

"""The decoder of frames: log-mel spectra from codes, where pitch and speaker are told."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.nn.standard import Standard
from avnet.units.wavenet_vq.config import FRAMES_PER_CODE, FrameDecoderConfig
from avnet.units.wavenet_vq.decoder import Beside

# Bands of a frame; log F0 and voicing.
BANDS, PITCH = 80, 2


class FrameDecoder(nnx.Module):
    """Residual convolutions over frames of 10 ms.

    In place of a WaveNet, which learns for days. Pitch is told, since spectra of 80 bands show it: codes that have to
    carry it are not left for what is said.

    Attributes:
        standard: the scale of each band in what was learned from.
        pitch_standard: that of log F0 and voicing.
    """

    def __init__(self, config: FrameDecoderConfig, features: int, speakers: int, *, rngs: nnx.Rngs):
        width, side = config.width, config.kernel // 2
        self.standard, self.pitch_standard = Standard(BANDS), Standard(PITCH)
        self.code, self.pitch = nnx.Linear(features, width, rngs=rngs), nnx.Linear(PITCH, width, rngs=rngs)
        self.speaker = nnx.Embed(speakers, width, rngs=rngs) if speakers else None
        self.convs = nnx.List(
            [
                nnx.Conv(width, width, (config.kernel,), padding=((side, side),), rngs=rngs)
                for _ in range(config.convolutions)
            ]
        )
        self.head = nnx.Linear(width, BANDS, rngs=rngs)

    @property
    def scales(self) -> Mapping[str, Standard]:
        """Those of bands and pitch."""
        return {"mel": self.standard, "pitch": self.pitch_standard}

    def __call__(
        self, codes: Float[Array, "batch steps features"], steps: Int[Array, "batch"], beside: Beside
    ) -> Float[Array, "batch frames 80"]:
        """Standardized log-mel spectra, two for each code; `standard.restore` brings them to their own scale.

        Args:
            codes: of every 20 ms.
            steps: how many belong to each recording.
            beside: the pitch of each frame, and the speaker where there are several.
        """
        assert beside.pitch is not None
        x = jnp.repeat(self.code(codes), FRAMES_PER_CODE, axis=1)
        exists = (jnp.arange(x.shape[1]) < FRAMES_PER_CODE * steps[:, None])[..., None].astype(x.dtype)
        x += self.pitch(self.pitch_standard(beside.pitch))
        if self.speaker is not None:
            assert beside.speaker is not None
            x += self.speaker(beside.speaker)[:, None]
        x *= exists
        for conv in self.convs:
            x = (x + jax.nn.relu(conv(x))) * exists
        return self.head(x)

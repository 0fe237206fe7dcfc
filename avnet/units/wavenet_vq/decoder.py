"""What all decoders have in common: they say speech again from codes."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from jaxtyping import Array, Float, Int

from avnet.nn.standard import Standard


class Beside(NamedTuple):
    """What a decoder is told beside codes, so that these need not carry it; each reads its own.

    Attributes:
        pitch: float [batch, frames, 2], log F0 and voicing of every 10 ms, for the decoder of frames.
        samples: int [batch, samples], mu-law classes of what is said, for WaveNet: each is said from those before it.
        speaker: int [batch], who speaks, where the decoder tells speakers apart.
    """

    pitch: Float[Array, "batch frames 2"] | None = None
    samples: Int[Array, "batch samples"] | None = None
    speaker: Int[Array, " batch"] | None = None


class Decoder(Protocol):
    """From codes to what is predicted of speech: bands of frames, or the classes of samples."""

    @property
    def scales(self) -> Mapping[str, Standard]:
        """What is to be measured before it learns, by the name of what has that scale: 'mel', 'pitch'."""
        ...

    def __call__(
        self, codes: Float[Array, "batch steps features"], steps: Int[Array, "batch"], beside: Beside
    ) -> Float[Array, "batch times columns"]:
        """The prediction at each time.

        Args:
            codes: of every 20 ms.
            steps: how many belong to each recording.
            beside: as long as the codes.
        """
        ...

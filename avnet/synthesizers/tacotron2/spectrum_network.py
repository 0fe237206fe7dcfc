"""From whatever is attended to, to log-mel spectra: what Tacotron 2 shares with networks that read no tokens."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Key

from avnet.errors import DataError
from avnet.nn.precision import compute_in
from avnet.nn.standard import Standard
from avnet.synthesizers.mel.acoustics import BANDS
from avnet.synthesizers.tacotron2 import generation
from avnet.synthesizers.tacotron2.config import SpectrumConfig
from avnet.synthesizers.tacotron2.decoder import Decoded, Decoder, Memory
from avnet.synthesizers.tacotron2.generation import Progress
from avnet.synthesizers.tacotron2.guards import ENDINGS, Ending, Guards
from avnet.synthesizers.tacotron2.postnet import Postnet

# Steps that are made before it is asked again whether all utterances have ended.
STEPS = 64


class Forced(NamedTuple):
    """What the network says while it is told the true frames.

    Attributes:
        before: normalized log-mel of the decoder.
        after: refined by the postnet.
        stop: log-odds that a step is the last.
        alignment: at each step the weight of each token, sum 1.
    """

    before: Float[Array, "batch frames 80"]
    after: Float[Array, "batch frames 80"]
    stop: Float[Array, "batch steps"]
    alignment: Float[Array, "batch steps n"]


@dataclass(frozen=True)
class Utterance:
    """What the network says by itself.

    Attributes:
        log_mel: of the setting `avnet.synthesizers.mel.acoustics.MEL`, float32 [frames, 80].
        alignment: at each step the weight of each token, float32 [steps, n].
        ending: why it ended there.
    """

    log_mel: Float[np.ndarray, "frames 80"]
    alignment: Float[np.ndarray, "steps n"]
    ending: Ending


class SpectrumNetwork(nnx.Module):
    """A decoder that attends to a memory, and a postnet.

    Attributes:
        scale: of log-mel spectra.
    """

    remat: bool = False

    def __init__(self, config: SpectrumConfig, speakers: int = 0, joined: int = 0, *, rngs: nnx.Rngs):
        """Fresh weights.

        Args:
            config: sizes.
            speakers: how many there are.
            joined: features of a speaker; 0 where there is one speaker.
            rngs: of the weights.
        """
        self.scale = Standard(BANDS)
        self.decoder = Decoder(config, speakers, joined, rngs=rngs)
        self.postnet = Postnet(config, rngs=rngs)
        self.frames_per_step = config.frames_per_step

    def compute(self, dtype: DTypeLike | None, *, remat: bool = False) -> None:
        """Chooses how it computes; parameters, norms, softmax and the states of LSTMs stay float32.

        Args:
            dtype: bfloat16 is what GPUs and TPUs are fast at; None is that of what the network is given.
            remat: keep of each step of the decoder only its state, and make the rest again for the gradient.
        """
        compute_in(self, dtype)
        self.remat = remat

    def told(
        self,
        memory: Memory,
        frames: Float[Array, "batch frames 80"],
        frame_mask: Bool[Array, "batch frames"],
        keys: Key[Array, " batch"],
        rngs: nnx.Rngs | None = None,
        own: Bool[Array, "batch steps"] | None = None,
    ) -> Forced:
        """What it says when each step is told the true frames of the one before.

        Args:
            memory: what is read.
            frames: normalized log-mel, see `scale`; as many as whole steps have.
            frame_mask: frames that exist; the others change nothing that is said of these.
            keys: of the prenet's noise, of each utterance.
            rngs: of dropout, in training.
            own: steps that are told its own frames instead, see `Decoder`.

        Raises:
            DataError: the frames are not those of whole steps.
        """
        batch, count, _ = frames.shape
        if count % self.frames_per_step:
            raise DataError("frames", f"must be of whole steps, which have {self.frames_per_step}, got {count}")
        decoded = self.decoder(
            memory,
            self.steps_of(frames, frame_mask),
            keys,
            None if rngs is None else rngs.dropout(),
            own,
            remat=self.remat,
        )
        before = decoded.frames.reshape(batch, count, BANDS)
        return Forced(before, self.postnet(before, frame_mask, rngs), decoded.stop, decoded.weights)

    def steps_of(
        self, frames: Float[Array, "batch frames 80"], frame_mask: Bool[Array, "batch frames"]
    ) -> Float[Array, "batch steps features"]:
        """The frames of each step one after the other; a batch is padded with what nobody says, which becomes 0."""
        exist = jnp.where(frame_mask[..., None], frames, 0.0)
        return exist.reshape(len(frames), -1, self.frames_per_step * BANDS)

    def alone(self, memory: Memory, keys: Key[Array, " batch"], guards: Guards) -> list[Utterance]:
        """What it says by itself.

        Args:
            memory: what is read.
            keys: of the prenet's noise, of each utterance.
            guards: bounds of attention.

        Returns:
            Utterances with the weights of what exists of the memory; each ends within the bounds, and says why.
        """
        progress = _begin(self.decoder, memory, self.frames_per_step)
        parts = []
        while not np.asarray(progress.ending).all():
            progress, decoded = _go_on(self.decoder, memory, progress, keys, guards)
            parts.append((np.asarray(decoded.frames), np.asarray(decoded.weights)))
        frames, weights = (np.concatenate(column, axis=1) for column in zip(*parts, strict=True))
        steps, exists = np.asarray(progress.steps), np.asarray(memory.mask)
        whole = _whole_frames(frames, steps, self.frames_per_step)
        log_mel = np.asarray(_refine(self.postnet, self.scale, *whole))
        return [
            Utterance(
                log_mel[row, : count * self.frames_per_step],
                weights[row, :count][:, exists[row]],
                ENDINGS[int(progress.ending[row])],
            )
            for row, count in enumerate(steps.tolist())
        ]


def doubled(length: int, needed: int) -> int:
    """A length that is compiled: the first, doubled until it is enough."""
    while length < needed:
        length *= 2
    return length


def _whole_frames(frames: np.ndarray, steps: np.ndarray, size: int) -> tuple[Array, Array]:
    """Frames one by one, padded to a length that is compiled, and which of them exist."""
    batch, count = frames.shape[:2]
    padded = np.pad(frames, ((0, 0), (0, doubled(STEPS, count) - count), (0, 0))).reshape(batch, -1, BANDS)
    return jnp.asarray(padded), jnp.asarray(np.arange(padded.shape[1]) < size * steps[:, None])


@partial(nnx.jit, static_argnums=2)
def _begin(decoder: Decoder, memory: Memory, frames_per_step: int) -> Progress:
    return generation.begin(decoder, memory, frames_per_step)


@partial(nnx.jit, static_argnames="guards")
def _go_on(
    decoder: Decoder, memory: Memory, progress: Progress, keys: Array, guards: Guards
) -> tuple[Progress, Decoded]:
    return generation.go_on(decoder, memory, progress, keys, guards, STEPS)


@nnx.jit
def _refine(postnet: Postnet, scale: Standard, frames: Array, mask: Array) -> Array:
    return scale.restore(postnet(frames, mask))

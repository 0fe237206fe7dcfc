"""Tacotron 2: log-mel spectra from strings of tokens, by attention alone, without durations."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int, Key

from avnet.errors import DataError
from avnet.nn.precision import compute_in
from avnet.nn.standard import Standard
from avnet.synthesizers.mel.acoustics import BANDS
from avnet.synthesizers.tacotron2 import generation
from avnet.synthesizers.tacotron2.config import Tacotron2Config
from avnet.synthesizers.tacotron2.decoder import Decoded, Decoder, Memory, noise_keys
from avnet.synthesizers.tacotron2.encoder import Encoder
from avnet.synthesizers.tacotron2.generation import Progress
from avnet.synthesizers.tacotron2.guards import ENDINGS, Ending, Guards
from avnet.synthesizers.tacotron2.postnet import Postnet

# Strings are padded to this length, doubled until they fit, so that few sizes are compiled.
FEWEST_TOKENS = 32
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


class Tacotron2(nnx.Module):
    """From tokens of any kind to log-mel spectra.

    It computes as torchaudio's `Tacotron2` does, within rounding, with these differences: padding changes nothing;
    PyTorch's LSTMs have two biases, of which only the sum matters, and here one; features of speakers.

    Reference: Shen et al., "Natural TTS Synthesis by Conditioning WaveNet on Mel Spectrogram Predictions", 2018,
        section 2.2; what it leaves open, as dropout in place of zoneout, as NVIDIA's code and torchaudio's.
    """

    remat: bool = False

    def __init__(self, config: Tacotron2Config, *, rngs: nnx.Rngs):
        self.config = config
        self.scale = Standard(BANDS)
        self.encoder = Encoder(config, rngs=rngs)
        self.decoder = Decoder(config, rngs=rngs)
        self.postnet = Postnet(config, rngs=rngs)

    def compute(self, dtype: DTypeLike | None, *, remat: bool = False) -> None:
        """Chooses how it computes; parameters, norms, softmax and the states of LSTMs stay float32.

        Args:
            dtype: bfloat16 is what GPUs and TPUs are fast at; None is that of what the network is given.
            remat: keep of each step of the decoder only its state, and make the rest again for the gradient.
        """
        compute_in(self, dtype)
        self.remat = remat

    def __call__(
        self,
        tokens: Int[Array, "batch n"],
        token_mask: Bool[Array, "batch n"],
        frames: Float[Array, "batch frames 80"],
        frame_mask: Bool[Array, "batch frames"],
        keys: Key[Array, " batch"],
        *,
        speakers: Int[Array, " batch"] | None = None,
        rngs: nnx.Rngs | None = None,
    ) -> Forced:
        """What it says when each step is told the true frames of the one before.

        Args:
            tokens: padded strings.
            token_mask: tokens that exist; the others change nothing.
            frames: normalized log-mel, see `scale`; as many as whole steps have.
            frame_mask: frames that exist; the others change nothing that is said of these.
            keys: of the prenet's noise, of each utterance; in training anew each time, else `noise_keys`.
            speakers: who speaks; None is the first one.
            rngs: of dropout, in training.
        """
        batch, count, _ = frames.shape
        size = self.config.frames_per_step
        if count % size:
            raise DataError("frames", f"must be of whole steps, which have {size}, got {count}")
        # A batch is padded with what nobody says.
        steps = jnp.where(frame_mask[..., None], frames, 0.0).reshape(batch, count // size, size * BANDS)
        memory = self._read(tokens, token_mask, speakers, rngs)
        dropout = None if rngs is None else rngs.dropout()
        decoded = self.decoder(memory, steps, keys, dropout, remat=self.remat)
        before = decoded.frames.reshape(batch, count, BANDS)
        return Forced(before, self.postnet(before, frame_mask, rngs), decoded.stop, decoded.weights)

    def infer(
        self, strings: Sequence[np.ndarray], guards: Guards | None = None, *, speakers: Sequence[int] | None = None
    ) -> list[Utterance]:
        """What it says by itself, with the noise that belongs to the tokens: the same tokens give the same spectrum.

        Args:
            strings: tokens of each utterance, one or more.
            guards: bounds of attention, those of `Guards()` where there are none; `Guards.off()` is the network alone.
            speakers: who speaks each; None is the first speaker.

        Returns:
            Utterances in the order of the strings; each ends within the bounds, and says why.

        Raises:
            DataError: a string is empty or has tokens that do not exist, or there is no such speaker.
        """
        guards = guards or Guards()
        if not len(strings):
            return []
        tokens, mask = self._pad(strings)
        who = np.zeros(len(strings), np.int32) if speakers is None else np.asarray(speakers, np.int32)
        last = max(1, self.config.speakers) - 1
        if who.shape != (len(strings),) or who.min() < 0 or who.max() > last:
            raise DataError("speakers", f"must be one for each string, from 0 to {last}")
        # The same arrays in the mode of use, whatever that of this network is.
        network = nnx.merge(*nnx.split(self))
        network.eval()
        keys = noise_keys(strings)
        memory, progress = _begin(network, tokens, mask, jnp.asarray(who))
        parts = []
        while not np.asarray(progress.ending).all():
            progress, decoded = _go_on(network, memory, progress, keys, guards)
            parts.append((np.asarray(decoded.frames), np.asarray(decoded.weights)))
        frames, weights = (np.concatenate(column, axis=1) for column in zip(*parts, strict=True))
        steps = np.asarray(progress.steps)
        log_mel = np.asarray(_refine(network, *_whole_frames(frames, steps, self.config.frames_per_step)))
        return [
            Utterance(
                log_mel[row, : steps[row] * self.config.frames_per_step],
                weights[row, : steps[row], : len(string)],
                ENDINGS[int(progress.ending[row])],
            )
            for row, string in enumerate(strings)
        ]

    def _read(self, tokens: Array, mask: Array, speakers: Array | None, rngs: nnx.Rngs | None) -> Memory:
        return self.decoder.memory(self.encoder(tokens, mask, rngs), mask, speakers)

    def _pad(self, strings: Sequence[np.ndarray]) -> tuple[Array, Array]:
        lengths = np.array([len(string) for string in strings])
        every = np.concatenate([np.asarray(string, np.int64) for string in strings])
        if not lengths.all() or every.min() < 0 or every.max() >= self.config.tokens:
            raise DataError("strings", f"must have one token or more, each from 0 to {self.config.tokens - 1}")
        tokens = np.zeros((len(strings), _doubled(FEWEST_TOKENS, int(lengths.max()))), np.int32)
        mask = np.arange(tokens.shape[1]) < lengths[:, None]
        tokens[mask] = every
        return jnp.asarray(tokens), jnp.asarray(mask)


def _doubled(length: int, needed: int) -> int:
    """A length that is compiled: the first, doubled until it is enough."""
    while length < needed:
        length *= 2
    return length


def _whole_frames(frames: np.ndarray, steps: np.ndarray, size: int) -> tuple[Array, Array]:
    """Frames one by one, padded to a length that is compiled, and which of them exist."""
    batch, count = frames.shape[:2]
    padded = np.pad(frames, ((0, 0), (0, _doubled(STEPS, count) - count), (0, 0))).reshape(batch, -1, BANDS)
    return jnp.asarray(padded), jnp.asarray(np.arange(padded.shape[1]) < size * steps[:, None])


@nnx.jit
def _begin(network: Tacotron2, tokens: Array, mask: Array, speakers: Array) -> tuple[Memory, Progress]:
    memory = network._read(tokens, mask, speakers, None)
    return memory, generation.begin(network.decoder, memory, network.config.frames_per_step)


@partial(nnx.jit, static_argnames="guards")
def _go_on(
    network: Tacotron2, memory: Memory, progress: Progress, keys: Array, guards: Guards
) -> tuple[Progress, Decoded]:
    return generation.go_on(network.decoder, memory, progress, keys, guards, STEPS)


@nnx.jit
def _refine(network: Tacotron2, frames: Array, mask: Array) -> Array:
    return network.scale.restore(network.postnet(frames, mask))

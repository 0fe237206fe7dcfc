"""Tacotron 2: log-mel spectra from strings of tokens, by attention alone, without durations."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, Key

from avnet.errors import DataError
from avnet.synthesizers.tacotron2.config import Tacotron2Config
from avnet.synthesizers.tacotron2.decoder import Memory, noise_keys
from avnet.synthesizers.tacotron2.encoder import Encoder
from avnet.synthesizers.tacotron2.guards import Guards
from avnet.synthesizers.tacotron2.spectrum_network import Forced, SpectrumNetwork, Utterance, doubled

# Strings are padded to this length, doubled until they fit, so that few sizes are compiled.
FEWEST_TOKENS = 32


class Tacotron2(SpectrumNetwork):
    """From tokens of any kind to log-mel spectra.

    It computes as torchaudio's `Tacotron2` does, within rounding, with these differences: padding changes nothing;
    PyTorch's LSTMs have two biases, of which only the sum matters, and here one; features of speakers.

    Reference: Shen et al., "Natural TTS Synthesis by Conditioning WaveNet on Mel Spectrogram Predictions", 2018,
        section 2.2; what it leaves open, as dropout in place of zoneout, as NVIDIA's code and torchaudio's.
    """

    def __init__(self, config: Tacotron2Config, *, rngs: nnx.Rngs):
        self.config = config
        self.encoder = Encoder(config, rngs=rngs)
        super().__init__(config, config.speakers, config.joined, rngs=rngs)

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
        return self.told(self._read(tokens, token_mask, speakers, rngs), frames, frame_mask, keys, rngs)

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
        return network.alone(_memory(network, tokens, mask, jnp.asarray(who)), noise_keys(strings), guards)

    def _read(self, tokens: Array, mask: Array, speakers: Array | None, rngs: nnx.Rngs | None) -> Memory:
        return self.decoder.memory(self.encoder(tokens, mask, rngs), mask, speakers)

    def _pad(self, strings: Sequence[np.ndarray]) -> tuple[Array, Array]:
        lengths = np.array([len(string) for string in strings])
        every = np.concatenate([np.asarray(string, np.int64) for string in strings])
        if not lengths.all() or every.min() < 0 or every.max() >= self.config.tokens:
            raise DataError("strings", f"must have one token or more, each from 0 to {self.config.tokens - 1}")
        tokens = np.zeros((len(strings), doubled(FEWEST_TOKENS, int(lengths.max()))), np.int32)
        mask = np.arange(tokens.shape[1]) < lengths[:, None]
        tokens[mask] = every
        return jnp.asarray(tokens), jnp.asarray(mask)


@nnx.jit
def _memory(network: Tacotron2, tokens: Array, mask: Array, speakers: Array) -> Memory:
    return network._read(tokens, mask, speakers, None)

"""The decoder of a Tacotron 2: frames from encoded tokens, some at a step, while attending to tokens."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, Key

from avnet.nn.dropout import LEVELS, Dropout
from avnet.nn.lstm import LSTM, LSTMState
from avnet.synthesizers.layers.initializers import LSTM_KERNEL, xavier
from avnet.synthesizers.mel.acoustics import BANDS
from avnet.synthesizers.tacotron2.attention import LocationAttention
from avnet.synthesizers.tacotron2.config import SpectrumConfig

# Of the prenet.
LAYERS = 2


class Prenet(nnx.Module):
    """The bottleneck through which the last frames enter: two layers without bias, whose dropout is always on.

    Reference: Shen et al., 2018, section 2.2: in use too, for variety. Without it the last frame tells the next one so
        well that attention is not asked, and a network that was trained with it stutters.
    """

    def __init__(self, config: SpectrumConfig, *, rngs: nnx.Rngs):
        sizes = [config.frames_per_step * BANDS, *[config.prenet] * LAYERS]
        self.layers = nnx.List(
            nnx.Linear(*pair, use_bias=False, kernel_init=xavier(), rngs=rngs) for pair in pairwise(sizes)
        )
        self.width = config.prenet
        # A byte decides on each feature, as in `avnet.nn.dropout`.
        self.dropped = round(config.prenet_dropout * LEVELS)

    def __call__(
        self, x: Float[Array, "*batch frames"], kept: Bool[Array, "*batch layers width"]
    ) -> Float[Array, "*batch width"]:
        """Features of the last frames.

        Args:
            x: frames of a step one after the other, normalized.
            kept: features that are not dropped.
        """
        for number, layer in enumerate(self.layers):
            x = nnx.relu(layer(x))
            x = jnp.where(kept[..., number, :], x * (LEVELS / (LEVELS - self.dropped)), jnp.zeros_like(x))
        return x

    def noise(self, keys: Key[Array, " batch"], step: Array | int) -> Bool[Array, "batch layers width"]:
        """Which features are kept at a step of some utterances: a function of the key of each and of the step.

        Args:
            keys: of each utterance, see `noise_keys`.
            step: 0 is the first.
        """

        def of_one(key: Array) -> Array:
            return jax.random.bits(jax.random.fold_in(key, step), (LAYERS, self.width), jnp.uint8) >= self.dropped

        return jax.vmap(of_one)(keys)


def noise_keys(strings: Sequence[np.ndarray]) -> Key[Array, " batch"]:
    """Keys of the noise of utterances: the same tokens always have the same, in whatever batch.

    Args:
        strings: tokens of each utterance, without padding.
    """
    return keys_of([np.asarray(string, "<i8").tobytes() for string in strings])


def keys_of(contents: Sequence[bytes]) -> Key[Array, " batch"]:
    """A key for each of some contents; the same content always has the same."""
    digests = [hashlib.sha256(content).digest()[:4] for content in contents]
    return jax.vmap(jax.random.key)(np.frombuffer(b"".join(digests), "<u4"))


class Memory(NamedTuple):
    """What the decoder reads, the same at all steps.

    Attributes:
        tokens: encoded; zeros where there is none.
        keys: of the tokens, for attention.
        mask: tokens that exist.
        speaker: embedding of who speaks; no features with one speaker.
    """

    tokens: Float[Array, "batch n width"]
    keys: Float[Array, "batch n attention"]
    mask: Bool[Array, "batch n"]
    speaker: Float[Array, "batch speaker"]


class DecoderState(NamedTuple):
    """What a step leaves to the next.

    Attributes:
        asking: of the LSTM that asks where to look.
        saying: of the LSTM that says the frames.
        context: tokens, summed by their weights.
        weights: of the tokens; zeros before the first step.
        total: sum of the weights of all steps so far.
    """

    asking: LSTMState
    saying: LSTMState
    context: Float[Array, "batch width"]
    weights: Float[Array, "batch n"]
    total: Float[Array, "batch n"]


class Decoded(NamedTuple):
    """What steps give.

    Attributes:
        frames: normalized log-mel, the frames of a step one after the other.
        stop: log-odds that the step is the last.
        weights: of the tokens, sum 1.
    """

    frames: Float[Array, "*batch frames"]
    stop: Float[Array, "*batch"]
    weights: Float[Array, "*batch n"]


class Decoder(nnx.Module):
    """Prenet, two LSTMs with attention between them, and what is linear in the second and in the context.

    Dropout of an output of an LSTM is seen by its own next step too, as in the published code; the paper has zoneout.

    Reference: Shen et al., 2018, section 2.2. Speakers as in Hsu et al., "Text-Free Image-to-Speech Synthesis Using
        Learned Segmental Units", 2020.
    """

    def __init__(self, config: SpectrumConfig, speakers: int = 0, joined: int = 0, *, rngs: nnx.Rngs):
        """Fresh weights.

        Args:
            config: sizes.
            speakers: how many there are.
            joined: features of a speaker; 0 where there is one speaker.
            rngs: of the weights.
        """
        width = config.width
        asking, saying = config.attention_hidden, config.decoder_hidden
        self.prenet = Prenet(config, rngs=rngs)
        self.attention = LocationAttention(config, rngs=rngs)

        def lstm(features: int, hidden: int) -> LSTM:
            inits = {"kernel_init": LSTM_KERNEL, "recurrent_init": LSTM_KERNEL}
            return LSTM(features, hidden, open_forget=False, **inits, rngs=rngs)

        self.asking = lstm(config.prenet + width, asking)
        self.saying = lstm(asking + width + joined, saying)
        spoken = saying + width + joined
        self.frames = nnx.Linear(spoken, config.frames_per_step * BANDS, kernel_init=xavier(), rngs=rngs)
        self.stop = nnx.Linear(spoken, 1, kernel_init=xavier("sigmoid"), rngs=rngs)
        self.speakers = nnx.Embed(speakers, joined, embedding_init=xavier(), rngs=rngs) if joined else None
        self.dropout = Dropout(config.lstm_dropout)

    def memory(
        self,
        tokens: Float[Array, "batch n width"],
        mask: Bool[Array, "batch n"],
        speakers: Int[Array, " batch"] | None = None,
    ) -> Memory:
        """What all steps read.

        Args:
            tokens: encoded.
            mask: tokens that exist.
            speakers: who speaks; None is the first one.
        """
        if self.speakers is None:
            speaker = jnp.zeros((len(tokens), 0))
        else:
            speaker = self.speakers(jnp.zeros(len(tokens), jnp.int32) if speakers is None else speakers)
        return Memory(tokens, self.attention.memory(tokens), mask, speaker)

    def begin(self, memory: Memory) -> DecoderState:
        """The state before the first step."""
        batch, n, width = memory.tokens.shape
        nothing = jnp.zeros((batch, n))
        return DecoderState(
            self.asking.zeros(batch), self.saying.zeros(batch), jnp.zeros((batch, width)), nothing, nothing
        )

    def enter(
        self, frames: Float[Array, "*batch frames"], kept: Bool[Array, "*batch layers width"]
    ) -> Float[Array, "*batch gates"]:
        """What the frames before a step add to the gates of the first LSTM.

        Args:
            frames: of the step before, normalized; zeros before the first.
            kept: of the prenet's features, see `Prenet.noise`.
        """
        return self.asking.products(self.prenet(frames, kept), bias=True)

    def step(
        self,
        memory: Memory,
        state: DecoderState,
        products: Float[Array, "batch gates"],
        allowed: Bool[Array, "batch n"],
        key: Key[Array, ""] | None = None,
    ) -> tuple[DecoderState, Decoded]:
        """One step: the same in training and in use.

        Args:
            memory: what is read.
            state: after the step before.
            products: of the frames before, as `enter` gives them.
            allowed: tokens that may be looked at.
            key: of dropout, in training.
        """
        rngs = None if key is None else nnx.Rngs(dropout=key)
        prenet = self.prenet.width
        asking = self.asking.advance(products + self.asking.products(state.context, prenet), state.asking)
        asking = asking._replace(output=self.dropout(asking.output, rngs=rngs))
        weights = self.attention(asking.output, memory.keys, state.weights, state.total, allowed)
        context = jnp.einsum("bn,bnw->bw", weights, memory.tokens)
        saying = self.saying.step(jnp.concatenate([asking.output, context, memory.speaker], axis=-1), state.saying)
        saying = saying._replace(output=self.dropout(saying.output, rngs=rngs))
        spoken = jnp.concatenate([saying.output, context, memory.speaker], axis=-1)
        frames, stop = self.frames(spoken).astype(jnp.float32), self.stop(spoken)[..., 0].astype(jnp.float32)
        return DecoderState(asking, saying, context, weights, state.total + weights), Decoded(frames, stop, weights)

    def __call__(
        self,
        memory: Memory,
        frames: Float[Array, "batch steps frames"],
        keys: Key[Array, " batch"],
        key: Key[Array, ""] | None = None,
        own: Bool[Array, "batch steps"] | None = None,
        *,
        remat: bool = False,
    ) -> Decoded:
        """All steps, each told the true frames of the one before.

        Args:
            memory: what is read.
            frames: true ones of each step, normalized.
            keys: of the prenet's noise, of each utterance.
            key: of dropout, in training.
            own: steps that are told its own frames of the step before in place of true ones, as in use; no gradient
                passes there. None is for no step.
            remat: whether to make each step again for the gradient, in place of keeping what lies in it.
        """
        steps = frames.shape[1]
        before = jnp.pad(frames, ((0, 0), (1, 0), (0, 0)))[:, :-1].swapaxes(0, 1)
        kept = jax.vmap(lambda step: self.prenet.noise(keys, step))(jnp.arange(steps))
        dropout = None if key is None else jax.random.split(key, steps)

        def advance(
            carry: tuple[DecoderState, Array], inputs: tuple[Array, Array | None, tuple[Array, Array] | None]
        ) -> tuple[tuple[DecoderState, Array], Decoded]:
            (state, last), (products, key, sampling) = carry, inputs
            if sampling is not None:
                is_own, kept = sampling
                products = jnp.where(is_own[:, None], self.enter(jax.lax.stop_gradient(last), kept), products)
            state, decoded = self.step(memory, state, products, memory.mask, key)
            return (state, decoded.frames), decoded

        step = jax.checkpoint(advance, prevent_cse=False) if remat else advance
        sampling = None if own is None else (own.T, kept)
        inputs = self.enter(before, kept), dropout, sampling
        _, decoded = jax.lax.scan(step, (self.begin(memory), jnp.zeros_like(frames[:, 0])), inputs)
        return Decoded(*(part.swapaxes(0, 1) for part in decoded))

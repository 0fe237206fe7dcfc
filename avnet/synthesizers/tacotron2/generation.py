"""A Tacotron 2 in use: each step is told the frames that the one before made, until the utterance ends."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from avnet.synthesizers.mel.acoustics import BANDS
from avnet.synthesizers.tacotron2.decoder import Decoded, Decoder, DecoderState, Memory
from avnet.synthesizers.tacotron2.guards import Guards, Watch, allowed_tokens, ending_of


class Progress(NamedTuple):
    """How far some utterances are.

    Attributes:
        state: of the decoder.
        frames: of the last step, normalized.
        watch: what guards know.
        step: number of the next step.
        steps: of each utterance until it ended, or so far.
        ending: why it ended, a number of `ENDINGS`; 0 where it goes on.
    """

    state: DecoderState
    frames: Float[Array, "batch frames"]
    watch: Watch
    step: Int[Array, ""]
    steps: Int[Array, " batch"]
    ending: Int[Array, " batch"]


def begin(decoder: Decoder, memory: Memory, frames_per_step: int) -> Progress:
    """Before the first step, which is told of silence: the mean, as spectra are normalized."""
    batch = len(memory.tokens)
    frames, nothing = jnp.zeros((batch, frames_per_step * BANDS)), jnp.zeros(batch, jnp.int32)
    return Progress(decoder.begin(memory), frames, Watch.begin(batch), jnp.zeros((), jnp.int32), nothing, nothing)


def go_on(
    decoder: Decoder, memory: Memory, progress: Progress, keys: Key[Array, " batch"], guards: Guards, steps: int
) -> tuple[Progress, Decoded]:
    """Some more steps of all utterances; those of one that has ended mean nothing.

    Args:
        decoder: in use, not in training.
        memory: what is read.
        progress: so far.
        keys: of the prenet's noise, of each utterance.
        guards: bounds of attention.
        steps: how many.
    """

    def advance(progress: Progress, _: None) -> tuple[Progress, Decoded]:
        state, mask = progress.state, memory.mask
        allowed = allowed_tokens(guards, progress.watch, state.weights, mask)
        kept = decoder.prenet.noise(keys, progress.step)
        state, decoded = decoder.step(memory, state, decoder.enter(progress.frames, kept), allowed)
        watch = progress.watch.after(decoded.weights, mask, progress.frames.shape[1] // BANDS)
        goes_on = progress.ending == 0
        ending = jnp.where(goes_on, ending_of(guards, watch, decoded.stop, mask), progress.ending)
        count = progress.steps + goes_on.astype(jnp.int32)
        return Progress(state, decoded.frames, watch, progress.step + 1, count, ending), decoded

    progress, decoded = jax.lax.scan(advance, progress, None, length=steps)
    return progress, Decoded(*(part.swapaxes(0, 1) for part in decoded))

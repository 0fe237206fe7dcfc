"""The losses of a Tacotron 2, as pure functions; each returns one value for each example.

Frames, steps and tokens that do not exist change nothing; an example without any has the loss 0.
"""

from typing import NamedTuple

import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int

from avnet.synthesizers.tacotron2.spectrum_network import Forced

# Of the last step against all others: unweighted, one step in hundreds is a mistake that costs nothing. As ESPnet.
STOP_WEIGHT = 5.0
# Width of the diagonal that attention is guided along, as ESPnet.
SIGMA = 0.4
# Tokens to either side of the true one that attention may be at.
REACH = 1
# Weights below this count as this, where a token gets nothing at all.
LEAST_WEIGHT = 1e-8


class Truth(NamedTuple):
    """What a batch of recordings says.

    Attributes:
        frames: normalized log-mel.
        frame_mask: frames that exist; whole steps have as many as `frames`.
        token_mask: tokens that exist.
        tokens_of_steps: number of the token that each step belongs to; None where durations are unknown.
    """

    frames: Float[Array, "batch frames 80"]
    frame_mask: Bool[Array, "batch frames"]
    token_mask: Bool[Array, "batch n"]
    tokens_of_steps: Int[Array, "batch steps"] | None = None


def losses_of(said: Forced, truth: Truth, *, guide: float = 1.0) -> dict[str, Float[Array, " batch"]]:
    """What is minimized, "loss", and what it is the sum of.

    Attention is taught by durations where these are known, else guided along the diagonal.

    Args:
        said: what the network says, told the true frames.
        truth: what it should say.
        guide: weight of the teaching of attention; 0 once it stands.
    """
    step_mask = steps_of(truth.frame_mask, truth.frames.shape[1] // said.stop.shape[1])
    if truth.tokens_of_steps is None:
        attention = guided_attention_loss(said.alignment, step_mask, truth.token_mask)
    else:
        attention = duration_attention_loss(said.alignment, truth.tokens_of_steps, step_mask)
    parts = {
        "before": mel_loss(said.before, truth.frames, truth.frame_mask),
        "after": mel_loss(said.after, truth.frames, truth.frame_mask),
        "stop": stop_loss(said.stop, step_mask),
        "attention": attention,
    }
    return {"loss": parts["before"] + parts["after"] + parts["stop"] + guide * attention, **parts}


def steps_of(frame_mask: Bool[Array, "batch frames"], frames_per_step: int) -> Bool[Array, "batch steps"]:
    """Steps of the decoder that have a frame that exists."""
    return frame_mask.reshape(len(frame_mask), -1, frames_per_step).any(axis=-1)


def mel_loss(
    said: Float[Array, "batch frames 80"], true: Float[Array, "batch frames 80"], mask: Bool[Array, "batch frames"]
) -> Float[Array, " batch"]:
    """Mean squared error of the frames that exist.

    Reference: Shen et al., "Natural TTS Synthesis by Conditioning WaveNet on Mel Spectrogram Predictions", 2018,
        section 2.2, of frames before and after the postnet.
    """
    return _mean(jnp.square(said - true).mean(axis=-1), mask)


def stop_loss(
    stop: Float[Array, "batch steps"], mask: Bool[Array, "batch steps"], weight: float = STOP_WEIGHT
) -> Float[Array, " batch"]:
    """Cross-entropy of whether a step is the last one.

    Args:
        stop: log-odds.
        mask: steps that exist, the first ones; the last of them should stop.
        weight: of that one.
    """
    last = mask & ~jnp.pad(mask[:, 1:], ((0, 0), (0, 1)))
    entropy = optax.sigmoid_binary_cross_entropy(stop, last.astype(stop.dtype))
    return _mean(jnp.where(last, weight, 1.0) * entropy, mask)


def guided_attention_loss(
    alignment: Float[Array, "batch steps n"],
    step_mask: Bool[Array, "batch steps"],
    token_mask: Bool[Array, "batch n"],
    sigma: float = SIGMA,
) -> Float[Array, " batch"]:
    """Mean weight of a step times how far from the diagonal it lies: 1 - exp(-(n / N - t / T)^2 / (2 sigma^2)).

    Args:
        alignment: weights.
        step_mask: steps that exist; T is their number, not that of frames.
        token_mask: tokens that exist, N of them.
        sigma: width of the diagonal.

    Reference: Tachibana et al., "Efficiently Trainable Text-to-Speech System Based on Deep Convolutional Networks with
        Guided Attention", 2018, section 4.1, which takes the mean over tokens too, so that long strings count less.
    """
    token, step = (_shares(mask) for mask in (token_mask, step_mask))
    far = 1 - jnp.exp(-jnp.square(token[:, None] - step[:, :, None]) / (2 * sigma**2))
    return _mean(jnp.where(token_mask[:, None], alignment * far, 0.0).sum(axis=-1), step_mask)


def duration_attention_loss(
    alignment: Float[Array, "batch steps n"],
    tokens_of_steps: Int[Array, "batch steps"],
    step_mask: Bool[Array, "batch steps"],
    reach: int = REACH,
) -> Float[Array, " batch"]:
    """Mean of -log of the weight at the true token and its neighbors.

    Recordings of units come with the durations of these, so that nothing has to be guessed as by
    `guided_attention_loss`.

    Args:
        alignment: weights.
        tokens_of_steps: number of the token that each step belongs to, see `avnet.synthesizers.tacotron2.alignment`.
        step_mask: steps that exist.
        reach: neighbors to either side.
    """
    near = jnp.abs(jnp.arange(alignment.shape[2]) - tokens_of_steps[..., None]) <= reach
    weight = jnp.where(near, alignment, 0.0).sum(axis=-1)
    return _mean(-jnp.log(jnp.maximum(weight, LEAST_WEIGHT)), step_mask)


def _shares(mask: Bool[Array, "batch n"]) -> Float[Array, "batch n"]:
    """How far each of some is through those that exist, from 0."""
    return jnp.arange(mask.shape[1]) / jnp.maximum(mask.sum(axis=1, keepdims=True), 1)


def _mean(values: Float[Array, "batch n"], mask: Bool[Array, "batch n"]) -> Float[Array, " batch"]:
    return jnp.where(mask, values, 0.0).sum(axis=1) / jnp.maximum(mask.sum(axis=1), 1)

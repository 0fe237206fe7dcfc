"""The loss of a WaveNet-VQ: how badly speech is said again, and how far vectors lie from their codes."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from avnet.units.wavenet_vq.config import FRAMES_PER_CODE, DecoderKind
from avnet.units.wavenet_vq.decoder import Beside
from avnet.units.wavenet_vq.frame_decoder import FrameDecoder
from avnet.units.wavenet_vq.jitter import jitter
from avnet.units.wavenet_vq.network import WaveNetVQ
from train.engine.task import Figures, Objective
from train.wavenet_vq.placement import Placed

# Of the commitment, as published: van den Oord et al., 2017, section 3.2.
COMMITMENT = 0.25


def beside_of(batch: Any) -> Beside:
    """What a decoder is told, of a batch of `crops`."""
    samples = batch["samples"].reshape(len(batch["samples"]), -1) if "samples" in batch else None
    return Beside(batch.get("pitch"), samples, batch["speaker"])


def _frame_distance(model: WaveNetVQ, said: Array, batch: Any) -> Array:
    """Mean distance of standardized bands: blurs less than the mean of squares."""
    assert isinstance(model.decoder, FrameDecoder)
    return jnp.abs(said - model.decoder.standard(batch["mel"])).mean(axis=-1)


def _bits(model: WaveNetVQ, logits: Array, batch: Any) -> Array:
    """Mean bits a sample, of each frame."""
    samples = batch["samples"]
    nats = optax.softmax_cross_entropy_with_integer_labels(logits, samples.reshape(len(samples), -1))
    return nats.reshape(samples.shape).mean(axis=-1) / np.log(2)


# How badly each decoder says each frame: [batch, frames].
DISTANCES: dict[DecoderKind, Callable[[Any, Array, Any], Array]] = {"frames": _frame_distance, "wavenet": _bits}


def reconstruction(model: WaveNetVQ, codes: Float[Array, "batch steps features"], batch: Any) -> Float[Array, " batch"]:
    """How badly codes say each recording: mean distance of standardized bands, or bits a sample.

    Args:
        model: with the decoder.
        codes: of each step.
        batch: of `crops`.
    """
    steps = -(-batch["frames"] // FRAMES_PER_CODE)
    distance = DISTANCES[model.config.decoder.kind](model, model.decoder(codes, steps, beside_of(batch)), batch)
    exists = jnp.arange(distance.shape[1]) < batch["frames"][:, None]
    return jnp.where(exists, distance, 0.0).sum(axis=1) / jnp.maximum(batch["frames"], 1)


def _features(placed: Placed, batch: Any, key: Key[Array, ""]) -> tuple[Array, Array]:
    """How badly each recording is said, and how far its vectors lie from their codes."""
    model = placed.model
    x, steps = model.vectors(batch["cepstra"], batch["frames"])
    codes, commitment = placed.quantize(x, jnp.arange(x.shape[1]) < steps[:, None])
    distance = reconstruction(model, jitter(codes, steps, model.config.jitter, key), batch)
    # One number for the batch, given to each example: features can then be joined from parts.
    return distance, jnp.broadcast_to(commitment, distance.shape)


def _loss(placed: Placed, features: tuple[Array, Array], batch: Any) -> tuple[Float[Array, ""], Figures]:
    distance, commitment = (part.mean() for part in features)
    return distance + COMMITMENT * commitment, {"reconstruction": distance, "commitment": commitment}


OBJECTIVE = Objective(_features, _loss)

"""The loss of a WaveGlow: how unlikely it finds the samples of recordings."""

from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key

from avnet.synthesizers.waveglow.network import WaveGlowNetwork
from train.engine.step import warmup_cosine
from train.engine.task import Figures, Objective


def negative_log_likelihood(
    z: Float[Array, "batch groups channels"], log_det: Float[Array, " batch"], sigma: float
) -> Float[Array, " batch"]:
    """In nats a sample, without the constant log(sigma sqrt(2 pi)): below zero, since samples are small numbers.

    Args:
        z: noise that samples are made of.
        log_det: of the derivative of noise by samples.
        sigma: deviation of the noise.

    Reference: Prenger et al., "WaveGlow", 2018, equation 12.
    """
    return (jnp.square(z).sum(axis=(1, 2)) / (2 * sigma**2) - log_det) / (z.shape[1] * z.shape[2])


def _features(model: WaveGlowNetwork, batch: Any, key: Key[Array, ""]) -> tuple[Array, Array]:
    return model.forward(batch["waveform"], batch["log_mel"])


def objective_of(sigma: float) -> Objective:
    """The loss for a deviation of the noise."""

    def loss(model: WaveGlowNetwork, features: tuple[Array, Array], batch: Any) -> tuple[Float[Array, ""], Figures]:
        value = negative_log_likelihood(*features, sigma).mean()
        return value, {"loss": value, "noise": jnp.square(features[0]).mean() / sigma**2}

    return Objective(_features, loss)


def optimizer_of(learning_rate: float, steps: int) -> optax.GradientTransformation:
    """Adam of a clipped gradient, with a warm-up: single updates have thrown long runs off."""
    schedule = warmup_cosine(learning_rate, min(100, max(1, steps // 10)), steps)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))

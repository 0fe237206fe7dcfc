"""The loss of a vocoder, and of the discriminator that is trained along and against it."""

from typing import Any

import jax
import optax
from flax import nnx
from jaxtyping import Array, Float, Key

from avnet.synthesizers.losses import (
    discriminator_loss,
    duration_loss,
    feature_loss,
    generator_loss,
    mel_loss,
    stft_loss,
)
from avnet.synthesizers.vocos import Vocos
from train.engine.step import warmup_cosine
from train.engine.task import Figures, Objective
from train.vocoder.discriminator import Discriminator

# As published.
MEL_WEIGHT = 45.0
# Not published: without a discriminator this alone asks for fine structure, so that it weighs as much.
STFT_WEIGHT = 45.0
BETAS = (0.8, 0.99)


class Adversaries(nnx.Module):
    """A vocoder and, where it is trained against one, a discriminator."""

    def __init__(self, vocoder: Vocos, judge: Discriminator | None):
        self.vocoder, self.judge = vocoder, judge


def _features(model: Adversaries, batch: Any, key: Key[Array, ""]) -> tuple[Array, Array]:
    """The waveforms that are made, and the durations that are predicted, as logarithms."""
    waveform = model.vocoder(batch["units"], batch["mask"])
    return waveform, model.vocoder.log_durations(batch["string"], batch["counts"])


def _loss(model: Adversaries, features: tuple[Array, Array], batch: Any) -> tuple[Float[Array, ""], Figures]:
    """What the vocoder minimizes, and what its discriminator does; neither changes the other's parameters."""
    (waveform, log_durations), real = features, batch["waveform"]
    figures = {
        "mel": mel_loss(waveform, real).mean(),
        "stft": stft_loss(waveform, real).mean(),
        "duration": duration_loss(log_durations, batch["frames"], batch["counts"]).mean(),
    }
    loss = MEL_WEIGHT * figures["mel"] + STFT_WEIGHT * figures["stft"] + figures["duration"]
    if model.judge is None:
        return loss, {"loss": loss, **figures}
    graph, params = nnx.split(model.judge)
    # Two losses in one pass: the vocoder's terms must not move the judge, and the judge's not the vocoder.
    fixed_judge = nnx.merge(graph, jax.lax.stop_gradient(params))
    ours, theirs = fixed_judge(waveform), fixed_judge(real)
    figures["generator"] = generator_loss(ours.answers)
    figures["features"] = feature_loss(theirs.features, ours.features)
    loss = loss + figures["generator"] + figures["features"]
    opinions = model.judge(real).answers, model.judge(jax.lax.stop_gradient(waveform)).answers
    figures["discriminator"] = discriminator_loss(*opinions)
    return loss + figures["discriminator"], {"loss": loss, **figures}


OBJECTIVE = Objective(_features, _loss)


def optimizer_of(learning_rate: float, steps: int) -> optax.GradientTransformation:
    """AdamW with a warm-up; it treats each parameter alone, so that one serves both networks."""
    return optax.adamw(warmup_cosine(learning_rate, min(100, max(1, steps // 10)), steps), *BETAS)

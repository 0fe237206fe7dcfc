"""The loss of a frame model: how far its frames and durations are from those of recordings."""

from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key

from avnet.synthesizers.frame_model.network import FrameModel
from avnet.synthesizers.losses import duration_loss
from train.engine.step import warmup_cosine
from train.engine.task import Figures, Objective

# A unit of 10 ms more or less is a small thing beside its sound.
DURATION_WEIGHT = 0.2


def _features(model: FrameModel, batch: Any, key: Key[Array, ""]) -> tuple[Array, Array, Array]:
    """Standardized frames, what they should be, and durations as logarithms."""
    frames = batch["mask"].shape[1]
    said = model(batch["units"], batch["durations"], frames)
    return said, model.standard(batch["columns"]), model.log_durations(batch["units"], batch["durations"] > 0)


def _loss(model: FrameModel, features: tuple[Array, Array, Array], batch: Any) -> tuple[Float[Array, ""], Figures]:
    """Mean distance of standardized columns: the median of what recordings have, which blurs less than their mean."""
    said, true, log_durations = features
    distance = jnp.abs(said - true).mean(axis=-1)
    frames = jnp.where(batch["mask"], distance, 0.0).sum() / batch["mask"].sum()
    duration = duration_loss(log_durations, batch["durations"], batch["durations"] > 0).mean()
    loss = frames + DURATION_WEIGHT * duration
    return loss, {"loss": loss, "frames": frames, "duration": duration}


OBJECTIVE = Objective(_features, _loss)


def optimizer_of(learning_rate: float, steps: int) -> optax.GradientTransformation:
    """AdamW of a clipped gradient, with a warm-up."""
    schedule = warmup_cosine(learning_rate, min(200, max(1, steps // 10)), steps)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=1e-4))

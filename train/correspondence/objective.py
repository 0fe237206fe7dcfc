"""The loss of image and sound: of the yes-no answer as published, or of picking one's own among the batch."""

import math
from collections.abc import Callable
from typing import Any

import optax
from jax import random
from jaxtyping import Array, Float, Key

from avnet.audio.spectrogram import log_spectrogram
from avnet.correspondence.contrast import contrast, rows_at_once
from avnet.correspondence.kinds import NetworkName
from avnet.correspondence.losses import correspondence_loss, multiple_instance_loss
from avnet.correspondence.network import Localizer, Network
from data.records.augment import AugmentConfig, augment_images, augment_spectrograms, augment_waveforms
from train.correspondence.config import TrainConfig
from train.engine.step import warmup_cosine
from train.engine.task import Figures, Objective


def objective_of(config: TrainConfig, count: int = 1) -> Objective:
    """Augmentation, towers and loss of a run.

    Args:
        config: resolved.
        count: number of devices that share a batch.
    """
    augment = AugmentConfig.strong() if config.augmentation == "strong" else AugmentConfig.paper()

    def features(model: Network, batch: Any, key: Key[Array, ""]) -> tuple[Array, Array]:
        image_key, gain_key, mask_key = random.split(key, 3)
        images = augment_images(image_key, batch["image"], model.config.image_size, augment)
        # Gain acts on samples, masks on the spectrogram: one augmentation lies before it and one behind.
        waveforms = augment_waveforms(gain_key, batch["waveform"], augment)
        spectrograms = log_spectrogram(waveforms, model.config.spectrogram)
        spectrograms = augment_spectrograms(mask_key, spectrograms, augment)
        return model.encode_images(images), model.encode_sounds(spectrograms)

    def loss(model: Network, features: tuple[Array, Array], batch: Any) -> tuple[Float[Array, ""], Figures]:
        value, accuracy = loss_of(model, *features, batch, count, contrastive=config.loss == "contrastive")
        return value, {"accuracy": accuracy}

    return Objective(features, loss)


def loss_of(
    model: Network, images: Array, sounds: Array, batch: Any, count: int = 1, *, contrastive: bool
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The mean loss of a batch and its accuracy: of the yes-no answer, or of picking the right sound (contrastive).

    Args:
        model: in which both were embedded.
        images: their features.
        sounds: their features.
        batch: the rest of it.
        count: number of devices that share it.
        contrastive: which loss.
    """
    if contrastive:
        rows = rows_at_once(len(images), math.prod(images.shape[1:-1]), count)
        contrasts = contrast(model.score_matrix, images, sounds, batch["video"], rows, count)
        return contrasts.losses.mean(), contrasts.correct.mean()
    losses, correct = ANSWERS[model.config.network](model, images, sounds, batch["label"])
    return losses.mean(), correct.mean()


def by_two_logits(model: Any, images: Array, sounds: Array, labels: Array) -> tuple[Array, Array]:
    """Cross-entropy of each pair, and whether the larger logit is right."""
    logits = model.classify(images, sounds)
    return correspondence_loss(logits, labels), logits.argmax(axis=1) == labels


def by_best_cell(model: Localizer, images: Array, sounds: Array, labels: Array) -> tuple[Array, Array]:
    """The loss of each pair by its best cell alone, and whether that cell is right."""
    response = model.response(images, sounds)
    return multiple_instance_loss(response, labels), (response.max(axis=(1, 2)) > 0) == labels


# How each network learns its yes-no answer: losses [n] and whether it is right [n], for labels [n] of 0 and 1.
ANSWERS: dict[NetworkName, Callable[[Any, Array, Array, Array], tuple[Array, Array]]] = {
    "ave": by_two_logits,
    "avol": by_best_cell,
    "l3": by_two_logits,
}


def optimizer_of(config: TrainConfig, steps_per_epoch: float) -> optax.GradientTransformation:
    """Adam with coupled weight decay and the run's schedule."""
    assert config.learning_rate is not None
    if config.schedule == "paper":
        period = max(1, round(16 * steps_per_epoch))
        schedule = optax.schedules.exponential_decay(config.learning_rate, period, 0.94, staircase=True)
    else:
        # A short run must not spend itself on warming up.
        schedule = warmup_cosine(config.learning_rate, min(100, config.steps // 10), config.steps)
    # Decay comes before Adam and is scaled with the gradient: L2 as in the paper, not AdamW.
    return optax.chain(optax.add_decayed_weights(config.weight_decay), optax.adam(schedule))

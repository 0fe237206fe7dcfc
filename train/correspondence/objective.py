"""The loss of image and sound: of the yes-no answer as published, or of picking one's own among the batch."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import random
from jax.lax import stop_gradient
from jaxtyping import Array, Float, Key

from avnet.audio.spectrogram import log_spectrogram
from avnet.correspondence.contrast import contrast, rows_at_once
from avnet.correspondence.kinds import NetworkName
from avnet.correspondence.losses import correspondence_loss, multiple_instance_loss
from avnet.correspondence.network import LearnedNetwork, Localizer, Network
from avnet.correspondence.towers import TwoTowers
from avnet.correspondence.zero_shot import TEMPERATURE
from data.records.augment import AugmentConfig, augment_images, augment_spectrograms, augment_waveforms
from train.correspondence.backbones import with_backbones
from train.correspondence.config import TrainConfig
from train.engine.step import warmup_cosine
from train.engine.task import Figures, Objective


def objective_of(config: TrainConfig, count: int = 1, teacher: TwoTowers | None = None) -> Objective:
    """Towers and loss of a run.

    Args:
        config: resolved.
        count: number of devices that share a batch.
        teacher: two classifiers as they were before the run; the classes that learned towers give are to stay near
            theirs.
    """
    inputs = inputs_of(config)

    def features(model: LearnedNetwork, batch: Any, key: Key[Array, ""]) -> tuple[Array, Array, Array]:
        drift = jnp.zeros(len(batch["label"]))
        if "grid" in batch:  # what frozen towers gave before
            grids, sounds = batch["grid"].astype(jnp.float32), batch["sound"].astype(jnp.float32)
        else:
            images, spectrograms = inputs(model, batch, key)
            grids, sounds = model.image_grids(images), model.sound_features(spectrograms)
            if teacher is not None:
                before = stop_gradient((teacher.image_grids(images), teacher.sound_features(spectrograms)))
                drift = class_drift(model, (grids, sounds), teacher, before)
        if model.config.on_known_towers and not config.backbone_learning_rate:
            grids, sounds = stop_gradient((grids, sounds))
        if model.config.on_known_towers:
            grids, sounds = drop_features(key, grids, sounds, config.feature_dropout)
        return model.project_images(grids), model.project_sounds(sounds), drift

    def loss(model: Network, features: tuple[Array, Array, Array], batch: Any) -> tuple[Float[Array, ""], Figures]:
        images, sounds, drift = features
        value, accuracy = loss_of(model, images, sounds, batch, count, contrastive=config.loss == "contrastive")
        if teacher is None:
            return value, {"accuracy": accuracy}
        return value + config.names_weight * drift.mean(), {"accuracy": accuracy, "drift": drift.mean()}

    return Objective(features, loss)


def class_drift(
    model: TwoTowers, features: tuple[Array, Array], teacher: TwoTowers, before: tuple[Array, Array]
) -> Float[Array, "batch"]:
    """How far the classes that a network gives are from its teacher's: divergence of image and of sound, in nats.

    Of an image the mean over its cells, at the temperature of `zero_shot`; of a sound the sum over classes, each of
    which is audible or not.

    Reference: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2014, section 2.
    """
    grids, vectors = features
    own = jax.nn.log_softmax(model.vision.classify(grids) / TEMPERATURE)
    targets = jax.nn.log_softmax(teacher.vision.classify(before[0]) / TEMPERATURE)
    of_image = optax.losses.kl_divergence_with_log_targets(own, targets).mean(axis=(1, 2))
    logits, goals = model.audio_logits(vectors), teacher.audio_logits(before[1])
    probability = jax.nn.sigmoid(goals)
    # Less its smallest value, that of the teacher itself: zero means equal.
    entropy = optax.losses.sigmoid_binary_cross_entropy(goals, probability)
    of_sound = (optax.losses.sigmoid_binary_cross_entropy(logits, probability) - entropy).sum(axis=-1)
    return of_image + of_sound


def drop_features(key: Key[Array, ""], grids: Array, sounds: Array, rate: float) -> tuple[Array, Array]:
    """Leaves out features of backbones, of each image and of each sound others, the same in all cells.

    A few thousand pairs are learned by heart through a thousand features of each within minutes.

    Reference: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014, section 4.
    """

    def drop(key: Key[Array, ""], x: Array) -> Array:
        shape = (len(x), *[1] * (x.ndim - 2), x.shape[-1])
        return jnp.where(random.bernoulli(key, 1 - rate, shape), x / (1 - rate), 0.0)

    image_key, sound_key = random.split(random.fold_in(key, 1))
    return drop(image_key, grids), drop(sound_key, sounds)


def inputs_of(config: TrainConfig) -> Callable[[Network, Any, Key[Array, ""]], tuple[Array, Array]]:
    """Augmentation of a run: network, batch and key to images in [0, 1] and log spectrograms."""
    augment = AugmentConfig.strong() if config.augmentation == "strong" else AugmentConfig.paper()

    def inputs(model: Network, batch: Any, key: Key[Array, ""]) -> tuple[Array, Array]:
        image_key, gain_key, mask_key = random.split(key, 3)
        sizes = model.config
        images = augment_images(image_key, batch["image"], sizes.image_size, augment, sizes.flow_fields)
        # Gain acts on samples, masks on the spectrogram: one augmentation lies before it and one behind.
        waveforms = augment_waveforms(gain_key, batch["waveform"], augment)
        spectrograms = log_spectrogram(waveforms, model.config.spectrogram)
        return images, augment_spectrograms(mask_key, spectrograms, augment)

    return inputs


def towers_of(config: TrainConfig) -> Callable[[Network, Any, Key[Array, ""]], tuple[Array, Array]]:
    """Augmentation and towers of a run: network, batch and key to grids of features and vectors of sounds."""
    inputs = inputs_of(config)

    def towers(model: Network, batch: Any, key: Key[Array, ""]) -> tuple[Array, Array]:
        images, spectrograms = inputs(model, batch, key)
        return model.image_grids(images), model.sound_features(spectrograms)

    return towers


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
    "joint": by_two_logits,
}


def optimizer_of(
    config: TrainConfig, steps_per_epoch: float, on_known_towers: bool = False
) -> optax.GradientTransformation:
    """Adam with coupled weight decay and the run's schedule; backbones have a learning rate of their own.

    Args:
        config: resolved.
        steps_per_epoch: steps in which every segment comes once.
        on_known_towers: whether the towers are backbones.
    """
    assert config.learning_rate is not None

    def adam(learning_rate: float) -> optax.GradientTransformation:
        if config.schedule == "paper":
            period = max(1, round(16 * steps_per_epoch))
            return optax.adam(optax.schedules.exponential_decay(learning_rate, period, 0.94, staircase=True))
        # A short run must not spend itself on warming up.
        return optax.adam(warmup_cosine(learning_rate, min(100, config.steps // 10), config.steps))

    # Decay comes before Adam and is scaled with the gradient: L2 as in the paper, not AdamW.
    layers = optax.chain(optax.add_decayed_weights(config.weight_decay), adam(config.learning_rate))
    if not on_known_towers:
        return layers
    # No decay for backbones: where they have no gradient, Adam would make whole steps of it.
    return with_backbones(layers, adam(config.backbone_learning_rate) if config.backbone_learning_rate else None)

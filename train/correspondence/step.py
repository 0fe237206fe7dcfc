"""One update: loss, gradients, Adam. Pure and jitted; no I/O."""

import math
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float, Key

from avnet.audio.spectrogram import log_spectrogram
from avnet.correspondence.contrast import contrast, rows_at_once
from avnet.correspondence.losses import correspondence_loss, multiple_instance_loss
from avnet.correspondence.network import AVOLNet, Network
from data.records.augment import augment_images, augment_spectrograms, augment_waveforms, to_float
from train.correspondence.config import TrainConfig
from train.engine.accumulation import gradient_of
from train.engine.devices import Devices

Batch = dict[str, Any]
Metrics = dict[str, Float[Array, ""]]


class TrainState(NamedTuple):
    """All that an update changes."""

    params: nnx.State
    stats: nnx.State
    optimizer: optax.OptState


class Program(NamedTuple):
    """The jitted functions of a run and what they close over."""

    eval_graph: nnx.GraphDef
    train_step: Any
    encode: Any
    score_matrix: Any


def create(
    config: TrainConfig, network: Network, steps_per_epoch: float, devices: Devices | None = None
) -> tuple[TrainState, Program]:
    """The state before the first step, and the program that changes it.

    Args:
        config: resolved.
        network: fresh.
        steps_per_epoch: for the paper's schedule.
        devices: over which batches are split; one by default.
    """
    count, whole = (devices.count, devices.whole) if devices else (1, None)
    optimizer = make_optimizer(config, steps_per_epoch)
    network.train()
    for tower in network.vision, network.audio:
        tower.compute(jnp.dtype(config.compute), remat=config.remat)
    train_graph, params, stats = nnx.split(network, nnx.Param, ...)
    network.eval()
    for tower in network.vision, network.audio:
        tower.compute(None)
    eval_graph, _, _ = nnx.split(network, nnx.Param, ...)
    front, size, augment = network.config.spectrogram, network.config.image_size, config.augment

    def encode_part(params: nnx.State, stats: nnx.State, batch: Batch, key: Key[Array, ""]):
        model = nnx.merge(train_graph, params, stats, copy=True)
        image_key, gain_key, mask_key = jax.random.split(key, 3)
        images = augment_images(image_key, batch["image"], size, augment)
        spectrograms = log_spectrogram(augment_waveforms(gain_key, batch["waveform"], augment), front)
        spectrograms = augment_spectrograms(mask_key, spectrograms, augment)
        encoded = model.encode_images(images), model.encode_sounds(spectrograms)
        return encoded, nnx.split(model, nnx.Param, ...)[2]

    def judge(params: nnx.State, stats: nnx.State, encoded: tuple[Array, Array], batch: Batch):
        model = nnx.merge(train_graph, params, stats, copy=True)
        return objective(model, *encoded, batch, count, contrastive=config.loss == "contrastive")

    gradient = gradient_of(encode_part, judge, config.accumulate)

    def train_step(state: TrainState, batch: Batch, step: Array) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(jax.random.key(config.seed), step)
        (loss, (stats, accuracy)), grads = gradient(state.params, state.stats, batch, key)
        updates, optimizer_state = optimizer.update(grads, state.optimizer, state.params)
        params = cast(nnx.State, optax.apply_updates(state.params, updates))
        metrics = {"loss": loss, "accuracy": accuracy, "gradient_norm": optax.tree.norm(grads)}
        return TrainState(params, stats, optimizer_state), metrics

    def encode(state: TrainState, images, waveforms):
        model = nnx.merge(eval_graph, state.params, state.stats)
        spectrograms = log_spectrogram(to_float(waveforms), front)
        return model.encode_images(images.astype(jnp.float32) / 255.0), model.encode_sounds(spectrograms)

    def score_matrix(state: TrainState, images, sounds):
        return nnx.merge(eval_graph, state.params, state.stats).score_matrix(images, sounds)

    step = jax.jit(train_step, donate_argnums=0, out_shardings=whole)
    program = Program(eval_graph, step, jax.jit(encode), jax.jit(score_matrix))
    return TrainState(params, stats, optimizer.init(params)), program


def objective(
    model: Network, seen: Array, heard: Array, batch: Batch, count: int = 1, *, contrastive: bool
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The mean loss of a batch and its accuracy: of the yes-no answer, or of picking the right sound (contrastive).

    Args:
        model: in which both were encoded.
        seen: pictures, encoded.
        heard: sounds, encoded.
        batch: the rest of it.
        count: of devices that share it.
        contrastive: which loss.
    """
    if contrastive:
        rows = rows_at_once(len(seen), math.prod(seen.shape[1:-1]), count)
        found = contrast(model.score_matrix, seen, heard, batch["video"], rows, count)
        return found.losses.mean(), found.correct.mean()
    labels = batch["label"]
    if isinstance(model, AVOLNet):
        response = model.response(seen, heard)
        return multiple_instance_loss(response, labels).mean(), ((response.max(axis=(1, 2)) > 0) == labels).mean()
    logits = model.classify(seen, heard)
    return correspondence_loss(logits, labels).mean(), (logits.argmax(axis=1) == labels).mean()


def make_optimizer(config: TrainConfig, steps_per_epoch: float) -> optax.GradientTransformation:
    """Adam with coupled weight decay and the run's schedule."""
    assert config.learning_rate is not None
    if config.schedule == "paper":
        period = max(1, round(16 * steps_per_epoch))
        schedule = optax.schedules.exponential_decay(config.learning_rate, period, 0.94, staircase=True)
    else:
        warmup = min(100, config.steps // 10)
        schedule = optax.schedules.warmup_cosine_decay_schedule(0.0, config.learning_rate, warmup, config.steps)
    return optax.chain(optax.add_decayed_weights(config.weight_decay), optax.adam(schedule))

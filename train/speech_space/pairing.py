"""The network of the space in training, and where it begins."""

from dataclasses import replace
from typing import Any, cast

import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import random
from jaxtyping import Array, Float, Key

from avnet.backbones.backbone import Backbone
from avnet.backbones.config import BackboneConfig
from avnet.backbones.network import ImageNetwork, build_network
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.image_tower import open_backbone
from avnet.correspondence.losses import contrastive_loss
from avnet.errors import TrainingError
from avnet.nn.quantizer import Codebook
from avnet.speech_space.network import SpaceConfig, SpaceNetwork, log_mel, padded_pcm
from avnet.speech_space.space import SpeechSpace
from avnet.speech_space.tower import SpeechTowerConfig
from data.records.augment import AugmentConfig, augment_spectrograms
from data.spoken.corpus import SpokenCorpus
from train.engine.step import warmup_cosine
from train.engine.task import Figures, Objective
from train.speech_space.config import SpeechConfig

MASKS = AugmentConfig(frequency_mask=0.15, time_mask=0.1)


class Pairing(nnx.Module):
    """The space and, where it is trained along, the image tower below it."""

    def __init__(self, space: SpaceNetwork, tower: ImageNetwork | None):
        self.space, self.tower = space, tower

    def embed_images(self, images: Array, rngs: nnx.Rngs) -> Array:
        """Embeddings of images, uint8, or of their pooled features."""
        if self.tower is None:
            return self.space.embed_grids(images[:, None, None, :], rngs)
        return self.space.embed_grids(self.tower(images.astype(jnp.float32) / 255.0), rngs)


def _features(model: Pairing, batch: Any, key: Key[Array, ""]) -> tuple[Array, Array, Array]:
    """Embeddings of images and of recordings, and for each of these the commitment of the quantizer."""
    mask_key, dropout_key = random.split(key)
    spectrograms = augment_spectrograms(mask_key, log_mel(batch["pcm"]).swapaxes(1, 2)[..., None], MASKS)
    speech, tower = model.space.embed_speech(spectrograms[..., 0].swapaxes(1, 2), batch["frames"])
    images = model.embed_images(batch["images"], nnx.Rngs(dropout=dropout_key))
    # One number for the batch, given to each example: features can then be joined from parts.
    return images, speech, jnp.broadcast_to(tower.commitment, (len(speech),))


def _loss(model: Pairing, features: tuple[Array, Array, Array], batch: Any) -> tuple[Float[Array, ""], Figures]:
    """Each image against all recordings of the batch and the reverse, and the commitment."""
    images, speech, commitment = features
    scores = model.space.score_matrix(images, speech)
    accuracy = (scores.argmax(axis=1) == jnp.arange(len(scores))).mean()
    contrast = contrastive_loss(scores, jnp.eye(len(scores), dtype=bool)).mean()
    return contrast + commitment.mean(), {"accuracy": accuracy, "commitment": commitment.mean()}


OBJECTIVE = Objective(_features, _loss)


def optimizer_of(config: SpeechConfig) -> optax.GradientTransformation:
    """AdamW with a warm-up over a twentieth of the steps."""
    schedule = warmup_cosine(config.learning_rate, max(1, config.steps // 20), config.steps)
    return optax.adamw(schedule, weight_decay=1e-4)


def image_tower(config: SpeechConfig, warm: SpeechSpace | None) -> tuple[Backbone, bool]:
    """The image tower at the beginning, and whether it is trained along."""
    if config.image is not None:
        return open_backbone(config.image), config.tune_image
    if warm is not None:
        return warm.image_tower, config.tune_image
    sizes = ModelConfig.preset("ave", config.preset)
    fresh = BackboneConfig.tower(sizes.image_size, sizes.widths)
    return Backbone(fresh, build_network(fresh, rngs=nnx.Rngs(config.seed))), True


def begin(config: SpeechConfig, image: Backbone, corpus: SpokenCorpus, start: SpeechSpace | None) -> SpaceNetwork:
    """The network before the first step: fresh, or another's weights and codes placed among its vectors."""
    tower = SpeechTowerConfig.small() if config.preset == "small" else SpeechTowerConfig.paper()
    fresh = SpaceConfig(image_features=image.features, tower=tower)
    if start is None or config.init_from is None:
        return SpaceNetwork(fresh, rngs=nnx.Rngs(config.seed))
    warm, same = start.network, start.image_tower.fingerprint == image.fingerprint
    # A space fits the features that it was trained on, unless the tower is trained along with it.
    if warm.config.image_features != image.features or not (same or config.tune_image):
        raise TrainingError(config.init_from, "was trained with another image tower")
    if not config.codes:
        return warm
    tower = replace(warm.config.tower, quantized_stages=config.stages, codes=config.codes)
    network = SpaceNetwork(replace(warm.config, tower=tower), rngs=nnx.Rngs(config.seed))
    # All but quantizers, whose numbers are not those of their stages.
    nnx.update(network, nnx.state(warm, nnx.Not(Codebook)))
    place_codes(network, warm, corpus, config)
    return network


def place_codes(network: SpaceNetwork, warm: SpaceNetwork, corpus: SpokenCorpus, config: SpeechConfig) -> None:
    """Codes that are there stay; others begin at the centres of k-means over the vectors that they will stand for.

    One stage after the other, since a quantizer changes what later ones get.
    """
    network.eval()
    for stage in config.stages:
        quantizer, before = network.tower.quantizer(stage), warm.config.tower
        if stage in before.quantized_stages and before.codes == config.codes:
            nnx.update(quantizer, nnx.state(warm.tower.quantizer(stage)))
            continue
        quantizer.codes[...] = jnp.asarray(centers(network, corpus, stage, config), jnp.float32)
        quantizer.counts[...] = jnp.ones(config.codes)


def centers(network: SpaceNetwork, corpus: SpokenCorpus, stage: int, config: SpeechConfig) -> np.ndarray:
    """K-means over the vectors after a stage, [codes, features]."""
    from sklearn.cluster import MiniBatchKMeans

    sample = np.random.default_rng(config.seed).permutation(corpus.recordings_in("train"))[:1024]
    vectors = []
    for part in np.array_split(np.sort(sample), max(1, len(sample) // 64)):
        pcm, frames = padded_pcm([corpus.recordings.pcm(i) for i in part], network.config.limit_s)
        x, steps = network.tower.before_quantizer(log_mel(jnp.asarray(pcm)), jnp.asarray(frames), stage)
        vectors += [row[:n] for row, n in zip(np.asarray(x), np.asarray(steps), strict=True)]
    means: Any = MiniBatchKMeans(config.codes, random_state=config.seed, batch_size=4096, n_init=cast(Any, 1))
    return means.fit(np.concatenate(vectors)).cluster_centers_

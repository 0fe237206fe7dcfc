"""`python -m train show-and-speak`: spectra from images, without units in between, as a baseline."""

from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float, Key

from avnet.backbones.backbone import Backbone
from avnet.captioners.features import ImageFeatures
from avnet.describer.show_and_speak.config import ShowAndSpeakConfig
from avnet.describer.show_and_speak.describer import DirectDescriber
from avnet.describer.show_and_speak.network import ShowAndSpeak, Told
from avnet.describer.show_and_speak.places import image_keys
from avnet.errors import TrainingError
from avnet.program.progress import progress
from avnet.synthesizers.mel.acoustics import HOP, frames_of_mel
from data.spoken.corpus import SpokenCorpus, open_corpus
from data.spoken.strings import digest
from train.captioner.places import moments_of, open_places
from train.engine import loop
from train.engine.card import trained_card
from train.engine.run_folder import MODEL
from train.engine.task import BatchesByStep, Figures, Measure, Objective, Validation
from train.show_and_speak.batches import Recording, Sampling, batch_of, buckets_of, described_images
from train.show_and_speak.config import ShowAndSpeakTrainConfig
from train.show_and_speak.objective import losses_of
from train.show_and_speak.schedules import noam

# Recordings by which spectra are normalized.
MEASURED = 500

LIMITS = (
    "A baseline: expect babble. It learns the rhythm and the sounds of its speaker long before it says words, and what"
    " it says hardly follows the image. Nothing teaches it where to look, and places of an image have no order that"
    " would lead it through a description. It may never stop, and is then cut off. For descriptions there is"
    " `python -m train describer`."
)


def show_and_speak(config: ShowAndSpeakTrainConfig) -> Path:
    """Runs, or resumes, the training.

    Returns:
        The model folder, `config.out / "model"`.

    Raises:
        DataError, ModelFolderError: the corpus or the backbone cannot be used.
        TrainingError, Interruption: there is too little speech, or as in `train.engine.loop.train`.
    """
    config = config.with_defaults()
    return loop.train(config.out, config, lambda _: Showing(config))


class Showing:
    """A Show and Speak of the images of a spoken corpus."""

    title = "Show and Speak"
    measure = Measure("mel_l1", lowest=True)

    def __init__(self, config: ShowAndSpeakTrainConfig):
        self.config = config
        corpus, self.backbone = open_corpus(config.corpus), Backbone.load(config.image)
        self.places = places = open_places(config.regions, corpus, self.backbone)
        sizes = ShowAndSpeakConfig.small if config.preset == "small" else ShowAndSpeakConfig.published
        self.network = network = ShowAndSpeak(sizes(places.features, places.regions), rngs=nnx.Rngs(config.seed))
        longest = network.config.longest
        training = recordings_of(corpus, corpus.recordings_in("train"))
        self.buckets = buckets_of(training, longest)
        # One for each image of validation, never of test: what chooses the model must not measure it.
        validation = corpus.recordings_in("validation")
        first = np.unique(corpus.image_of[validation], return_index=True)[1]
        numbers = validation[first][: config.validation_images]
        self.held_out = [one for bucket in buckets_of(recordings_of(corpus, numbers), longest) for one in bucket[1]]
        if not self.buckets or not self.held_out:
            reason = f"has no recording of at most {longest * HOP / 16_000:g} s for training, or none for validation"
            raise TrainingError(corpus.folder, reason)
        network.scale.measure(np.concatenate([one.log_mel for one in training[:: -(-len(training) // MEASURED)]]))
        shown = corpus.images_in("train")
        mean, deviation = moments_of(places, shown)
        network.places.scale.mean[...], network.places.scale.deviation[...] = jnp.asarray(mean), jnp.asarray(deviation)
        self.sampling = Sampling(config.scheduled_sampling, config.sampling_epochs, len(shown))
        self.objective = Objective(partial(_told, sampling=config.scheduled_sampling > 0), _loss)
        assert config.warmup is not None
        # Adam, clip and weight decay as published.
        self.optimizer = optax.chain(
            optax.clip_by_global_norm(1.0),
            optax.add_decayed_weights(1e-6),
            optax.adam(noam(config.learning_rate, config.warmup), eps=1e-6),
        )
        self.fingerprints = {"corpus": digest(corpus), "image": self.backbone.fingerprint}

    def batches(self, shard: tuple[int, int]) -> BatchesByStep:
        """Images with a recording each, all of about one length."""
        size, config = self.network.frames_per_step, self.config
        return BatchesByStep(
            lambda step: described_images(
                self.buckets, self.places, size, self.sampling, config.seed, step, config.batch_size
            ),
            shard,
        )

    def validate(self, network: ShowAndSpeak) -> Validation:
        """How images of validation are described: told the true frames before, of their own or another image; alone."""
        batch = batch_of(self.held_out, self.places, network.config.longest, network.frames_per_step)
        features = ImageFeatures(batch["cells"], batch["mask"], batch["boxes"])
        # Another image for each, where there are two: what is the same for any image is not of the image.
        others = features.select(np.roll(np.arange(len(self.held_out)), 1))
        distances = [_distance(network, batch, images, image_keys(features)) for images in (features, others)]
        alone = network.infer(features)
        frames = sum(len(one.log_mel) for one in alone)
        return Validation(
            {
                "mel_l1": float(np.mean(distances[0])),
                "mel_l1_other_images": float(np.mean(distances[1])),
                "stopped": float(np.mean([one.ending == "stop" for one in alone])),
                "length_ratio": frames / sum(len(one.log_mel) for one in self.held_out),
            }
        )

    def write(self, network: ShowAndSpeak, validation: Validation) -> None:
        """Writes the describer with its backbone."""
        count = sum(len(bucket.recordings) for bucket in self.buckets)
        card = trained_card(
            "Show and Speak",
            "Makes mel spectra of images, and speech of these by Griffin-Lim, without units in between.",
            f"Recordings for training: {count}, with their images. No text was read.",
            self.config,
            validation.figures,
            LIMITS,
        )
        describer = DirectDescriber(network, self.backbone, validation=validation.figures)
        describer.save(self.config.out / MODEL, card)


def recordings_of(corpus: SpokenCorpus, numbers: np.ndarray) -> list[Recording]:
    """The spectra of recordings.

    Args:
        corpus: that has them.
        numbers: of the recordings.
    """
    results = []
    for number in progress(numbers.tolist(), "measuring", len(numbers), "recordings"):
        waveform = corpus.recordings[number]
        log_mel = frames_of_mel(waveform, len(waveform) // HOP, 0).astype(np.float16)
        results.append(Recording(int(corpus.image_of[number]), log_mel))
    return results


def _told(network: ShowAndSpeak, batch: Any, key: Key[Array, ""], sampling: bool) -> tuple[Told, Array]:
    """What it says when told the true frames, and these, normalized."""
    true = network.scale(batch["frames"])
    dropout, noise, draw = jax.random.split(key, 3)
    own = None
    if sampling:
        steps = true.shape[1] // network.frames_per_step
        own = jax.random.uniform(draw, (len(true), steps)) < batch["own_share"][:, None]
    images = ImageFeatures(batch["cells"], batch["mask"], batch["boxes"])
    keys, rngs = jax.random.split(noise, len(true)), nnx.Rngs(dropout=dropout)
    return network(images, true, batch["frame_mask"], keys, rngs=rngs, own=own), true


def _loss(network: ShowAndSpeak, features: tuple[Told, Array], batch: Any) -> tuple[Float[Array, ""], Figures]:
    losses = losses_of(*features, batch["frame_mask"], batch["image"])
    figures = {name: values.mean() for name, values in losses.items()}
    return figures["loss"], figures


@nnx.jit
def _distance(network: ShowAndSpeak, batch: Any, images: ImageFeatures, keys: Array) -> Array:
    """Mean distance of log-mel, of each description that is told the true frames before."""
    true, mask = jnp.asarray(batch["frames"]), jnp.asarray(batch["frame_mask"])
    said = network(images, network.scale(true), mask, keys).said
    distance = jnp.abs(network.scale.restore(said.after) - true).mean(axis=-1)
    return jnp.where(mask, distance, 0.0).sum(axis=1) / mask.sum(axis=1)

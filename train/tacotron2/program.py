"""`python -m train tacotron2`: a voice that says speech units by attention, learned from recordings alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float, Key

from avnet.errors import TrainingError
from avnet.synthesizers.tacotron2.alignment import AlignmentFigures, failure_of, measure_alignment, tokens_of_steps
from avnet.synthesizers.tacotron2.config import Tacotron2Config
from avnet.synthesizers.tacotron2.decoder import noise_keys
from avnet.synthesizers.tacotron2.network import Tacotron2
from avnet.synthesizers.tacotron2.spectrum_network import Forced
from avnet.synthesizers.tacotron2.voice import TacotronVoice
from avnet.units.registry import read_any_units
from train.engine import loop
from train.engine.card import trained_card
from train.engine.run_folder import MODEL
from train.engine.step import warmup_cosine
from train.engine.task import BatchesByStep, Figures, Measure, Objective, Validation
from train.frame_model.batches import Example, arrays_of, examples_of
from train.tacotron2.batches import Bucket, batch_of, buckets_of, whole_recordings
from train.tacotron2.config import Tacotron2TrainConfig
from train.tacotron2.objective import Truth, losses_of
from train.units.program import HELD_OUT, recordings_of
from train.units.strings import digest, strings_of


def tacotron2(config: Tacotron2TrainConfig) -> Path:
    """Runs the whole command.

    Returns:
        The folder of the voice, `config.out / "model"`.

    Raises:
        DataError: there are fewer than two recordings that can be read.
        ModelFolderError: the units cannot be read.
        TrainingError, Interruption: there is too little speech, or as in `train.engine.loop.train`.
    """

    def make_task(_) -> Attending:
        units = read_any_units(config.units)
        waveforms = recordings_of(config.recordings, config.seed, config.max_recordings or None)
        examples = examples_of(waveforms, strings_of(units, waveforms), units.frames_per_step, "mel")
        return Attending(config, examples, units.count, units.fingerprint)

    return loop.train(config.out, config, make_task)


class Attending:
    """A Tacotron 2 of the units of recordings."""

    title = "Tacotron 2"
    measure = Measure("mel_l1", lowest=True)

    def __init__(self, config: Tacotron2TrainConfig, examples: Sequence[Example], count: int, units: str):
        """Begins it.

        Args:
            config: the run; its folders of recordings and units are not read.
            examples: the recordings, with log-mel frames.
            count: of units there are.
            units: their fingerprint.

        Raises:
            TrainingError: there is too little speech.
        """
        self.config, self.units = config, units
        training = [one for i, one in enumerate(examples) if i % HELD_OUT]
        self.buckets = buckets_of(training)
        # Every so many, so that all parts of a sorted collection are held out alike.
        self.held_out = buckets_of(examples[::HELD_OUT][: config.validation_recordings])
        if not self.buckets or not self.held_out:
            raise TrainingError(
                "recordings", f"must be at least two with speech, of at most 8.4 s, got {len(examples)}"
            )
        sizes = Tacotron2Config.small(count) if config.preset == "small" else Tacotron2Config.paper(count)
        self.network = Tacotron2(sizes, rngs=nnx.Rngs(config.seed))
        self.network.scale.measure(np.concatenate([one.columns for one in training]))
        self.objective = Objective(_forced, _loss)
        schedule = warmup_cosine(config.learning_rate, min(200, max(1, config.steps // 10)), config.steps)
        # Adam, clip and weight decay as published.
        self.optimizer = optax.chain(
            optax.clip_by_global_norm(1.0), optax.add_decayed_weights(1e-6), optax.adam(schedule, eps=1e-6)
        )
        self.fingerprints = {"recordings": digest(arrays_of(examples)), "units": units}

    def batches(self, shard: tuple[int, int]) -> BatchesByStep:
        """Recordings of about one length."""
        config, size = self.config, self.network.config.frames_per_step
        return BatchesByStep(
            lambda step: whole_recordings(self.buckets, size, config.seed, step, config.batch_size), shard
        )

    def validate(self, network: Tacotron2) -> Validation:
        """How held-out recordings are said: told the frames before, and alone."""
        distances, told = [], []
        for bucket in self.held_out:
            errors, figures = _told(network, bucket)
            distances += errors
            told += figures
        strings = [one.string.units for bucket in self.held_out for one in bucket.examples]
        alone = network.infer(strings)
        measured = [measure_alignment(one.alignment) for one in alone]
        failures = [failure_of(figures, one.ending) for figures, one in zip(measured, alone, strict=True)]
        return Validation(
            {
                "mel_l1": float(np.mean(distances)),
                "token_distance": float(np.mean([figures.distance or 0.0 for figures in told])),
                "diagonal": float(np.mean([figures.diagonal for figures in measured])),
                "monotone": float(np.mean([figures.monotone for figures in measured])),
                "reached": float(np.mean([figures.reached for figures in measured])),
                "stopped": float(np.mean([one.ending == "stop" for one in alone])),
                "failed": float(np.mean([failure is not None for failure in failures])),
            }
        )

    def write(self, network: Tacotron2, validation: Validation) -> None:
        """Writes the voice."""
        card = trained_card(
            "Tacotron 2",
            "Turns speech units into the voice of one speaker by attention, without recordings beside it.",
            f"Recordings for training: {sum(len(bucket.examples) for bucket in self.buckets)}. No text was read.",
            self.config,
            validation.figures,
            "Speaks the units that it was trained on alone, in one voice. Attention can fail; it is checked, and said.",
        )
        TacotronVoice(network).save(self.config.out / MODEL, self.units, card)


def _forced(network: Tacotron2, batch: Any, key: Key[Array, ""]) -> tuple[Forced, Array]:
    """What it says when told the true frames, and these, normalized."""
    true = network.scale(batch["frames"])
    dropout, noise = jax.random.split(key)
    keys = jax.random.split(noise, len(true))
    masks = batch["token_mask"], batch["frame_mask"]
    return network(batch["tokens"], masks[0], true, masks[1], keys, rngs=nnx.Rngs(dropout=dropout)), true


def _loss(network: Tacotron2, features: tuple[Forced, Array], batch: Any) -> tuple[Float[Array, ""], Figures]:
    said, true = features
    truth = Truth(true, batch["frame_mask"], batch["token_mask"], batch["tokens_of_steps"])
    figures = {name: values.mean() for name, values in losses_of(said, truth).items()}
    return figures["loss"], figures


def _told(network: Tacotron2, bucket: Bucket) -> tuple[list[float], list[AlignmentFigures]]:
    """Of recordings said with the true frames before: mean log-mel distances, and what attention did."""
    size = network.config.frames_per_step
    batch = batch_of(bucket.examples, bucket.frames, size)
    said, alignment = _say(network, batch, noise_keys([one.string.units for one in bucket.examples]))
    said, alignment = np.asarray(said), np.asarray(alignment)
    distances, figures = [], []
    for row, one in enumerate(bucket.examples):
        true_tokens = tokens_of_steps(one.string.durations, size)
        weights = alignment[row, : len(true_tokens), : len(one.string.units)]
        distances.append(float(np.abs(said[row, : len(one.columns)] - one.columns).mean()))
        figures.append(measure_alignment(weights, true_tokens))
    return distances, figures


@nnx.jit
def _say(network: Tacotron2, batch: Any, keys: Key[Array, " batch"]) -> tuple[Array, Array]:
    true = network.scale(jnp.asarray(batch["frames"]))
    said = network(batch["tokens"], batch["token_mask"], true, batch["frame_mask"], keys)
    return network.scale.restore(said.after), said.alignment

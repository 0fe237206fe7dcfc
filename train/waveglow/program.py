"""`python -m train waveglow`: a vocoder of mel spectra, learned from recordings alone."""

from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from avnet.errors import TrainingError
from avnet.synthesizers.waveglow.config import WaveGlowConfig
from avnet.synthesizers.waveglow.network import WaveGlowNetwork
from avnet.synthesizers.waveglow.vocoder import WaveGlow
from train.engine import loop
from train.engine.card import trained_card
from train.engine.run_folder import MODEL
from train.engine.task import BatchesByStep, Measure, Validation
from train.units.program import HELD_OUT, recordings_of
from train.units.strings import digest
from train.vocoder.batches import mel_distance
from train.waveglow.batches import Example, crops, examples_of
from train.waveglow.config import WaveGlowTrainConfig
from train.waveglow.objective import negative_log_likelihood, objective_of, optimizer_of

# Batches of held-out crops whose likelihood is measured.
VALIDATION_BATCHES = 4


def waveglow(config: WaveGlowTrainConfig) -> Path:
    """Runs the whole command.

    Returns:
        The folder of the network, `config.out / "model"`.

    Raises:
        DataError: there are fewer than two recordings that can be read.
        TrainingError, Interruption: there is too little speech, or as in `train.engine.loop.train`.
    """

    def make_task(_) -> Flow:
        waveforms = recordings_of(config.recordings, config.seed, config.max_recordings or None)
        sizes = WaveGlowConfig.small() if config.preset == "small" else WaveGlowConfig.published()
        return Flow(config, sizes, examples_of(waveforms, config.frames))

    return loop.train(config.out, config, make_task)


class Flow:
    """A WaveGlow of recordings."""

    title = "waveglow"
    measure = Measure("nll", lowest=True)

    def __init__(self, config: WaveGlowTrainConfig, sizes: WaveGlowConfig, examples: Sequence[Example]):
        """Begins it.

        Args:
            config: the run; its folder of recordings is not read.
            sizes: of the network.
            examples: the recordings.

        Raises:
            TrainingError: there is too little speech.
        """
        self.config = config
        self.training = [one for i, one in enumerate(examples) if i % HELD_OUT]
        # Every so many, so that all parts of a sorted collection are held out alike.
        self.held_out = examples[::HELD_OUT]
        if not self.training:
            reason = f"must be at least two with {config.crop_s:g} s of sound, got {len(examples)}"
            raise TrainingError("recordings", reason)
        self.network = WaveGlowNetwork(sizes, rngs=nnx.Rngs(config.seed))
        self.network.standard.measure(np.concatenate([one.log_mel for one in self.training]))
        self.objective = objective_of(config.sigma)
        self.optimizer = optimizer_of(config.learning_rate, config.steps)
        self.fingerprints = {"recordings": digest(one.waveform for one in examples)}

    def batches(self, shard: tuple[int, int]) -> BatchesByStep:
        """Crops with their spectra."""
        return BatchesByStep(lambda step: self._crops(self.training, step), shard)

    def validate(self, network: WaveGlowNetwork) -> Validation:
        """How likely crops of held-out recordings are, and how near these are synthesized from their spectra."""
        likelihoods = []
        for step in range(VALIDATION_BATCHES):
            batch = self._crops(self.held_out, step)
            log_mel, waveform = (jnp.asarray(batch[name]) for name in ("log_mel", "waveform"))
            likelihoods.append(np.asarray(_likelihood(network, waveform, log_mel, self.config.sigma)).mean())
        vocoder = WaveGlow(network)
        copied = self.held_out[: self.config.validation_recordings]
        distances = [mel_distance(vocoder.waveform(one.log_mel), one.waveform) for one in copied]
        return Validation({"nll": float(np.mean(likelihoods)), "mel_l1": float(np.mean(distances))})

    def write(self, network: WaveGlowNetwork, validation: Validation) -> None:
        """Writes the network."""
        card = trained_card(
            "WaveGlow",
            "Turns log-mel spectra of 80 bands every 10 ms into speech at 16 kHz.",
            f"Recordings for training: {len(self.training)}. No text was read.",
            self.config,
            validation.figures,
            "Of other speakers and rooms than those of its recordings it makes worse speech.",
        )
        WaveGlow(network).save(self.config.out / MODEL, card)

    def _crops(self, corpus: Sequence[Example], step: int) -> dict[str, np.ndarray]:
        config = self.config
        return crops(corpus, config.seed, step, config.batch_size, config.frames)


@nnx.jit
def _likelihood(network: WaveGlowNetwork, waveform: Array, log_mel: Array, sigma: float) -> Array:
    return negative_log_likelihood(*network.forward(waveform, log_mel), sigma)

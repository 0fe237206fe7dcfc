"""`python -m train vocoder`: a voice that says speech units, learned from recordings alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from flax import nnx

from avnet.errors import TrainingError
from avnet.synthesizers.mel.acoustics import measure_acoustics
from avnet.synthesizers.vocos import Vocos, VocosConfig
from avnet.units.registry import read_any_units
from avnet.units.strings import UnitString
from train.engine import loop
from train.engine.card import trained_card
from train.engine.run_folder import MODEL
from train.engine.task import BatchesByStep, Measure, Validation
from train.units.program import HELD_OUT, recordings_of
from train.units.strings import digest, strings_of
from train.vocoder.batches import assess, crops, utterances_of
from train.vocoder.config import VocoderTrainConfig
from train.vocoder.discriminator import Discriminator
from train.vocoder.objective import OBJECTIVE, Adversaries, optimizer_of

TABLE = "table"


def vocoder(config: VocoderTrainConfig) -> Path:
    """Runs the whole command.

    Returns:
        The vocoder folder, `config.out / "model"`.

    Raises:
        DataError: there are fewer than two recordings that can be read.
        ModelFolderError: the units cannot be read.
        TrainingError, Interruption: there is too little speech, or as in `train.engine.loop.train`.
    """

    def make_task(_) -> Voice:
        units = read_any_units(config.units)
        waveforms = recordings_of(config.recordings, config.seed)
        strings = strings_of(units, waveforms)
        return Voice(config, waveforms, strings, units.count, units.frames_per_step, units.fingerprint)

    return loop.train(config.out, config, make_task)


class Voice:
    """A vocoder of the units of recordings; also measures the table of Griffin-Lim."""

    title = "vocoder"
    measure = Measure("mel_l1", lowest=True)
    objective = OBJECTIVE

    def __init__(
        self,
        config: VocoderTrainConfig,
        waveforms: Sequence[np.ndarray],
        strings: Sequence[UnitString],
        count: int,
        frames_per_step: int,
        units: str,
    ):
        """Begins it.

        Args:
            config: the run; its folders of recordings and units are not read.
            waveforms: mono in [-1, 1] at 16 kHz.
            strings: of the recordings, in the same order.
            count: of units there are.
            frames_per_step: frames of 10 ms for which one unit was chosen.
            units: their fingerprint.

        Raises:
            TrainingError: there is too little speech.
        """
        self.config, self.count, self.frames_per_step, self.units = config, count, frames_per_step, units
        self.waveforms, self.strings = waveforms, strings
        utterances = utterances_of(waveforms, strings, frames_per_step)
        self.training = [one for i, one in enumerate(utterances) if i % HELD_OUT]
        # Every so many, so that all parts of a sorted collection are held out alike.
        self.held_out = utterances[::HELD_OUT][: config.validation_recordings]
        if not self.training:
            raise TrainingError("recordings", f"must be at least two with speech, got {len(utterances)}")
        sizes = VocosConfig.small(count) if config.preset == "small" else VocosConfig.paper(count)
        judge = Discriminator(rngs=nnx.Rngs(config.seed)) if config.adversarial else None
        self.network = Adversaries(Vocos(sizes, rngs=nnx.Rngs(config.seed)), judge)
        self.optimizer = optimizer_of(config.learning_rate, config.steps)
        self.fingerprints = {
            "recordings": digest(
                array for one in utterances for array in (one.waveform, one.string.units, one.string.durations)
            ),
            "units": units,
        }

    def batches(self, shard: tuple[int, int]) -> BatchesByStep:
        """Stretches of speech with their units."""
        config = self.config
        return BatchesByStep(
            lambda step: crops(self.training, config.seed, step, config.batch_size, config.frames), shard
        )

    def validate(self, network: Adversaries) -> Validation:
        """How near held-out recordings are said again."""
        return Validation(assess(network.vocoder, self.held_out))

    def write(self, network: Adversaries, validation: Validation) -> None:
        """Writes the vocoder, and the table, which is the same for every state."""
        out = self.config.out
        # It comes from recordings and units alone.
        if not (out / TABLE).exists():
            table = measure_acoustics(self.waveforms, self.strings, self.count, self.frames_per_step)
            table.save(out / TABLE, self.units)
        card = trained_card(
            "Vocoder",
            "Turns speech units into the voice of one speaker.",
            f"Recordings for training: {len(self.training)}. No text was read.",
            self.config,
            validation.figures,
            "Speaks the units that it was trained on alone, in one voice.",
        )
        network.vocoder.save(out / MODEL, self.units, card)

"""`python -m train voice`: a voice that says speech units without a corpus, learned from recordings alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from flax import nnx

from avnet.errors import TrainingError
from avnet.synthesizers.frame_model.config import FrameModelConfig
from avnet.synthesizers.frame_model.network import FrameModel
from avnet.synthesizers.frame_model.voice import FrameVoice
from avnet.units.registry import read_any_units
from train.engine import loop
from train.engine.card import trained_card
from train.engine.run_folder import MODEL
from train.engine.task import BatchesByStep, Measure, Validation
from train.frame_model.batches import Example, arrays_of, examples_of, stretches
from train.frame_model.config import VoiceTrainConfig
from train.frame_model.objective import OBJECTIVE, optimizer_of
from train.units.program import HELD_OUT, recordings_of
from train.units.strings import digest, strings_of


def voice(config: VoiceTrainConfig) -> Path:
    """Runs the whole command.

    Returns:
        The folder of the voice, `config.out / "model"`.

    Raises:
        DataError: there are fewer than two recordings that can be read.
        ModelFolderError: the units cannot be read.
        TrainingError, Interruption: there is too little speech, or as in `train.engine.loop.train`.
    """

    def make_task(_) -> Speaking:
        units = read_any_units(config.units)
        waveforms = recordings_of(config.recordings, config.seed, config.max_recordings or None)
        strings = strings_of(units, waveforms)
        examples = examples_of(waveforms, strings, units.frames_per_step, config.parameters)
        return Speaking(config, examples, units.count, units.fingerprint)

    return loop.train(config.out, config, make_task)


class Speaking:
    """A frame model of the units of recordings."""

    title = "voice"
    measure = Measure("frames", lowest=True)
    objective = OBJECTIVE

    def __init__(self, config: VoiceTrainConfig, examples: Sequence[Example], count: int, units: str):
        """Begins it.

        Args:
            config: the run; its folders of recordings and units are not read.
            examples: the recordings.
            count: of units there are.
            units: their fingerprint.

        Raises:
            TrainingError: there is too little speech.
        """
        self.config, self.units = config, units
        self.training = [one for i, one in enumerate(examples) if i % HELD_OUT]
        # Every so many, so that all parts of a sorted collection are held out alike.
        self.held_out = examples[::HELD_OUT][: config.validation_recordings]
        if not self.training:
            raise TrainingError("recordings", f"must be at least two with speech, got {len(examples)}")
        sizes = FrameModelConfig(count, config.parameters, width=config.width)
        self.network = FrameModel(sizes, rngs=nnx.Rngs(config.seed))
        self.network.standard.measure(np.concatenate([one.columns for one in self.training]))
        self.optimizer = optimizer_of(config.learning_rate, config.steps)
        self.fingerprints = {"recordings": digest(arrays_of(examples)), "units": units}

    def batches(self, shard: tuple[int, int]) -> BatchesByStep:
        """Stretches of strings with their frames."""
        config = self.config
        return BatchesByStep(
            lambda step: stretches(self.training, config.parameters, config.seed, step, config.batch_size), shard
        )

    def validate(self, network: FrameModel) -> Validation:
        """How near the frames of held-out recordings are said again, with their own durations, and how near these."""
        speaker, distances, factors = FrameVoice(network), [], []
        for one in self.held_out:
            said = speaker.frames(one.string.units, one.string.durations)
            deviation = np.asarray(network.standard.deviation[...])
            distances.append(float(np.abs((said - one.columns) / deviation).mean()))
            # As logarithms, twice as long and half as long are equally wrong.
            factors.append(np.abs(np.log(speaker.durations(one.string.units) / one.string.durations)))
        wrong = float(np.exp(np.concatenate(factors).mean()) - 1)
        return Validation({"frames": float(np.mean(distances)), "duration_error": wrong})

    def write(self, network: FrameModel, validation: Validation) -> None:
        """Writes the voice."""
        card = trained_card(
            "Voice",
            "Turns speech units into the voice of one speaker, without recordings beside it.",
            f"Recordings for training: {len(self.training)}. No text was read.",
            self.config,
            validation.figures,
            "Speaks the units that it was trained on alone, in one voice.",
        )
        FrameVoice(network).save(self.config.out / MODEL, self.units, card)

"""`python -m train wavenet-vq`: speech units from which speech can be said again, learned from recordings alone."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx
from jaxtyping import Array

from avnet.errors import TrainingError
from avnet.media import write_wav
from avnet.units.wavenet_vq.config import FRAMES_PER_CODE
from avnet.units.wavenet_vq.network import WaveNetVQ
from avnet.units.wavenet_vq.units import WaveNetVQUnits
from eval.metrics.phonetic import entropy
from eval.spoken.segmentation import unit_statistics
from train.engine import loop
from train.engine.card import trained_card
from train.engine.run_folder import MODEL
from train.engine.task import BatchesByStep, Measure, Validation
from train.frame_model.objective import optimizer_of
from train.units.program import HELD_OUT, recordings_of, speakers_of
from train.units.strings import digest
from train.wavenet_vq.batches import Example, crops, examples_of
from train.wavenet_vq.config import WaveNetVQTrainConfig
from train.wavenet_vq.objective import OBJECTIVE, reconstruction
from train.wavenet_vq.placement import Placed
from train.wavenet_vq.rate import penalty_for
from train.wavenet_vq.resynthesis import said_again

# Batches of crops that are said again in a validation, and recordings with which the cost of changes is chosen.
BATCHES, CHOOSING = 4, 32
# A part of a held-out recording, said again.
SAID = "said.wav"


def wavenet_vq(config: WaveNetVQTrainConfig) -> Path:
    """Runs the whole command.

    Returns:
        The folder of the units, `config.out / "model"`.

    Raises:
        DataError: there are fewer than two recordings that can be read.
        TrainingError, Interruption: there is too little speech, or as in `train.engine.loop.train`.
    """

    def make_task(_) -> Coding:
        most = config.max_recordings or None
        waveforms = recordings_of(config.recordings, config.seed, most)
        names = speakers_of(config.recordings, config.seed, most)
        known = sorted(set(names))
        speakers = [known.index(name) for name in names] if len(known) > 1 else [0] * len(waveforms)
        examples = examples_of(waveforms, speakers, config.sizes(0).decoder)
        return Coding(config, examples, len(known) if len(known) > 1 else 0)

    return loop.train(config.out, config, make_task)


class Coding:
    """A WaveNet-VQ of recordings."""

    title = "units"
    measure = Measure("reconstruction", lowest=True)
    objective = OBJECTIVE

    def __init__(self, config: WaveNetVQTrainConfig, examples: Sequence[Example], speakers: int):
        """Begins it.

        Args:
            config: the run; its folder of recordings is not read.
            examples: the recordings.
            speakers: that the decoder tells apart; 0 is for one.

        Raises:
            TrainingError: there is too little speech.
        """
        self.config = config
        self.training = [one for i, one in enumerate(examples) if i % HELD_OUT]
        # Every so many, so that all parts of a sorted collection are held out alike.
        self.held_out = examples[::HELD_OUT][: config.validation_recordings]
        steps = sum(len(one.cepstra) for one in self.training) // FRAMES_PER_CODE
        if steps < config.codes:
            raise TrainingError("recordings", f"have {steps} steps of 20 ms, fewer than {config.codes} units")
        model = WaveNetVQ(config.sizes(speakers), rngs=nnx.Rngs(config.seed))
        model.standard.measure(np.concatenate([one.cepstra for one in self.training]))
        for name, standard in model.decoder.scales.items():
            standard.measure(np.concatenate([one.said[name] for one in self.training]))
        vectors = config.batch_size // config.accumulate * config.frames // FRAMES_PER_CODE
        self.network = Placed(model, config.place_after * config.accumulate, vectors)
        self.optimizer = optimizer_of(config.learning_rate, config.steps)
        self.fingerprints = {"recordings": digest(_arrays_of(examples))}

    def batches(self, shard: tuple[int, int]) -> BatchesByStep:
        """Crops of recordings."""
        config = self.config
        return BatchesByStep(
            lambda step: crops(self.training, config.seed, step, config.batch_size, config.frames), shard
        )

    def validate(self, network: Placed) -> Validation:
        """How badly crops of held-out recordings are said again, and how their units divide them."""
        config, model = self.config, network.model
        rows = [
            float(_distance(model, crops(self.held_out, config.seed, step, config.batch_size, config.frames)))
            for step in range(BATCHES)
        ]
        penalty = self._penalty(WaveNetVQUnits(model))
        units = WaveNetVQUnits(model, penalty)
        strings = [units.strings([one.cepstra])[0] for one in self.held_out]
        costs = [units.costs([one.cepstra])[0, : -(-len(one.cepstra) // FRAMES_PER_CODE)] for one in self.held_out]
        nearest = np.bincount(np.concatenate(costs).argmin(axis=-1))
        statistics = unit_statistics(strings, units.count)
        figures = {
            "reconstruction": float(np.mean(rows)),
            "perplexity": 2.0 ** entropy(nearest),
            "units_a_second": statistics["units a second"],
            "bits_a_second": statistics["bits a second"],
        }
        return Validation(figures, penalty)

    def write(self, network: Placed, validation: Validation) -> None:
        """Writes the units, with the decoder that they were learned with, and how that sounds."""
        card = trained_card(
            "WaveNet-VQ",
            "Turns speech into units from which it can be said again.",
            f"Recordings for training: {len(self.training)}. No text was read.",
            self.config,
            validation.figures,
            "Knows the sounds of its recordings alone.",
        )
        WaveNetVQUnits(network.model, validation.evidence).save(self.config.out / MODEL, card, validation.figures)
        write_wav(self.config.out / SAID, *said_again(network.model, self.held_out[0]))

    def _penalty(self, units: WaveNetVQUnits) -> float:
        """What a change of unit shall cost."""
        if not self.config.units_a_second:
            return 0.0
        chosen = [one.cepstra for one in self.training[:CHOOSING]]
        frames = np.array([len(one) for one in chosen])
        changes = self.config.units_a_second * float(frames.sum()) / 100
        return penalty_for(units.costs(chosen), -(-frames // FRAMES_PER_CODE), changes)


@nnx.jit
def _distance(model: WaveNetVQ, batch: Mapping[str, Any]) -> Array:
    codes, _ = model.coded(batch["cepstra"], batch["frames"])
    return reconstruction(model, codes, batch).mean()


def _arrays_of(examples: Sequence[Example]) -> Iterator[np.ndarray]:
    for one in examples:
        yield from (one.cepstra, *one.said.values(), np.array(one.speaker))

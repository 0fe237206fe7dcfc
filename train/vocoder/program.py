"""`python -m train vocoder`: a voice that says speech units, learned from recordings alone."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from flax import nnx

from avnet.audio.pcm import SPEECH_RATE
from avnet.config import PresetName
from avnet.errors import ConfigError, TrainingError
from avnet.program.progress import progress
from avnet.synthesizers.acoustics import HOP, measure_acoustics, write_acoustics
from avnet.synthesizers.vocos import Vocos, VocosConfig
from avnet.synthesizers.vocos_folder import write_vocoder
from avnet.units.registry import read_any_units
from avnet.units.strings import UnitString
from train.engine.fit import Fit
from train.engine.run_folder import refuse_foreign
from train.units.program import HELD_OUT, recordings_of
from train.vocoder.batches import Said, assess, crops, said_by
from train.vocoder.step import VocoderState, create

# The longest window of the losses and of the discriminators, seconds.
SHORTEST_CROP = 2048 / SPEECH_RATE
MODEL, TABLE = "model", "table"
BATCH = 16


@dataclass(frozen=True)
class VocoderTrainConfig:
    """Learn a voice that says speech units, from recordings of one speaker; no text is read.

    Every tenth recording is held out; the model kept says these best. OUT/table is what Griffin-Lim says them with. The
    same command again resumes a run.

    Example: python -m train vocoder recordings --units units --out runs/voice
    """

    recordings: Annotated[Path, tyro.conf.Positional]
    """Spoken corpus, or any folder: it is searched for sound and video files."""
    units: Path
    """Folder of `python -m train units`, or a space with grounded units."""
    out: Path
    """Folder of the run. The vocoder lands in OUT/model."""
    preset: PresetName = "small"
    """small (CPU) or paper (the published backbone)."""
    steps: int = 4000
    """Updates in all."""
    batch_size: int = 16
    """Stretches of speech in a step."""
    crop_s: float = 0.64
    """Their length, seconds; rounded to 10 ms."""
    learning_rate: float = 1e-3
    """Of AdamW, after a warm-up; down to zero at the last step."""
    adversarial: bool = False
    """Also train against a discriminator of spectrograms: a clearer voice, several times the work."""
    seed: int = 0
    """Fixes weights and order."""
    validate_every: int = 200
    """Steps between validations."""
    validation_recordings: int = 32
    """Held-out recordings that are said, at most."""

    def __post_init__(self):
        for name in ("steps", "batch_size", "validate_every", "validation_recordings"):
            if getattr(self, name) < 1:
                raise ConfigError(f"--{name.replace('_', '-')}", f"wants at least 1, got {getattr(self, name)}")
        if not SHORTEST_CROP <= self.crop_s <= 30:
            raise ConfigError("--crop-s", f"wants {SHORTEST_CROP} to 30 seconds, got {self.crop_s}")
        if not 0 < self.learning_rate < 1 or self.seed < 0:
            raise ConfigError("--learning-rate, --seed", "want between 0 and 1, and at least 0")

    @property
    def frames(self) -> int:
        """Of a stretch."""
        return round(self.crop_s * SPEECH_RATE / HOP)

    def model(self, units: int) -> VocosConfig:
        """The network to train."""
        return VocosConfig.small(units) if self.preset == "small" else VocosConfig.paper(units)


def vocoder(config: VocoderTrainConfig) -> Path:
    """Runs the whole command.

    Returns:
        The vocoder folder, `config.out / "model"`.

    Raises:
        DataError: there are fewer than two recordings that can be read.
        ModelFolderError: the units cannot be read.
        TrainingError, Stopped: as `fit_vocoder`.
    """
    refuse_foreign(config.out)
    units = read_any_units(config.units)
    waveforms = recordings_of(config.recordings, config.seed)
    starts = range(0, len(waveforms), BATCH)
    strings = []
    for start in progress(starts, "encoding", len(starts), "batches"):
        strings += units.encode_all(waveforms[start : start + BATCH])
    return fit_vocoder(config, waveforms, strings, units.count, units.frames_per_step, units.fingerprint)


def fit_vocoder(
    config: VocoderTrainConfig,
    waveforms: Sequence[np.ndarray],
    strings: Sequence[UnitString],
    count: int,
    frames_per_step: int = 1,
    fingerprint: str = "",
) -> Path:
    """Runs, or resumes, the training, whatever kind the units are of; also measures the table of Griffin-Lim.

    Args:
        config: the run; its folders of recordings and units are not read.
        waveforms: mono in [-1, 1] at 16 kHz.
        strings: of the recordings, in the same order.
        count: of units there are.
        frames_per_step: frames of 10 ms for which one unit was chosen.
        fingerprint: of the units, so that what learned on others is refused; empty where they are of no folder.

    Raises:
        TrainingError, Stopped: there is too little speech, or as in `train.engine.fit.Fit.run`.
    """
    said = said_by(waveforms, strings, frames_per_step)
    learned = [one for i, one in enumerate(said) if i % HELD_OUT]
    held_out = said[::HELD_OUT][: config.validation_recordings]
    if not learned:
        raise TrainingError("recordings", f"want at least two with speech, got {len(said)}")
    network = Vocos(config.model(count), rngs=nnx.Rngs(config.seed))
    state, program = create(
        network, config.learning_rate, config.steps, adversarial=config.adversarial, seed=config.seed
    )

    def validate(state: VocoderState) -> dict[str, float]:
        return assess(nnx.merge(program.graph, state.params, copy=True), held_out)

    def keep(state: VocoderState, row: dict[str, float]) -> None:
        write_vocoder(config.out / MODEL, nnx.merge(program.graph, state.params, copy=True), fingerprint)

    def batch_at(step: int) -> dict[str, np.ndarray]:
        return crops(learned, config.seed, step, config.batch_size, config.frames)

    plan = {k: v for k, v in asdict(config).items() if k not in ("out", "recordings", "units")}
    fit = Fit(
        config.out,
        {**plan, "recordings": digest(said), "units": count},
        config.steps,
        config.validate_every,
        "mel_l1",
        lowest=True,
    )
    fit.run(state, lambda state, batch, _: program.train_step(state, batch), batch_at, validate, keep)
    write_acoustics(config.out / TABLE, measure_acoustics(waveforms, strings, count, frames_per_step), fingerprint)
    return config.out / MODEL


def digest(said: Sequence[Said]) -> str:
    """The fingerprint of recordings and strings, hexadecimal."""
    content = hashlib.sha256()
    for one in said:
        for array in (one.waveform, one.string.units, one.string.durations):
            content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()

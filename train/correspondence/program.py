"""`python -m train ave|avol|l3|joint`: images and sounds that belong together, learned from videos alone."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from flax import nnx

from avnet.correspondence.model import Model
from avnet.correspondence.network import JointNet, Network, build
from avnet.errors import DataError
from avnet.files.kinds import AUDIO_BACKBONE, BACKBONE
from avnet.files.weights import fingerprint_in_memory
from data.corpus.collection import records_of
from data.records.loader import BatchIterator, load_batches
from data.records.moments import check_frames
from data.records.pairs import PairConfig, canvas_of
from data.records.records import fingerprint, open_split
from data.records.segment import SegmentSource
from train.correspondence.backbones import load_backbones, network_config
from train.correspondence.card import model_card
from train.correspondence.config import TrainConfig
from train.correspondence.features import Features, features_of
from train.correspondence.objective import objective_of, optimizer_of, towers_of
from train.correspondence.validation import best_agreements, read_validation, score_all, summarize
from train.correspondence.warm_start import start_from
from train.engine import loop
from train.engine.calibration import fit_calibration, fit_weights
from train.engine.checkpoint import has_checkpoint
from train.engine.devices import Devices
from train.engine.loop import AfterStep
from train.engine.run_folder import MODEL
from train.engine.task import BatchesByStep, Measure, Validation

# In the folder of a run, where it was given videos.
RECORDS = "records"
# In the folder of a run on frozen backbones.
FEATURES = "features"


def train(config: TrainConfig, after_step: AfterStep | None = None) -> Path:
    """Runs, or resumes, a training run.

    Args:
        config: the run.
        after_step: as in `train.engine.loop.train`.

    Returns:
        The model folder, `config.out / "model"`: the best state on validation.

    Raises:
        DataError: the records cannot be used.
        TrainingError, Interruption: as in `train.engine.loop.train`.
    """
    config = config.with_defaults()
    beside = (RECORDS, FEATURES)
    return loop.train(config.out, config, lambda devices: Correspondence(config, devices), after_step, beside)


def train_and_print(config: TrainConfig) -> None:
    """As `train`, and prints the model folder."""
    print(train(config))


class Correspondence:
    """AVE-Net, AVOL-Net, L3-Net or a joint network on the records of a corpus."""

    measure = Measure("auc")

    def __init__(self, config: TrainConfig, devices: Devices):
        self.title = config.network
        self.network = build(network_config(config), rngs=nnx.Rngs(config.seed))
        sizes = self.network.config
        # Several processes would prepare the same videos at once, into one folder.
        alone = devices.shard[1] == 1
        moment, canvas = sizes.moment, canvas_of(sizes.image_size)
        fps = None if moment.is_image else 1 / moment.apart_s
        data = records_of(config.data, config.out / RECORDS if alone else None, canvas, fps)
        self.config = config = replace(config, data=data)
        self.source = open_split(data, "train", sizes.spectrogram.sample_rate)
        check_videos(data, self.source)
        check_frames(self.source, moment, data)
        self.held_out = read_validation(data, sizes, config.validation_pairs)
        self.optimizer = optimizer_of(config, len(self.source) / config.batch_size, sizes.on_known_towers)
        # In a resumed run too: features that were computed before are those of these towers.
        load_backbones(self.network, config)
        # Kept apart: the run's own change.
        teacher = nnx.clone(self.network) if sizes.kind.named and config.backbone_learning_rate else None
        if teacher is not None:
            teacher.eval()
        self.objective = objective_of(config, devices.count, teacher)
        # A run that is resumed has its weights from the checkpoint, and needs the other model no longer.
        resumed = has_checkpoint(config.out / "checkpoints")
        if config.init_from is not None and not resumed:
            start_from(self.network, config.init_from, self.held_out)

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """The records count, not where they lie."""
        return {"data": fingerprint(self.config.data)}

    def batches(self, shard: tuple[int, int]) -> BatchIterator | BatchesByStep:
        """Pairs drawn anew in every epoch, or of frozen towers the features of draws that were made once."""
        config, sizes = self.config, self.network.config
        # The contrastive loss finds its negatives within the batch.
        negatives = 0.0 if config.loss == "contrastive" else 0.5
        pairs = PairConfig(
            sizes.clip_samples,
            canvas=canvas_of(sizes.image_size),
            misalignment_s=config.misalignment_s,
            negatives=negatives,
            snap=config.snap_negatives,
            moment=sizes.moment,
        )
        # Several processes would compute the same, into one folder.
        if sizes.on_known_towers and not config.backbone_learning_rate and config.feature_draws and shard[1] == 1:
            features = self._features(replace(pairs, negatives=0.0))
            return features.batches(config.batch_size, config.seed, negatives, shard)
        return load_batches(self.source, pairs, config.batch_size, config.seed, threads=config.threads, shard=shard)

    def _features(self, pairs: PairConfig) -> Features:
        config, sizes = self.config, self.network.config
        assert sizes.vision is not None and sizes.audio is not None
        plan = {
            **self.fingerprints,
            "vision": fingerprint_in_memory(BACKBONE, sizes.vision.to_dict(), self.network.vision),
            "audio": fingerprint_in_memory(AUDIO_BACKBONE, sizes.audio.to_dict(), self.network.audio),
            "pairs": asdict(pairs),
            "augmentation": config.augmentation,
            "draws": config.feature_draws,
            "seed": config.seed,
        }
        self.network.eval()
        return features_of(config.out / FEATURES, self.source, pairs, self.network, towers_of(config), plan)

    def validate(self, network: Network) -> Validation:
        """How well the scores of all pairings of the validation list tell matching from mismatched pairs."""
        scores = score_all(network, self.held_out)
        return Validation(summarize(scores, self.held_out.same_video), scores)

    def write(self, network: Network, validation: Validation) -> None:
        """Writes the model folder, calibrated, with its card."""
        scores: np.ndarray = validation.evidence
        slope, shift = fit_calibration(scores, self.held_out.same_video)
        network.rescale(slope, shift)
        if isinstance(network, JointNet):
            (agreement, evidence), cell_shift = fit_weights(
                best_agreements(network, self.held_out), self.held_out.same_video
            )
            network.rescale_cells(agreement, evidence, cell_shift)
        # The card tells of the probabilities that users get: after calibration.
        figures = summarize(slope * scores + shift, self.held_out.same_video)
        card = model_card(self.config, network.config, {"step": validation.figures["step"], **figures}, len(scores))
        Model(network.config, network).save(self.config.out / MODEL, card)


def check_videos(data: Path, source: SegmentSource) -> None:
    """Refuses a training split of a single video: nothing in it is mismatched.

    Raises:
        DataError: says what to do.
    """
    first = source[0].video
    if all(source[i].video == first for i in range(1, len(source))):
        reason = (
            "has a single video to train on, and a mismatched pair needs two; give a folder of three or more videos"
        )
        raise DataError(data, f"{reason} as --data")

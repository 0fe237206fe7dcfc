"""Training networks on backbones that see several frames of a moment."""

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from random_networks import random_audio_backbone, random_backbone, random_network
from spoken.tiny_corpus import SAMPLE_RATE, make_segment, write_corpus

from avnet.audio.config import SpectrogramConfig
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.config import BackboneConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import AvnetError, ConfigError, DataError
from avnet.moments.moment import Moment
from data.records.jpeg import encode_jpeg
from data.records.moments import check_frames
from data.records.pairs import PairConfig, canvas_of, draw_pair
from data.records.records import open_split
from data.records.segment import Segment
from train.convert.config import ZeroShotConfig
from train.correspondence.backbones import network_config
from train.correspondence.card import model_card
from train.correspondence.config import TrainConfig
from train.correspondence.features import BATCH, features_of
from train.correspondence.objective import inputs_of, towers_of
from train.correspondence.program import train

FRONT = SpectrogramConfig(sample_rate=8_000, win_length=256, hop_length=128, n_fft=256, n_mels=16, f_max=4_000.0)
VISION = BackboneConfig.tower(32, (3, 4, 5, 6))
SINGLE = ModelConfig.on_backbones("ave", VISION, AudioBackboneConfig.yamnet(), embedding_size=4)
SHORT = {"steps": 1, "batch_size": 4, "validate_every": 1, "validation_pairs": 4, "feature_draws": 1}


def changing(name: str, number: int) -> Segment:
    """A segment of six frames that differ, four a second."""
    rng = np.random.default_rng(number)
    frames = [encode_jpeg(np.full((48, 48, 3), colour, np.uint8), 95) for colour in rng.integers(0, 256, (6, 3))]
    apart = SAMPLE_RATE // 4
    return replace(make_segment(name, number), frames=frames, frame_at=np.arange(6) * apart)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Records, and a model of one frame on backbones."""
    folder = tmp_path_factory.mktemp("frames")
    write_corpus(folder / "records", 4, 4, changing)
    Model(SINGLE, random_network(SINGLE)).save(folder / "single")
    return folder


def config_of(place: Path, **options) -> TrainConfig:
    options = {**SHORT, "init_from": place / "single", **options}
    return TrainConfig("ave", place / "records", place / "run", **options)


def test_features_are_means_over_the_frames_that_training_sees(place, tmp_path):
    sizes = ModelConfig(image_size=32, widths=(2, 2, 2, 2), spectrogram=FRONT, vision=VISION, frames=2)
    network = random_network(sizes)
    network.eval()
    config, plan = config_of(place).with_defaults(), {"draws": 1, "seed": 5}
    source = open_split(place / "records", "train", FRONT.sample_rate)
    pairs = PairConfig(sizes.clip_samples, canvas_of(32), negatives=0.0, moment=sizes.moment)
    features = features_of(tmp_path, source, pairs, network, towers_of(config), plan)

    # The same by hand, as training without features does it; draws are made for a whole batch at once.
    drawn = [draw_pair(source, i, np.random.default_rng([5, 0, i]), pairs) for i in range(len(source))]
    drawn += [drawn[0]] * (BATCH - len(drawn))
    batch = {name: jnp.stack([getattr(pair, name) for pair in drawn]) for name in ("image", "waveform")}
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(5), 0), 0)
    images = nnx.jit(lambda model, batch, key: inputs_of(config)(model, batch, key)[0])(network, batch, key)
    images = images[: len(source)]
    assert np.abs(images[..., :3] - images[..., 3:]).max() > 0.1
    both = nnx.jit(lambda tower, x: tower(x))(network.vision, jnp.concatenate([images[..., :3], images[..., 3:]]))
    grids = (both[: len(source)] + both[len(source) :]) / 2
    np.testing.assert_allclose(features.grids[0][0], grids, rtol=2e-3, atol=1e-3 * float(jnp.abs(grids).max()))


@pytest.mark.slow
def test_a_model_of_one_frame_becomes_one_of_several(place):
    model = Model.load(train(config_of(place, frames=2)))
    assert model.config == replace(SINGLE, frames=2)
    single = Model.load(place / "single").network
    jax.tree.map(np.testing.assert_array_equal, nnx.state(model.network.vision), nnx.state(single.vision))


def test_frames_are_those_that_are_asked_for_or_those_of_the_model_to_start_from(place, tmp_path):
    several = replace(SINGLE, frames=3)
    Model(several, random_network(several)).save(tmp_path / "several")
    for options, frames in (({}, 3), ({"frames": 1}, 1), ({"frames": 5}, 5)):
        assert network_config(config_of(place, **{"init_from": tmp_path / "several", **options})).frames == frames
    random_backbone("tower", 32, VISION.widths).save(tmp_path / "vision")
    random_audio_backbone().save(tmp_path / "audio")
    on_backbones = {"init_from": None, "vision": tmp_path / "vision", "audio": tmp_path / "audio"}
    assert network_config(config_of(place, **on_backbones)).frames == 1
    assert network_config(config_of(place, **on_backbones, frames=5)).frames == 5


def test_records_with_too_few_frames_are_refused(place):
    source = open_split(place / "records", "train")
    check_frames(source, Moment(frames=5), "records")
    with pytest.raises(DataError, match=r"sees frames at 8 a second; prepare it with --fps 8"):
        check_frames(source, Moment(frames=8), "records")


def test_frames_that_no_network_sees_are_refused(place, tmp_path):
    for frames in (0, 26):
        with pytest.raises(AvnetError, match=f"--frames: must be from 1 to 25, got {frames}"):
            config_of(place, frames=frames)
        with pytest.raises(ConfigError, match=f"--frames: must be from 1 to 25, got {frames}"):
            ZeroShotConfig(tmp_path, tmp_path, tmp_path / "model", frames=frames)
    with pytest.raises(ConfigError, match=r"--frames: needs --vision and --audio, .* take --preset small-frames"):
        config_of(place, frames=5, init_from=None)
    with pytest.raises(ConfigError, match="--preset: cannot be small-frames on backbones; use --frames"):
        network_config(config_of(place, preset="small-frames"))
    papers = replace(ModelConfig.small("ave"), widths=(2, 2, 2, 2))
    Model(papers, random_network(papers)).save(tmp_path / "papers")
    with pytest.raises(ConfigError, match="--frames: needs --vision and --audio"):
        network_config(config_of(place, frames=5, init_from=tmp_path / "papers"))


def test_the_card_says_how_many_frames_are_seen(place):
    figures = {"step": 1, "avc": 0.5, "auc": 0.5, "recall_at_1": 0.25}
    card = model_card(config_of(place).with_defaults(), replace(SINGLE, frames=5), figures, 4)
    assert "# AVE-Net (on tower and yamnet, mean of 5 frames)" in card

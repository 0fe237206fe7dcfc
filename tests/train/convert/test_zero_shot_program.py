import jax
import numpy as np
import pytest
from flax import nnx
from random_networks import randomize

import avnet
from avnet.backbones.audio.backbone import AudioBackbone
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.audio.network import abstract_audio
from avnet.backbones.backbone import Backbone
from avnet.backbones.config import BackboneConfig
from avnet.backbones.network import abstract
from avnet.correspondence.heatmaps.refinement import Refinement
from avnet.correspondence.model import Model
from avnet.correspondence.zero_shot import SHIFT, SLOPE
from avnet.errors import ConfigError, ModelFolderError
from avnet.names.groups import GROUPS
from train.convert.config import ZeroShotConfig
from train.convert.zero_shot import join, zero_shot
from train.correspondence.card import zero_shot_card

VISION = BackboneConfig("mobilenetv2", 64, classes=1000)
AUDIO = AudioBackboneConfig.yamnet()


@pytest.fixture(scope="module")
def backbones():
    return (
        Backbone(VISION, randomize(abstract(VISION))),
        AudioBackbone(AUDIO, randomize(abstract_audio(AUDIO))),
    )


def test_program_writes_a_model_of_both_backbones(backbones, tmp_path, capsys):
    vision, audio = backbones
    vision.save(tmp_path / "vision")
    audio.save(tmp_path / "audio")
    fingerprint = zero_shot(ZeroShotConfig(tmp_path / "vision", tmp_path / "audio", tmp_path / "model"))
    assert "model (Zero-shot" in capsys.readouterr().out
    assert "joined by a table of names" in (tmp_path / "model" / "README.md").read_text()
    model = avnet.load(tmp_path / "model")
    assert model.fingerprint == fingerprint and model.config.network == "zero-shot"
    network = model.network
    assert (float(network.scale), float(network.shift)) == pytest.approx((SLOPE, SHIFT))
    for ours, theirs in ((network.vision, vision.network), (network.audio, audio.network)):
        jax.tree.map(np.testing.assert_array_equal, nnx.state(ours), nnx.state(theirs))


def test_cells_and_sounds_have_a_probability_for_each_group(backbones):
    network = join(*backbones)
    images, sound = jax.ShapeDtypeStruct((2, 64, 96, 3), np.float32), network.config.spectrogram
    frames = sound.frames(network.config.clip_samples)
    spectrograms = jax.ShapeDtypeStruct((2, sound.bins, frames, 1), np.float32)
    grids = nnx.eval_shape(lambda net, x: net.encode_images(x), network, images)
    vectors = nnx.eval_shape(lambda net, x: net.encode_sounds(x), network, spectrograms)
    assert (grids.shape, vectors.shape) == ((2, 2, 3, len(GROUPS)), (2, len(GROUPS)))


def test_two_classifiers_see_several_frames(backbones):
    network = join(*backbones, frames=5)
    moments = jax.ShapeDtypeStruct((2, 64, 96, 15), np.float32)
    assert nnx.eval_shape(lambda net, x: net.encode_images(x), network, moments).shape == (2, 2, 3, len(GROUPS))
    assert "the mean of 5 frames is seen" in zero_shot_card(network.config, "real video")
    assert "frames" not in zero_shot_card(join(*backbones).config, "real video")


def test_a_folder_that_is_no_backbone_or_has_no_classifier_is_refused(backbones, tmp_path):
    _, audio = backbones
    audio.save(tmp_path / "audio")
    with pytest.raises(ModelFolderError, match="is an audio backbone, not a backbone"):
        zero_shot(ZeroShotConfig(tmp_path / "audio", tmp_path / "audio", tmp_path / "model"))
    without = BackboneConfig.mobilenetv2(64)
    with pytest.raises(ConfigError, match="zero-shot: takes two backbones that keep their classifiers"):
        join(Backbone(without, abstract(without)), audio)
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_heatmaps_of_a_whole_model(backbones):
    network = join(*backbones)
    model = Model(network.config, network)
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    waveform = np.random.default_rng(1).normal(0, 0.1, (1, network.config.clip_samples)).astype(np.float32)
    ((plain,), (fine,)) = (model.heatmaps([image], waveform, Refinement(fine=fine)) for fine in (False, True))
    assert (plain.shape, fine.shape) == ((2, 3), (4, 6))
    assert plain.min() >= 0 and fine.max() <= 1
    (named,) = model.class_heatmaps([image], waveform, Refinement(fine=False))
    np.testing.assert_allclose(named.heatmap, plain, atol=1e-6)
    # Several groups' evidence together is more than that of one.
    assert named.by_class and all((grid <= plain + 1e-5).all() for grid in named.by_class.values())
    assert list(named.probabilities) == list(named.by_class) and min(named.probabilities.values()) >= 0.1
    assert model.correspondence([image], waveform).shape == (1,)
    (names,) = model.audible_classes(waveform)
    assert len(names) == 3 and list(names.values()) == sorted(names.values(), reverse=True)

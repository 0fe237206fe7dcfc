import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from media.forged import forge_arrays, forge_config
from random_networks import random_audio_backbone

import avnet
from avnet.apps.info import info
from avnet.audio.spectrogram import log_spectrogram
from avnet.backbones.audio.backbone import BATCH, AudioBackbone
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.backbone import Backbone
from avnet.errors import ConfigError, ModelFolderError

PATCH, HOP = 15_600, 7_680


@pytest.fixture(scope="module")
def backbone():
    return random_audio_backbone()


def waveforms(count=2, samples=48_000):
    return np.random.default_rng(0).normal(scale=0.1, size=(count, samples)).astype(np.float32)


def test_saving_and_loading_is_the_identity(backbone, tmp_path):
    fingerprint = backbone.save(tmp_path / "backbone", "# A card\n\n## Metrics\n\nnone\n")
    copy = avnet.load(tmp_path / "backbone")
    assert type(copy) is AudioBackbone and copy.config == backbone.config
    assert copy.fingerprint == fingerprint == backbone.fingerprint
    jax.tree.map(np.testing.assert_array_equal, nnx.state(copy.network), nnx.state(backbone.network))
    assert copy.save(tmp_path / "again") == fingerprint
    facts = info(tmp_path / "backbone").facts
    assert facts["network"] == "yamnet" and facts["sound"] == "16000 Hz, 64 bands" and facts["classes"] == "521"
    assert facts["fingerprint"] == fingerprint


def test_steps_are_worked_out_by_hand(backbone):
    # .975 s are one patch; one sample more needs another, which begins .48 s later.
    assert (backbone.patch_samples, backbone.hop_samples, backbone.sample_rate) == (PATCH, HOP, 16_000)
    lengths = (0, 1, PATCH, PATCH + 1, PATCH + HOP, PATCH + HOP + 1, 48_000)
    assert [backbone.steps(n) for n in lengths] == [1, 1, 1, 2, 2, 3, 6]


def test_vectors_are_those_of_the_network(backbone):
    sounds = waveforms(2, PATCH + HOP)
    patches = np.stack([sounds[0, :PATCH], sounds[0, HOP:], sounds[1, :PATCH], sounds[1, HOP:]])
    grids = nnx.jit(lambda net, x: net(x))(backbone.network, log_spectrogram(patches, backbone.config.spectrogram))
    vectors = backbone.embed(sounds)
    assert vectors.shape == (2, 2, 1024) and vectors.dtype == np.float32
    np.testing.assert_allclose(vectors.reshape(4, -1), grids.mean((1, 2)), atol=1e-4)


@pytest.mark.parametrize("samples", [1, PATCH - 1, PATCH + 1, 48_000])
def test_the_end_is_filled_with_silence(backbone, samples):
    (sound,) = waveforms(1, samples)
    steps = backbone.steps(samples)
    padded = np.pad(sound, (0, PATCH + (steps - 1) * HOP - samples))
    vectors = backbone.embed(sound[None])
    np.testing.assert_array_equal(vectors, backbone.embed(padded[None]))
    assert vectors.shape[1] == steps


def test_a_batch_gives_what_its_sounds_give_alone(backbone):
    sounds = waveforms(3)
    assert 3 * backbone.steps(48_000) > BATCH > backbone.steps(48_000)
    alone = np.concatenate([backbone.embed(sound[None]) for sound in sounds])
    vectors = backbone.embed(sounds)
    np.testing.assert_allclose(vectors, alone, atol=1e-4)
    assert np.abs(vectors[0] - vectors[1]).max() > 0.01


def test_a_vector_depends_on_its_own_stretch_alone(backbone):
    (sound,) = waveforms(1)
    changed = sound.copy()
    changed[PATCH:] = 0.0
    before, after = backbone.embed(np.stack([sound, changed]))
    np.testing.assert_allclose(before[0], after[0], atol=1e-5)
    assert np.abs(before[1] - after[1]).max() > 0.001


def test_nothing_gives_nothing(backbone):
    assert backbone.embed(np.zeros((0, 48_000), np.float32)).shape == (0, 6, 1024)


def test_scores_are_the_sigmoid_of_the_logits(backbone):
    sounds = waveforms(2)
    scores = backbone.class_scores(sounds)
    assert scores.shape == (2, 6, 521) and len(backbone.classes) == 521 and backbone.classes[0] == "Speech"
    logits = np.asarray(backbone.network.classify(jnp.asarray(backbone.embed(sounds))))
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logits.astype(np.float64))), atol=1e-6)
    np.testing.assert_array_equal(backbone.scores(np.full((1, 1024), -1e9, np.float32)) % 1, 0.0)


def test_without_a_classifier_there_are_vectors_alone():
    backbone = random_audio_backbone(0)
    assert backbone.classes == () and backbone.embed(waveforms(1, 100)).shape == (1, 1, 1024)
    with pytest.raises(ConfigError, match="classes: cannot be scored"):
        backbone.class_scores(waveforms(1, 100))


def test_use_moves_no_statistics(backbone):
    before = jax.tree.map(np.array, nnx.state(backbone.network))
    backbone.embed(waveforms(1, 100))
    jax.tree.map(np.testing.assert_array_equal, nnx.state(backbone.network), before)


@pytest.mark.parametrize("shape", [(48_000,), (1, 2, 48_000)])
def test_waveforms_of_another_shape_are_refused(backbone, shape):
    with pytest.raises(ConfigError, match=r"waveforms: must have the shape \[n, samples\], got \["):
        backbone.embed(np.zeros(shape, np.float32))


def test_configuration_beyond_its_bounds_is_refused():
    with pytest.raises(ConfigError, match="network: must be one of yamnet, ast, cav-mae"):
        replace(AudioBackboneConfig.yamnet(), network="vggish")
    with pytest.raises(ConfigError, match="classes: must be 521 or 0, got 527"):
        AudioBackboneConfig.yamnet(527)


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.pop("network"),
        lambda config: config.update(network=["yamnet"]),
        lambda config: config.update(classes=True),
        lambda config: config.update(relu6=1),
        lambda config: config.update(spectrogram=None),
        lambda config: config.update(more=1),
        lambda config: config["spectrogram"].update(mel="loudness"),
        lambda config: config["spectrogram"].update(n_mels=1e300),
        lambda config: config["spectrogram"].update(hop_length=0),
    ],
)
def test_a_foreign_configuration_is_refused(backbone, tmp_path, change):
    backbone.save(tmp_path / "backbone")
    forge_config(tmp_path / "backbone", change)
    assert_refusal(tmp_path / "backbone", "is not an audio backbone, or damaged")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda a: a.pop("stem.kernel"), "lacks 1 of 110 arrays, first 'stem.kernel'"),
        (lambda a: a["classifier.bias"].fill(np.nan), "'classifier.bias' holds values that are not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused(backbone, tmp_path, change, reason):
    backbone.save(tmp_path / "backbone")
    forge_arrays(tmp_path / "backbone", change)
    assert_refusal(tmp_path / "backbone", reason)


def test_an_image_backbone_is_another_kind(backbone, tmp_path):
    backbone.save(tmp_path / "backbone")
    with pytest.raises(ModelFolderError, match="is an audio backbone, not a backbone"):
        Backbone.load(tmp_path / "backbone")


def test_configuration_is_plain_json():
    config = AudioBackboneConfig.yamnet(relu6=True)
    assert AudioBackboneConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def assert_refusal(path, reason):
    with pytest.raises(ModelFolderError, match=reason) as refusal:
        AudioBackbone.load(path)
    assert "\n" not in str(refusal.value)

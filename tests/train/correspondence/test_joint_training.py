import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_networks import random_audio_backbone, random_network
from spoken.tiny_corpus import write_corpus

from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.backbone import Backbone
from avnet.backbones.config import BackboneConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.correspondence.zero_shot import TEMPERATURE
from avnet.errors import AvnetError
from train.correspondence.card import model_card
from train.correspondence.config import TrainConfig
from train.correspondence.objective import class_drift, drop_features
from train.correspondence.program import train

VISION = BackboneConfig("mobilenetv2", 32, classes=1000)
CONFIG = ModelConfig.on_backbones("joint", VISION, AudioBackboneConfig.yamnet(), embedding_size=4)


@pytest.fixture(scope="module")
def network():
    network = random_network(CONFIG)
    network.eval()
    return network


def test_a_feature_is_left_out_of_all_cells_and_the_mean_stays():
    grids, sounds = jnp.ones((64, 2, 3, 50)), jnp.ones((64, 50))
    dropped, rest = drop_features(jax.random.key(0), grids, sounds, 0.5)
    assert set(np.unique(dropped)) == set(np.unique(rest)) == {0.0, 2.0}
    np.testing.assert_array_equal(dropped, jnp.broadcast_to(dropped[:, :1, :1], dropped.shape))
    np.testing.assert_allclose([dropped.mean(), rest.mean()], 1.0, atol=0.1)
    # Other features of every image, and of its sound.
    assert len({row.tobytes() for row in np.asarray(dropped[:, 0, 0])}) == 64
    assert (dropped[:, 0, 0] != rest).any(axis=1).all()
    for kept, before in zip(drop_features(jax.random.key(0), grids, sounds, 0.0), (grids, sounds), strict=True):
        np.testing.assert_array_equal(kept, before)


def test_drift_is_the_divergence_of_image_and_sound_classes(network):
    rng = np.random.default_rng(0)
    grids = jnp.asarray(rng.normal(size=(2, 1, 2, 1280)), jnp.float32)
    sounds = jnp.asarray(rng.normal(size=(2, 1024)), jnp.float32)
    # Other cells by other distances, far enough for single precision.
    cells, others = grids + 3 * jnp.asarray(rng.normal(size=grids.shape), jnp.float32), sounds + 0.1
    np.testing.assert_allclose(class_drift(network, (grids, sounds), network, (grids, sounds)), 0.0, atol=1e-3)
    own, teacher = (np.asarray(jax.nn.softmax(network.vision.classify(x) / TEMPERATURE)) for x in (grids, cells))
    of_image = (teacher * np.log(teacher / own)).sum(axis=-1).mean(axis=(1, 2))
    drift = class_drift(network, (grids, sounds), network, (cells, sounds))
    np.testing.assert_allclose(drift, of_image, rtol=5e-3, atol=1e-3)
    p, q = (np.asarray(jax.nn.sigmoid(network.audio_logits(x)), np.float64) for x in (sounds, others))
    of_sound = (q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))).sum(axis=-1)
    drift = class_drift(network, (grids, sounds), network, (grids, others))
    np.testing.assert_allclose(drift, of_sound, rtol=5e-3, atol=1e-3)
    assert min(of_image) > 0.1
    assert min(of_sound) > 0.01


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"names_weight": -1.0}, "names-weight"), ({"feature_dropout": 1.0}, "below 1"), ({"feature_dropout": -0.1}, "0")],
)
def test_weights_and_shares_out_of_range_are_refused(tmp_path, options, reason):
    with pytest.raises(AvnetError, match=reason):
        TrainConfig("ave", tmp_path, tmp_path / "run", **options)


def test_the_card_says_what_a_joint_network_knows(tmp_path):
    write_corpus(tmp_path / "records")
    config = TrainConfig("joint", tmp_path / "records", tmp_path / "run", init_from=tmp_path / "model").with_defaults()
    figures = {"step": 1, "avc": 0.5, "auc": 0.5, "recall_at_1": 0.25}
    card = model_card(config, CONFIG, figures, 4)
    assert "2 s of sound" in card and "two classifiers have names" in card
    assert "names" not in model_card(
        config, ModelConfig.small("ave"), {"step": 1, "avc": 0.5, "auc": 0.5, "recall_at_1": 0.25}, 4
    )


@pytest.mark.slow
def test_a_joint_network_is_trained(tmp_path):
    write_corpus(tmp_path / "records")
    Backbone(VISION, random_network(CONFIG).vision).save(tmp_path / "vision")
    random_audio_backbone().save(tmp_path / "audio")
    config = TrainConfig(
        "joint",
        tmp_path / "records",
        tmp_path / "run",
        vision=tmp_path / "vision",
        audio=tmp_path / "audio",
        steps=1,
        batch_size=4,
        validate_every=1,
        validation_pairs=4,
        feature_draws=1,
    )
    model = Model.load(train(config))
    assert model.config.title == "Joint network" and model.config.clip_s == 2.0

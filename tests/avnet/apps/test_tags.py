import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_networks import random_network

import avnet
from avnet.apps.tags import Tag
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.config import BackboneConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.correspondence.naming import names_of_images, names_of_sounds
from avnet.errors import ConfigError, OptionError, Silent
from avnet.media.image import center_squares
from avnet.names.audioset import CLASSES
from avnet.names.groups import GROUPS, image_matrix


@pytest.fixture(scope="module")
def model():
    vision = BackboneConfig("mobilenetv2", 32, classes=1000)
    config = ModelConfig.on_backbones("joint", vision, AudioBackboneConfig.yamnet(), embedding_size=2)
    return Model(config, random_network(config))


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)


def test_an_image_has_the_groups_of_its_mean_over_cells(model, image):
    square = jnp.asarray(center_squares([image], 32) / np.float32(255))
    network = model.network
    logits = np.asarray(network.vision.classify(network.vision(square)), np.float64)[0]
    probabilities = np.asarray(jax.nn.softmax(logits.reshape(-1, 1000).mean(axis=0))) @ image_matrix()
    (expected,) = names_of_images(probabilities[None])
    tags = avnet.tags(model, image=image)
    assert {tag.name: tag.probability for tag in tags} == pytest.approx(expected, abs=2e-3) and tags
    assert [tag.probability for tag in tags] == sorted((tag.probability for tag in tags), reverse=True)


def test_a_sound_has_the_classes_of_its_loudest_clip(model):
    rng = np.random.default_rng(1)
    samples = rng.normal(0, 0.01, 3 * 16_000).astype(np.float32)
    samples[16_000:32_000] *= 20
    rate = model.config.spectrogram.sample_rate
    assert rate == 16_000
    (expected,) = model.audible_classes(samples[None, 16_000 : 16_000 + model.config.clip_samples])
    assert avnet.tags(model, sound=samples, at=1 + model.config.clip_s / 2) == tuple(
        Tag(name, probability) for name, probability in expected.items()
    )


def test_of_a_wide_group_and_a_narrower_one_that_is_most_of_it_the_narrower_is_told():
    places = {group.name: place for place, group in enumerate(GROUPS)}
    wide = next(group for group in GROUPS if group.includes)
    probabilities = np.zeros((3, len(GROUPS)))
    probabilities[0, [places[wide.name], places[wide.includes[0]]]] = 0.6, 0.5
    probabilities[1, [places[wide.name], places[wide.includes[0]]]] = 0.6, 0.2
    probabilities[2, places[wide.name]] = 0.049
    one, two, none = names_of_images(probabilities)
    assert one == {wide.includes[0]: 0.5} and two == {wide.name: 0.6, wide.includes[0]: 0.2} and none == {}


def test_at_most_three_classes_of_a_sound_are_told_and_none_that_is_improbable():
    probabilities = np.zeros((2, len(CLASSES)))
    probabilities[0, [3, 7, 9, 11]] = 0.2, 0.9, 0.3, 0.4
    probabilities[1, 5] = 0.09
    assert names_of_sounds(probabilities) == [{CLASSES[7]: 0.9, CLASSES[11]: 0.4, CLASSES[9]: 0.3}, {}]


def test_what_cannot_be_tagged_is_refused(model, image):
    with pytest.raises(ConfigError, match="tags: are of one image or one sound, got none"):
        avnet.tags(model)
    with pytest.raises(ConfigError, match="got both"):
        avnet.tags(model, image=image, sound=np.ones(16_000))
    with pytest.raises(OptionError, match="at: goes with a sound"):
        avnet.tags(model, image=image, at=1.0)
    with pytest.raises(Silent, match="nothing to name"):
        avnet.tags(model, sound=np.zeros(32_000, np.float32))
    config = ModelConfig.small("ave")
    plain = Model(config, random_network(config))
    with pytest.raises(ConfigError, match="has no names for what it sees and hears; tags take base, or"):
        avnet.tags(plain, image=image)
    assert plain.visible_classes([image]) == [{}]

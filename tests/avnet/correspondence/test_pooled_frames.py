"""Networks on backbones that see several frames of a moment."""

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from random_networks import random_network

from avnet.audio.config import SpectrogramConfig
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.config import BackboneConfig
from avnet.backbones.network import ImageNetwork
from avnet.backbones.tower import Tower
from avnet.backbones.video import mean_over_frames
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.correspondence.network import build
from avnet.errors import ConfigError
from avnet.files.weights import shapes_of
from avnet.nn.abstract import abstract_network

TOWER = BackboneConfig.tower(32, (3, 4, 5, 6))
CLASSIFIER = BackboneConfig("mobilenetv2", 32, classes=1000)
YAMNET = AudioBackboneConfig.yamnet()
FRONT = SpectrogramConfig(sample_rate=8_000, win_length=256, hop_length=128, n_fft=256, n_mels=16, f_max=4_000.0)


class Squares(ImageNetwork):
    """Of each pixel the square of its red, times a parameter."""

    def __init__(self):
        self.scale = nnx.Param(jnp.array(3.0))

    def __call__(self, images):
        return self.scale * images[..., :1] ** 2


def model_of(network, frames):
    """A random model with an image tower that counts as a backbone; as many frames as there are, the same weights."""
    config = ModelConfig(
        network=network,
        image_size=32,
        widths=(3, 4, 5, 6),
        embedding_size=4,
        spectrogram=FRONT,
        vision=TOWER,
        frames=frames,
    )
    return Model(config, random_network(config))


def moments(count: int, frames: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3 * frames), np.uint8)


def test_grids_and_gradients_are_means_over_the_frames_worked_out_by_hand():
    # Two moments of two pixels, one below the other, of two frames; green and blue are 0.
    reds = np.array([[[1, 5], [2, 10]], [[0, 2], [4, 4]]])
    images = jnp.asarray(np.stack([reds, 0 * reds, 0 * reds], axis=-1).reshape(2, 2, 1, 6), jnp.float32)
    graph, state = nnx.split(Squares())
    grids = mean_over_frames(nnx.merge(graph, state), images, 2)
    np.testing.assert_array_equal(grids[..., 0, 0], [[3 * 13, 3 * 52], [3 * 2, 3 * 16]])
    gradient = jax.grad(lambda state: mean_over_frames(nnx.merge(graph, state), images, 2).sum())(state)
    np.testing.assert_array_equal(jax.tree.leaves(gradient), [13 + 52 + 2 + 16])


@pytest.mark.parametrize("network", ["l3", "joint", "zero-shot"])
def test_grids_of_moments_are_as_large_as_those_of_images(network):
    config = ModelConfig.on_backbones(network, CLASSIFIER, YAMNET, frames=3)
    net = abstract_network(lambda rngs: build(config, rngs=rngs))
    # Taller than wide: the order of the axes counts.
    moment, image = (jax.ShapeDtypeStruct((2, 64, 32, channels), np.float32) for channels in (9, 3))

    def shapes(images):
        grids = nnx.eval_shape(lambda net, x: net.image_grids(x), net, images)
        return grids.shape, nnx.eval_shape(lambda net, x: net.encode_images(x), net, images).shape

    assert shapes(moment) == shapes(image)
    assert shapes(moment)[0] == (2, 2, 1, 1280)


def test_a_tower_that_keeps_no_features_for_its_gradient_takes_frames_too():
    network = model_of("avol", 2).network
    assert isinstance(network.vision, Tower)
    images = jnp.asarray(moments(1, 2) / 255.0, jnp.float32)
    expected = network.image_grids(images)
    network.vision.compute(None, remat=True)
    np.testing.assert_allclose(network.image_grids(images), expected, rtol=1e-5)


def test_equal_frames_are_an_image():
    several, single = model_of("avol", 3), model_of("avol", 1)
    image = moments(1, 1)[0]
    clip = np.random.default_rng(3).normal(0, 0.1, (1, several.config.clip_samples)).astype(np.float32)
    (expected,) = single.heatmaps([image], clip)
    for array in (image, several.config.moment.of_image(image)):
        np.testing.assert_allclose(several.heatmaps([array], clip)[0], expected, atol=1e-5)
    # Beside a moment an image is one too.
    other = moments(2, 3)[1]
    maps = several.heatmaps([image, other], clip[[0, 0]])
    np.testing.assert_allclose(maps[0], expected, atol=1e-5)
    assert np.abs(maps[1] - maps[0]).max() > 1e-4
    # The mean does not ask for the order of the frames.
    turned = other.reshape(32, 32, 3, 3)[:, :, ::-1].reshape(32, 32, 9)
    np.testing.assert_allclose(several.heatmaps([turned], clip)[0], maps[1], atol=1e-5)


def test_weights_are_those_of_a_network_of_one_frame_and_the_image_tower_is_a_backbone():
    several, single = model_of("ave", 3), model_of("ave", 1)
    assert shapes_of(several.network) == shapes_of(single.network)
    assert several.fingerprint != single.fingerprint
    assert several.image_backbone.fingerprint == single.image_backbone.fingerprint


def test_a_configuration_tells_how_many_frames_are_seen():
    config = ModelConfig.on_backbones("ave", TOWER, YAMNET, frames=25)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert (config.title, config.moment.beside_image) == ("AVE-Net", ", 25 frames")
    assert config.pools_frames
    assert not replace(config, frames=1).pools_frames
    assert not ModelConfig.ave_net_frames().pools_frames


@pytest.mark.parametrize(
    ("vision", "options", "reason"),
    [
        (TOWER, {"frames": 26}, "frames: must be from 1 to 25 on backbones, got 26"),
        (TOWER, {"frames": 0}, "frames: must be from 1 to 25 on backbones, got 0"),
        (TOWER, {"flow_fields": 4}, "flow_fields: go with the papers' towers"),
        (None, {"frames": 5}, "frames: must be 1, or at least 15 for the papers' towers, got 5"),
    ],
)
def test_what_a_network_cannot_see_is_refused(vision, options, reason):
    with pytest.raises(ConfigError, match=reason):
        ModelConfig(image_size=32, vision=vision, **options)

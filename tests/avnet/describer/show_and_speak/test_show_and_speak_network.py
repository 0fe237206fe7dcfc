"""Laws of Show and Speak: images, places, padding, noise, its own frames; its size by hand; and what is refused."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from random_networks import random_show_and_speak

from avnet.captioners.features import ImageFeatures, grid_boxes
from avnet.describer.show_and_speak.config import ShowAndSpeakConfig
from avnet.describer.show_and_speak.network import ShowAndSpeak
from avnet.describer.show_and_speak.places import geometry_of, image_keys
from avnet.errors import ConfigError, DataError
from avnet.nn.abstract import abstract_network

# Ten steps, of which the second description has seven.
FRAMES, LENGTHS = 20, np.array([[20], [14]])
FRAME_MASK = np.arange(FRAMES) < LENGTHS


@pytest.fixture(scope="module")
def network() -> ShowAndSpeak:
    return random_show_and_speak()


@pytest.fixture(scope="module")
def images() -> ImageFeatures:
    cells = np.random.default_rng(1).normal(size=(2, 4, 8)).astype(np.float32)
    return ImageFeatures(cells, np.array([[True] * 4, [True] * 3 + [False]]), np.stack([grid_boxes(2, 2)] * 2))


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(2, FRAMES, 80)).astype(np.float32)


GRAPH = nnx.split(random_show_and_speak())[0]


@jax.jit
def _told(state, cells, mask, boxes, frames, frame_mask, keys, own):
    def mean(cells):
        network = nnx.merge(GRAPH, state)
        told = network(ImageFeatures(cells, mask, boxes), frames, frame_mask, keys, own=own)
        return jnp.square(told.said.after).mean(), told

    return jax.grad(mean, has_aux=True)(cells)


def told(network, images, frames, frame_mask=FRAME_MASK, keys=None, own=(False, False)):
    """Gradient by the cells, and what is told; one program for all tests.

    Args:
        own: which of the descriptions are told the network's own frames.
    """
    keys = image_keys(images) if keys is None else keys
    steps = jnp.repeat(jnp.array(own)[:, None], FRAMES // 2, axis=1)
    return _told(nnx.split(network)[1], *map(jnp.asarray, (*images, frames, frame_mask)), keys, steps)


def with_places(images, order):
    return ImageFeatures(*(np.asarray(part)[:, order] for part in images))


def test_the_image_changes_what_is_said_and_the_gradient_reaches_it(network, images, frames):
    keys = image_keys(images)
    gradient, said = told(network, images, frames, keys=keys)
    other = images._replace(cells=images.cells + np.array([0.5, 0.0], np.float32)[:, None, None])
    _, changed = told(network, other, frames, keys=keys)
    for one, two in zip(jax.tree.leaves(said), jax.tree.leaves(changed), strict=True):
        # The vectors of speech are not of the image.
        is_speech = one.shape == said.speech.shape and (one == said.speech).all()
        assert is_speech or np.abs(one[0] - two[0]).max() > 1e-3
        assert np.array_equal(one[1], two[1])
    assert (np.abs(np.asarray(gradient)).max(axis=2) > 0).tolist() == images.mask.tolist()


def test_the_order_of_places_matters_to_the_location_convolution_alone(network, images, frames):
    order = [2, 0, 1, 3]
    for zeroed in (True, False):
        of = nnx.merge(*nnx.split(network))
        if zeroed:
            kernel = of.decoder.attention.location_conv.kernel
            of.decoder.attention.location_conv.kernel = nnx.Param(jnp.zeros_like(kernel[...]))
        (_, one), (_, two) = (told(of, there, frames) for there in (images, with_places(images, order)))
        alike = np.asarray(two.said.alignment) == pytest.approx(np.asarray(one.said.alignment)[..., order], abs=1e-5)
        same = np.asarray(two.said.after) == pytest.approx(np.asarray(one.said.after), abs=1e-4)
        assert alike == same == zeroed
        assert np.asarray(two.image) == pytest.approx(np.asarray(one.image), abs=1e-5)


def test_what_does_not_exist_changes_nothing(network, images, frames):
    loud = images._replace(cells=np.where(images.mask[..., None], images.cells, 1e3))
    keys, loud_frames = image_keys(images), np.where(FRAME_MASK[..., None], frames, 1e3)
    (_, one), (_, two) = told(network, images, frames, keys=keys), told(network, loud, loud_frames, keys=keys)
    steps = np.arange(FRAMES // 2) < LENGTHS // 2
    assert np.asarray(one.said.after)[FRAME_MASK] == pytest.approx(np.asarray(two.said.after)[FRAME_MASK], abs=1e-4)
    assert np.asarray(one.said.stop)[steps] == pytest.approx(np.asarray(two.said.stop)[steps], abs=1e-4)
    assert np.asarray(one.image) == pytest.approx(np.asarray(two.image), abs=1e-5)
    assert np.asarray(one.said.alignment)[1, :, 3].max() == 0


def test_vectors_of_speech_are_of_what_exists_in_training_too():
    """There batch norm takes its statistics from the batch. A description of four steps has no window."""
    matching = random_show_and_speak().matching
    matching.norm.train()
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(3, 9, 160)).astype(np.float32)
    mask = np.arange(9) < np.array([[9], [6], [4]])
    speech = nnx.jit(lambda matching, steps: matching.speech(steps, jnp.asarray(mask)))
    # The last window of the second one ends at its fifth step, so that the sixth does not count.
    one, two = (np.asarray(speech(matching, jnp.asarray(np.where(mask[..., None], steps, x)))) for x in (0, 1e3))
    assert one == pytest.approx(two, abs=1e-5)
    assert np.abs(one[0] - one[1]).max() > 1e-3 and (one[2] == 0).all()


def test_what_is_told_its_own_frames_says_what_it_says_alone(network, images, frames):
    never = nnx.merge(*nnx.split(network))
    never.decoder.stop.bias = nnx.Param(jnp.full(1, -1e9))
    whole = np.ones((2, FRAMES), bool)
    (_, true), (_, own) = (told(never, images, frames, whole, own=first) for first in ((False, False), (True, False)))
    alone = never.infer(images)[0].log_mel
    said = np.asarray(network.scale.restore(own.said.after))
    assert said[0] == pytest.approx(alone, abs=1e-4)
    assert np.abs(np.asarray(own.said.after - true.said.after)[0]).max() > 1e-3
    # The second image was told the truth at every step.
    assert np.asarray(own.said.after)[1] == pytest.approx(np.asarray(true.said.after)[1], abs=1e-5)


def test_the_same_image_sounds_the_same_in_any_company_and_never_longer_than_the_limit(network, images):
    never = nnx.merge(*nnx.split(network))
    never.decoder.stop.bias = nnx.Param(jnp.full(1, -1e9))
    one, two = never.infer(images)
    again, other = never.infer(images.select([1, 0]))
    assert one.log_mel == pytest.approx(other.log_mel, abs=1e-5)
    assert two.log_mel == pytest.approx(again.log_mel, abs=1e-5)
    assert one.ending == two.ending == "limit" and one.log_mel.shape == two.log_mel.shape == (20, 80)
    assert one.alignment.shape == (10, 4) and two.alignment.shape == (10, 3)
    assert two.alignment.sum(axis=1) == pytest.approx(1)
    first, _ = never.infer(images)
    assert (first.log_mel == one.log_mel).all()
    assert np.abs(one.log_mel - two.log_mel).max() > 1e-3
    # Half precision is another image to the last digit; its noise is the same.
    rough = images._replace(cells=images.cells.astype(np.float16))
    keys = [jax.random.key_data(image_keys(part)) for part in (images, rough, images.select([1, 0]))]
    assert (keys[0] == keys[1]).all() and (keys[0] == keys[2][::-1]).all() and (keys[0][0] != keys[0][1]).any()


def test_noise_of_places_drops_a_fifth_in_use_too():
    places = random_show_and_speak(image_dropout=0.2).places
    noise = jax.jit(lambda keys: (places.noise(keys, 40), places.noise(keys, 4)))
    kept, fewer = map(np.asarray, noise(jax.random.split(jax.random.key(0), 8)))
    assert kept.shape == (8, 40, 4 + 12 + 6) and kept.mean() == pytest.approx(0.8, abs=0.02)
    # Of its own for each image, place and layer; more places change nothing at the first.
    assert (kept[0] != kept[1]).any() and (kept[0, 0] != kept[0, 1]).any() and (kept[:, :4] == fewer).all()


def test_geometry_is_five_numbers_of_one_mean_and_deviation():
    numbers = np.array([0.0, 0.25, 0.5, 1.0, 0.5 * 0.75])
    expected = (numbers - numbers.mean()) / np.sqrt(numbers.var() + 1e-5)
    assert np.asarray(geometry_of(jnp.array([0.0, 0.25, 0.5, 1.0]))) == pytest.approx(expected, abs=1e-5)


def test_the_published_network_has_the_size_that_its_layers_have():
    """Each line by hand; biases are written out."""
    places = 5 * 1024 + (2048 + 1024) * 1024 + 1024 * 512
    prenet = 240 * 256 + 256 * 256
    lstm_that_asks = (256 + 512 + 1024) * 4096 + 4096
    attention = 1024 * 256 + 512 * 256 + 31 * 2 * 32 + 32 * 256 + 256
    lstm_that_says = (1024 + 512 + 1024) * 4096 + 4096
    frames, stop = (1024 + 512) * 240 + 240, 1024 + 512 + 1
    convolutions = (80 * 5 * 512 + 512) + 3 * (512 * 5 * 512 + 512) + (512 * 5 * 80 + 80)
    postnet = convolutions + 2 * (4 * 512 + 80)
    gru = [2 * ((features + 256) * 768 + 768) for features in (256, 512)]
    match = (512 * 512 + 512) + (240 * 5 * 256 + 256) + 2 * 256 + sum(gru)
    decoder = prenet + lstm_that_asks + attention + lstm_that_says + frames + stop
    network = abstract_network(lambda rngs: ShowAndSpeak(ShowAndSpeakConfig.published(2048), rngs=rngs))
    sizes = {
        name: sum(leaf.size for leaf in jax.tree.leaves(nnx.state(getattr(network, name), nnx.Param)))
        for name in ("places", "decoder", "postnet", "matching")
    }
    assert sizes == {"places": places, "decoder": decoder, "postnet": postnet, "matching": match}
    assert sum(sizes.values()) == 29_298_081


def test_small_is_built():
    config = ShowAndSpeakConfig.small(1280)
    network = abstract_network(lambda rngs: ShowAndSpeak(config, rngs=rngs))
    assert 4e6 < sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param))) < 8e6
    assert ShowAndSpeakConfig.from_dict(config.to_dict()) == config and config.longest == 600


WRONG: tuple[dict[str, Any], ...] = (
    {"image_features": 0},
    {"regions": "squares"},
    {"width": 7},
    {"boxes": 0},
    {"steps": 2001},
    {"image_dropout": 0.999},
    {"frames_per_step": 9},
    {"hidden": 1e9},
    {"colour": 1},
)


@pytest.mark.parametrize("change", WRONG)
def test_configurations_that_cannot_be_are_refused(change):
    with pytest.raises(ConfigError, match=r"must be|does not describe a Show and Speak"):
        ShowAndSpeakConfig.from_dict({**ShowAndSpeakConfig.small(8).to_dict(), **change})


def test_features_and_frames_that_cannot_be_are_refused(network, images, frames):
    for cells in (images.cells[..., :7], np.full_like(images.cells, np.nan)):
        with pytest.raises(DataError, match="features: must be 8 finite numbers of each place"):
            network.infer(images._replace(cells=cells))
    with pytest.raises(DataError, match="features: must be of one place of each image or more"):
        network.infer(images._replace(mask=np.zeros((2, 4), bool)))
    assert network.infer(images.select(slice(0))) == []
    odd = jnp.asarray(frames[:, :13]), jnp.asarray(FRAME_MASK[:, :13]), image_keys(images)
    with pytest.raises(DataError, match="frames: must be of whole steps, which have 2, got 13"):
        jax.eval_shape(lambda: network(images, *odd))

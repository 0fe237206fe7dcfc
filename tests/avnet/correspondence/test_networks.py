import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from random_networks import random_network

from avnet.audio.config import SpectrogramConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.kinds import NETWORKS
from avnet.correspondence.network import AVENet, AVOLNet, L3Net, build

TINY_FRONT = SpectrogramConfig(sample_rate=8_000, win_length=256, hop_length=128, n_fft=256, n_mels=16, f_max=4_000.0)
EACH = pytest.mark.parametrize("name", NETWORKS)


TINY = ModelConfig(image_size=32, widths=(8, 8, 8, 8), embedding_size=8, spectrogram=TINY_FRONT)


def tiny(name, **options) -> Any:
    """A network of a few arrays, all of them random."""
    return random_network(dataclasses.replace(TINY, network=name, **options))


def fresh(name, **options) -> Any:
    """The same as training starts it."""
    return build(dataclasses.replace(TINY, network=name, **options), rngs=nnx.Rngs(0))


@nnx.jit
def call(network, images, sounds):
    return network(images, sounds)


@nnx.jit
def encode(network, images, sounds):
    return network.encode_images(images), network.encode_sounds(sounds)


def noise(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).uniform(size=shape), jnp.float32)


def images_and_sounds(count=3, height=32, width=32):
    return noise(count, height, width, 3), noise(count, 16, 61, 1, seed=1) * 4 - 6


def features(network, count=3):
    return encode(network, *images_and_sounds(count))


def abstract(config):
    return nnx.eval_shape(lambda: build(config, rngs=nnx.Rngs(0)))


def parameters(network):
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))


def shapes(network, images, sounds):
    """Shapes of what a network's towers and its call return, without computing them."""
    return nnx.eval_shape(
        lambda net: (
            net.vision(jnp.zeros(images)),
            net.audio(jnp.zeros(sounds)),
            net(jnp.zeros(images), jnp.zeros(sounds)),
        ),
        network,
    )


def test_ave_net_has_the_published_number_of_parameters():
    assert parameters(abstract(ModelConfig.ave_net())) == 9_541_636


def test_parameters_of_the_other_networks_follow_from_it():
    # AVOL has two numbers where AVE's fc3 has four; L3 has 1024->128->2 where AVE has 512->128->128 twice and fc3.
    assert parameters(abstract(ModelConfig.avol_net())) == 9_541_636 - 2
    projections = 2 * (512 * 128 + 128 + 128 * 128 + 128)
    assert parameters(abstract(ModelConfig.l3_net())) == 9_541_636 - projections - 4 + 1024 * 128 + 128 + 128 * 2 + 2


@EACH
def test_paper_grids_are_14x14_and_16x12(name):
    network = abstract(ModelConfig.preset(name, "paper"))
    vision, audio, answer = shapes(network, (2, 224, 224, 3), (2, 257, 199, 1))
    assert vision.shape == (2, 14, 14, 512)
    assert audio.shape == (2, 16, 12, 512)
    assert answer.shape == ((2, 14, 14) if name == "avol" else (2, 2))


def test_two_hundred_frames_give_the_same_audio_grid():
    network = abstract(ModelConfig.ave_net())
    assert shapes(network, (1, 224, 224, 3), (1, 257, 200, 1))[1].shape == (1, 16, 12, 512)


@pytest.mark.parametrize("preset", ["paper", "small"])
@pytest.mark.parametrize(("name", "kind"), [("ave", AVENet), ("avol", AVOLNet), ("l3", L3Net)])
def test_every_preset_builds_the_network_it_names(name, kind, preset):
    config = ModelConfig.preset(name, preset)
    network = abstract(config)
    assert type(network) is kind
    assert network.config == config
    front = config.spectrogram
    size = (1, config.image_size, config.image_size, 3)
    shapes(network, size, (1, front.bins, front.frames(config.clip_samples), 1))


@EACH
def test_small_preset_runs(name):
    network = random_network(ModelConfig.small(name))
    answer = call(network, noise(2, 112, 112, 3), noise(2, 64, 99, 1))
    assert answer.shape == ((2, 7, 7) if name == "avol" else (2, 2))
    assert np.isfinite(answer).all()


@EACH
@pytest.mark.parametrize(("height", "width"), [(32, 80), (75, 33), (17, 47)])
def test_images_need_not_be_square_nor_divisible(name, height, width):
    network = nnx.eval_shape(lambda: tiny(name))
    answer = shapes(network, (2, height, width, 3), (2, 16, 61, 1))[2]
    assert answer.shape == ((2, (height + 1) // 16, (width + 1) // 16) if name == "avol" else (2, 2))


def test_same_seed_gives_the_same_weights_and_another_seed_others():
    first, again, other = (nnx.state(build(TINY, rngs=nnx.Rngs(seed)), nnx.Param) for seed in (0, 0, 1))
    assert all(jax.tree.leaves(jax.tree.map(lambda a, b: bool((a == b).all()), first, again)))
    assert not all(jax.tree.leaves(jax.tree.map(lambda a, b: bool((a == b).all()), first, other)))


@pytest.mark.parametrize("preset", ["paper", "small"])
def test_fresh_ave_net_says_that_a_small_distance_corresponds(preset):
    config = ModelConfig.preset("ave", preset)
    network = fresh("ave", distance_slope=config.distance_slope, distance_bias=config.distance_bias)
    point = jnp.array([[1.0] + [0.0] * 7])
    same, opposite = network.score(point, point)[0], network.score(point, -point)[0]
    assert same > 0 > opposite
    np.testing.assert_allclose(same, config.distance_bias, atol=1e-4)
    np.testing.assert_allclose(opposite, config.distance_bias - 2 * config.distance_slope, atol=1e-4)


def test_probabilities_of_ave_net_are_worked_out_by_hand():
    network = fresh("ave", distance_slope=2.0, distance_bias=1.0)
    image, sound = jnp.zeros((1, 8)).at[0, 0].set(1.0), jnp.zeros((1, 8)).at[0, 1].set(1.0)
    distance = np.sqrt(2.0)
    np.testing.assert_allclose(network.classify(image, sound), [[distance - 0.5, 0.5 - distance]], rtol=1e-5)
    np.testing.assert_allclose(network.score(image, sound), [1.0 - 2.0 * distance], rtol=1e-5)


def test_response_of_avol_net_is_worked_out_by_hand():
    network = tiny("avol")
    grid = jnp.zeros((1, 2, 3, 8)).at[0, 1, 2, 0].set(4.0).at[0, 0, 0, 0].set(-1.0)
    sound = jnp.zeros((1, 8)).at[0, 0].set(3.0)
    network.scale[...], network.shift[...] = jnp.array(0.5), jnp.array(-1.0)
    np.testing.assert_allclose(network.response(grid, sound), [[[-2.5, -1.0, -1.0], [-1.0, -1.0, 5.0]]])
    np.testing.assert_allclose(network.score(grid, sound), [5.0])


def test_fresh_avol_net_answers_more_for_a_larger_product():
    network = fresh("avol")
    sound = jnp.ones((1, 8))
    assert network.score(jnp.ones((1, 2, 2, 8)), sound)[0] > 0 > network.score(-jnp.ones((1, 2, 2, 8)), sound)[0]
    np.testing.assert_allclose(network.score(jnp.ones((1, 2, 2, 8)), sound), [8 / np.sqrt(8)], rtol=1e-6)


def test_l3_net_fuses_vision_first():
    network = tiny("l3")
    images, sounds = features(network)
    hidden = np.maximum(np.concatenate([images, sounds], axis=1) @ network.fc1.kernel[...] + network.fc1.bias[...], 0)
    expected = hidden @ network.fc2.kernel[...] + network.fc2.bias[...]
    np.testing.assert_allclose(network.classify(images, sounds), expected, rtol=1e-4, atol=1e-5)


def test_embeddings_of_ave_net_have_unit_length_and_those_of_avol_net_do_not():
    for side in features(tiny("ave")):
        np.testing.assert_allclose(np.linalg.norm(side, axis=-1), 1.0, rtol=1e-5)
    for side in features(tiny("avol")):
        assert np.abs(np.linalg.norm(side, axis=-1) - 1.0).max() > 0.1


@EACH
def test_call_is_encoding_then_answering(name):
    network = tiny(name)
    network.eval()
    images, sounds = images_and_sounds()
    image_features, sound_features = encode(network, images, sounds)
    if isinstance(network, AVOLNet):
        expected = network.response(image_features, sound_features)
    else:
        expected = network.classify(image_features, sound_features)
    np.testing.assert_allclose(call(network, images, sounds), expected, rtol=1e-5, atol=1e-6)


@EACH
def test_score_is_the_answer_in_log_odds(name):
    network = tiny(name)
    network.eval()
    answer = np.asarray(call(network, *images_and_sounds()), np.float64)
    score = np.asarray(network.score(*features(network)))
    expected = answer.max(axis=(1, 2)) if name == "avol" else answer[:, 1] - answer[:, 0]
    np.testing.assert_allclose(score, expected, rtol=1e-4, atol=1e-5)


@EACH
def test_score_matrix_agrees_with_score_on_and_off_the_diagonal(name):
    network = tiny(name)
    images, sounds = features(network, 4)
    sounds = sounds[:3]
    matrix = network.score_matrix(images, sounds)
    assert matrix.shape == (4, 3)
    for i in range(4):
        for j in range(3):
            alone = network.score(images[i : i + 1], sounds[j : j + 1])
            np.testing.assert_allclose(matrix[i, j], alone[0], rtol=1e-3, atol=1e-4)


@EACH
def test_rescale_changes_every_score_by_slope_and_shift(name):
    network = tiny(name)
    images, sounds = features(network)
    scores, matrix = network.score(images, sounds), network.score_matrix(images, sounds)
    network.rescale(0.5, 2.0)
    np.testing.assert_allclose(network.score(images, sounds), 0.5 * scores + 2.0, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(network.score_matrix(images, sounds), 0.5 * matrix + 2.0, rtol=1e-4, atol=1e-4)


@EACH
def test_evaluation_treats_a_batch_as_its_examples_and_changes_no_statistics(name):
    network = tiny(name)
    images, sounds = images_and_sounds()
    network.eval()
    before = jax.tree.map(jnp.copy, nnx.state(network))
    together = call(network, images, sounds)
    alone = jnp.concatenate([call(network, images[i : i + 1], sounds[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)
    jax.tree.map(np.testing.assert_array_equal, before, nnx.state(network))


@EACH
def test_training_moves_the_statistics_of_either_tower(name):
    network = tiny(name)
    call(network, *images_and_sounds())
    for tower in (network.vision, network.audio):
        for block in tower.blocks:
            assert np.abs(block.norm.mean[...]).max() > 0


def test_jit_changes_nothing():
    network = tiny("avol")
    network.eval()
    inputs = images_and_sounds()
    np.testing.assert_allclose(call(network, *inputs), network(*inputs), rtol=1e-5, atol=1e-5)

import dataclasses
from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest
from random_networks import random_network

from avnet import Model
from avnet.audio.config import SpectrogramConfig
from avnet.audio.spectrogram import log_spectrogram
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.kinds import NETWORKS
from avnet.errors import ConfigError

FRONT = SpectrogramConfig(sample_rate=8_000, win_length=256, hop_length=128, n_fft=256, n_mels=16, f_max=4_000.0)
CONFIG = ModelConfig(image_size=32, widths=(4, 4, 6, 8), embedding_size=8, spectrogram=FRONT)
EACH = pytest.mark.parametrize("name", NETWORKS)


@cache
def model(name="ave", batch_size=64):
    config = dataclasses.replace(CONFIG, network=name)
    return Model(config, random_network(config), batch_size=batch_size)


def images(count=3, height=32, width=32):
    return list(np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8))


def waveforms(count=3):
    return np.random.default_rng(1).normal(scale=0.1, size=(count, 8_000)).astype(np.float32)


def test_embeddings_are_those_of_the_network():
    config = dataclasses.replace(CONFIG, network="ave")
    network = random_network(config)
    network.eval()
    expected = network.encode_images(jnp.asarray(np.stack(images()), jnp.float32) / 255)
    np.testing.assert_allclose(model().embed_images(images()), expected, rtol=1e-4, atol=1e-5)
    expected = network.encode_sounds(log_spectrogram(jnp.asarray(waveforms()), FRONT))
    np.testing.assert_allclose(model().embed_waveforms(waveforms()), expected, rtol=1e-4, atol=1e-5)


def test_embeddings_of_ave_net_have_unit_length():
    for embeddings in (model().embed_images(images()), model().embed_waveforms(waveforms())):
        assert embeddings.shape == (3, 8) and embeddings.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, rtol=1e-5)


def test_embeddings_of_l3_net_are_pooled_features():
    assert model("l3").embed_images(images()).shape == (3, 8)
    assert (model("l3").embed_waveforms(waveforms()) >= 0).all()


@pytest.mark.parametrize("count", [2, 5, 9])
def test_a_batch_gives_what_its_examples_give_alone(count):
    few = model(batch_size=4)  # 5 go in two batches of 3, the last one padded
    photos, sounds = images(count), waveforms(count)
    alone = np.concatenate([few.embed_images([photo]) for photo in photos])
    np.testing.assert_allclose(few.embed_images(photos), alone, rtol=1e-4, atol=1e-5)
    alone = np.concatenate([few.embed_waveforms(sound[None]) for sound in sounds])
    np.testing.assert_allclose(few.embed_waveforms(sounds), alone, rtol=1e-4, atol=1e-5)


@EACH
def test_correspondence_is_the_diagonal_of_the_matrix(name):
    matrix = model(name).correspondence_matrix(images(), waveforms())
    probabilities = model(name).correspondence(images(), waveforms())
    assert matrix.shape == (3, 3) and probabilities.shape == (3,)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    np.testing.assert_allclose(probabilities, np.diagonal(matrix), rtol=1e-3, atol=1e-5)


@EACH
def test_matrix_has_a_row_for_each_image_and_a_column_for_each_sound(name):
    matrix = model(name).correspondence_matrix(images(2), waveforms())
    assert matrix.shape == (2, 3)
    moved = model(name).correspondence(images(2), waveforms()[[2, 0]])
    np.testing.assert_allclose(moved, [matrix[0, 2], matrix[1, 0]], rtol=1e-3, atol=1e-5)


def test_probabilities_of_cosines_are_those_of_the_embeddings():
    ave = model()
    cosines = (ave.embed_images(images()) * ave.embed_waveforms(waveforms())).sum(axis=1)
    expected = ave.correspondence(images(), waveforms())
    np.testing.assert_allclose(ave.match_probabilities(cosines), expected, atol=1e-5)
    with pytest.raises(ConfigError, match="distance"):
        model("l3").match_probabilities(cosines)


def test_only_the_square_in_the_middle_is_embedded():
    wide = images(1, 32, 64)[0]
    other_sides = wide.copy()
    other_sides[:, :16], other_sides[:, 48:] = 0, 255
    np.testing.assert_array_equal(model().embed_images([wide]), model().embed_images([other_sides]))
    np.testing.assert_array_equal(model().embed_images([wide]), model().embed_images([wide[:, 16:48]]))


def test_images_of_different_sizes_go_together():
    mixed = [*images(1, 40, 90), *images(1, 77, 33), *images(1)]
    alone = np.concatenate([model().embed_images([image]) for image in mixed])
    np.testing.assert_allclose(model().embed_images(mixed), alone, rtol=1e-4, atol=1e-5)


def test_nothing_gives_nothing():
    assert model().embed_images([]).shape == (0, 8)
    assert model().embed_waveforms(waveforms(0)).shape == (0, 8)
    assert model("avol").heatmaps([], waveforms(0)) == []


def test_heatmap_of_one_image_ignores_the_others():
    photos, sounds = [*images(2), *images(1, 32, 70)], waveforms()
    together = model("avol").heatmaps(photos, sounds)
    for i, heatmap in enumerate(together):
        (alone,) = model("avol").heatmaps([photos[i]], sounds[i : i + 1])
        np.testing.assert_allclose(heatmap, alone, rtol=1e-4, atol=1e-5)


def test_an_image_with_several_sounds_goes_through_the_network_once(monkeypatch):
    photos, sounds = [*images(2), *images(1, 32, 70)], waveforms(5)
    several, localizer = [photos[i] for i in (0, 2, 0, 1, 2)], model("avol")
    alone = [localizer.heatmaps([image.copy()], sounds[i : i + 1])[0] for i, image in enumerate(several)]
    seen, encode = [], localizer._encode_cells_jit
    monkeypatch.setitem(localizer.__dict__, "_encode_cells_jit", lambda x: seen.append(x.any((1, 2, 3))) or encode(x))
    for heatmap, expected in zip(localizer.heatmaps(several, sounds), alone, strict=True):
        np.testing.assert_allclose(heatmap, expected, rtol=1e-4, atol=1e-5)
    # What is black is padding.
    assert np.concatenate(seen).sum() == 3


def test_heatmaps_see_the_whole_image_at_the_short_sides_scale():
    photos = [*images(1), *images(1, 64, 128), *images(1, 96, 32), *images(1, 32, 800)]
    shapes = [heatmap.shape for heatmap in model("avol").heatmaps(photos, waveforms(4))]
    assert shapes == [(2, 2), (2, 4), (6, 2), (2, 6)]  # the strip is squeezed to 3:1


def test_heatmaps_are_probabilities_whose_maximum_is_the_correspondence():
    heatmaps = model("avol").heatmaps(images(), waveforms())
    assert all(heatmap.min() >= 0 and heatmap.max() <= 1 for heatmap in heatmaps)
    best = [heatmap.max() for heatmap in heatmaps]
    np.testing.assert_allclose(model("avol").correspondence(images(), waveforms()), best, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["ave", "l3"])
def test_networks_without_a_heatmap_refuse(name):
    with pytest.raises(ConfigError, match=f"{name}: has no heatmap"):
        model(name).heatmaps(images(), waveforms())


def test_avol_net_refuses_one_embedding_a_image():
    with pytest.raises(ConfigError, match="avol: has no single embedding"):
        model("avol").embed_images(images())


@pytest.mark.parametrize("shape", [(8_000,), (2, 7_999), (2, 8_001), (2, 8_000, 1)])
def test_waveforms_of_another_shape_are_refused(shape):
    with pytest.raises(ConfigError, match=r"waveforms: must have the shape \[n, 8000\]"):
        model().embed_waveforms(np.zeros(shape, np.float32))


def test_statistics_are_not_moved_by_use():
    before = model().embed_images(images())
    model().embed_images(images(5))
    np.testing.assert_array_equal(model().embed_images(images()), before)

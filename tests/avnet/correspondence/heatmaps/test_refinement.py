import dataclasses
from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest
from random_networks import random_network

from avnet import Model
from avnet.audio.config import SpectrogramConfig
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.config import BackboneConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.heatmaps.refinement import (
    Refinement,
    combine,
    mean_over_sizes,
    mean_with_mirrored,
    with_object_prior,
)
from avnet.errors import OptionError
from avnet.moments.moment import Moment

FRONT = SpectrogramConfig(sample_rate=8_000, win_length=256, hop_length=128, n_fft=256, n_mels=16, f_max=4_000.0)
CONFIG = ModelConfig("avol", image_size=32, widths=(4, 4, 6, 8), embedding_size=8, spectrogram=FRONT)
JOINT = ModelConfig.on_backbones(
    "joint", BackboneConfig("mobilenetv2", 32, classes=1000), AudioBackboneConfig.yamnet(), embedding_size=2
)
# A map of 2x2 cells and where objects are, worked out by hand below.
MAP = np.array([[0.2, 0.4], [0.6, 1.0]], np.float32)[..., None]
ENERGY = np.array([[0.0, 2.0], [4.0, 1.0]], np.float32)


@cache
def avol(flow_fields=0):
    config = dataclasses.replace(CONFIG, flow_fields=flow_fields)
    return Model(config, random_network(config))


def photos(*sizes, channels=3):
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (*size, channels), np.uint8) for size in sizes]


def sounds(count):
    return np.random.default_rng(1).normal(scale=0.1, size=(count, 8_000)).astype(np.float32)


def test_objects_are_scaled_to_the_range_of_the_map_and_mixed_with_it():
    # The energy in the map's range, .2 to 1: [[.2, .6], [1, .4]]; six tenths of the map and four of that.
    mixed = with_object_prior(MAP, ENERGY, 0.4)[..., 0]
    np.testing.assert_allclose(mixed, [[0.2, 0.48], [0.76, 0.76]], atol=1e-6)


def test_the_mixture_is_that_of_the_paper_up_to_the_range_of_the_map():
    random = np.random.default_rng(0)
    maps, energy = random.uniform(0, 0.3, (5, 7, 2)), random.uniform(0, 50, (5, 7))

    def normalized(x):
        return (x - x.min()) / (x.max() - x.min())

    mixed = with_object_prior(maps, energy, 0.6)
    for i in range(2):
        published = 0.4 * normalized(maps[..., i]) + (1 - 0.4) * normalized(energy)
        np.testing.assert_allclose(normalized(mixed[..., i]), normalized(published), atol=1e-9)
        # What is dark stays dark.
        assert mixed[..., i].max() <= maps[..., i].max() and mixed[..., i].min() >= maps[..., i].min()


def test_a_weight_of_nothing_changes_nothing_and_of_all_leaves_the_objects():
    np.testing.assert_array_equal(with_object_prior(MAP, ENERGY, 0.0), MAP)
    np.testing.assert_allclose(with_object_prior(MAP, ENERGY, 1.0)[..., 0], [[0.2, 0.6], [1.0, 0.4]], atol=1e-6)


def test_where_no_object_stands_out_the_prior_points_nowhere():
    np.testing.assert_array_equal(with_object_prior(MAP, np.full((2, 2), 3.0), 1.0), np.full_like(MAP, 0.2))


def test_a_size_weighs_by_its_inverse():
    coarse, detailed = np.full((1, 1, 1), 0.9), np.array([[0.0, 0.3], [0.6, 0.0]])[..., None]
    expected = [[0.6, 0.7], [0.8, 0.6]]  # (2 * 0.9 + each) / 3
    np.testing.assert_allclose(mean_over_sizes([coarse, detailed], [16, 32])[..., 0], expected, atol=1e-6)
    np.testing.assert_allclose(mean_over_sizes([detailed, coarse], [32, 16])[..., 0], expected, atol=1e-6)


def test_a_mirrored_map_is_turned_back():
    mirrored = np.array([[0.0, 1.0]])[..., None]
    assert mean_with_mirrored(np.array([[0.5, 0.5]])[..., None], mirrored)[..., 0].tolist() == [[0.75, 0.25]]


def test_the_energy_is_mixed_after_the_means_and_left_out():
    plain = np.concatenate([MAP, ENERGY[..., None]], axis=-1)
    mirrored = plain[:, ::-1]
    np.testing.assert_allclose(combine([[plain], [mirrored]], [32], 0.4), with_object_prior(MAP, ENERGY, 0.4))


REFINEMENTS = [
    Refinement(flips=True),
    Refinement(flips=True, fine=True),
    Refinement(flips=True, scales=(32, 48), object_prior=0.3),
]


@pytest.mark.parametrize("refinement", REFINEMENTS)
def test_with_flips_a_mirrored_image_has_the_mirrored_heatmap_exactly(refinement):
    images = photos((32, 32), (32, 64), (50, 71))
    maps = avol().heatmaps(images, sounds(3), refinement)
    mirrored = avol().heatmaps([image[:, ::-1] for image in images], sounds(3), refinement)
    for one, other in zip(maps, mirrored, strict=True):
        np.testing.assert_array_equal(one[:, ::-1], other)
    plain = avol().heatmaps(images, sounds(3), dataclasses.replace(refinement, flips=False))
    assert not np.array_equal(plain[1], maps[1])


def test_what_moves_to_the_right_moves_to_the_left_in_a_mirror():
    moment = Moment(flow_fields=2)
    # Red, green, blue; right and down of two fields, 128 where nothing moves.
    array = np.array([[[9, 9, 9, 255, 1, 128, 128], [0, 0, 0, 1, 255, 130, 7]]], np.uint8)
    mirrored = np.array([[[0, 0, 0, 255, 255, 126, 7], [9, 9, 9, 1, 1, 128, 128]]], np.uint8)
    np.testing.assert_array_equal(moment.mirrored(array), mirrored)
    np.testing.assert_array_equal(moment.mirrored(mirrored), array)
    still = moment.of_image(photos((3, 4))[0])
    np.testing.assert_array_equal(moment.mirrored(still), moment.of_image(photos((3, 4))[0][:, ::-1]))


def test_moments_have_mirrored_heatmaps_too():
    model = avol(flow_fields=1)
    moments = [array.clip(1, 255) for array in photos((32, 48), channels=5)]
    flipped = [model.config.moment.mirrored(array) for array in moments]
    one, other = (model.heatmaps(arrays, sounds(1), Refinement(flips=True))[0] for arrays in (moments, flipped))
    np.testing.assert_array_equal(one[:, ::-1], other)


def test_the_models_own_size_changes_nothing():
    images = photos((32, 32), (40, 90))
    plain = avol().heatmaps(images, sounds(2))
    for one, other in zip(plain, avol().heatmaps(images, sounds(2), Refinement(scales=(32,))), strict=True):
        np.testing.assert_array_equal(one, other)


def test_fine_is_the_models_size_and_twice_as_much():
    images = photos((32, 32), (40, 90))
    fine = avol().heatmaps(images, sounds(2), Refinement(fine=True))
    assert [grid.shape for grid in fine] == [(4, 4), (4, 9)]
    for scales in ((32, 64), (64, 32)):
        those = avol().heatmaps(images, sounds(2), Refinement(scales=scales))
        for one, other in zip(fine, those, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-7)


def test_objects_are_where_the_image_tower_answers():
    (image,) = photos((32, 64))
    (plain,) = avol().heatmaps([image], sounds(1))
    (objects,) = avol().heatmaps([image], sounds(1), Refinement(object_prior=1.0))
    features = avol().network.vision(jnp.asarray(image[None], jnp.float32) / 255)
    energy = np.abs(np.asarray(features[0])).mean(axis=-1)
    scaled = (energy - energy.min()) / (energy.max() - energy.min())
    np.testing.assert_allclose(objects, plain.min() + (plain.max() - plain.min()) * scaled, atol=1e-5)
    (unchanged,) = avol().heatmaps([image], sounds(1), Refinement(object_prior=0.0))
    np.testing.assert_array_equal(unchanged, plain)
    # The sound does not matter to where objects are.
    (louder,) = avol().heatmaps([image], 3 * sounds(1)[:, ::-1], Refinement(object_prior=1.0))
    assert np.argsort(louder, axis=None).tolist() == np.argsort(objects, axis=None).tolist()


def test_heatmaps_are_fine_where_classifiers_make_them():
    assert Refinement().sizes(JOINT) == (32, 64)
    assert Refinement(fine=False).sizes(JOINT) == (32,)
    assert Refinement().sizes(CONFIG) == (32,)
    assert Refinement(scales=(48,)).sizes(JOINT) == (48,)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"object_prior": 1.1}, "--object-prior: must be a weight from 0 to 1, got 1.1"),
        ({"object_prior": -0.1}, "--object-prior: must be a weight from 0 to 1"),
        ({"object_prior": float("nan")}, "--object-prior: must be a weight from 0 to 1"),
        ({"scales": (32, 32)}, "--scales: must be different sizes, got 32 32"),
        ({"scales": (32,), "fine": False}, "--scales: cannot go with --fine or --no-fine"),
    ],
)
def test_options_that_cannot_be_are_refused(options, reason):
    with pytest.raises(OptionError) as error:
        Refinement(**options)
    assert reason.split(": ")[1] in str(error.value) and error.value.subject.replace("_", "-") in reason


@pytest.mark.parametrize(
    ("config", "size", "reason"),
    [
        (CONFIG, 40, "cannot be 40 for this model: must be a multiple of 16, got 40"),
        (CONFIG, 0, "cannot be 0 for this model"),
        (CONFIG, 144, "must be at most 128, 4 times the model's, got 144"),
        (JOINT, 16, "cannot be 16 for this model: must be a whole number from 32"),
    ],
)
def test_sizes_that_the_image_network_cannot_take_are_refused(config, size, reason):
    with pytest.raises(OptionError, match=f"scales: {reason}"):
        Refinement(scales=(32, size)).sizes(config)

import functools
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from avnet.errors import ConfigError
from data.records import augment
from data.records.augment import AugmentConfig, augment_images, augment_spectrograms, augment_waveforms, to_float

NOTHING = AugmentConfig(min_scale=1.0, brightness=0.0, saturation=0.0, gain_db=0.0)
KEY = jax.random.key(0)


@functools.partial(jax.jit, static_argnums=2)
def program(key, images, size, strengths):
    config: Any = SimpleNamespace(**strengths)
    return augment_images(key, images, size, config)


def apply(key, images, size, config):
    """`augment_images`, compiled once for all strengths."""
    return program(key, images, size, asdict(config))


def random_images(count=8, side=32, seed=0):
    return jnp.asarray(np.random.default_rng(seed).integers(0, 256, (count, side, side, 3)).astype(np.uint8))


def without_flips(results, references):
    """Each result, flipped back where that is nearer to its reference."""
    pairs = zip(np.asarray(results), references, strict=True)
    return np.stack([min(r, r[:, ::-1], key=lambda x: np.abs(x - reference).max()) for r, reference in pairs])


@pytest.mark.parametrize("size", [32, 16])
def test_no_strength_and_a_full_crop_only_scale(size):
    images = random_images()
    by_pillow = [Image.fromarray(np.asarray(i)).resize((size, size), Image.Resampling.BILINEAR) for i in images]
    expected = np.stack([np.asarray(image) for image in by_pillow]) / 255.0
    result = without_flips(apply(KEY, images, size, NOTHING), expected)
    assert np.abs(result - expected).max() < 1.5 / 255


def test_half_of_the_images_are_mirrored():
    image = np.zeros((300, 4, 4, 3), np.uint8)
    image[:, :, :2] = 255
    result = np.asarray(apply(KEY, jnp.asarray(image), 4, NOTHING))
    left_half = result[:, :, :2].mean(axis=(1, 2, 3))
    assert set(np.round(left_half, 3)) == {0.0, 1.0}
    assert 110 < left_half.sum() < 190


def test_results_lie_between_0_and_1_and_reach_both():
    images = jnp.asarray(np.full((300, 4, 4, 3), (255, 0, 128), np.uint8))
    result = np.asarray(apply(KEY, images, 4, AugmentConfig.strong()))
    assert result.dtype == np.float32
    assert result.min() == 0.0 and result.max() == 1.0


@pytest.mark.parametrize("config", [AugmentConfig.paper(), AugmentConfig.strong()])
def test_augmentation_of_one_image_ignores_the_others(config):
    images = random_images()
    whole = apply(KEY, images, 16, config)
    others = apply(KEY, images.at[1:].set(0), 16, config)
    assert np.array_equal(whole[0], others[0])
    assert not np.allclose(whole[0], apply(KEY, images[:1].repeat(8, 0), 16, config)[1])


def test_same_key_gives_the_same_images_with_and_without_jit():
    images, config = random_images(), AugmentConfig.strong()
    plain = augment_images(KEY, images, 16, config)
    assert np.allclose(plain, apply(KEY, images, 16, config), atol=1e-5)
    assert not np.allclose(plain, apply(jax.random.key(1), images, 16, config))


def test_interpolation_weights_are_those_worked_out_by_hand():
    # Two pixels from the four: each the mean of a triangle two wide around 0.5 and 2.5.
    half = augment._interpolation(4, 2, 0.0, 4.0)
    assert np.asarray(half) * 7 == pytest.approx(np.array([[3, 3, 1, 0], [0, 1, 3, 3]]))
    # The two in the middle, twice as large: centres 0.75, 1.25, 1.75 and 2.25.
    double = augment._interpolation(4, 4, 1.0, 2.0)
    expected = [[0.25, 0.75, 0, 0], [0, 0.75, 0.25, 0], [0, 0.25, 0.75, 0], [0, 0, 0.75, 0.25]]
    assert np.asarray(double) == pytest.approx(np.array(expected))
    same = augment._interpolation(4, 4, 0.0, 4.0)
    assert np.array_equal(same, np.eye(4))


def test_crop_is_as_large_as_asked_and_lies_inside():
    ramp = np.broadcast_to(np.arange(101, dtype=np.uint8)[None, None, :, None], (200, 101, 101, 3))
    config = AugmentConfig(min_scale=0.5, brightness=0.0, saturation=0.0)
    result = np.asarray(apply(KEY, jnp.asarray(ramp), 50, config)) * 255
    ends = np.sort(result[:, 25, [0, -1], 0], axis=1)
    widths = (ends[:, 1] - ends[:, 0]) * 50 / 49
    assert widths.min() == pytest.approx(50.5, abs=2) and widths.max() == pytest.approx(101, abs=2)
    assert ends.min() >= 0 and ends.max() <= 100


def test_brightness_stays_within_its_strength():
    images = jnp.full((300, 4, 4, 3), 100, jnp.uint8)
    config = AugmentConfig(min_scale=1.0, brightness=0.2, saturation=0.0)
    change = np.asarray(apply(KEY, images, 4, config))[:, 0, 0, 0] / (100 / 255) - 1
    assert -0.2 <= change.min() < -0.18 and 0.18 < change.max() <= 0.2


def test_saturation_keeps_the_grey_and_scales_the_colour():
    images = jnp.broadcast_to(jnp.array([150, 100, 50], jnp.uint8), (300, 4, 4, 3))
    config = AugmentConfig(min_scale=1.0, brightness=0.0, saturation=0.4)
    result = np.asarray(apply(KEY, images, 4, config))[:, 0, 0] * 255
    assert result.mean(axis=1) == pytest.approx(np.full(300, 100.0), abs=1e-3)
    strength = (result[:, 0] - 100) / 50
    assert 0.6 - 1e-5 <= strength.min() < 0.65 and 1.35 < strength.max() <= 1.4 + 1e-5


def test_full_scale_is_one():
    assert to_float(jnp.array([[32767, 0, -32767]], jnp.int16)).tolist() == [[1.0, 0.0, -1.0]]


def test_gain_is_in_decibels_and_one_for_a_clip():
    waveforms = jnp.full((500, 4), 3277, jnp.int16)
    result = np.asarray(augment_waveforms(KEY, waveforms, AugmentConfig(gain_db=6.0)))
    assert np.array_equal(result, np.repeat(result[:, :1], 4, 1))
    gain_db = 20 * np.log10(result[:, 0] / (3277 / 32767))
    assert -6.001 <= gain_db.min() < -5.8 and 5.8 < gain_db.max() <= 6.001
    assert np.array_equal(augment_waveforms(KEY, waveforms, NOTHING), to_float(waveforms))


def test_masks_hide_one_stripe_of_rows_and_one_of_columns_with_the_mean():
    spectrograms = jnp.asarray(np.random.default_rng(0).normal(size=(100, 40, 50, 1)), jnp.float32)
    config = AugmentConfig(frequency_mask=0.3, time_mask=0.2)
    result = np.asarray(augment_spectrograms(KEY, spectrograms, config))
    rows, columns = [], []
    for before, after in zip(np.asarray(spectrograms), result, strict=True):
        mask = (before != after)[..., 0]
        assert after[..., 0][mask] == pytest.approx(before.mean(), abs=1e-6)
        all_rows, all_columns = mask.all(axis=1), mask.all(axis=0)
        assert np.array_equal(mask, all_rows[:, None] | all_columns[None, :])
        for stripe in (all_rows, all_columns):
            assert np.abs(np.diff(np.r_[0, stripe, 0])).sum() <= 2
        rows.append(all_rows.sum())
        columns.append(all_columns.sum())
    assert max(rows) <= 12 and max(columns) <= 10
    assert np.mean(rows) == pytest.approx(6, abs=1) and np.mean(columns) == pytest.approx(5, abs=1)


def test_transposition_moves_rows_by_no_more_than_its_strength():
    ramp = jnp.broadcast_to(jnp.arange(40.0)[None, :, None, None], (300, 40, 5, 1))
    result = np.asarray(augment_spectrograms(KEY, ramp, AugmentConfig(transposition=0.05)))
    shift = result[:, 20, 0, 0] - 20
    assert -2 <= shift.min() < -1.8 and 1.8 < shift.max() <= 2
    inside = np.broadcast_to(20 + shift[:, None, None], (300, 21, 5))
    assert result[:, 10:31, :, 0] - np.arange(-10, 11)[:, None] == pytest.approx(inside, abs=1e-4)
    assert result.min() >= 0 and result.max() <= 39


def test_equalizer_is_in_decibels_smooth_and_the_same_at_all_times():
    result = np.asarray(augment_spectrograms(KEY, jnp.zeros((300, 51, 7, 1)), AugmentConfig(equalizer_db=9.0)))[..., 0]
    assert np.array_equal(result, np.repeat(result[:, :, :1], 7, axis=2))
    level_db = result[:, :, 0] * 20 / np.log(10)
    assert -9.001 <= level_db.min() < -8.9 and 8.9 < level_db.max() <= 9.001
    # Six bands of ten rows: the steepest slope is 18 dB in ten rows.
    assert np.abs(np.diff(level_db, axis=1)).max() <= 1.801


def test_erased_rectangle_has_the_mean_colour_and_no_more_than_its_side():
    images = random_images(count=100)
    config = AugmentConfig(min_scale=1.0, brightness=0.0, saturation=0.0, erase=0.4)
    result, whole = (np.asarray(apply(KEY, images, 32, c)) for c in (config, NOTHING))
    sides = []
    for result_image, image in zip(result, whole, strict=True):
        differs = (result_image != image).any(axis=2)
        rows, columns = differs.any(axis=1), differs.any(axis=0)
        assert np.array_equal(differs, rows[:, None] & columns)
        assert result_image[differs] == pytest.approx(np.tile(image.mean(axis=(0, 1)), (differs.sum(), 1)), abs=1e-6)
        sides += [rows.sum(), columns.sum()]
    assert 11 <= max(sides) <= 13


def test_white_balance_changes_each_colour_by_itself():
    images = jnp.full((300, 4, 4, 3), 100, jnp.uint8)
    config = AugmentConfig(min_scale=1.0, brightness=0.0, saturation=0.0, white_balance=0.2)
    change = np.asarray(apply(KEY, images, 4, config))[:, 0, 0] / (100 / 255) - 1
    assert -0.2001 <= change.min() < -0.19 and 0.19 < change.max() <= 0.2001
    assert np.abs(np.corrcoef(change.T) - np.eye(3)).max() < 0.2


def test_no_mask_changes_nothing():
    spectrograms = jnp.ones((2, 8, 9, 1)).at[:, 0].set(3.0)
    assert np.array_equal(augment_spectrograms(KEY, spectrograms, NOTHING), spectrograms)


def test_paper_has_no_masks_and_strong_is_stronger_throughout():
    paper, strong = AugmentConfig.paper(), AugmentConfig.strong()
    assert paper.frequency_mask == paper.time_mask == 0
    assert strong.min_scale < paper.min_scale and strong.gain_db > paper.gain_db


def test_strengths_that_cannot_be_are_refused():
    refusals = (
        AugmentConfig.paper().__dict__ | change
        for change in ({"min_scale": 0.0}, {"min_scale": 1.1}, {"gain_db": -1.0}, {"brightness": 1.0})
    )
    for options in refusals:
        with pytest.raises(ConfigError):
            AugmentConfig(**options)


def test_all_frames_of_a_moment_are_changed_alike_and_motion_is_mirrored_with_them():
    image = np.random.default_rng(1).integers(0, 256, (4, 24, 24, 3)).astype(np.uint8)
    right, down = 128 + 40, 128 - 30
    motion = np.full((4, 24, 24, 2), (right, down), np.uint8)
    moments = jnp.asarray(np.concatenate([image, image, motion], axis=-1))
    changed = np.asarray(augment_images(KEY, moments, 16, AugmentConfig(erase=0.3), flow_fields=1))
    np.testing.assert_array_equal(changed[..., :3], changed[..., 3:6])
    alone = np.asarray(augment_images(KEY, jnp.asarray(image), 16, AugmentConfig(erase=0.3)))
    np.testing.assert_allclose(changed[..., :3], alone, atol=1e-6)
    mirrored = set()
    for example in np.rint(changed[..., 6:] * 255).reshape(4, -1, 2):
        values = {tuple(pixel) for pixel in example.astype(int).tolist()}
        assert values <= {(right, down), (256 - right, down), (128, 128)}, "erased or as it was, mirrored or not"
        mirrored.add((256 - right, down) in values)
        assert len(values - {(128, 128)}) == 1
    assert mirrored == {True, False}

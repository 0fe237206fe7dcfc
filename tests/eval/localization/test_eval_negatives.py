from itertools import pairwise
from pathlib import Path

import numpy as np

from eval.localization import negatives
from eval.readers.scene import Scene


def scene(name, label, visible=None, silent=False):
    return Scene(name, Path(name), Path(name), label, (label,) if visible is None else visible, (), silent=silent)


SCENES = [
    scene("a", "dog"),
    scene("b", "dog"),
    scene("c", "cat", visible=("cat", "horn")),
    scene("d", "horn"),
    scene("e", "", silent=True, visible=("drum",)),
    scene("f", "drum"),
]


def test_noise_is_a_function_of_seed_and_place():
    np.testing.assert_array_equal(negatives.noise(100, 0, 3), negatives.noise(100, 0, 3))
    assert not np.array_equal(negatives.noise(100, 0, 3), negatives.noise(100, 0, 4))
    assert not np.array_equal(negatives.noise(100, 0, 3), negatives.noise(100, 1, 3))


def test_noise_has_the_stated_level_and_stays_in_range():
    noise = negatives.noise(48_000, 0, 0)
    assert abs(np.sqrt(np.mean(noise**2)) - negatives.NOISE_RMS) < 0.002
    assert np.abs(noise).max() <= 1.0
    assert noise.dtype == negatives.silence(3).dtype == np.float32


def test_wind_is_low_and_comes_in_gusts():
    wind = negatives.wind(96_000, 48_000, 0, 0)
    np.testing.assert_array_equal(wind, negatives.wind(96_000, 48_000, 0, 0))
    assert not np.array_equal(wind, negatives.wind(96_000, 48_000, 0, 1))
    assert wind.dtype == np.float32 and abs(np.sqrt(np.mean(wind**2)) - negatives.NOISE_RMS) < 0.005
    power, frequencies = np.abs(np.fft.rfft(wind)) ** 2, np.fft.rfftfreq(96_000, 1 / 48_000)
    octaves = [power[(frequencies >= low) & (frequencies < 2 * low)].sum() for low in (200, 400, 800, 1600)]
    # Brown noise has a quarter of the power density an octave up, on twice the width: 3 dB less in each octave.
    np.testing.assert_allclose([b / a for a, b in pairwise(octaves)], 0.5, atol=0.15)
    assert power[frequencies < 500].sum() > 0.9 * power.sum()
    levels = [np.sqrt(np.mean(part**2)) for part in wind.reshape(16, -1)]
    assert max(levels) > 1.5 * min(levels)


def test_wind_has_nothing_below_what_is_heard():
    # Gusts spread what is at 20 Hz by less than 1 Hz.
    wind = negatives.wind(96_000, 48_000, 0, 0)
    power, frequencies = np.abs(np.fft.rfft(wind)) ** 2, np.fft.rfftfreq(96_000, 1 / 48_000)
    assert power[frequencies < 15].sum() < 0.01 * power.sum()


def test_speech_is_laid_over_a_sound_as_loud_as_it():
    own, other = np.array([0.2, -0.2], np.float32), np.array([0.05, 0.05], np.float32)
    np.testing.assert_allclose(negatives.mixed(own, other), [0.4, 0.0], atol=1e-7)
    # 0.8 and 0.8 in step are 1.6, which is brought down to 1.
    np.testing.assert_allclose(negatives.mixed(own * 4, other * [1, -1]), [1.0, -1.0], atol=1e-7)
    for silent in (own * 0, other):
        np.testing.assert_array_equal(negatives.mixed(silent, other * 0), silent)


def test_partners_are_of_a_class_neither_seen_nor_heard():
    for seed in range(20):
        assert set(negatives.partners(SCENES, 0, seed)) <= {2, 3, 5}
        assert set(negatives.partners(SCENES, 2, seed)) <= {0, 1, 5}
        # Nothing sounds in this one, but a drum is in the image.
        assert set(negatives.partners(SCENES, 4, seed)) <= {0, 1, 2, 3}


def test_every_fitting_scene_can_be_the_first_partner():
    assert {negatives.partners(SCENES, 0, seed)[0] for seed in range(40)} == {2, 3, 5}


def test_partners_are_at_most_as_many_as_asked():
    assert len(negatives.partners(SCENES, 0, 0, count=2)) == 2


def test_without_classes_any_other_scene_is_a_partner():
    scenes = [scene(str(i), "", visible=()) for i in range(3)]
    assert sorted(negatives.partners(scenes, 1, 0)) == [0, 2]


def test_a_scene_alone_has_no_partner():
    assert negatives.partners(SCENES[:2], 0, 0) == []

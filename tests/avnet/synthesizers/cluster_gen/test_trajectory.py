"""The likeliest course of parameters."""

import numpy as np
import pytest

from avnet.synthesizers.cluster_gen.trajectory import deltas, likeliest


def test_deltas_are_half_the_difference_of_the_neighbors():
    assert deltas(np.array([[1.0], [4.0], [9.0], [16.0]]))[:, 0].tolist() == [0.0, 4.0, 6.0, 0.0]


@pytest.mark.parametrize("frames", [3, 4, 9])
def test_it_is_the_least_squares_of_values_and_deltas(frames):
    rng = np.random.default_rng(frames)
    mean, delta_mean = rng.normal(size=(2, frames, 2))
    precision, delta_precision = rng.uniform(0.2, 3, (2, frames, 2))
    course = likeliest(mean, precision, delta_mean, delta_precision)
    for column in range(2):
        rows = [np.eye(frames)[t] * np.sqrt(precision[t, column]) for t in range(frames)]
        wanted = list(mean[:, column] * np.sqrt(precision[:, column]))
        for t in range(1, frames - 1):
            weight = np.sqrt(delta_precision[t, column])
            rows.append(weight * (np.eye(frames)[t + 1] - np.eye(frames)[t - 1]) / 2)
            wanted.append(weight * delta_mean[t, column])
        assert np.allclose(course[:, column], np.linalg.lstsq(np.array(rows), np.array(wanted))[0])


def test_without_deltas_it_is_the_means():
    mean = np.random.default_rng(0).normal(size=(7, 3))
    assert np.allclose(likeliest(mean, np.full((7, 3), 2.0), np.ones((7, 3)), np.zeros((7, 3))), mean)


def test_deltas_alone_draw_a_line_between_what_is_sure():
    # Frames 2 to 7 hardly count; of the others the even ones are 0 to 8 at once.
    mean, precision = np.arange(10.0)[:, None], np.full((10, 1), 1e4)
    mean[2:8], precision[2:8] = 0.0, 1e-6
    course = likeliest(mean, precision, np.ones((10, 1)), np.ones((10, 1)))
    assert np.allclose(course[:, 0], np.arange(10), atol=1e-3)


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_too_few_frames_for_deltas_are_the_means(frames):
    mean = np.ones((frames, 2))
    assert np.array_equal(likeliest(mean, mean, mean, mean), mean)

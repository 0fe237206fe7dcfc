from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from extras import need
from scipy.ndimage import gaussian_filter

from avnet.moments.flow import LARGEST, NO_MOTION, STEPS, flow_field
from avnet.moments.moment import Moment

need("cv2")


def texture(side=128, seed=0):
    """Smooth noise, larger than any view of it."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(2 * side, 2 * side)), 3)
    scaled = (noise - noise.min()) / np.ptp(noise) * 255
    return np.repeat(scaled[..., None], 3, axis=2).astype(np.uint8)


def view(image, right, down, side=128):
    """What is seen when the image has moved."""
    top, left = 40 - down, 40 - right
    return image[top : top + side, left : left + side]


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -2), (-4, 5)])
def test_what_moves_right_and_down_has_positive_flow_in_pixels_of_256(right, down):
    image = texture()
    field = flow_field(view(image, 0, 0), view(image, right, down))
    assert field.shape == (128, 128, 2) and field.dtype == np.uint8
    pixels = (np.median(field[16:-16, 16:-16], axis=(0, 1)) - NO_MOTION) * LARGEST / STEPS
    # Twice the displacement: the view has half of 256 pixels.
    np.testing.assert_allclose(pixels, [2 * right, 2 * down], atol=0.5)


def test_flow_is_the_same_in_any_thread_and_of_any_number_of_them():
    image = texture()
    pairs = [(view(image, 0, 0), view(image, i, 1)) for i in range(6)]
    alone = [flow_field(*pair) for pair in pairs]
    with ThreadPoolExecutor(3) as pool:
        for field, expected in zip(pool.map(lambda pair: flow_field(*pair), pairs), alone, strict=True):
            np.testing.assert_array_equal(field, expected)


def test_flow_does_not_depend_on_the_size_of_what_was_seen_before():
    image = texture()
    pair = view(image, 0, 0), view(image, 3, 1)
    before = flow_field(*pair)
    flow_field(view(image, 0, 0, side=32), view(image, 1, 1, side=32))
    np.testing.assert_array_equal(flow_field(*pair), before)


def test_fields_of_a_moment_are_those_from_frame_to_frame():
    image = texture()
    frames = [view(image, 2 * i, 0) for i in range(4)]
    array = Moment(flow_fields=3).stack(frames)
    np.testing.assert_array_equal(array[..., :3], frames[2])
    for i in range(3):
        np.testing.assert_array_equal(array[..., 3 + 2 * i : 5 + 2 * i], flow_field(frames[i], frames[i + 1]))


def test_an_image_that_is_too_small_to_be_searched_does_not_move():
    a, b = np.zeros((15, 40, 3), np.uint8), np.full((15, 40, 3), 9, np.uint8)
    assert (flow_field(a, b) == NO_MOTION).all()

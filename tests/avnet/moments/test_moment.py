import numpy as np
import pytest

from avnet.errors import ConfigError
from avnet.media.image import center_squares, resize, resize_short_side
from avnet.moments.flow import NO_MOTION, to_bytes
from avnet.moments.moment import IMAGE, Moment


def shades(count):
    return [np.full((4, 6, 3), 10 * i, np.uint8) for i in range(count)]


def test_twenty_five_frames_are_those_of_a_second():
    moment = Moment(frames=25)
    np.testing.assert_allclose(moment.offsets_s, (np.arange(25) - 12) / 25)
    assert moment.channels == 75 and moment.middle == 12


def test_flow_takes_one_frame_more_than_fields_and_the_middle_one_is_shown():
    moment = Moment(flow_fields=10)
    np.testing.assert_allclose(moment.offsets_s, (np.arange(11) - 5) / 25)
    assert moment.channels == 23 and moment.offsets_s[moment.middle] == 0


def test_frames_lie_in_order_of_time_in_the_channels():
    images = shades(5)
    array = Moment(frames=5).stack(images)
    assert array.shape == (4, 6, 15)
    assert array[0, 0].tolist() == np.repeat([0, 10, 20, 30, 40], 3).tolist()
    np.testing.assert_array_equal(Moment(frames=5).image_of(array), images[2])


def test_a_frame_that_stays_on_screen_does_not_move():
    moment, image = Moment(flow_fields=3), shades(2)[1]
    array = moment.stack([image] * 4)
    assert array.shape == (4, 6, 9)
    np.testing.assert_array_equal(array, moment.of_image(image))
    np.testing.assert_array_equal(moment.image_of(array), image)
    assert (array[..., 3:] == NO_MOTION).all()


def test_a_still_image_is_a_moment_in_which_every_frame_is_the_same():
    image = shades(3)[2]
    np.testing.assert_array_equal(Moment(frames=4).of_image(image), np.tile(image, 4))
    assert IMAGE.is_image and IMAGE.stack([image]) is image


def test_images_and_moments_may_be_mixed_and_others_are_refused():
    moment, image = Moment(frames=4), shades(1)[0]
    arrays = moment.arrays([image, moment.of_image(image)])
    assert [array.shape[-1] for array in arrays] == [12, 12]
    with pytest.raises(ConfigError, match="images: must have 3 channels or 12, got 5"):
        moment.arrays([image, np.zeros((4, 6, 5), np.uint8)])


def test_displacements_are_cut_at_twenty_pixels():
    pixels = np.array([0.0, 20.0, -20.0, 500.0, -500.0, 10.0])
    assert to_bytes(pixels).tolist() == [128, 255, 1, 255, 1, 192]


@pytest.mark.parametrize("channels", [3, 4, 5, 9, 23])
def test_every_channel_is_scaled_as_in_an_image(channels):
    array = np.random.default_rng(0).integers(0, 256, (10, 14, channels)).astype(np.uint8)
    small = resize(array, 7, 5)
    assert small.shape == (5, 7, channels)
    for i in range(channels):
        np.testing.assert_array_equal(small[..., i], resize(np.repeat(array[..., i : i + 1], 3, axis=2), 7, 5)[..., 0])
    assert resize_short_side(array, 5).shape == (5, 7, channels)
    assert center_squares([array], 8, channels).shape == (1, 8, 8, channels)
    assert center_squares([], 8, channels).shape == (0, 8, 8, channels)

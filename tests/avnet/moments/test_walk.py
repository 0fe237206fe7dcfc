import numpy as np
import pytest
from media.media_files import make_video, number_of, ramp

from avnet.media.video import frames_on_screen
from avnet.moments.moment import IMAGE, Moment
from avnet.moments.walk import moment_at, moments_on_screen

SECOND = Moment(frames=25)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Frame n of 50 says that it is n; 25 a second."""
    path = tmp_path_factory.mktemp("films") / "ramp.ffv1"
    make_video(path, 2.0, ramp())
    return path


def numbers(array):
    return [number_of(array[..., i : i + 3]) for i in range(0, array.shape[-1], 3)]


def walk(film, times, moment=SECOND, **options):
    return list(moments_on_screen(film, np.array(times), moment, **options))


def test_a_moment_holds_the_frames_of_a_second_about_it(film):
    (slots, shown_s, array), (_, _, second) = walk(film, [0.99, 1.19])
    assert slots == slice(0, 1) and shown_s == pytest.approx(0.96)
    assert numbers(array) == list(range(12, 37))
    assert numbers(second) == list(range(17, 42))


def test_at_the_ends_the_first_and_the_last_frame_stand_for_what_is_not_there(film):
    (_, _, first), (_, _, last) = walk(film, [0.01, 1.9])
    assert numbers(first) == [0] * 12 + list(range(13))
    assert numbers(last) == [*range(35, 50), *[49] * 10]
    # A file may end before it says.
    ((_, _, cut),) = walk(film, [1.9], held_s=0.1)
    np.testing.assert_array_equal(cut, last)


def test_moments_come_in_order_however_much_they_overlap(film):
    times = [0.5, 0.52, 0.54, 0.9, 1.5]
    walked = walk(film, times, short_side=16)
    assert [slots.start for slots, _, _ in walked] == [0, 1, 2, 3, 4]
    assert all(array.shape == (16, 21, 75) for _, _, array in walked)
    for time, (_, shown_s, array) in zip(times, walked, strict=True):
        alone_s, alone = moment_at(film, time, SECOND, 16)
        assert alone_s == shown_s
        np.testing.assert_array_equal(alone, array)


def test_of_images_the_walk_is_that_over_frames(film):
    times = np.array([0.1, 0.11, 0.7])
    for ours, theirs in zip(moments_on_screen(film, times, IMAGE), frames_on_screen(film, times), strict=True):
        assert ours[:2] == theirs[:2]
        np.testing.assert_array_equal(ours[2], theirs[2])

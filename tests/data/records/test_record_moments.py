import hashlib

import numpy as np
import pytest

from avnet.errors import DataError
from avnet.moments.moment import IMAGE, Moment
from data.records.jpeg import encode_jpeg
from data.records.listing import View
from data.records.moments import check_frames, middle_frames, moment_of
from data.records.pairs import PairConfig, draw_pair
from data.records.segment import Segment

RATE, SECOND = 1000, Moment(frames=25)


def segment(fps, seconds=3.0, period_s=0.04, number=0):
    """Frame i is of brightness 2 * i."""
    times = np.arange(0.5, seconds - 0.5, 1 / fps)
    frames = [encode_jpeg(np.full((16, 24, 3), 2 * i, np.uint8), 95) for i in range(len(times))]
    sound = np.zeros(round(seconds * RATE), np.int16)
    video = hashlib.sha256(bytes([number])).hexdigest()
    return Segment("film.mp4", video, 0.0, frames, np.rint(times * RATE).astype(np.int64), period_s * RATE, sound, RATE)


def numbers(array):
    return np.round(array[0, 0, ::3] / 2).astype(int).tolist()


def test_the_frames_about_one_are_taken_by_their_times():
    film = segment(25)
    assert numbers(moment_of(film, 20, SECOND)) == list(range(8, 33))
    # Of 50 frames a second every other, of 12.5 each twice.
    assert numbers(moment_of(segment(50), 40, SECOND)) == list(range(16, 65, 2))
    slow = numbers(moment_of(segment(12.5), 12, SECOND))
    assert slow[12] == 12 and slow == sorted(slow) and set(slow) == set(range(6, 19))


def test_the_first_and_the_last_frame_stand_for_those_outside():
    film = segment(25)
    last = len(film.frames) - 1
    assert numbers(moment_of(film, 0, SECOND)) == [0] * 12 + list(range(13))
    assert numbers(moment_of(film, last, SECOND)) == [*range(last - 12, last + 1), *[last] * 12]


def test_moments_are_drawn_where_all_of_them_lies_in_the_segment():
    film = segment(25)
    assert middle_frames(film, SECOND).tolist() == list(range(12, len(film.frames) - 12))
    assert middle_frames(film, IMAGE).tolist() == list(range(len(film.frames)))
    assert middle_frames(segment(25, 1.4), SECOND).tolist() == [5]


def test_a_pair_has_the_same_square_of_all_frames():
    films = [segment(25, number=i) for i in range(2)]
    config = PairConfig(400, canvas=16, moment=SECOND)
    pair = draw_pair(films, 0, np.random.default_rng(0), config)
    assert pair.image.shape == (16, 16, 75)
    shown = numbers(pair.image)
    assert shown == list(range(shown[0], shown[0] + 25))


def test_an_image_is_drawn_as_before_moments():
    films = [segment(2, number=i) for i in range(2)]
    rng = np.random.default_rng(5)
    pair = draw_pair(films, 0, np.random.default_rng(5), PairConfig(400, canvas=16))
    frame = int(rng.integers(len(films[0].frames)))
    np.testing.assert_array_equal(pair.image[0, 0], films[0].image(frame)[0, 0])


def test_records_with_too_few_frames_are_refused():
    with pytest.raises(DataError, match=r"corpus: holds too few frames .* prepare it with --fps 25"):
        check_frames([segment(1)], SECOND, "corpus")
    with pytest.raises(DataError, match="10 fields of flow"):
        check_frames([segment(5)], Moment(flow_fields=10), "corpus")
    check_frames([segment(1)], IMAGE, "corpus")
    check_frames([segment(20)], SECOND, "corpus")
    # A film of 10 frames a second has no more.
    check_frames([segment(10, period_s=0.1)], SECOND, "corpus")


def test_a_view_of_a_moment_is_the_square_in_the_middle():
    film = segment(25)
    assert View(SECOND, 16).of(film, 20).shape == (16, 16, 75)
    assert View().of(film, 20).shape == (16, 24, 3)

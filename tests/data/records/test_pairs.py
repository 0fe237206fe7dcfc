import numpy as np
import pytest

from avnet.errors import ConfigError, DataError
from data.records.jpeg import encode_jpeg
from data.records.pairs import PairConfig, draw_anywhere, draw_mid, draw_other, draw_pair, square, video_number
from data.records.segment import Segment

RATE = 1000
PERIOD = 40.0
CLIP = 1000


def segment(number, samples=10_000, frames=(5017,), period=PERIOD):
    """A segment whose samples count on from 0, so that a clip says where it was cut; its sign is the video's."""
    image = np.full((24, 32, 3), 20 + 40 * number, np.uint8)
    at = np.array(frames)
    sound = np.arange(1, samples + 1, dtype=np.int16) * (1 if number % 2 else -1)
    return Segment(
        f"{number}", f"{number:08x}" + "0" * 56, 0.0, [encode_jpeg(image, 90)] * len(at), at, period, sound, RATE
    )


def config(**options):
    return PairConfig(CLIP, 16, **options)


def rng(number=0):
    return np.random.default_rng(number)


def middle(waveform):
    """The sample at the mid-point of a clip, counted in its segment."""
    return abs(int(waveform[CLIP // 2])) - 1


def test_positives_are_of_one_video_and_negatives_of_two():
    source = [segment(0), segment(1)]
    labels = []
    for seed in range(200):
        pair = draw_pair(source, seed % 2, rng(seed), config())
        own = pair.waveform[CLIP // 2] > 0
        assert (own == bool(seed % 2)) == bool(pair.label)
        labels.append(pair.label)
    assert 70 < sum(labels) < 130


def test_segments_of_one_video_are_no_negatives():
    source = [segment(0), segment(0), segment(0), segment(1)]
    others = {draw_other(source, source[0], rng(seed)).name for seed in range(20)}
    assert others == {"1"}


def test_share_of_negatives_is_kept():
    source = [segment(0), segment(1)]
    assert {draw_pair(source, 0, rng(seed), config(negatives=1.0)).label for seed in range(20)} == {0}
    assert {draw_pair(source, 0, rng(seed), config(negatives=0.0)).label for seed in range(20)} == {1}


def test_mid_points_lie_exactly_on_the_frame_grid_of_their_own_video():
    source = [segment(0, frames=(5017,)), segment(1, frames=(4003, 6003))]
    result = set()
    for seed in range(100):
        pair = draw_pair(source, 0, rng(seed), config())
        mid = middle(pair.waveform)
        phase = (mid - (5017 if pair.label else 4003)) % 40
        assert phase == 0
        result.add(pair.label)
    assert result == {0, 1}


def test_grid_that_is_no_whole_number_of_samples_does_not_drift():
    one = segment(0, period=1000 / 29.97)
    for seed in range(50):
        steps = (draw_mid(one, 0, rng(seed), config()) - 5017) / one.frame_period
        assert abs(steps - round(steps)) * one.frame_period <= 0.5


def test_unsnapped_negatives_lie_off_the_grid_and_positives_on_it():
    source = [segment(0), segment(1)]
    phases = {0: set(), 1: set()}
    for seed in range(300):
        pair = draw_pair(source, 0, rng(seed), config(snap=False))
        phases[pair.label].add((middle(pair.waveform) - 5017) % 40)
    assert phases[1] == {0}
    assert len(phases[0]) > 30


def test_misalignment_is_bounded_and_reaches_its_bound():
    one = segment(0)
    for misalignment, steps in ((0.0, 0), (0.3, 7), (1.0, 25)):
        shifts = {draw_mid(one, 0, rng(seed), config(misalignment_s=misalignment)) - 5017 for seed in range(400)}
        assert min(shifts) == -40 * steps and max(shifts) == 40 * steps
        assert len(shifts) == 2 * steps + 1


def test_clip_lies_inside_the_segment_where_one_fits():
    for at in (500, 517, 800, 1200, 1483, 1500):
        one = segment(0, samples=2000, frames=(at,))
        for seed in range(50):
            mid = draw_mid(one, 0, rng(seed), config())
            assert CLIP // 2 <= mid <= 2000 - CLIP // 2


def test_clip_is_centred_on_the_frame_where_none_fits():
    one = segment(0, samples=600, frames=(300,))
    assert {draw_mid(one, 0, rng(seed), config()) for seed in range(10)} == {300}
    assert draw_anywhere(one, rng(), config()) == 500
    assert len(draw_pair([one, segment(1)], 0, rng(), config()).waveform) == CLIP


def test_pair_is_a_function_of_its_generator_alone():
    source = [segment(number, frames=(4000, 5000, 6000)) for number in range(5)]
    first, again, other = (draw_pair(source, 2, rng(seed), config()) for seed in (7, 7, 8))
    assert np.array_equal(first.image, again.image) and np.array_equal(first.waveform, again.waveform)
    assert first.label == again.label
    assert not np.array_equal(first.waveform, other.waveform)


def test_image_is_that_of_the_segment_and_square():
    pair = draw_pair([segment(0), segment(4)], 1, rng(), config())
    assert pair.image.shape == (16, 16, 3) and pair.image.dtype == np.uint8
    assert abs(int(pair.image.mean()) - 180) < 4
    assert pair.video == 4


def test_window_moves_along_the_long_side():
    wide = np.repeat(np.arange(0, 120, 10, dtype=np.uint8)[None, :, None], 8, 0).repeat(3, 2)
    assert np.array_equal(square(wide, 8, 0.0), wide[:, :8])
    assert np.array_equal(square(wide, 8, 1.0), wide[:, 4:])
    assert np.array_equal(square(wide, 8, 0.5), wide[:, 2:10])
    assert np.array_equal(square(wide.transpose(1, 0, 2), 8, 1.0), wide.transpose(1, 0, 2)[4:])
    assert square(wide, 5, 0.5).shape == (5, 5, 3)


def test_number_of_a_video_fits_int32():
    assert video_number(segment(3)) == 3
    high = Segment("x", "ffffffff" + "0" * 56, 0.0, [], np.array([]), 1.0, np.zeros(0, np.int16), RATE)
    assert video_number(high) == 2**31 - 1


def test_single_video_has_no_negatives():
    with pytest.raises(DataError, match="negatives need other videos"):
        draw_other([segment(0)], segment(0), rng())


def test_shares_and_shifts_that_cannot_be_are_refused():
    for options in ({"negatives": 1.5}, {"negatives": -0.1}, {"misalignment_s": -1.0}):
        with pytest.raises(ConfigError):
            config(**options)

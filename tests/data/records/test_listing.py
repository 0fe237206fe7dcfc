import numpy as np
import pytest
from spoken.tiny_corpus import write_metadata

from avnet.errors import DataError
from data.records.jpeg import encode_jpeg
from data.records.listing import correspondence_pairs, evaluation_pairs, to_canvas
from data.records.records import ShardWriter, shard_name
from data.records.segment import Segment

RATE = 1000
CLIP = 400
PERIOD = 40


def segment(video, part=0):
    """The sound counts samples from 1 on; the video's number is in the sign and in the image's brightness."""
    frames = [encode_jpeg(np.full((16, 24, 3), 10 + 20 * video + k, np.uint8), 95) for k in range(3)]
    sound = np.arange(1, 6001, dtype=np.int16) * (1 if video % 2 else -1)
    at = np.array([1003, 2003, 3003]) + 7 * video
    return Segment(f"{video}.mp4", f"{video:064x}", 6.0 * part, frames, at, float(PERIOD), sound, RATE)


def write(folder, parts):
    """Records of the split test, one video for each entry with so many segments."""
    with ShardWriter(folder / shard_name("test", 0, 1)) as writer:
        for video, count in enumerate(parts):
            for part in range(count):
                writer.write(segment(video, part))
    write_metadata(folder, {"test": [(writer.records, writer.num_bytes)]})
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path, [3, 1, 2, 1, 1, 1])


def middle(waveform):
    return round(abs(float(waveform[CLIP // 2])) * 32767) - 1


def test_one_pair_of_each_video_is_its_middle_frame_with_the_sound_around_it(folder):
    pairs = evaluation_pairs(folder, "test", CLIP)
    assert pairs.names == [f"{video}.mp4" for video in range(6)]
    assert pairs.videos == [f"{video:064x}" for video in range(6)]
    assert pairs.times_s == pytest.approx([6 + 2.003, 2.01, 6 + 2.017, 2.024, 2.031, 2.038])
    assert pairs.waveforms.shape == (6, CLIP) and pairs.waveforms.dtype == np.float32
    assert [middle(waveform) for waveform in pairs.waveforms] == [2003 + 7 * video for video in range(6)]
    assert [abs(image.mean() - (11 + 20 * video)) < 2 for video, image in enumerate(pairs.images)] == [True] * 6


def test_every_segment_can_be_asked_for(folder):
    pairs = evaluation_pairs(folder, "test", CLIP, one_per_video=False)
    assert pairs.names == ["0.mp4"] * 3 + ["1.mp4"] + ["2.mp4"] * 2 + ["3.mp4", "4.mp4", "5.mp4"]


def test_limit_takes_pairs_evenly(folder):
    assert evaluation_pairs(folder, "test", CLIP, limit=3).names == ["0.mp4", "2.mp4", "5.mp4"]
    assert len(evaluation_pairs(folder, "test", CLIP, limit=99).names) == 6


def test_lists_are_fixed(folder):
    first, again = (correspondence_pairs(folder, "test", CLIP) for _ in range(2))
    assert first.names == again.names and np.array_equal(first.waveforms, again.waveforms)
    other = correspondence_pairs(folder, "test", CLIP, seed=1)
    assert not np.array_equal(first.waveforms, other.waveforms)


def test_half_of_the_pairs_match_and_the_others_are_of_two_videos(folder):
    pairs = correspondence_pairs(folder, "test", CLIP)
    assert pairs.labels.tolist() == [1, 0] * 9
    assert len(pairs.images) == len(pairs.waveforms) == len(pairs.names) == 18
    for label, (image, sound) in zip(pairs.labels, pairs.names, strict=True):
        assert (image == sound) == bool(label)
    for waveform, (_, sound) in zip(pairs.waveforms, pairs.names, strict=True):
        assert (waveform[CLIP // 2] > 0) == bool(int(sound[0]) % 2)


def phases(pairs):
    """Distance of each mid-point from the frame grid of the video that it is of."""
    return [
        (middle(waveform) - (2003 + 7 * int(sound[0]))) % PERIOD
        for waveform, (_, sound) in zip(pairs.waveforms, pairs.names, strict=True)
    ]


def test_snapped_sounds_lie_on_the_frame_grid_and_unsnapped_negatives_off_it(folder):
    on_grid = correspondence_pairs(folder, "test", CLIP)
    free = correspondence_pairs(folder, "test", CLIP, snap=False)
    assert set(phases(on_grid)) == {0}
    assert set(phases(free)[::2]) == {0}
    assert sum(phase != 0 for phase in phases(free)[1::2]) >= 7
    assert free.names == on_grid.names
    assert np.array_equal(free.waveforms[::2], on_grid.waveforms[::2])


def test_positives_are_misaligned_by_at_most_a_second(folder):
    pairs = correspondence_pairs(folder, "test", CLIP)
    shifts = [middle(w) - (2003 + 7 * int(name[0])) for w, (_, name) in zip(pairs.waveforms, pairs.names, strict=True)]
    assert max(map(abs, shifts)) <= RATE
    assert len(set(shifts)) > 5


def test_single_video_has_no_mismatched_pairs(tmp_path):
    with pytest.raises(DataError, match="has a single video"):
        correspondence_pairs(write(tmp_path, [3]), "test", CLIP)


def test_split_that_is_not_there_is_refused(folder):
    with pytest.raises(DataError, match="'train'"):
        evaluation_pairs(folder, "train", CLIP)


def test_canvas_is_the_middle_square():
    wide = np.zeros((4, 8, 3), np.uint8)
    wide[:, 2:6] = 200
    assert (to_canvas([wide, wide.transpose(1, 0, 2)], 4) == 200).all()

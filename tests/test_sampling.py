from fractions import Fraction

import av
import numpy as np
import pytest
from media_files import click, flash, flat, make_mute, make_sound, make_video, silence, tone
from media_files import number_of as number

from avnet.errors import ConfigError, NoAudioTrack, NoVideoTrack, Silent, TooShort
from data.sampling import (
    SamplingConfig,
    decode_jpeg,
    encode_jpeg,
    frame_times,
    loudness_dbfs,
    sample_video,
    segment_bounds,
)

RATE = 48_000
CONFIG = SamplingConfig()


def sample(path, **options):
    return sample_video(path, path.name, "0" * 64, SamplingConfig(**options))


def test_segments_are_equal_and_at_most_as_long_as_asked():
    assert segment_bounds(0.0, 10.0, CONFIG) == [(0.0, 10.0)]
    thirds = segment_bounds(1.0, 26.0, CONFIG)
    assert np.array(thirds) == pytest.approx(np.array([(1, 28 / 3), (28 / 3, 53 / 3), (53 / 3, 26)]))
    assert segment_bounds(0.0, 0.4, CONFIG) == [(0.0, 0.4)]


def test_frame_times_keep_half_a_clip_on_either_side():
    times = frame_times(2.0, 12.0, 0.04, CONFIG)
    assert len(times) == 10
    assert times[0] == pytest.approx(2.54) and times[-1] == pytest.approx(11.5)
    assert np.diff(times) == pytest.approx(np.full(9, np.diff(times)[0]))


def test_stretch_of_one_clip_gives_its_middle():
    assert frame_times(2.0, 3.0, 0.04, CONFIG).tolist() == [2.5]


def test_loudness_is_that_of_the_loudest_second():
    samples = np.zeros(3 * RATE)
    samples[RATE : 2 * RATE] = 0.1
    assert loudness_dbfs(samples, CONFIG) == pytest.approx(-20.0)
    assert loudness_dbfs(np.zeros(RATE), CONFIG) == -np.inf
    sine = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    assert loudness_dbfs(sine, CONFIG) == pytest.approx(-3.0103, abs=1e-3)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".ts"])
def test_clip_around_the_frame_of_a_flash_has_the_click_in_the_middle(tmp_path, suffix):
    path = make_video(tmp_path / f"clap{suffix}", 2.0, flash(1.2), click(1.2))
    (segment,) = sample(path, fps=25.0).segments
    frame = next(i for i, jpeg in enumerate(segment.frames) if decode_jpeg(jpeg).mean() > 120)
    heard = np.argmax(np.abs(segment.clip(int(segment.frame_at[frame]), RATE)) > 0.2 * 32767)
    assert heard == pytest.approx(RATE // 2, abs=RATE // 100)


@pytest.mark.parametrize(("picture_s", "sound_s"), [(0.0, 0.72), (0.72, 0.0)])
def test_click_is_in_the_middle_where_one_stream_is_late(tmp_path, picture_s, sound_s):
    options = {"video_start_s": picture_s, "audio_start_s": sound_s}
    path = make_video(tmp_path / "clap.mp4", 3.0, flash(1.6), click(1.6), **options)
    (segment,) = sample(path, fps=25.0).segments
    assert segment.start_s == pytest.approx(0.72, abs=0.03)
    frame = next(i for i, jpeg in enumerate(segment.frames) if decode_jpeg(jpeg).mean() > 120)
    heard = np.argmax(np.abs(segment.clip(int(segment.frame_at[frame]), RATE)) > 0.2 * 32767)
    assert heard == pytest.approx(RATE // 2, abs=RATE // 100)


def test_frames_are_those_on_screen_at_their_times(tmp_path):
    path = make_video(tmp_path / "numbered.mp4", 2.0)
    (segment,) = sample(path, fps=10.0).segments
    assert len(segment.frames) == 20
    shown = [number(decode_jpeg(jpeg)) for jpeg in segment.frames]
    assert shown == [round(time * 25) for time in segment.frame_times]
    assert segment.frame_period == RATE / 25


def test_frames_that_were_asked_for_twice_are_kept_once(tmp_path):
    path = make_video(tmp_path / "slow.mp4", 3.0, fps=2.0)
    (segment,) = sample(path, fps=10.0).segments
    assert len(set(segment.frame_at.tolist())) == len(segment.frames) <= 5


def test_long_video_becomes_several_segments_that_follow_each_other(tmp_path):
    path = make_video(tmp_path / "long.mp4", 5.0, sound=tone())
    sampled = sample(path, segment_s=2.0)
    assert len(sampled.segments) == 3 and sampled.note == ""
    for before, after in zip(sampled.segments, sampled.segments[1:], strict=False):
        assert after.start_s == pytest.approx(before.start_s + len(before.waveform) / RATE, abs=2e-5)
    assert all(
        RATE // 2 <= at <= len(segment.waveform) - RATE // 2 for segment in sampled.segments for at in segment.frame_at
    )


def test_silent_segments_are_left_out_and_noted(tmp_path):
    path = make_video(tmp_path / "half.mp4", 4.0, sound=lambda t: tone()(t) * (t < 1.9))
    sampled = sample(path, segment_s=2.0)
    assert len(sampled.segments) == 1
    assert sampled.note == "1 of 2 segments are silent"


def test_frames_are_scaled_to_the_short_side(tmp_path):
    path = make_video(tmp_path / "film.mp4", 1.5, flat(lambda _: 99, (96, 64)))
    (segment,) = sample(path, short_side=32).segments
    assert decode_jpeg(segment.frames[0]).shape == (32, 48, 3)


def test_what_gives_no_segment_is_refused(tmp_path):
    with pytest.raises(NoAudioTrack):
        sample(make_mute(tmp_path / "mute.mp4"))
    with pytest.raises(NoVideoTrack):
        sample(make_sound(tmp_path / "blind.wav"))
    with pytest.raises(TooShort, match=r"has 0\.\d\d s of picture with sound; 1 s are needed"):
        sample(make_video(tmp_path / "short.mp4", 0.6))
    with pytest.raises(TooShort):
        sample(make_video(tmp_path / "apart.mp4", 1.2, audio_start_s=5.0))
    with pytest.raises(Silent, match="below -60 dBFS"):
        sample(make_video(tmp_path / "silent.mp4", sound=silence))


def test_picture_that_ends_early_is_not_stretched_over_the_sound(tmp_path):
    path = make_video(tmp_path / "still.mp4", 2.0, audio_seconds=30.0)
    sampled = sample(path)
    assert sampled.duration_s == pytest.approx(2.0, abs=0.05)


def test_sound_goes_with_the_moment_at_which_a_held_picture_is_seen(tmp_path):
    path = tmp_path / "slides.mkv"
    with av.open(str(path), "w", format="matroska") as container:
        picture = container.add_stream("ffv1", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("flac", rate=RATE, layout="mono")
        for pts in (0, 25, 600):  # one slide from 1 s to 24 s
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 + pts % 200, np.uint8), format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 25)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        samples = (8000 * np.sin(np.arange(25 * RATE) * 0.1)).astype(np.int16)
        for at in range(0, len(samples), RATE):
            frame = av.AudioFrame.from_ndarray(samples[None, at : at + RATE], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    found = sample(path)
    assert found.note == "" and len(found.segments) == 3
    for segment in found.segments:
        assert len(segment.frames) == len(segment.frame_at) > 5
        for at in segment.frame_at:
            assert RATE // 2 - 1 <= at <= len(segment.waveform) - RATE // 2 + RATE // 25
            assert np.abs(segment.clip(int(at), RATE)).max() > 7000


def test_jpeg_round_trip_is_close_and_can_be_decoded_small():
    image = np.full((128, 256, 3), (200, 100, 50), np.uint8)
    jpeg = encode_jpeg(image, 90)
    assert np.abs(decode_jpeg(jpeg).astype(int) - image).max() < 5
    assert decode_jpeg(jpeg, 60).shape == (64, 128, 3)


def test_options_that_cannot_be_are_refused():
    for options in ({"fps": 0}, {"clip_s": 11}, {"clip_s": 0}, {"short_side": 8}, {"quality": 96}):
        with pytest.raises(ConfigError):
            SamplingConfig(**options)

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from media.media_files import flat, make_mute, make_sound, make_video, silence, tone
from media.media_files import number_of as number
from media.samples import sample_video

from avnet.errors import ConfigError, NoAudioTrack, NoVideoTrack, Silent, Still, TooShort
from data.records.jpeg import decode_jpeg, encode_jpeg
from data.sampling.config import SamplingConfig
from data.sampling.sampling import VideoSampler, frame_times, random_times

RATE = 48_000
CONFIG = SamplingConfig()


def sample(path, **options):
    return sample_video(path, path.name, "0" * 64, SamplingConfig(**options))


def test_frame_times_keep_half_a_clip_on_either_side():
    times = frame_times(2.0, 12.0, 0.04, CONFIG)
    assert len(times) == 10
    assert times[0] == pytest.approx(2.54) and times[-1] == pytest.approx(11.5)
    assert np.diff(times) == pytest.approx(np.full(9, np.diff(times)[0]))


def test_stretch_of_one_clip_gives_its_middle():
    assert frame_times(2.0, 3.0, 0.04, CONFIG).tolist() == [2.5]


def test_random_times_are_seeded_sorted_and_have_room_for_a_clip():
    draw = lambda seed: random_times(2.0, 12.0, 0.04, CONFIG, np.random.default_rng(seed))  # noqa: E731
    times = draw(1)
    assert len(times) == 10 and (np.diff(times) >= 0).all()
    assert times[0] >= 2.54 and times[-1] <= 11.5
    assert times.tolist() == draw(1).tolist() != draw(2).tolist()


def test_frames_are_those_on_screen_at_their_times(tmp_path):
    path = make_video(tmp_path / "numbered.mp4", 2.0)
    (segment,) = sample(path, fps=10.0).segments
    assert len(segment.frames) == 20
    numbers = [number(decode_jpeg(jpeg)) for jpeg in segment.frames]
    assert numbers == [round(time * 25) for time in segment.frame_times]
    assert segment.frame_period == RATE / 25


def test_frames_that_were_asked_for_twice_are_kept_once(tmp_path):
    path = make_video(tmp_path / "slow.mp4", 3.0, fps=2.0)
    (segment,) = sample(path, fps=10.0).segments
    assert len(set(segment.frame_at.tolist())) == len(segment.frames) <= 5


def test_long_video_becomes_several_segments_that_follow_each_other(tmp_path):
    path = make_video(tmp_path / "long.mp4", 5.0, sound=tone())
    contents = sample(path, segment_s=2.0)
    assert [len(segment.waveform) / RATE for segment in contents.segments] == pytest.approx([2.0, 1.5, 1.5], abs=0.05)
    assert contents.note == ""
    for before, after in zip(contents.segments, contents.segments[1:], strict=False):
        assert after.start_s == pytest.approx(before.start_s + len(before.waveform) / RATE, abs=2e-5)
    assert all(
        RATE // 2 <= at <= len(segment.waveform) - RATE // 2 for segment in contents.segments for at in segment.frame_at
    )


def test_silent_segments_are_left_out_and_noted(tmp_path):
    path = make_video(tmp_path / "half.mp4", 4.0, sound=lambda t: tone()(t) * (t < 1.9))
    contents = sample(path, segment_s=2.0)
    assert len(contents.segments) == 1
    assert contents.note == "1 of 2 segments are silent"


def test_frames_are_scaled_to_the_short_side(tmp_path):
    path = make_video(tmp_path / "film.mp4", 1.5, flat(lambda _: 99, (96, 64)))
    (segment,) = sample(path, short_side=32).segments
    assert decode_jpeg(segment.frames[0]).shape == (32, 48, 3)


def test_what_gives_no_segment_is_refused(tmp_path):
    with pytest.raises(NoAudioTrack):
        sample(make_mute(tmp_path / "mute.mp4"))
    with pytest.raises(NoVideoTrack):
        sample(make_sound(tmp_path / "blind.wav"))
    with pytest.raises(TooShort, match=r"has 0\.\d\d s of video with sound; 1 s are needed"):
        sample(make_video(tmp_path / "short.mp4", 0.6))
    with pytest.raises(TooShort):
        sample(make_video(tmp_path / "apart.mp4", 1.2, audio_start_s=5.0))
    with pytest.raises(Silent, match="below -60 dBFS"):
        sample(make_video(tmp_path / "silent.mp4", sound=silence))


def test_image_that_ends_early_is_not_stretched_over_the_sound(tmp_path):
    path = make_video(tmp_path / "still.mp4", 2.0, audio_seconds=30.0)
    contents = sample(path)
    assert contents.duration_s == pytest.approx(2.0, abs=0.05)


def test_sound_goes_with_the_moment_at_which_a_held_image_is_seen(tmp_path):
    path = tmp_path / "slides.mkv"
    with av.open(str(path), "w", format="matroska") as container:
        video = container.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("flac", rate=RATE, layout="mono")
        for pts in (0, 25, 600):  # one slide from 1 s to 24 s
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 + pts % 200, np.uint8), format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        samples = (8000 * np.sin(np.arange(25 * RATE) * 0.1)).astype(np.int16)
        for at in range(0, len(samples), RATE):
            frame = av.AudioFrame.from_ndarray(samples[None, at : at + RATE], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    result = sample(path)
    assert result.note == "" and len(result.segments) == 3
    for segment in result.segments:
        assert len(segment.frames) == len(segment.frame_at) > 5
        for at in segment.frame_at:
            assert RATE // 2 - 1 <= at <= len(segment.waveform) - RATE // 2 + RATE // 25
            assert np.abs(segment.clip(int(at), RATE)).max() > 7000


def test_keyframes_alone_are_decoded_in_the_fast_plan(tmp_path):
    path = make_video(tmp_path / "numbered.mp4", 3.0, key_s=0.6)
    (segment,) = sample(path, plan="keyframes", fps=25.0).segments
    assert [number(decode_jpeg(jpeg)) for jpeg in segment.frames] == [0, 15, 30, 45, 10]
    assert segment.frame_times == pytest.approx(np.array([0.0, 0.6, 1.2, 1.8, 2.4]), abs=0.02)
    (segment,) = sample(path, plan="keyframes", fps=1.0).segments
    assert segment.frame_times == pytest.approx(np.array([0.0, 1.2, 2.4]), abs=0.02)


def test_one_frame_of_a_segment_is_its_middle_or_anywhere():
    config = SamplingConfig(fps=0.1)
    assert frame_times(0.0, 10.0, 0.04, config) == pytest.approx([5.02])
    random_moments = {float(random_times(0.0, 10.0, 0.04, config, np.random.default_rng(seed))[0]) for seed in range(5)}
    assert len(random_moments) == 5


def test_segments_without_a_keyframe_are_noted(tmp_path):
    path = make_video(tmp_path / "rare.mp4", 6.0, key_s=100.0)
    result = sample(path, plan="keyframes", segment_s=2.0)
    assert len(result.segments) == 1 and result.note == "2 of 3 segments have no frame"


def test_no_keyframe_is_lost_or_doubled_between_segments(tmp_path):
    path = make_video(tmp_path / "long.ts", 8.0, key_s=0.4)
    segments = sample(path, plan="keyframes", fps=25.0, segment_s=2.0).segments
    times = np.concatenate([segment.frame_times for segment in segments])
    assert len(segments) == 4 and np.diff(times) == pytest.approx(np.full(len(times) - 1, 0.4), abs=0.001)
    assert all(0 <= at < len(segment.waveform) for segment in segments for at in segment.frame_at)


def test_random_plan_keeps_the_frames_at_its_times(tmp_path):
    path = make_video(tmp_path / "numbered.mp4", 2.0)
    (segment,) = sample(path, plan="random", fps=5.0).segments
    numbers = [number(decode_jpeg(jpeg)) for jpeg in segment.frames]
    assert numbers == [int(time * 25 + 0.01) for time in segment.frame_times]
    assert len(set(np.diff(segment.frame_at).tolist())) > 1
    (other,) = sample(path, plan="random", fps=5.0, seed=1).segments
    assert other.frame_at.tolist() != segment.frame_at.tolist()


def test_motion_is_the_mean_change_of_grey_and_stillness_can_be_left_out(tmp_path):
    lively = make_video(tmp_path / "lively.mp4", 2.0)
    still = make_video(tmp_path / "still.mp4", 2.0, flat(lambda _: 120))
    assert sample(lively, fps=25.0).segments[0].motion == pytest.approx(4.0, abs=0.3)
    assert sample(still).segments[0].motion == pytest.approx(0.0, abs=0.3)
    with pytest.raises(Still, match="less than 1 grey levels"):
        sample(still, min_motion=1.0)
    half = make_video(tmp_path / "half.mp4", 4.0, flat(lambda t: 100 + 60 * (t > 2.0) * np.sin(3 * t)))
    result = sample(half, segment_s=2.0, min_motion=1.0)
    assert len(result.segments) == 1 and result.note == "1 of 2 segments are still"


def test_cuts_of_the_image_end_segments(tmp_path):
    def scenes(t):
        rng = np.random.default_rng(int(t > 2.4 - 1e-6))
        return np.kron(rng.integers(20, 230, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)

    path = make_video(tmp_path / "scenes.mp4", 4.0, scenes)
    assert len(sample(path).segments) == 1
    before, after = sample(path, scene_cuts=True).segments
    assert after.start_s == pytest.approx(2.4, abs=0.01)
    assert len(before.waveform) / RATE == pytest.approx(2.4, abs=0.01)
    assert max(before.frame_times) < 2.4 < min(after.frame_times)


def test_memory_holds_one_segment_of_a_long_video_at_a_time(tmp_path):
    path = make_video(tmp_path / "long.mp4", 6.0)
    sampler = iter(VideoSampler(path, "long.mp4", "0" * 64, SamplingConfig(segment_s=1.0)))
    first = next(sampler)
    assert len(first.waveform) == RATE


def test_damage_in_the_middle_costs_no_more_than_what_is_damaged(tmp_path):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (60, 48, 64, 3)).astype(np.uint8)
    path = make_video(tmp_path / "film.ts", 6.0, lambda t: noise[int(t * 10)])
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(data)
    segments = sample(path).segments
    assert sum(len(segment.frames) for segment in segments) >= 5


def test_jpeg_round_trip_is_close_and_can_be_decoded_small():
    image = np.full((128, 256, 3), (200, 100, 50), np.uint8)
    jpeg = encode_jpeg(image, 90)
    assert np.abs(decode_jpeg(jpeg).astype(int) - image).max() < 5
    assert decode_jpeg(jpeg, 60).shape == (64, 128, 3)


def test_options_that_cannot_be_are_refused():
    impossible: list[dict[str, Any]] = [
        {"fps": 0},
        {"clip_s": 11},
        {"clip_s": 0},
        {"short_side": 8},
        {"quality": 96},
        {"min_motion": -1},
    ]
    for options in impossible:
        with pytest.raises(ConfigError):
            SamplingConfig(**options)

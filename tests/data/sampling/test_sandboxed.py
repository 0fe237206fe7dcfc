import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from media.media_files import make_mute, make_video
from media.samples import same_samples, sample_video

from avnet.errors import NoAudioTrack
from avnet.media.sandbox.messages import Message, MessageError
from data.records.jpeg import encode_jpeg
from data.records.segment import Segment
from data.sampling import messages
from data.sampling.config import SamplingConfig
from data.sampling.sandboxed import SandboxedSampler

CONFIG = SamplingConfig(short_side=32)
VIDEO = "5" * 64


@pytest.fixture(scope="module")
def sampler():
    with SandboxedSampler() as sampler:
        yield sampler


@pytest.mark.parametrize(
    "config",
    [
        SamplingConfig(segment_s=1.0),
        SamplingConfig(plan="random", fps=4.0, seed=3, scene_cuts=True),
        SamplingConfig(plan="keyframes", short_side=16, sample_rate=8000),
    ],
    ids=lambda config: config.plan,
)
def test_samples_what_is_sampled_in_this_process(tmp_path, sampler, config):
    path = make_video(tmp_path / "film.mp4", 3.0)
    same_samples(sample_video(path, "film.mp4", VIDEO, config), sampler.sample(path, "film.mp4", VIDEO, config))


def test_refusals_come_through_and_the_next_video_is_sampled(tmp_path, sampler):
    mute, good = make_mute(tmp_path / "mute.mp4"), make_video(tmp_path / "good.mp4")
    with pytest.raises(NoAudioTrack, match="has no audio track") as refusal:
        sampler.sample(mute, "mute.mp4", VIDEO, CONFIG)
    assert refusal.value.subject == str(mute)
    assert len(list(sampler.sample(good, "good.mp4", VIDEO, CONFIG).segments)) == 1


def segment() -> Segment:
    jpeg = encode_jpeg(np.zeros((32, 40, 3), np.uint8), 90)
    waveform = np.arange(48_000, dtype=np.int16)
    return Segment("n", VIDEO, 1.5, [jpeg, jpeg], np.array([10, 40_000]), 1920.0, waveform, 48_000, -3.0, 2.0)


def parse(message: Message) -> Segment:
    return messages.parse_segment(message, "n", VIDEO, CONFIG)


def test_a_segment_survives_the_way():
    back = parse(messages.segment_message(segment()))
    for field in dataclasses.fields(Segment):
        assert np.array_equal(getattr(back, field.name), getattr(segment(), field.name)), field.name


def change(**other) -> Message:
    honest = messages.segment_message(segment())
    values = {**honest.values, **{name: value for name, value in other.items() if name in honest.values}}
    arrays = {**honest.arrays, **{name: value for name, value in other.items() if name in honest.arrays}}
    return Message(values, arrays)


def jpegs(*frames: bytes) -> dict[str, np.ndarray]:
    sizes = np.array([len(frame) for frame in frames], np.int64)
    return {"jpegs": np.frombuffer(b"".join(frames), np.uint8), "jpeg_sizes": sizes}


JPEG = segment().frames[0]
IMPOSSIBLE: dict[str, Callable[[], Message]] = {
    "a time that is no number": lambda: change(start_s=float("nan")),
    "a time beyond the records": lambda: change(start_s=1e13),
    "a time in words": lambda: change(start_s="1.5"),
    "a truth for a time": lambda: change(start_s=True),
    "no time": lambda: Message({}, messages.segment_message(segment()).arrays),
    "no sound": lambda: change(waveform=np.zeros(0, np.int16)),
    "sound of another type": lambda: change(waveform=np.zeros(9, np.float32)),
    "sound in two rows": lambda: change(waveform=np.zeros((2, 9), np.int16)),
    "sound longer than a segment": lambda: change(waveform=np.zeros(480_002, np.int16)),
    "no frame": lambda: change(frame_at=np.zeros(0, np.int64), **jpegs()),
    "more times than frames": lambda: change(frame_at=np.zeros(3, np.int64)),
    "a frame hours away": lambda: change(frame_at=np.array([0, 1 << 62])),
    "sizes that do not add up": lambda: change(jpeg_sizes=np.array([1, 1])),
    "sizes below nothing": lambda: change(jpeg_sizes=np.array([-1, 2 * len(JPEG) + 1])),
    "sizes that overflow": lambda: change(jpeg_sizes=np.array([1 << 62, (1 << 62) + 2 * len(JPEG)])),
    "a frame that is no JPEG": lambda: change(**jpegs(JPEG, b"x" * 100)),
    "a frame that is cut off": lambda: change(**jpegs(JPEG, JPEG[:-2])),
    "a frame of another size": lambda: change(**jpegs(JPEG, encode_jpeg(np.zeros((33, 40, 3), np.uint8), 90))),
    "a grey frame": lambda: change(**jpegs(JPEG, encode_jpeg(np.zeros((32, 40), np.uint8), 90))),
    "no time between frames": lambda: change(frame_period=0.0),
    "louder than can be": lambda: change(loudness_dbfs=100.0),
    "motion beyond white": lambda: change(motion=256.0),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_no_sampler_makes_is_refused(name):
    with pytest.raises((MessageError, KeyError)):
        parse(IMPOSSIBLE[name]())


def test_a_summary_is_checked():
    honest = Message({"duration_s": 2.0, "note": "x", "audio": ""}, {"hashes": np.array([1, 2**64 - 1], np.uint64)})
    assert messages.parse_summary(honest) == (2.0, "x", [1, 2**64 - 1], "")
    for values in ({"duration_s": -1.0}, {"duration_s": 1e300}, {"note": "\x1b[2J"}, {"note": "x" * 2000}, {"note": 1}):
        with pytest.raises(MessageError):
            messages.parse_summary(Message({**honest.values, **values}, honest.arrays))
    with pytest.raises(MessageError):
        messages.parse_summary(Message(honest.values, {"hashes": np.zeros(2)}))

"""A sampled video as plain data: what the decoding process sends, and what of it the other side believes.

Name and hash of the video are not sent: they are the parent's, whatever a film makes of its decoder.
"""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from avnet.media.sandbox.messages import Message, MessageError
from avnet.media.tracks import MAX_DURATION_S
from data.records.segment import Segment
from data.sampling.config import SamplingConfig
from data.sampling.measures import SILENCE_DBFS
from data.sampling.sampling import VideoSampler

# Seconds in which the clock of a container may stand, about the epoch of Unix and far from the end of the records' 64
# bits of microseconds.
LATEST_S = 1e12
LOUDEST_DBFS = 1.0  # rounding
MAX_NOTE = 1000
BYTES_PER_PIXEL = 6  # of a JPEG at most
# Markers of a JPEG: what comes before the frame header (application data and quantization tables), and that of a
# baseline image with 17 bytes for 3 components of 8 bits.
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
JPEG_TABLES, JPEG_FRAME = (b"\xff\xe0", b"\xff\xdb"), b"\xff\xc0\x00\x11\x08"


def request(video: str, config: SamplingConfig) -> dict[str, Any]:
    """What the decoding process is told."""
    return {"video": video, "sampling": asdict(config)}


def most_bytes(config: SamplingConfig) -> int:
    """What the longest video that is accepted can give."""
    per_frame = BYTES_PER_PIXEL * config.short_side * 4 * config.short_side
    return int((MAX_DURATION_S + config.segment_s) * (2 * config.sample_rate + config.fps * per_frame))


def segment_message(segment: Segment) -> Message:
    """A segment, without the video's name and hash."""
    values = {
        "start_s": segment.start_s,
        "frame_period": segment.frame_period,
        "loudness_dbfs": segment.loudness_dbfs,
        "motion": segment.motion,
    }
    arrays = {
        "jpegs": np.frombuffer(b"".join(segment.frames), np.uint8),
        "jpeg_sizes": np.array([len(jpeg) for jpeg in segment.frames], np.int64),
        "frame_at": segment.frame_at,
        "waveform": segment.waveform,
    }
    return Message(values, arrays)


def summary_message(sampler: VideoSampler) -> Message:
    """What is to be known of a whole video, after its last segment."""
    values = {"duration_s": sampler.duration_s, "note": sampler.note, "audio": sampler.audio}
    return Message(values, {"hashes": np.array(sampler.hashes, np.uint64)})


def parse_segment(message: Message, name: str, video: str, config: SamplingConfig) -> Segment:
    """The segment of a message.

    Args:
        message: of `segment_message`, or something else.
        name: what the records call the video.
        video: SHA-256 of its content.
        config: what was to be kept.

    Raises:
        MessageError, KeyError: no sampler makes such a segment.
    """
    start_s = _number(message, "start_s", -LATEST_S, LATEST_S)
    sizes, jpegs = _array(message, "jpeg_sizes", np.int64), _array(message, "jpegs", np.uint8)
    frame_at, waveform = _array(message, "frame_at", np.int64), _array(message, "waveform", np.int16)
    # Half of a rest may be added to the last stretch of a scene.
    if not 0 < len(waveform) <= math.ceil(config.segment_s * config.sample_rate) + 1:
        raise MessageError(f"has a segment of {len(waveform)} samples")
    if not 0 < len(sizes) == len(frame_at) or (sizes <= 0).any() or sizes.sum() != len(jpegs):
        raise MessageError("has frames of other sizes than it says")
    # A frame may stand for a moment beside the sound, by how the two are cut, but not for one hours away.
    apart = 2 * MAX_DURATION_S * config.sample_rate
    if (np.abs(frame_at) > apart).any():
        raise MessageError("has a frame that is far from its sound")
    ends = np.cumsum(sizes).tolist()
    frames = [jpegs[end - size : end].tobytes() for end, size in zip(ends, sizes.tolist(), strict=True)]
    for jpeg in frames:
        _check_jpeg(jpeg, config.short_side)
    return Segment(
        name=name,
        video=video,
        start_s=start_s,
        frames=frames,
        frame_at=frame_at,
        frame_period=_number(message, "frame_period", config.sample_rate / 1e4, 100 * config.sample_rate),
        waveform=waveform,
        sample_rate=config.sample_rate,
        loudness_dbfs=_number(message, "loudness_dbfs", SILENCE_DBFS, LOUDEST_DBFS),
        motion=_number(message, "motion", 0.0, 255.0),
    )


def parse_summary(message: Message) -> tuple[float, str, list[int], str]:
    """Duration in seconds, note, hashes and audio track of a message of `summary_message`.

    Raises:
        MessageError, KeyError: no sampler has such a summary.
    """
    note, audio = (message.values[name] for name in ("note", "audio"))
    for text in (note, audio):
        if not isinstance(text, str) or len(text) > MAX_NOTE or not text.isprintable():
            raise MessageError("has an invalid note")
    hashes = _array(message, "hashes", np.uint64)
    return _number(message, "duration_s", 0.0, LATEST_S), note, hashes.tolist(), audio


def _number(message: Message, name: str, low: float, high: float) -> float:
    value = message.values[name]
    if type(value) not in (int, float) or not low <= value <= high:
        raise MessageError(f"has an invalid {name}")
    return float(value)


def _array(message: Message, name: str, dtype: type) -> np.ndarray:
    array = message.arrays[name]
    if array.dtype != dtype or array.ndim != 1:
        raise MessageError(f"has {name} of another type")
    return array


def _check_jpeg(data: bytes, short_side: int) -> None:
    """Looks at the header of a JPEG, and decodes nothing: training will.

    Reference: ITU-T T.81 (1992), annex B: segments of a marker and a length up to the frame header, which tells the
    size.

    Raises:
        MessageError: it is none that our encoder writes, or of another size than the frames that are kept.
    """
    at = len(JPEG_START)
    if not data.startswith(JPEG_START) or not data.endswith(JPEG_END):
        raise MessageError("has a frame that is not a JPEG")
    while data[at : at + 2] in JPEG_TABLES:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    if data[at : at + 5] != JPEG_FRAME or data[at + 9 : at + 10] != b"\3":
        raise MessageError("has a frame that is not a JPEG of ours")
    height, width = int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")
    if min(height, width) != short_side:
        raise MessageError(f"has a frame of {width}x{height} pixels")

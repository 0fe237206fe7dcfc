"""From one video to its segments: which frames and which sound are kept."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from avnet.errors import ConfigError, DataError, NoAudioTrack, NoVideoTrack, Silent, TooShort
from avnet.media.audio import Waveform, read_waveform
from avnet.media.container import probe
from avnet.media.video import HELD_S, frames_on_screen
from data.records import Segment


@dataclass(frozen=True)
class SamplingConfig:
    """What is kept of a video.

    Attributes:
        fps: frames kept per second.
        segment_s: longest stretch of sound in one record, seconds.
        short_side: to which the stored frames are scaled, pixels.
        quality: of the stored JPEG, 1 to 95.
        clip_s: shortest stretch that is of use, seconds; every kept frame has this much sound around it.
        sample_rate: of the stored sound, Hz.
        silence_dbfs: segments whose loudest second is below this level are left out, dB relative to full scale.
    """

    fps: float = 1.0
    segment_s: float = 10.0
    short_side: int = 256
    quality: int = 90
    clip_s: float = 1.0
    sample_rate: int = 48_000
    silence_dbfs: float = -60.0

    def __post_init__(self):
        if not 0 < self.fps <= 100:
            raise ConfigError("--fps", f"wants more than 0 and at most 100 frames a second, got {self.fps:g}")
        if not 0.1 <= self.clip_s <= self.segment_s <= 600:
            raise ConfigError("--clip-s, --segment-s", "want 0.1 <= clip_s <= segment_s <= 600 seconds")
        if not 8_000 <= self.sample_rate <= 192_000:
            raise ConfigError("--sample-rate", f"wants 8000 to 192000 Hz, got {self.sample_rate}")
        if not 16 <= self.short_side <= 4096 or not 1 <= self.quality <= 95:
            raise ConfigError("--short-side, --quality", "want 16 to 4096 pixels and 1 to 95")


@dataclass(frozen=True)
class Sampled:
    """The segments of one video.

    Attributes:
        segments: what is kept, in order of time.
        duration_s: seconds in which there are both picture and sound.
        note: what is missing, in words; empty when all of the video could be used.
    """

    segments: list[Segment]
    duration_s: float
    note: str


def sample_video(path: Path, name: str, video: str, config: SamplingConfig) -> Sampled:
    """Reads a video once and keeps what the configuration says.

    Args:
        path: the file.
        name: what the records call it.
        video: hash of its content.
        config: what is kept.

    Raises:
        MediaError: the file cannot be read, lacks picture or sound, is too short or silent throughout.
    """
    info = probe(path)
    if info.video is None:
        raise NoVideoTrack(path, "has no video track")
    if info.audio is None:
        raise NoAudioTrack(path, "has no audio track")
    sound = read_waveform(path, config.sample_rate)
    start = max(sound.start_s, info.video.start_s)
    end = min(sound.end_s, info.video.start_s + (info.video.duration_s or sound.end_s))
    if end - start < config.clip_s - info.video.frame_period_s:
        raise TooShort(path, f"has {max(0.0, end - start):.2f} s of picture with sound; {config.clip_s:g} s are needed")
    plans = [
        (low, high, frame_times(low, high, info.video.frame_period_s, config))
        for low, high in segment_bounds(start, end, config)
    ]
    audible = [plan for plan in plans if loudness_dbfs(_between(sound, *plan[:2]), config) >= config.silence_dbfs]
    if not audible:
        raise Silent(path, f"is silent (below {config.silence_dbfs:g} dBFS throughout)")
    segments, missing = _read_segments(path, name, video, sound, audible, info.video.frame_period_s, config)
    notes = []
    if missing:
        notes.append(f"{missing} frames could not be decoded")
    if len(audible) < len(plans):
        notes.append(f"{len(plans) - len(audible)} of {len(plans)} segments are silent")
    if info.audio.duration_s - (sound.end_s - sound.start_s) > 1.0:
        notes.append(f"sound ends {info.audio.duration_s - (sound.end_s - sound.start_s):.1f} s early")
    if not segments:
        raise TooShort(path, "has no frame with sound that can be decoded")
    return Sampled(segments, end - start, "; ".join(notes))


def segment_bounds(start: float, end: float, config: SamplingConfig) -> list[tuple[float, float]]:
    """Cuts a stretch of time into equal parts of at most `segment_s`."""
    parts = max(1, int(np.ceil((end - start) / config.segment_s - 1e-9)))
    edges = np.linspace(start, end, parts + 1)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def frame_times(low: float, high: float, period_s: float, config: SamplingConfig) -> np.ndarray:
    """Evenly spaced times with half a clip of sound on either side; a frame period is spared for rounding down."""
    first, last = low + config.clip_s / 2 + period_s, high - config.clip_s / 2
    if last <= first:
        return np.array([(low + high) / 2])
    return np.linspace(first, last, max(1, round((high - low) * config.fps)))


def loudness_dbfs(samples: np.ndarray, config: SamplingConfig) -> float:
    """Level of the loudest clip, dB relative to full scale; -inf for digital silence."""
    n = max(1, int(config.clip_s * config.sample_rate))
    parts = np.array_split(samples, max(1, len(samples) // n))
    power = max(float(np.mean(np.square(part))) if len(part) else 0.0 for part in parts)
    return 10 * np.log10(power) if power > 0 else -np.inf


def _between(sound: Waveform, low: float, high: float) -> np.ndarray:
    first = round((low - sound.start_s) * sound.sample_rate)
    return sound.samples[max(first, 0) : max(round((high - sound.start_s) * sound.sample_rate), 0)]


def _read_segments(path, name, video, sound, plans, period_s, config) -> tuple[list[Segment], int]:
    wanted = np.concatenate([times for _, _, times in plans])
    frames: list[tuple[float, bytes] | None] = [None] * len(wanted)
    for slots, time, picture in frames_on_screen(path, wanted, config.short_side, HELD_S):
        jpeg = encode_jpeg(picture, config.quality)
        # A picture that stays on screen stands for the latest moment of its grid, not for when it came.
        held = np.maximum(0, np.floor((wanted[slots] - time) / period_s + 1e-6)) * period_s
        frames[slots] = [(time + float(later), jpeg) for later in held]
    segments, done = [], 0
    for low, high, times in plans:
        kept = _distinct(frame for frame in frames[done : done + len(times)] if frame is not None)
        done += len(times)
        if not kept:
            continue
        first = max(0, round((low - sound.start_s) * sound.sample_rate))
        start_s = sound.start_s + first / sound.sample_rate
        samples = sound.samples[first : round((high - sound.start_s) * sound.sample_rate)]
        frame_at = np.array([round((time - start_s) * sound.sample_rate) for time, _ in kept], np.int64)
        jpegs = [jpeg for _, jpeg in kept]
        pcm = np.rint(samples * 32767).astype(np.int16)
        period = period_s * sound.sample_rate
        segments.append(Segment(name, video, start_s, jpegs, frame_at, period, pcm, sound.sample_rate))
    return segments, sum(frame is None for frame in frames)


def _distinct(frames: Iterator[tuple[float, bytes]]) -> list[tuple[float, bytes]]:
    return list({time: (time, jpeg) for time, jpeg in frames}.values())


def encode_jpeg(picture: np.ndarray, quality: int) -> bytes:
    """A uint8 RGB picture as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def decode_jpeg(data: bytes, min_side: int | None = None) -> np.ndarray:
    """A JPEG as uint8 RGB; decoded at a power-of-two fraction of its size where that still has `min_side` pixels.

    Raises:
        DataError: it is none.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if min_side is not None:
                image.draft("RGB", (min_side, min_side))
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError("a frame of the records", f"is no JPEG that can be decoded ({error})") from None

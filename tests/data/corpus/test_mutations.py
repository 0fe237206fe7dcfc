"""A thousand broken files: each gives sound segments or a refusal, and nothing else."""

import functools
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from media.media_files import tone
from media.odd_media import frames, mux, sounds
from media.samples import VideoSamples

from avnet.errors import Crashed, MediaError
from avnet.media.sandbox.limits import Limits
from data.records.jpeg import decode_jpeg
from data.sampling.config import SamplingConfig
from data.sampling.sandboxed import SandboxedSampler

SECONDS = 1.6
CODECS = {
    ".mp4": ("libx264", "aac"),
    ".webm": ("libvpx", "libopus"),
    ".mkv": ("mpeg4", "flac"),
    ".ts": ("libx264", "mp2"),
}
PER_CONTAINER = 250
# The file is short; a broken clock can move its parts apart, but in none of these files it does so by much.
LONGEST_S = 60.0
CONFIG = SamplingConfig(fps=4.0, clip_s=0.3, short_side=16, sample_rate=16_000)


def attempt(sampler: SandboxedSampler, path: Path) -> VideoSamples | MediaError:
    """What comes of one file; whatever else is raised makes the test fail."""
    try:
        result = sampler.sample(path, path.name, "0" * 64, CONFIG)
        return VideoSamples(list(result.segments), result.duration_s, result.note, result.hashes, result.audio)
    except MediaError as error:
        return error


def texture(time: float) -> np.ndarray:
    """Moving bars under a little noise: neither flat nor all alike."""
    x = np.arange(64) + 40 * time
    bars = 128 + 90 * np.sin(x / 5)[None, :, None] * np.ones((48, 1, 3))
    return (bars + np.random.default_rng(round(time * 25)).integers(-20, 20, bars.shape)).clip(0, 255).astype(np.uint8)


@functools.cache
def base(folder: Path, suffix: str) -> bytes:
    image, sound = CODECS[suffix]
    options = {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if suffix == ".mp4" else {})
    quality = {"crf": "28"} if image == "libx264" else {}
    path = folder / f"base{suffix}"
    mux(
        path,
        frames(image, image_at=texture, options=quality, key_frames=10),
        sounds(sound, [tone()], SECONDS, rate=48_000),
        options=options,
    )
    return path.read_bytes()


def flip_bits(data: bytearray, rng: np.random.Generator) -> bytes:
    for at in rng.integers(len(data), size=rng.integers(1, 30)):
        data[at] ^= 1 << int(rng.integers(8))
    return bytes(data)


def flip_bits_of_the_header(data: bytearray, rng: np.random.Generator) -> bytes:
    for at in rng.integers(min(2000, len(data)), size=rng.integers(1, 6)):
        data[at] ^= 1 << int(rng.integers(8))
    return bytes(data)


def cut(data: bytearray, rng: np.random.Generator) -> bytes:
    return bytes(data[: int(rng.integers(1, len(data)))])


def cut_out(data: bytearray, rng: np.random.Generator) -> bytes:
    low, high = sorted(rng.integers(len(data), size=2).tolist())
    return bytes(data[:low] + data[min(high, low + 4000) :]) or b"\0"


def swap(data: bytearray, rng: np.random.Generator) -> bytes:
    size = int(rng.integers(1, min(4000, len(data) // 3)))
    first, second = sorted(rng.integers(len(data) - 2 * size, size=2).tolist())
    second += size
    data[first : first + size], data[second : second + size] = data[second : second + size], data[first : first + size]
    return bytes(data)


def zeros(data: bytearray, rng: np.random.Generator) -> bytes:
    size = int(rng.integers(1, 4000))
    at = int(rng.integers(len(data)))
    data[at : at + size] = bytes(min(size, len(data) - at))
    return bytes(data)


def double(data: bytearray, rng: np.random.Generator) -> bytes:
    size = int(rng.integers(1, 4000))
    at = int(rng.integers(len(data)))
    return bytes(data[:at] + data[at : at + size] + data[at:])


CHANGES: tuple[Callable[[bytearray, np.random.Generator], bytes], ...] = (
    flip_bits,
    flip_bits_of_the_header,
    cut,
    cut_out,
    swap,
    zeros,
    double,
)


def is_sound(samples: VideoSamples) -> None:
    """A record can be made of it, and nothing in it is impossible."""
    assert 0 < samples.duration_s < LONGEST_S
    assert samples.segments and "\n" not in samples.note
    for segment in samples.segments:
        assert np.isfinite(segment.start_s) and np.isfinite(segment.frame_times).all()
        assert 0 < segment.frame_period < np.inf
        assert segment.waveform.dtype == np.int16 and segment.waveform.ndim == 1
        assert segment.sample_rate == CONFIG.sample_rate
        assert 0 < len(segment.waveform) <= (CONFIG.segment_s + 0.1) * CONFIG.sample_rate
        assert len(segment.frames) == len(segment.frame_at) > 0
        assert (np.diff(segment.frame_at) > 0).all()
        near = 2.0 * CONFIG.sample_rate
        assert (segment.frame_at >= -near).all() and (segment.frame_at <= len(segment.waveform) + near).all()
        for jpeg in segment.frames:
            assert min(decode_jpeg(jpeg).shape[:2]) == CONFIG.short_side


@pytest.fixture(scope="module")
def sampler():
    with SandboxedSampler(Limits(seconds_per_file=5.0)) as sampler:
        yield sampler


@pytest.mark.parametrize("suffix", CODECS)
def test_broken_file_gives_sound_segments_or_a_refusal(tmp_path, sampler, suffix):
    whole = base(tmp_path, suffix)
    path = tmp_path / f"broken{suffix}"
    counts = Counter()
    for seed in range(PER_CONTAINER):
        change = CHANGES[seed % len(CHANGES)]
        path.write_bytes(change(bytearray(whole), np.random.default_rng(seed)))
        try:
            result = attempt(sampler, path)
            if isinstance(result, VideoSamples):
                is_sound(result)
        except Exception as error:
            raise AssertionError(f"{change.__name__}, seed {seed}: {error!r}") from error
        assert not isinstance(result, Crashed), f"{change.__name__}, seed {seed}: {result}"
        if isinstance(result, MediaError):
            assert result.reason and "\n" not in str(result)
            counts["rejected"] += 1
        else:
            counts["partial" if result.note else "ok"] += 1
    assert counts.total() == PER_CONTAINER
    assert all(counts[kind] for kind in ("ok", "partial", "rejected")), counts

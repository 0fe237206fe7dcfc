"""Files with something odd about them, and what is to be seen and heard in what is kept of one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avnet.errors import MediaError
from data.records.jpeg import decode_jpeg
from media import odd_media as odd
from media.media_files import (
    claim_size,
    flat,
    make_video,
    number_of,
    tone,
    truncate,
)
from media.odd_media import frames, mux, sounds
from media.samples import VideoSamples

RATE = 48_000
FASTSTART = {"movflags": "+faststart"}
NO_MEDIA = "not a video or sound file"
NO_FILE = "is not a regular file"
TEN_BIT = {"pix_fmt": "yuv420p10le", "colour": (9, 16, 9)}
X265 = {"preset": "ultrafast", "crf": "12", "x265-params": "log-level=none:pools=none:frame-threads=1"}


@dataclass(frozen=True)
class Case:
    """A file and what is to come of it.

    Attributes:
        name: of the file.
        make: writes it.
        outcome: 'ok', 'partial' or the class of the refusal.
        says: a pattern for the note or the reason.
        facts: asserts what else has to hold.
        options: of the sampling.
    """

    name: str
    make: Callable[[Path], Any]
    outcome: str | type[MediaError] = "ok"
    says: str = ""
    facts: Callable[[VideoSamples], None] | None = None
    options: dict[str, Any] = field(default_factory=dict)


def images(sample: VideoSamples) -> list[np.ndarray]:
    return [decode_jpeg(jpeg) for segment in sample.segments for jpeg in segment.frames]


def sound_of(sample: VideoSamples) -> np.ndarray:
    return np.concatenate([segment.waveform for segment in sample.segments]) / 32767


def hears(hz: float, level: float | None = None) -> Callable[[VideoSamples], None]:
    """The sound is a sine, its level that of the sine's peak."""

    def check(sample: VideoSamples) -> None:
        sound = sound_of(sample)
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
        assert float(np.argmax(spectrum)) * RATE / len(sound) == pytest.approx(hz, abs=2)
        if level is not None:
            middle = sound[len(sound) // 4 : -len(sound) // 4]
            assert np.sqrt(2 * np.mean(np.square(middle))) == pytest.approx(level, rel=0.05)

    return check


def lasts(seconds: float, within: float = 0.06) -> Callable[[VideoSamples], None]:
    return lambda sample: close(sample.duration_s, seconds, within)


def begins(seconds: float, within: float = 0.03) -> Callable[[VideoSamples], None]:
    return lambda sample: close(sample.segments[0].start_s, seconds, within)


def close(actual: float, expected: float, within: float) -> None:
    assert actual == pytest.approx(expected, abs=within)


def sides(height: int, width: int) -> Callable[[VideoSamples], None]:
    return lambda sample: same({image.shape[:2] for image in images(sample)}, {(height, width)})


def same(actual: object, expected: object) -> None:
    assert actual == expected


def looks(expected: np.ndarray, within: float = 40) -> Callable[[VideoSamples], None]:
    """The four quarters of every frame have these colours."""

    def check(sample: VideoSamples) -> None:
        for image in images(sample):
            assert np.abs(odd.corners(image) - odd.corners(expected)).max() < within

    return check


def looks_bright(brightness: float) -> Callable[[VideoSamples], None]:
    def check(sample: VideoSamples) -> None:
        assert [image.mean() for image in images(sample)] == pytest.approx([brightness] * len(images(sample)), abs=4)

    return check


def keeps_its_colours(sample: VideoSamples) -> None:
    """White of an HDR image is nearly white, grey is grey, red is red."""
    for image in images(sample):
        (white, red), (grey, black) = odd.corners(image)
        assert white.min() > 190 and black.max() < 30
        assert grey.min() > 95 and grey.max() < 160
        assert red[0] > 170 and red[1:].max() < 90


def numbered_by_time(start_s: float = 0.0, fps: float = 25.0) -> Callable[[VideoSamples], None]:
    """Each frame of a `ramp` is the one that is on screen at the time that is kept for it."""

    def check(sample: VideoSamples) -> None:
        for segment in sample.segments:
            times = segment.frame_times - start_s
            numbers = [number_of(decode_jpeg(jpeg)) for jpeg in segment.frames]
            assert numbers == [round(time * fps) % 50 for time in times]

    return check


def every(*checks: Callable[[VideoSamples], None]) -> Callable[[VideoSamples], None]:
    def check(sample: VideoSamples) -> None:
        for one in checks:
            one(sample)

    return check


def film(path: Path, seconds: float = 1.6, **options) -> Path:
    return make_video(path, seconds, **options)


def big(path: Path, **options) -> Path:
    """Noise, so that bytes are spread evenly over three seconds."""
    return make_video(path, 3.0, noise, **options)


def noise(time: float) -> np.ndarray:
    return np.random.default_rng(round(time * 25)).integers(0, 256, (48, 64, 3), np.uint8)


def still(image: np.ndarray | None = None) -> Callable[[float], np.ndarray]:
    original = odd.quadrants() if image is None else image
    return lambda _: original


def hdr(codec: str, **options) -> Callable[[Path], Path]:
    image = frames(codec, frame_at=lambda _: odd.hdr_frame(odd.quadrants()), **TEN_BIT, **options)
    return lambda path: mux(path, image, sounds())


def cover() -> bytes:
    return odd.jpeg_of(odd.quadrants())


def text(write: Callable[[str], str]) -> Callable[[Path], None]:
    """A playlist that names a good film beside it."""

    def make(path: Path) -> None:
        film(path.parent / "good.ts")
        path.write_text(write("good.ts"))

    return make


def different_sound(path: Path, second: str) -> Path:
    parts = [path.with_name(f"{number}.ts") for number in (0, 1)]
    mux(parts[0], frames(), sounds("aac", rate=RATE))
    later = [1.6 + k / 25 for k in range(40)]
    mux(parts[1], frames(times=later), sounds(second, rate=RATE, start_s=1.6))
    return odd.concatenate(path, *parts)


def different_sizes(path: Path) -> Path:
    first = make_video(path.with_name("a.ts"), 1.0, flat(lambda _: 60))
    second = make_video(
        path.with_name("b.ts"), 1.0, flat(lambda _: 180, (96, 48)), video_start_s=1.0, audio_start_s=1.0
    )
    return odd.concatenate(path, first, second)


def bar(time: float) -> np.ndarray:
    """A white bar that moves by 8 pixels from one field to the next, 50 a second, the upper field first."""
    image = np.full((48, 64, 3), 20, np.uint8)
    for row in range(48):
        left_px = (round(time * 50) + row % 2) * 8 % 64
        image[row, left_px : left_px + 8] = 235
    return image


def has_no_combs(sample: VideoSamples) -> None:
    """Neighbouring rows of a bar that is upright are alike."""
    for image in images(sample):
        rows = image[8:40, :, 1].astype(int)
        assert np.abs(np.diff(rows, axis=0)).mean() < 10


def of_both_sizes(sample: VideoSamples) -> None:
    actual = {(image.shape[1], round(float(image.mean()) / 20) * 20) for image in images(sample)}
    assert actual == {(64, 60), (96, 180)}
    assert sample.duration_s == pytest.approx(2.0, abs=0.1)


def varying(sample: VideoSamples) -> None:
    """Every frame is kept at its own time, although the times are uneven."""
    (segment,) = sample.segments
    inside = [time for time in UNEVEN if 0.4 < time < 1.4]
    assert all(np.abs(segment.frame_times - time).min() < 0.002 for time in inside)


UNEVEN = np.cumsum(np.r_[0.0, np.tile([0.02, 0.055, 0.035, 0.09], 10)])


def bomb_in_the_header(path: Path) -> Path:
    make_video(path, 0.6, flat(lambda _: 99, (320, 256)), suffix=".ffv1")
    return claim_size(path, 16_000, 16_000)


def no_size(path: Path) -> Path:
    make_video(path, 0.6, flat(lambda _: 99, (320, 256)), suffix=".ffv1")
    return claim_size(path, 0, 0)


def several(path: Path) -> Path:
    dark, bright = flat(lambda _: 60), flat(lambda _: 200)
    return mux(
        path,
        frames("libx264", image_at=dark),
        frames("mpeg4", image_at=bright),
        sounds("flac", [tone(440)]),
        sounds("aac", [tone(1000)]),
    )


def two_video_tracks(path: Path) -> Path:
    return mux(path, frames(image_at=flat(lambda _: 60)), frames(image_at=flat(lambda _: 200)), sounds())


def cut_off_in_the_middle(path: Path) -> Path:
    return truncate(big(path, options=FASTSTART), 0.6)


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target.replace("ITSELF", path.name))


def to_a_film(path: Path) -> None:
    path.symlink_to(film(path.with_name("film.mp4")).name)


def nans(t: np.ndarray) -> np.ndarray:
    return np.where(np.arange(len(t)) % 2000 == 0, np.nan, tone()(t))


def loud(t: np.ndarray) -> np.ndarray:
    return 1e30 * tone()(t)


def short(seconds: float) -> Callable[[Path], Path]:
    return lambda path: make_video(path, seconds)


def rate_changes(path: Path) -> Path:
    first = mux(path.with_name("a.ts"), frames(), sounds(rate=44_100))
    later = [1.6 + k / 25 for k in range(40)]
    second = mux(path.with_name("b.ts"), frames(times=later), sounds(rate=22_050, start_s=1.6))
    return odd.concatenate(path, first, second)


def write_uncompressed(path: Path) -> Path:
    """Only the container says how fast its sound is."""
    return mux(path, frames(), sounds("pcm_s16le"))


def write_edit_list(path: Path) -> Path:
    film(path, 2.0)
    for track in (0, 1):
        odd.edit_list(path, track, [(1.4, 0.6)])
    return path

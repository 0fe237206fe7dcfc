"""Tiny media files, made by PyAV when a test needs them."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

# Muxers by suffix, with the codecs that fit them: (image_at, sound).
CODECS = {
    ".mp4": ("libx264", "aac"),
    ".mov": ("libx264", "aac"),
    ".mkv": ("libx264", "flac"),
    ".ts": ("libx264", "aac"),
    ".ffv1": ("ffv1", "flac"),
    ".webm": ("libvpx", "libopus"),
    ".avi": ("mpeg4", "libmp3lame"),
    ".wav": (None, "pcm_s16le"),
    ".ogg": (None, "libopus"),
    ".mp3": (None, "libmp3lame"),
    ".flac": (None, "flac"),
}
FORMATS = {".mkv": "matroska", ".ffv1": "matroska", ".ts": "mpegts"}
# Rows of mp4's display matrix: an image that players turn clockwise by so many degrees.
TURNS = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}

ImageAt = Callable[[float], np.ndarray]
Sound = Callable[[np.ndarray], np.ndarray]


def tone(hz: float = 440.0, level: float = 0.3) -> Sound:
    """A sine at a level."""
    return lambda t: level * np.sin(2 * np.pi * hz * t)


def silence(t: np.ndarray) -> np.ndarray:
    """Nothing."""
    return np.zeros_like(t)


def click(at_s: float) -> Sound:
    """A burst of 5 ms at a time."""
    return lambda t: 0.8 * np.sin(2 * np.pi * 2000 * t) * ((t >= at_s) & (t < at_s + 0.005))


def flat(brightness: Callable[[float], float], size: tuple[int, int] = (64, 48)) -> ImageAt:
    """A grey image [height, width, 3] whose brightness is a function of time."""
    return lambda t: np.full((size[1], size[0], 3), round(brightness(t)), np.uint8)


def flash(at_s: float, size: tuple[int, int] = (64, 48)) -> ImageAt:
    """Black before a time, white from then on."""
    return flat(lambda t: 235 if t > at_s - 1e-6 else 20, size)


def ramp(fps: float = 25.0, size: tuple[int, int] = (64, 48)) -> ImageAt:
    """Brightness 40 + 4 for each frame; 50 frames can be told apart."""
    return flat(lambda t: 40 + 4 * (round(t * fps) % 50), size)


def number_of(image: np.ndarray) -> int:
    """The frame number that `ramp` wrote."""
    return round((float(image.mean()) - 40) / 4)


def make_video(
    path: Path,
    seconds: float = 2.0,
    image_at: ImageAt | None = None,
    sound: Sound | None = None,
    *,
    fps: float = 25.0,
    rate: int | None = 44_100,
    video_start_s: float = 0.0,
    audio_start_s: float = 0.0,
    audio_seconds: float | None = None,
    key_s: float = 1.0,
    aspect: Fraction | None = None,
    right: Sound | None = None,
    options: dict[str, str] | None = None,
    suffix: str | None = None,
) -> Path:
    """Writes a file; the suffix says container and codecs.

    Args:
        path: the file.
        seconds: length of the image_at, and of the sound where it has none of its own.
        image_at: uint8 RGB [height, width, 3] as a function of seconds on the container's clock; None for a ramp.
        sound: samples as a function of seconds on the container's clock; None for a tone.
        fps: frames per second.
        rate: Hz; None for no sound.
        video_start_s: time stamp of the first frame.
        audio_start_s: time stamp of the first sample.
        audio_seconds: length of the sound.
        key_s: a keyframe every so many seconds.
        aspect: width of a pixel over its height.
        right: a second channel.
        options: of the muxer.
        suffix: instead of the path's own.
    """
    suffix = suffix or path.suffix
    video_codec, audio_codec = CODECS[suffix]
    image_at = image_at or ramp(fps)
    with av.open(str(path), "w", format=FORMATS.get(suffix, suffix[1:]), options=options or {}) as out:
        video = _video_stream(out, video_codec, image_at, fps, key_s, aspect) if video_codec else None
        audio = None
        if rate and audio_codec:
            rate = 48_000 if audio_codec == "libopus" else rate
            audio = out.add_stream(audio_codec, rate=rate, layout="stereo" if right else "mono")
            audio.codec_context.open()
        packets = []
        if video is not None:
            packets += _encode_frames(video, image_at, seconds, fps, video_start_s)
        if audio is not None:
            channels = [sound or tone()] + ([right] if right else [])
            packets += _encode_sound(audio, channels, audio_seconds or seconds, audio_start_s)
        packets.sort(key=lambda packet: (packet.dts or 0) * packet.time_base)
        for packet in packets:
            out.mux(packet)
    return path


def make_sound(path: Path, seconds: float = 1.0, sound: Sound | None = None, **options) -> Path:
    """Writes a file without an image."""
    return make_video(path, seconds, sound=sound, **options)


def make_mute(path: Path, seconds: float = 2.0, image_at: ImageAt | None = None, **options) -> Path:
    """Writes a file without sound."""
    return make_video(path, seconds, image_at, rate=None, **options)


def _video_stream(out, codec: str, image_at: ImageAt, fps: float, key_s: float, aspect: Fraction | None):
    quality = {"preset": "ultrafast", "crf": "12"} if codec == "libx264" else {}
    stream = out.add_stream(codec, rate=Fraction(fps).limit_denominator(1001), options=quality)
    stream.height, stream.width = image_at(0.0).shape[:2]
    stream.pix_fmt = "yuv420p"
    if codec != "libx264":
        stream.bit_rate = 4_000_000
    stream.gop_size = max(1, round(key_s * fps))
    stream.thread_count = 1
    if aspect:
        stream.sample_aspect_ratio = aspect
    return stream


def _encode_frames(stream, image_at: ImageAt, seconds: float, fps: float, start_s: float) -> list[av.Packet]:
    packets = []
    for index in range(round(seconds * fps)):
        time = start_s + index / fps
        frame = av.VideoFrame.from_ndarray(image_at(time), format="rgb24")
        base = Fraction(1, 90_000)
        frame.pts, frame.time_base = round(time / base), base
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _encode_sound(stream, channels: list[Sound], seconds: float, start_s: float) -> list[av.Packet]:
    rate, packets = stream.rate, []
    t = start_s + np.arange(round(seconds * rate)) / rate
    samples = np.stack([channel(t) for channel in channels]).astype(np.float32)
    resampler = av.AudioResampler(stream.format, stream.layout, rate, stream.frame_size or None)
    for first in range(0, len(t), 1024):
        part = np.ascontiguousarray(samples[:, first : first + 1024])
        frame = av.AudioFrame.from_ndarray(part, "fltp", "stereo" if len(channels) == 2 else "mono")
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = round(start_s * rate) + first
        for piece in resampler.resample(frame):
            packets += stream.encode(piece)
    for piece in resampler.resample(None):
        packets += stream.encode(piece)
    return packets + stream.encode(None)


def turn_clockwise(path: Path, degrees: int) -> Path:
    """Makes players turn an mp4's first track, by the matrix in its header."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in TURNS[degrees])
    data[matrix : matrix + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def truncate(path: Path, share: float) -> Path:
    """Keeps the first part of a file."""
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def claim_size(path: Path, width: int, height: int) -> Path:
    """Makes a Matroska file of 320x256 pixels claim another frame size, 256 to 65535 each."""
    data = path.read_bytes()
    sizes = b"\xb0\x82" + struct.pack(">H", 320) + b"\xba\x82" + struct.pack(">H", 256)
    assert data.count(sizes) == 1
    path.write_bytes(
        data.replace(sizes, b"\xb0\x82" + struct.pack(">H", width) + b"\xba\x82" + struct.pack(">H", height))
    )
    return path

"""Films whose clock starts anew, and transport streams of several programmes, made when a test needs them."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data.records.jpeg import decode_jpeg
from media import odd_media as odd
from media.media_files import CODECS, flat, make_video, tone
from media.odd_media import frames, mux, sounds
from media.samples import VideoSamples

PART_S = 1.6
PACKET = 188
# Where the muxer puts the map of its programme.
MAP = 0x1000


def part(path: Path, number: int, start_s: float = 0.0, **options) -> Path:
    """A film that can be told from others of its kind by its brightness and by its tone."""
    return make_video(
        path,
        PART_S,
        flat(lambda _: 60 + 60 * number),
        tone(440 * (number + 1)),
        video_start_s=start_s,
        audio_start_s=start_s,
        **options,
    )


def restart(path: Path, starts: Sequence[float], **options) -> Path:
    """Films one behind the other, as `cat` joins them, each with a clock that starts at its own time."""
    parts = [part(path.with_name(f"{k}{path.suffix}"), k, start, **options) for k, start in enumerate(starts)]
    return odd.concatenate(path, *parts)


def restarted_programme(path: Path) -> Path:
    """The same as the stream of a DVD or a camcorder."""
    parts = []
    for k in (0, 1):
        video = frames("mpeg2video", image_at=flat(lambda _, k=k: 60 + 60 * k))
        sound = sounds("mp2", [tone(440 * (k + 1))], PART_S, rate=48_000)
        parts.append(mux(path.with_name(f"{k}{path.suffix}"), video, sound, suffix=".mpeg"))
    return odd.concatenate(path, *parts)


def restarts_alone(path: Path) -> Path:
    """The clock of the video starts anew, that of the sound goes on."""
    first = part(path.with_name("0.ts"), 0, 3.0)
    second = make_video(
        path.with_name("1.ts"), PART_S, flat(lambda _: 120), tone(880), video_start_s=1.0, audio_start_s=4.6
    )
    return odd.concatenate(path, first, second)


def belongs_together(sample: VideoSamples) -> None:
    """Each frame lies where its own film's tone is heard."""
    films = set()
    for segment in sample.segments:
        for jpeg, at in zip(segment.frames, segment.frame_at, strict=True):
            film = round((float(decode_jpeg(jpeg).mean()) - 60) / 60)
            clip = segment.waveform[max(0, at - 2400) : at + 2400] / 32767
            blocks = clip[: len(clip) // 480 * 480].reshape(-1, 480)
            if np.square(blocks).mean(axis=1).min() < 1e-4:  # at a pause
                continue
            spectrum = np.abs(np.fft.rfft(clip * np.hanning(len(clip)), 48_000))
            loudest = max(range(3), key=lambda k: spectrum[440 * (k + 1) - 20 : 440 * (k + 1) + 20].max())
            assert loudest == film
            films.add(film)
    assert films == set(range(len(films)))


def of_all_parts(count: int):
    """So many films can be seen, and all of their time."""

    def check(sample: VideoSamples) -> None:
        belongs_together(sample)
        numbers = {
            round(float(decode_jpeg(jpeg).mean())) // 30 for segment in sample.segments for jpeg in segment.frames
        }
        assert len(numbers) == count
        assert abs(sample.duration_s - count * PART_S) < 0.1 * count

    return check


def with_b_frames(codec: str, **options: str):
    """A film whose frames are decoded in another order than they are shown in."""
    sound = CODECS[".avi"][1]
    assert sound is not None
    return lambda path: mux(
        path, frames(codec, options={"preset": "ultrafast", "crf": "12", "bf": "2", **options}), sounds(sound)
    )


def two_programmes(path: Path, first: Sequence[int], second: Sequence[int]) -> Path:
    """A radio programme, a tone of 1000 Hz, before a film with one of 440 Hz, as a transponder sends them.

    Args:
        path: the file.
        first: of the tracks radio, video and sound those of the first programme, by number.
        second: the same of the second.
    """
    mux(path, sounds("mp2", [tone(1000)], rate=48_000), frames(), sounds("mp2", rate=48_000), suffix=".ts")
    data, out, count = path.read_bytes(), [], 0
    for at in range(0, len(data), PACKET):
        packet = data[at : at + PACKET]
        identity = struct.unpack(">H", packet[1:3])[0] & 0x1FFF
        if identity == 0:
            places = struct.pack(">HHHH", 1, 0xE000 | MAP, 2, 0xE000 | MAP + 1)
            out.append(_table(packet, _section(packet)[:8] + places, 0))
        elif identity == MAP:
            section = _section(packet)
            streams = _streams(section)
            for programme, tracks in enumerate((first, second)):
                head = section[:3] + struct.pack(">H", programme + 1) + section[5:12]
                table = _table(packet, head + b"".join(streams[k] for k in tracks), MAP + programme)
                out.append(table[:3] + bytes([table[3] & 0xF0 | count % 16]) + table[4:])
            count += 1
        else:
            out.append(packet)
    path.write_bytes(b"".join(out))
    return path


def _section(packet: bytes) -> bytes:
    begin = 5 + packet[4]
    length = 3 + (struct.unpack(">H", packet[begin + 1 : begin + 3])[0] & 0x0FFF)
    return packet[begin : begin + length - 4]


def _streams(section: bytes) -> list[bytes]:
    at, streams = 12 + (struct.unpack(">H", section[10:12])[0] & 0x0FFF), []
    while at < len(section):
        size = 5 + (struct.unpack(">H", section[at + 3 : at + 5])[0] & 0x0FFF)
        streams.append(section[at : at + size])
        at += size
    return streams


def _table(packet: bytes, section: bytes, identity: int) -> bytes:
    """A packet that holds a section, its length and checksum made anew."""
    section = section[:1] + struct.pack(">H", 0xB000 | len(section) + 1) + section[3:]
    section += struct.pack(">I", _checksum(section))
    head = packet[:1] + struct.pack(">H", 0x4000 | identity) + packet[3:4] + b"\0"
    return (head + section).ljust(PACKET, b"\xff")


def _checksum(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return value
